"""STIX 2.1 bundles with the patterns that MVT reads: ``app:id`` and ``app:cert.md5``, ``.sha1``, ``.sha256``.

Each indicator has one pattern, ``[app:id='com.example']``. A ``malware`` object gathers those that a ``relationship``
says indicate it, a ``report`` those in its ``object_refs``. What is gathered together is one app here, and each
certificate counts for every package of it. Written are reports: that an app is listed does not make it malware.

The kind of a digest is told by its length, because an early generator of the stalkerware feed wrote SHA-1 under
``app:cert.md5``. Sources: OASIS STIX 2.1; github mvt-project/mvt : src/mvt/common/indicators.py;
github AssoEchap/stalkerware-indicators : scripts/generate_stix.py, generated/stalkerware.stix2.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from scanner.curation.exchange.common import Exported, Group, apps_of, gathered, groups, left_out
from scanner.database.signaturefile import Signature, day_of
from scanner.database.signaturelist import digest_of

KINDS = ("sha256", "sha1", "md5")
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://pypi.org/project/app-inventory-scanner/signatures")
"""Ids are made of what they name, so that an export of the same signatures is the same bytes."""
_PATTERN = re.compile(r"\[\s*app:(id|cert\.(?:md5|sha1|sha256))\s*=\s*'((?:[^'\\]|\\.)*)'\s*\]")
_UNGATHERED = "indicators of no malware and no report"


class _Object(msgspec.Struct):
    """What is read of an object; other keys and other types are passed over."""

    type: str
    id: str = ""
    name: str = ""
    pattern: str = ""
    source_ref: str = ""
    target_ref: str = ""
    object_refs: list[str] = []
    modified: str = ""


class _Bundle(msgspec.Struct):
    objects: list[_Object] = []


def read(data: bytes, file: Path) -> Iterable[Signature]:
    """See the module. Raises `ValueError`."""
    objects = msgspec.json.decode(data, type=_Bundle).objects
    names = {one.id: one.name for one in objects if one.type in {"malware", "report"}}
    of: dict[str, str] = {}
    for one in objects:
        if one.type == "relationship" and one.target_ref in names:
            of.setdefault(one.source_ref, one.target_ref)
    of |= {ref: one.id for one in objects if one.type == "report" for ref in one.object_refs}
    found: dict[str, tuple[list[str], list[tuple[str, str]]]] = {}
    days = set()
    for one in objects:
        match = _PATTERN.fullmatch(one.pattern) if one.type == "indicator" else None
        if match is None:
            continue
        packages, digests = found.setdefault(of.get(one.id, ""), ([], []))
        if match[1] == "id":
            packages.append(match[2].replace("\\'", "'"))
        else:
            digests.append(digest_of(match[2]))
        days.add(one.modified[:10])
    named = (
        (names.get(id_) or _UNGATHERED, gathered(*both, (f"{file} : {id_}".rstrip(" :"),)))
        for id_, both in found.items()
    )
    return apps_of(named, file, max((day for day in days if day_of(day)), default=None))


def write(apps: tuple[Signature, ...]) -> Exported:
    """A report for each app, or several where its packages have other signers, with their indicators."""
    objects = [one for group in groups(apps) for one in _objects(group)]
    bundle = {"type": "bundle", "id": _id("bundle", msgspec.json.encode(objects).decode()), "objects": objects}
    return Exported(
        msgspec.json.format(msgspec.json.encode(bundle), indent=2).decode() + "\n", tuple(left_out(apps, KINDS))
    )


def _objects(group: Group) -> Iterator[dict[str, Any]]:
    day = group.app.updated if day_of(group.app.updated) else "1970-01-01"
    common = {"spec_version": "2.1", "created": f"{day}T00:00:00.000Z", "modified": f"{day}T00:00:00.000Z"}
    indicators = [
        {"type": "indicator", "id": _id("indicator", f"{group.app.id} {group.name} {pattern}"), **common,
         "name": group.name, "description": "; ".join(cites), "indicator_types": ["unknown"], "pattern": pattern,
         "pattern_type": "stix", "valid_from": common["created"]}
        for pattern, cites in _patterns(group)
    ]  # fmt: skip
    yield {"type": "report", "id": _id("report", f"{group.app.id} {group.name}"), **common, "name": group.name,
           "description": "A listed app: its package names and signing certificates.", "report_types": ["indicator"],
           "published": common["created"], "object_refs": [one["id"] for one in indicators]}  # fmt: skip
    yield from indicators


def _patterns(group: Group) -> Iterator[tuple[str, tuple[str, ...]]]:
    for package in group.packages:
        yield f"[app:id='{_quoted(package.name)}']", package.cites
    for signer in group.signers:
        for kind in KINDS:
            if value := getattr(signer, kind):
                yield f"[app:cert.{kind}='{value}']", signer.cites


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def _id(kind: str, text: str) -> str:
    return f"{kind}--{uuid.uuid5(NAMESPACE, text)}"
