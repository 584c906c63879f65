"""``table`` and ``csv`` of what many saved scans say of a fleet over time.

Every text from an app or a phone is cleaned, none is read as markup, and no cell of a spreadsheet is a formula.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import TextIO

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from scanner.formats.cleaning import cell, clean
from scanner.formats.console import console_on, print_holes, print_indented, whereabouts
from scanner.model import counted
from scanner.model.history import DayRow, HistoryRow, SightingRow
from scanner.policies.policy import HISTORY_MEANINGS

MAX_DAYS = 31
"""Days that the table shows, the newest; all of them are in ``jsonl``."""
WIDEST = len("unknown")
STYLES = {"there": "bold red", "unknown": "yellow", "gone": "green"}
COLUMNS = (
    "state", "app", "verdict", "package_name", "version_code", "version_name", "device", "model", "android", "owner",
    "source", "location", "first_seen", "last_seen", "absent_before", "gone_since", "last_look", "seen", "looks",
    "reason",
)  # fmt: skip


class HistoryTable:
    """See `Writer`: phone by phone as they come, then the days, then one line that sums it up."""

    def __init__(self, out: TextIO) -> None:
        self._console = console_on(out)
        self._place = ""
        self._days: list[DayRow] = []

    def row(self, row: SightingRow | DayRow) -> None:
        """See `Writer.row`."""
        if isinstance(row, DayRow):
            self._days = [*self._days[1 - MAX_DAYS :], row]
            return
        place = row.device.serial.casefold() if row.device is not None else f"\n{row.source}"
        if place != self._place:
            if self._place:
                self._console.print()
            self._place = place
            self._console.print(Text(whereabouts(row.device, row.source), style="bold"), overflow="fold")
        line = Text(f"  {row.state:<{WIDEST}}  ", style=STYLES[row.state])
        line.append("  ".join(_which(row)), style="default not bold")
        self._console.print(line, overflow="fold")
        for said in _when(row):
            print_indented(self._console, f"         {clean(said)}")

    def end(self, summary: HistoryRow) -> None:
        """See `Writer.end`."""
        if self._place:
            self._console.print()
        if self._days:
            self._console.print(_by_day(self._days))
        print_holes(self._console, "Not seen", summary.coverage)
        counts = summary.counts
        said = [counted(counts["places"], "phone or source", "phones and sources"), counted(counts["looks"], "look")]
        said += [f"{counts[state]} {state}" for state in STYLES if counts[state]]
        self._console.print(Text(", ".join(said), style="bold"))
        self._console.print(f"exit code {summary.exit_code}: {HISTORY_MEANINGS[summary.exit_code]}")


class HistoryCsv:
    """See `Writer`: a line for each app of each phone; the days are in ``jsonl``."""

    def __init__(self, out: TextIO) -> None:
        self._writer = csv.writer(out, lineterminator="\r\n")
        self._writer.writerow(COLUMNS)

    def row(self, row: SightingRow | DayRow) -> None:
        """See `Writer.row`."""
        if isinstance(row, SightingRow):
            values = _cells(row)
            self._writer.writerow(
                [cell(str(values[column] if values[column] is not None else "")) for column in COLUMNS]
            )

    def end(self, summary: HistoryRow) -> None:
        """See `Writer.end`: what nobody can tell must not look like a whole report."""
        for hole in summary.coverage:
            self._writer.writerow(["unknown", *[""] * (len(COLUMNS) - 2), cell(f"{hole.hole}: {hole.reason}")])


def _cells(row: SightingRow) -> dict[str, object]:
    device = row.device
    of_device = {
        "device": device and device.serial,
        "model": device and device.model,
        "android": device and device.android,
        "owner": device and device.owner,
    }
    own = {column: getattr(row, column) for column in COLUMNS if column not in {"app", *of_device}}
    return {**own, **of_device, "app": "; ".join(row.apps)}


def _by_day(days: list[DayRow]) -> Table:
    """A line for each day, a column for each app that was ever on one of the phones."""
    titles = sorted({title for day in days for title, number in day.apps.items() if number})
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("day (UTC)", no_wrap=True)
    for title in ("read", "known", *map(clean, titles)):
        table.add_column(title, justify="right")
    for day in days:
        read = f"{day.read}, {day.incomplete} not wholly" if day.incomplete else str(day.read)
        table.add_row(day.day, read, str(day.known), *(str(day.apps.get(title, 0)) for title in titles))
    return table


def _which(row: SightingRow) -> Iterator[str]:
    yield row.verdict
    yield clean(", ".join(row.apps))
    yield clean(row.package_name or "no package name")
    code = "" if row.version_code is None else f"({row.version_code})"
    if version := " ".join(part for part in (row.version_name, code) if part):
        yield clean(version)
    if row.copy == "factory":
        yield "factory copy"


def _when(row: SightingRow) -> Iterator[str]:
    """When it came, until when it was there, and what is not known."""
    before = f" (not on {_moment(row.absent_before)})" if row.absent_before else ", the first look"
    still = "still there on" if row.state == "there" else "last seen on"
    gone = f", gone on {_moment(row.gone_since)}" if row.gone_since else ""
    looks = f"{row.seen} of {counted(row.looks, 'look')} since"
    yield f"from {_moment(row.first_seen)}{before}; {looks}"
    yield f"{still} {_moment(row.last_seen)}{gone}"
    if row.device is None:
        yield row.location
    if row.reason:
        yield f"not seen on {_moment(row.last_look)}, and nobody can tell: {row.reason}"


def _moment(text: str) -> str:
    """A moment as people write it."""
    return text[:16].replace("T", " ")
