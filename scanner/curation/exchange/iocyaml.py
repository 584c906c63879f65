"""``ioc.yaml`` of the stalkerware indicators.

A list of families: ``name``, ``names``, ``type``, ``packages``, ``certificates`` (SHA-1 in upper-case hex), websites
and servers, which say nothing of an app on a phone and are not read. No certificate is bound to a package, so each
counts for every package of its family. Source: github AssoEchap/stalkerware-indicators : ioc.yaml, scripts/linter.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from scanner.curation.exchange.common import Exported, apps_of, gathered, groups, left_out
from scanner.database.signaturefile import Signature
from scanner.database.signaturelist import Claim, digest_of
from scanner.strictyaml import dump_yaml, load_yaml

LISTED = "listed-app"
"""Our ``type``: theirs are ``stalkerware`` and ``watchware``, which a listed app need not be."""


class _Family(msgspec.Struct):
    """What is read of one family; other keys are passed over."""

    name: str
    type: str | None = None
    packages: list[str] = []
    certificates: list[str] = []


def read(data: bytes, file: Path) -> Iterable[Signature]:
    """See the module. Raises `ValueError`."""
    families = msgspec.convert(load_yaml(data), list[_Family])
    return apps_of(((family.name, _claims(family, file)) for family in families), file)


def _claims(family: _Family, file: Path) -> list[Claim]:
    cites = (f"{file} : {family.name}{f' ({family.type})' if family.type else ''}",)
    return gathered(family.packages, [digest_of(text) for text in family.certificates], cites)


def write(apps: tuple[Signature, ...]) -> Exported:
    """A family for each app, or several where its packages have other signers."""
    families = []
    for group in groups(apps):
        certificates = [signer.sha1.upper() for signer in group.signers if signer.sha1]
        families.append(
            {"name": group.name, "type": LISTED, "packages": [package.name for package in group.packages]}
            | ({"certificates": certificates} if certificates else {})
        )
    return Exported(dump_yaml(families), tuple(left_out(apps, ("sha1",))))
