"""``csv``: a line for each app, or for each thing unread, for spreadsheets. RFC 4180, UTF-8.

No cell is ever a formula, whatever an app calls itself. The whole of a row is in ``jsonl``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from typing import TextIO

from scanner.formats.cleaning import cell
from scanner.model import AppRow, SummaryRow, UnreadRow

COLUMNS = (
    "verdict", "app", "package_name", "version_code", "version_name", "reason", "lists", "assurance",
    "signer_sha256", "schemes", "source", "location", "splits", "tamper", "issues", "contradictions", "scanned_at",
    "device", "model", "android", "owner", "users", "copy", "installer", "removal",
    "fails", "allowed_by", "allowed_reason", "allowed_until", "signer_sha1",
)  # fmt: skip

ALLOWED = ("allowed_by", "allowed_reason", "allowed_until")


class CsvFormat:
    """See `Format`."""

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._begun = False

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        self._write(_unread(row) if isinstance(row, UnreadRow) else _app(row))

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`; a spreadsheet has no place for a summary, but half a report must not look whole."""
        self._begin()
        if summary.interrupted:
            self._write({"verdict": "unread", "reason": "interrupted: what follows was not read"})

    def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            self._writer.writerow(COLUMNS)

    def _write(self, values: dict[str, object]) -> None:
        self._begin()
        known = (values.get(column) for column in COLUMNS)
        self._writer.writerow([cell("" if value is None else str(value)) for value in known])


def _app(row: AppRow) -> dict[str, object]:
    findings = row.findings
    return {
        "verdict": row.verdict,
        "app": "; ".join(finding.app for finding in findings),
        "package_name": row.package_name,
        "version_code": row.version_code,
        "version_name": row.version_name,
        "reason": _once(finding.reason for finding in findings),
        "lists": "; ".join(dict.fromkeys(name for finding in findings for name in finding.lists)),
        "assurance": row.assurance,
        "signer_sha256": "; ".join(signer.sha256 or "" for signer in row.signers),
        "signer_sha1": "; ".join(signer.sha1 or "" for signer in row.signers),
        "schemes": "; ".join(row.schemes),
        "source": row.source,
        "location": row.location,
        "splits": "; ".join(row.splits),
        "tamper": "; ".join(row.tamper),
        "issues": "; ".join(row.issues),
        "contradictions": "; ".join(row.contradictions),
        "scanned_at": row.scanned_at,
        "device": row.device and row.device.serial,
        "model": row.device and row.device.model,
        "android": row.device and row.device.android,
        "owner": row.device and row.device.owner,
        "users": "; ".join(f"{user.id} {user.state}" for user in row.users),
        "copy": row.copy if row.device else None,
        "installer": row.installer,
        "removal": "; ".join(row.removal),
        "fails": "yes" if any(finding.fails for finding in findings) else "no",
        **{key: _once(getattr(finding, key) for finding in findings) for key in ALLOWED},
    }


def _once(values: Iterable[str | None]) -> str:
    return "; ".join(dict.fromkeys(value for value in values if value))


def _unread(row: UnreadRow) -> dict[str, object]:
    return {"verdict": "unread", "reason": row.reason, "source": row.source, "location": row.which}
