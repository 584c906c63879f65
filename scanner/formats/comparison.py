"""``table`` of what changed between two scans: for people, phone by phone, as it comes.

Every text from an app or a phone is cleaned and none is read as markup. Colour only on a terminal, never with
``NO_COLOR``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

from rich.text import Text

from scanner.formats.cleaning import clean
from scanner.formats.console import console_on, print_holes, print_indented, whereabouts
from scanner.model import SignerRow, counted
from scanner.model.comparison import ChangeRow, ComparisonRow, PlaceRow, Seen
from scanner.policies.policy import COMPARISON_MEANINGS

WIDEST = len("newly-seen")
STYLES = {"appeared": "bold", "newly-seen": "bold", "not-seen": "cyan"}


class ComparisonTable:
    """See `Writer`."""

    def __init__(self, out: TextIO) -> None:
        self._console = console_on(out)
        self._place: tuple[object, ...] | None = None

    def row(self, row: ChangeRow | PlaceRow) -> None:
        """See `Writer.row`."""
        place = row.device.serial.casefold() if row.device is not None else f"\n{row.source}"
        if (place,) != self._place:
            self._blank()
            self._place = (place,)
            self._console.print(Text(whereabouts(row.device, row.source), style="bold"), overflow="fold")
        if isinstance(row, PlaceRow):
            self._lone(row)
        else:
            self._change(row)

    def end(self, summary: ComparisonRow) -> None:
        """See `Writer.end`."""
        self._blank()
        print_holes(self._console, "Not compared", summary.coverage)
        counts = summary.counts
        said = [f"{counts[key]} {key}" for key in ("appeared", "newly-seen", "vanished", "not-seen", "changed")]
        self._console.print(Text(", ".join(part for part in said if part[0] != "0") or "no change", style="bold"))
        self._console.print(f"exit code {summary.exit_code}: {COMPARISON_MEANINGS[summary.exit_code]}")

    def _blank(self) -> None:
        if self._place is not None:
            self._console.print()

    def _lone(self, row: PlaceRow) -> None:
        now = "new" if row.missing_in == "old" else "not seen now"
        apps = f"{counted(row.apps, 'app')} {'now' if row.missing_in == 'old' else 'before'}"
        print_indented(self._console, clean(f"{now}: {apps}; {row.reason}"))

    def _change(self, row: ChangeRow) -> None:
        style = "bold red" if row.worse else STYLES.get(row.change, "default")
        line = Text(f"  {row.change:<{WIDEST}}  ", style=style)
        line.append("  ".join(_which(row)), style="default not bold")
        self._console.print(line, overflow="fold")
        for said in _what(row):
            print_indented(self._console, f"            {clean(said)}")


def _which(row: ChangeRow) -> Iterator[str]:
    """The app as it is, or as it was: what it is called, and what is said of it."""
    said = row.now or row.before
    if said is not None and said.findings:
        yield clean(", ".join(finding.app for finding in said.findings))
    yield clean(row.package_name or (said.label if said and said.label else "no package name"))
    if said is not None and (version := _version(said)):
        yield clean(version)
    if said is not None and said.findings:
        yield said.verdict
    if row.copy == "factory":
        yield "factory copy"


def _what(row: ChangeRow) -> Iterator[str]:
    """Each thing that differs, as it was and as it is."""
    if row.device is None and row.location:
        yield row.location
    if row.reason:
        yield row.reason
    if row.before is None or row.now is None:
        return
    for aspect in row.aspects:
        if aspect == "verdict":
            yield from _verdicts(row.before, row.now)
        elif aspect == "signer":
            yield "signer: the first before, the second now"
            yield _signers(row.before)  # on a line of its own, so that a digest fits into 80 columns
            yield _signers(row.now)
        else:
            show = _SHOWN[aspect]
            yield f"{aspect}: {show(row.before)} → {show(row.now)}"


def _verdicts(before: Seen, now: Seen) -> Iterator[str]:
    yield f"verdict: {before.verdict} → {now.verdict}"
    yield from dict.fromkeys(finding.reason for finding in now.findings)


def _version(said: Seen) -> str:
    code = "" if said.version_code is None else f"({said.version_code})"
    return " ".join(part for part in (said.version_name, code) if part)


def _signers(said: Seen) -> str:
    return ", ".join(map(_digest, said.signers)) or ("not signed" if said.unsigned else "unknown")


def _digest(signer: SignerRow) -> str:
    return signer.sha256 or signer.sha1 or signer.md5 or f"hash {signer.hash32}"


def _users(said: Seen) -> str:
    return ", ".join(f"user {user.id} {user.state}" for user in said.users) or "nobody"


def _installer(said: Seen) -> str:
    return said.installer or "unknown"


_SHOWN = {"version": _version, "users": _users, "installer": _installer}
