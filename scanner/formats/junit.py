"""``junit``: for build servers. A test case for each app of each device or file; what is clear passes.

A failing verdict is a failure, what could not be read an error, and so is a scan that ends without an answer. The
counts stand in front of the cases, which wait for them on disk.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from typing import TextIO
from xml.sax.saxutils import escape, quoteattr

from scanner.formats.cleaning import clean
from scanner.formats.telling import allowance, failing, notes, users, version
from scanner.model import AppRow, SummaryRow, UnreadRow, Verdict
from scanner.policies.policy import CLEAN, FOUND, meaning

IN_MEMORY = 4 << 20
"""Characters of test cases that are held before they go to disk."""


class JunitFormat:
    """See `Format`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._cases = tempfile.SpooledTemporaryFile(IN_MEMORY, "w+", encoding="utf-8", newline="")  # noqa: SIM115
        self._counts: Counter[str] = Counter()
        self._first = ""

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        if isinstance(row, UnreadRow):
            self._case(row.source, f"{row.what} {row.which}", "error", "unread", row.reason)
            return
        self._first = min(self._first or row.scanned_at, row.scanned_at)
        where = row.device.serial if row.device else row.source
        name = " ".join(part for part in (row.package_name or row.label, version(row), row.location) if part)
        said = list(_said(row))
        bad = "error" if row.verdict == Verdict.UNREAD else "failure" if failing(row) else None
        kind = bad or ("system-out" if said else "")
        self._case(where, name, kind, row.verdict, *said)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        code = summary.exit_code
        if code not in {CLEAN, FOUND}:
            said = f"exit code {code}: {meaning(summary)}"
            self._case("app-scanner", "the scan as a whole", "error", f"exit-code-{code}", said)
        counts = (
            f'tests="{self._counts["tests"]}" failures="{self._counts["failure"]}" errors="{self._counts["error"]}"'
        )
        self._out.write(f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="app-scanner" {counts} time="0">\n')
        stamp = f" timestamp={_attribute(self._first.removesuffix('Z'))}" if self._first else ""
        self._out.write(f'<testsuite name="app-scanner" {counts} skipped="0" time="0"{stamp} hostname="localhost">\n')
        self._out.write(f'<properties>\n<property name="tool" value={_attribute(summary.tool)}/>\n')
        self._out.write(f'<property name="signatures" value={_attribute(summary.signatures)}/>\n</properties>\n')
        self._cases.seek(0)
        shutil.copyfileobj(self._cases, self._out)
        self._cases.close()
        holes = "\n".join(f"not seen: {clean(hole.hole)}: {clean(hole.reason)}" for hole in summary.coverage)
        self._out.write(f"<system-out>{escape(holes)}</system-out>\n</testsuite>\n</testsuites>\n")

    def _case(self, where: str, name: str, kind: str, what: str, *said: str) -> None:
        self._counts.update(("tests", kind))
        head = f'<testcase classname={_attribute(where)} name={_attribute(name)} time="0"'
        text = escape("\n".join(map(clean, said)))
        if not kind:
            self._cases.write(f"{head}/>\n")
        elif kind == "system-out":
            self._cases.write(f"{head}><system-out>{text}</system-out></testcase>\n")
        else:
            message = _attribute(said[0] if said else what)
            self._cases.write(f"{head}><{kind} type={_attribute(what)} message={message}>{text}</{kind}></testcase>\n")


def _said(row: AppRow) -> Iterator[str]:
    for finding in row.findings:
        allowed = f" ({allowance(finding)})" if finding.allowed_by is not None else ""
        yield f"{finding.app}: {finding.verdict}: {finding.reason}{allowed}"
    if row.findings and row.users:
        yield f"for {users(row)}"
    if row.findings:
        yield from (f"signer {signer.sha256 or signer.sha1 or signer.md5 or signer.hash32}" for signer in row.signers)
    yield from notes(row)
    yield from (f"to remove: {line}" for line in row.removal)


def _attribute(text: str) -> str:
    return quoteattr(clean(text))
