"""``stix``: a STIX 2.1 bundle of indicators, made from what was found, to look for the same apps elsewhere.

An indicator for each package name, signing certificate and file of a failing finding, and a report for each listed app
that gathers them: no ``malware`` object, since a list that names an app does not make it malware. MVT reads it with
``--iocs``. Nothing says on which phone anything was found: such a file is made to be passed on.

The format: https://docs.oasis-open.org/cti/stix/v2.1/os/stix-v2.1-os.html. The patterns are those that MVT knows,
https://github.com/mvt-project/mvt/blob/main/src/mvt/common/indicators.py. ``app:id`` and ``app:cert`` are not of the
standard's own object types; its pattern language allows others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TextIO
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from scanner.formats.cleaning import clean
from scanner.model import AppRow, Finding, SummaryRow, UnreadRow, Verdict, counted
from scanner.policies.policy import fails

NAMESPACE = uuid5(NAMESPACE_DNS, "app-inventory-scanner")
"""Of every id: the same thing has the same id in each report, so that a feed is updated and not doubled."""
CREATED = "2021-01-05T00:00:00Z"
"""``created`` may not differ between versions of an object; its version is ``modified``."""
_DIGESTS = {"sha256": 64, "sha1": 40, "md5": 32}
_HEX = re.compile(r"[0-9a-f]+")
_PACKAGE = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9_]+)+")
"""What Android takes for a package name. Nothing else goes into a pattern, where quotes and ``=`` mean something."""
NOT_THE_APP = "A signer is not an app: other apps of the publisher may have the same."


@dataclass
class _Indicator:
    """One thing to look for, and when it was found."""

    name: str
    description: str
    first: str
    last: str
    verdicts: set[str] = field(default_factory=set)


@dataclass
class _App:
    """One listed app, or what goes by its name, with the patterns of its indicators."""

    name: str
    lists: dict[str, None] = field(default_factory=dict)
    cites: dict[str, None] = field(default_factory=dict)
    patterns: dict[str, None] = field(default_factory=dict)


class StixFormat:
    """See `Format`. What is kept is each thing to look for, once."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._apps: dict[tuple[str, bool], _App] = {}
        self._indicators: dict[str, _Indicator] = {}

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        if isinstance(row, AppRow):
            for finding in filter(fails, row.findings):
                self._add(row, finding)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        objects = [_identity(), *self._objects(), _note(summary)]
        bundle = {"type": "bundle", "id": _id("bundle", *(one["id"] + one["modified"] for one in objects))}
        encoded = msgspec.json.encode({**bundle, "objects": objects})
        self._out.write(msgspec.json.format(encoded, indent=1).decode() + "\n")

    def _add(self, row: AppRow, finding: Finding) -> None:
        moment = _moment(row.scanned_at)
        for pattern, name, description, impostors in _patterns(row, finding):
            app = self._apps.setdefault((finding.signature, impostors), _App(finding.app))
            app.lists |= dict.fromkeys(finding.lists)
            app.cites |= dict.fromkeys(cite for one in finding.evidence for cite in one.cites)
            app.patterns[pattern] = None
            one = self._indicators.setdefault(pattern, _Indicator(name, description, moment, moment))
            one.first, one.last = min(one.first, moment), max(one.last, moment)
            one.verdicts.add(finding.verdict)

    def _objects(self) -> Iterator[dict[str, Any]]:
        for (signature, impostors), app in sorted(self._apps.items()):
            yield _report(signature, impostors, app, max(self._indicators[one].last for one in app.patterns))
        for pattern, indicator in sorted(self._indicators.items()):
            yield _indicator(pattern, indicator)


def _patterns(row: AppRow, finding: Finding) -> Iterator[tuple[str, str, str, bool]]:
    """Pattern, name and description of what to look for, and whether it is an impostor's own.

    A package name is the listed app's also where an impostor wears it. A certificate that an impostor merely claims is
    the publisher's, and no trait of the impostor.
    """
    impostor = finding.verdict == Verdict.IMPOSTOR
    if row.package_name and _PACKAGE.fullmatch(row.package_name):
        yield f"[app:id = '{row.package_name}']", f"package name {row.package_name}", "", False
    claimed = impostor and any(one.agrees and one.kind != "package-name" for one in finding.evidence)
    for signer in () if claimed else row.signers:
        whose = f"Signing certificate {clean(signer.subject or '')}".rstrip() + f". {NOT_THE_APP}"
        for kind, length in _DIGESTS.items():
            value = getattr(signer, kind)
            if _is_digest(value, length):
                yield f"[app:cert.{kind} = '{value}']", f"certificate {kind} {value}", whose, impostor
    if _is_digest(row.file_sha256, _DIGESTS["sha256"]):
        value = row.file_sha256
        yield f"[file:hashes.'SHA-256' = '{value}']", f"APK sha256 {value}", "The APK file itself.", impostor


def _moment(said: str) -> str:
    """When a row was made; saved rows may say anything."""
    try:
        datetime.strptime(said, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return CREATED
    return max(said, CREATED)


def _is_digest(value: str | None, length: int) -> bool:
    return value is not None and len(value) == length and _HEX.fullmatch(value) is not None


def _identity() -> dict[str, Any]:
    about = "app-scanner: which of the listed apps are on these phones and in these APK archives."
    return {**_common("identity", ("app-scanner",), CREATED), "name": "app-scanner", "identity_class": "system",
            "description": about}  # fmt: skip


def _report(signature: str, impostors: bool, app: _App, moment: str) -> dict[str, Any]:
    name = clean(app.name)
    about = "Apps that go by its package name under another signer." if impostors else f"{name}, as it was found."
    lists = f" Lists that name it: {', '.join(map(clean, app.lists))}." if app.lists else ""
    cites = [{"source_name": "app-scanner signatures", "description": clean(cite)} for cite in app.cites]
    return {
        **_common("report", (signature, "impostors" if impostors else ""), moment),
        "created_by_ref": _id("identity", "app-scanner"),
        "name": f"Impostors of {name}" if impostors else name,
        "description": about + lists,
        "report_types": ["indicator"],
        "published": moment,
        "object_refs": [_id("indicator", pattern) for pattern in sorted(app.patterns)],
        **({"external_references": cites} if cites else {}),
    }


def _indicator(pattern: str, said: _Indicator) -> dict[str, Any]:
    return {
        **_common("indicator", (pattern,), said.last),
        "created_by_ref": _id("identity", "app-scanner"),
        "name": said.name,
        "description": f"Found as {', '.join(sorted(said.verdicts))}. {said.description}".rstrip(),
        "indicator_types": ["unknown"],
        "pattern": pattern,
        "pattern_type": "stix",
        "valid_from": said.first,
    }


def _note(summary: SummaryRow) -> dict[str, Any]:
    """What the indicators were made from, in numbers alone: what is not here was perhaps not seen."""
    counts = ", ".join(f"{number} {clean(name)}" for name, number in sorted(summary.counts.items()) if number)
    holes = (
        f" Not seen: {counted(len(summary.coverage), 'thing')}, which other formats name." if summary.coverage else ""
    )
    content = f"Made by {clean(summary.tool)} from: {counts or 'nothing'}.{holes}"
    content += " Interrupted." if summary.interrupted else ""
    refs = [_id("identity", "app-scanner")]
    return {**_common("note", (content,), CREATED), "created_by_ref": refs[0], "content": content, "object_refs": refs}


def _common(kind: str, named: tuple[str, ...], modified: str) -> dict[str, Any]:
    return {"type": kind, "spec_version": "2.1", "id": _id(kind, *named), "created": CREATED, "modified": modified}


def _id(kind: str, *named: str) -> str:
    return f"{kind}--{uuid5(NAMESPACE, chr(10).join((kind, *named)))}"
