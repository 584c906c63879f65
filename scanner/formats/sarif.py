"""``sarif``: SARIF 2.1.0 (OASIS), for code scanning. A rule for each signature, a result for each finding.

Results are written as they come and the tool behind them: keys of a JSON object have no order. What could not be read
is a notification, and then the run does not claim to have succeeded.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TextIO
from urllib.parse import quote

import msgspec

from scanner.formats.cleaning import clean
from scanner.formats.telling import allowance, fingerprint, notes, users, version
from scanner.model import AppRow, Finding, ListState, SummaryRow, UnreadRow, counted
from scanner.policies.policy import CLEAN, FOUND, fails, meaning

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MAX_UNREAD = 10_000
"""Notifications for things unread; how many more there are is one more notification."""
STATES = {"in-force": "in force", "revoked": "revoked", "unknown": "legal state not known"}


class SarifFormat:
    """See `Format`. Apps that are clear are left out."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode
        self._before = f'{{"$schema": "{SCHEMA}", "version": "2.1.0", "runs": [{{"columnKind": "utf16CodeUnits", '
        self._before += '"results": [\n'
        self._begun = False
        self._rules: dict[str, str] = {}
        self._unread: list[dict[str, Any]] = []
        self._unnamed = 0

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        if isinstance(row, UnreadRow):
            self._keep(row)
            return
        for finding in row.findings:
            self._rules.setdefault(finding.signature, finding.app)
            index = list(self._rules).index(finding.signature)
            self._write(_result(row, finding, index))

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        if not self._begun:
            self._out.write(self._before)
        for one in summary.sought:
            self._rules.setdefault(one.signature, one.app)
        tail = {"tool": {"driver": self._driver(summary)}, "invocations": [self._invocation(summary)]}
        self._out.write("\n], " + self._encode(tail).decode()[1:] + "]}\n")

    def _write(self, result: dict[str, Any]) -> None:
        self._out.write((",\n" if self._begun else self._before) + self._encode(result).decode())
        self._begun = True

    def _keep(self, row: UnreadRow) -> None:
        if len(self._unread) < MAX_UNREAD:
            message = f"not read: {row.what} {row.which}: {row.reason}"
            self._unread.append({**_note(message, "error"), "locations": [_at(_uri(row.source, row.which))]})
        else:
            self._unnamed += 1

    def _driver(self, summary: SummaryRow) -> dict[str, Any]:
        name, _, number = clean(summary.tool).partition(" ")
        lists = {one.id: one for one in summary.lists}
        named = {one.signature: one.lists for one in summary.sought}
        rules = [
            _rule(signature, app, [lists[key] for key in named.get(signature, ()) if key in lists])
            for signature, app in self._rules.items()
        ]
        return {"name": name or "app-scanner", **({"version": number} if number else {}), "rules": rules}

    def _invocation(self, summary: SummaryRow) -> dict[str, Any]:
        named = {one["message"]["text"] for one in self._unread}
        told = [*self._unread]
        if self._unnamed:
            told.append(_note(f"{counted(self._unnamed, 'more thing')} could not be read; see -o jsonl", "error"))
        holes = [f"{clean(hole.hole)}: {clean(hole.reason)}" for hole in summary.coverage]
        told += [_note(hole, "note") for hole in holes if f"not read: {hole}" not in named]
        code = summary.exit_code
        return {
            "executionSuccessful": code in {CLEAN, FOUND} and not self._unread,
            "exitCode": code,
            "exitCodeDescription": meaning(summary),
            "toolExecutionNotifications": told,
        }


def _rule(signature: str, app: str, lists: list[ListState]) -> dict[str, Any]:
    named = [f"{clean(one.title)}: {_state(one)}." for one in lists]
    about = f"{clean(app)} is an app that was looked for, by package name and signing certificate."
    return {
        "id": clean(signature),
        "name": clean(app),
        "shortDescription": {"text": f"{clean(app)} is installed or present"},
        "fullDescription": {"text": about},
        "help": {"text": "\n".join([about, *(["Lists that name it:", *named] if named else [])])},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["security", "inventory"], "precision": "high", "problem.severity": "error"},
    }


def _state(one: ListState) -> str:
    until = f" on {clean(one.until)}" if one.until else ""
    return f"{STATES[one.status]}{until if one.status == 'revoked' else ''}"


def _result(row: AppRow, finding: Finding, index: int) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": clean(finding.signature),
        "ruleIndex": index,
        "level": "error" if fails(finding) else "warning",
        "message": {"text": ". ".join(clean(part) for part in _said(row, finding))},
        "locations": [_location(row)],
        "partialFingerprints": {
            "primaryLocationLineHash": f"{fingerprint(row, finding.signature)}:1",
            "app/v1": fingerprint(row, finding.signature),
        },
        "properties": {
            "verdict": finding.verdict,
            "assurance": row.assurance,
            "packageName": row.package_name and clean(row.package_name),
            "signers": [signer.sha256 or signer.sha1 or signer.md5 or signer.hash32 for signer in row.signers],
            "cites": [clean(cite) for one in finding.evidence for cite in one.cites],
        },
    }
    if finding.allowed_by is not None:
        reason = clean(allowance(finding))
        result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": reason}]
    return result


def _said(row: AppRow, finding: Finding) -> Iterator[str]:
    yield f"{finding.app}: {finding.verdict}: {finding.reason}"
    yield f"Package {row.package_name or 'without a name'} {version(row)}".rstrip()
    if device := row.device:
        owner = f", {device.owner}" if device.owner else ""
        yield f"On {device.model or 'a phone'} {device.serial}{owner}"
    if row.users:
        yield f"For {users(row)}"
    yield from notes(row)
    yield from (f"To remove: {line}" for line in row.removal)


def _location(row: AppRow) -> dict[str, Any]:
    place = row.device.serial if row.device else row.source
    name = clean(row.package_name or row.label or row.location)
    logical = {"name": name, "fullyQualifiedName": f"{clean(place)}/{name}", "kind": "module"}
    uri = (
        f"phones/{_quoted(place)}/{_quoted(row.location or name).lstrip('/')}" if row.device else _uri("", row.location)
    )
    return {**_at(uri), "logicalLocations": [logical]}


def _uri(source: str, which: str) -> str:
    """A reference that code scanning shows as a path: relative where it is, ``file:`` where it is absolute."""
    if source.startswith("adb:"):
        return f"phones/{_quoted(source.removeprefix('adb:'))}/{_quoted(which).lstrip('/')}"
    path = _quoted(which or source)
    return f"file://{path}" if path.startswith("/") else path


def _quoted(text: str) -> str:
    """A text as path segments. A colon is quoted: in front it would look like a scheme."""
    return quote(clean(text), safe="/!,=@~+") or "unknown"


def _at(uri: str) -> dict[str, Any]:
    return {"physicalLocation": {"artifactLocation": {"uri": uri}, "region": {"startLine": 1}}}


def _note(text: str, level: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": clean(text)}}
