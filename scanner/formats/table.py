"""``table``: for people. A block for each app that was found, what was not seen, and one line that sums it up.

A certificate's digest stays on one line at 80 columns, so that it can be copied and searched for.

Colour only on a terminal, never with ``NO_COLOR``; every text from an app is
cleaned and none is read as markup.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.text import Text

from scanner.formats.cleaning import clean
from scanner.formats.console import console_on, print_holes, print_indented
from scanner.formats.telling import allowance
from scanner.model import AppRow, Finding, SummaryRow, UnreadRow, Verdict, counted
from scanner.policies.policy import FAILING, meaning

WIDEST = max(map(len, Verdict))
STYLES = {
    Verdict.CONFIRMED: "bold red",
    Verdict.LIKELY: "bold red",
    Verdict.NAME_ONLY: "yellow",
    Verdict.IMPOSTOR: "bold magenta",
    Verdict.PAST_SIGNER: "yellow",
    Verdict.UNREAD: "cyan",
}


class TableFormat:
    """See `Format`. Keeps only rows that are not ``clear``."""

    def __init__(self, out: TextIO) -> None:
        self._console = console_on(out)
        self._rows: list[AppRow] = []

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        if isinstance(row, AppRow) and (row.verdict != Verdict.CLEAR or row.tamper or row.contradictions):
            self._rows.append(row)

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        for row in self._rows:
            self._print(row)
        print_holes(self._console, "Not seen", summary.coverage, style="cyan")
        self._console.print(_sum(summary))

    def _print(self, row: AppRow) -> None:
        passed = any(finding.allowed_by for finding in row.findings) and not any(one.fails for one in row.findings)
        style = "green" if passed else STYLES.get(row.verdict, "bold")
        head = Text(f"{row.verdict:<{WIDEST}}  ", style=style)
        head.append("  ".join(filter(None, _who(row))), style="default not bold")
        self._console.print(head, overflow="fold")
        for line in _why(row):
            print_indented(self._console, line)
        self._console.print()


def _who(row: AppRow) -> Iterator[str]:
    if row.findings:
        yield ", ".join(clean(finding.app) for finding in row.findings)
    yield clean(row.package_name or "no package name")
    code = "" if row.version_code is None else f"({row.version_code})"
    yield clean(" ".join(part for part in (row.version_name, code) if part))


def _where(row: AppRow) -> Iterator[str]:
    """On which phone, for whom."""
    if row.device is not None:
        device = row.device
        phone = row.source if row.source.startswith("adb:") else device.serial
        said = (device.owner, device.model, device.android and f"Android {device.android}", phone)
        yield "on " + (clean(", ".join(part for part in said if part)) or "a device that is not named")
        users = ", ".join(f"user {user.id} {user.state}" for user in row.users)
        if users or row.copy == "factory":
            yield f"for {users}" if users else "factory copy"


def _why(row: AppRow) -> Iterator[str]:
    yield from _where(row)
    if row.location:
        yield clean(row.location)
    yield from dict.fromkeys(clean(finding.reason) for finding in row.findings)
    yield from dict.fromkeys(
        line for finding in row.findings for line in _policy(finding, several=len(row.findings) > 1)
    )
    for signer in row.signers:
        yield f"signer {signer.sha256 or signer.sha1 or signer.md5 or f'hash {signer.hash32}'}"
        yield f"       {clean(signer.subject or 'subject unknown')} ({row.assurance})"
    for note in (*row.tamper, *row.contradictions, *row.issues):
        yield f"! {clean(note)}"
    for line in row.removal:
        yield f"to remove: {clean(line)}"


def _policy(finding: Finding, *, several: bool) -> Iterator[str]:
    """What the policy says of a finding; the usual is not worth a line."""
    which = f"{finding.app}: " if several else ""
    if finding.allowed_by is not None:
        yield clean(f"{which}{allowance(finding)}")
    elif finding.fails is False and finding.verdict in FAILING:
        yield clean(f"{which}does not fail by the policy")


def _sum(summary: SummaryRow) -> Text:
    said = [f"{counted(summary.counts['apps'], 'app')} read"]
    said += [
        f"{summary.counts[verdict]} {verdict}"
        for verdict in Verdict
        if summary.counts[verdict] and verdict != Verdict.CLEAR
    ]
    if allowed := summary.counts.get("allowed"):
        said.append(f"{allowed} allowed")
    line = Text(", ".join(said), style="bold")
    if any(not one.startswith("shipped ") for one in summary.signatures_from):
        line.append(f"\nsignatures: {', '.join(summary.signatures_from)}", style="not bold")
    line.append(f"\nexit code {summary.exit_code}: {meaning(summary)}", style="not bold")
    return line
