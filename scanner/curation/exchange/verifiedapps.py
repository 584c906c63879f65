"""``data.yml`` of Privacy Guides' Verified Apps.

``schema: 4`` (3 differs in how issues are numbered), then ``packages``: each a ``package`` and under ``signature`` one
or several of ``fingerprint`` (SHA-256 with colons) and ``sources`` (``name``, ``issue``, and of some the ``apk``'s
``sha256`` and ``link``). Source: github privacyguides/verified-apps : README.md, data.yml @7b740273.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from scanner.curation.exchange.common import Exported, apps_of, colons, left_out, said
from scanner.database.signaturefile import Signature
from scanner.database.signaturelist import Claim, digest_of
from scanner.strictyaml import dump_yaml, load_yaml

SCHEMAS = (3, 4)


class _Apk(msgspec.Struct):
    sha256: str | None = None
    link: str | None = None


class _Source(msgspec.Struct):
    name: str = ""
    issue: str | int | None = None
    apk: _Apk | None = None


class _Fingerprint(msgspec.Struct):
    fingerprint: str
    sources: list[_Source] = []


class _Package(msgspec.Struct):
    package: str
    signature: list[_Fingerprint] = []


class _Data(msgspec.Struct):
    schema: int
    packages: list[_Package] = []


def read(data: bytes, file: Path) -> Iterable[Signature]:
    """See the module. Raises `ValueError`."""
    content = msgspec.convert(load_yaml(data), _Data)
    if content.schema not in SCHEMAS:
        raise ValueError(f"schema {content.schema} is unknown; known are 3 and 4")
    return apps_of(((one.package, list(_claims(one, file))) for one in content.packages), file)


def _claims(package: _Package, file: Path) -> Iterator[Claim]:
    if not package.signature:
        yield Claim(package.package, (), (str(file),))
    for one in package.signature:
        cites = tuple(f"{file} : {_source(source)}" for source in one.sources) or (str(file),)
        yield Claim(package.package, (digest_of(one.fingerprint),), cites)


def _source(source: _Source) -> str:
    apk = source.apk or _Apk()
    parts = (source.name, f"issue {source.issue}" if source.issue is not None else None,
             f"APK sha256 {apk.sha256}" if apk.sha256 else None, apk.link)  # fmt: skip
    return ", ".join(part for part in parts if part)


def write(apps: tuple[Signature, ...]) -> Exported:
    """Each package with a SHA-256 once, whichever apps have it; our citations are its sources."""
    packages: dict[str, dict[str, list[str]]] = {}
    for app in apps:
        for package in said(app):
            for signer in app.signers_of(package):
                if signer.sha256:
                    packages.setdefault(package.name, {}).setdefault(colons(signer.sha256), []).extend(signer.cites)
    written = [
        {
            "package": name,
            "signature": [
                {"fingerprint": digest, "sources": [{"name": cite} for cite in dict.fromkeys(cites)]}
                for digest, cites in digests.items()
            ],
        }
        for name, digests in sorted(packages.items())
    ]
    return Exported(dump_yaml({"schema": SCHEMAS[-1], "packages": written}), tuple(left_out(apps, ("sha256",))))
