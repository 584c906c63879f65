"""The audit desk's verdict on one phone: a band of colour that can be read from a metre away, then what it is about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TextIO

from rich.align import Align
from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from scanner.formats.cleaning import clean
from scanner.formats.console import print_indented
from scanner.model import AppRow, PhoneStatus, SummaryRow, UnreadRow, counted
from scanner.policies.policy import CLEAN, FOUND

BANDS = {CLEAN: ("CLEAR", "bold white on green"), FOUND: ("FOUND", "bold white on red")}
UNDECIDED = ("NOT COMPLETE", "bold black on yellow")
LETTERS = {
    "A": (" ███ ", "█   █", "█████", "█   █", "█   █"),
    "C": (" ████", "█    ", "█    ", "█    ", " ████"),
    "D": ("████ ", "█   █", "█   █", "█   █", "████ "),
    "E": ("█████", "█    ", "████ ", "█    ", "█████"),
    "F": ("█████", "█    ", "████ ", "█    ", "█    "),
    "L": ("█    ", "█    ", "█    ", "█    ", "█████"),
    "M": ("█   █", "██ ██", "█ █ █", "█   █", "█   █"),
    "N": ("█   █", "██  █", "█ █ █", "█  ██", "█   █"),
    "O": (" ███ ", "█   █", "█   █", "█   █", " ███ "),
    "P": ("████ ", "█   █", "████ ", "█    ", "█    "),
    "R": ("████ ", "█   █", "████ ", "█  █ ", "█   █"),
    "T": ("█████", "  █  ", "  █  ", "  █  ", "  █  "),
    "U": ("█   █", "█   █", "█   █", "█   █", " ███ "),
    " ": ("  ", "  ", "  ", "  ", "  "),
}
"""The letters of the words above, five lines high: large enough to be read from a metre away."""
MAX_LINES = 12
PIPED_WIDTH = 100


class DeskBlocks:
    """Writes verdict blocks. Colour on a terminal only, never with ``NO_COLOR``."""

    def __init__(self, out: TextIO) -> None:
        width = None if out.isatty() else PIPED_WIDTH
        self._console = Console(file=out, width=width, highlight=False, markup=False, emoji=False)
        self._words: Counter[str] = Counter()

    def begin(self) -> None:
        """Say that somebody is there."""
        self._console.print(Text("watching: plug a phone in; Ctrl-C ends"))

    def arrival(self, status: PhoneStatus) -> None:
        """A phone came; one that is not ready needs a hand."""
        who = f"{clean(status.address.serial)} {clean(status.model or '')}".strip()
        said = "reading" if status.ready else f"{clean(status.state)}: {status.advice}"
        self._console.print(Text(f"{who}: {said}", style="" if status.ready else "yellow"))

    def visit(self, spec: str, rows: tuple[AppRow | UnreadRow, ...], summary: SummaryRow) -> None:
        """The verdict on one phone."""
        strictly = summary.exit_code == FOUND and not summary.counts["failing"]  # unread fails: nothing was found
        word, style = UNDECIDED if strictly else BANDS.get(summary.exit_code, UNDECIDED)
        self._words[word] += 1
        band = Align.center(Text(self._large(word), style="bold"), style=style)
        self._console.print(Panel(band, title=clean(_who(spec, rows)), subtitle=word, style=style, border_style=style))
        holes = (f"{one.hole.replace(f'{spec}: ', '', 1)}: {one.reason}" for one in summary.coverage)  # as in the title
        lines = [*_found(rows), *(f"not seen: {clean(hole)}" for hole in holes)]
        for line in lines[:MAX_LINES]:
            print_indented(self._console, line)
        if len(lines) > MAX_LINES:
            self._console.print(Text(f"  and {len(lines) - MAX_LINES} more: see -o jsonl"))
        self._console.print(Text(f"  {counted(summary.counts['apps'], 'app')} read\n", style="dim"))

    def _large(self, word: str) -> str:
        """The word five lines high, or as it is where the terminal is too narrow or knows no such letters."""
        lines = [" ".join(LETTERS[letter][row] for letter in word) for row in range(5)]
        fits = len(lines[0]) + 4 <= self._console.width
        return "\n".join(["", *lines, ""]) if fits and self._console.encoding.startswith("utf") else f"\n{word}\n"

    def end(self) -> None:
        """What the desk has seen in all."""
        words = self._words
        said = f"{counted(words.total(), 'phone')}: {words['CLEAR']} clear, {words['FOUND']} with "
        self._console.print(Text(f"\n{said}findings, {words['NOT COMPLETE']} not complete", style="bold"))


def _who(spec: str, rows: tuple[AppRow | UnreadRow, ...]) -> str:
    device = next((row.device for row in rows if isinstance(row, AppRow) and row.device), None)
    if device is None:
        return spec
    return "  ".join(part for part in (device.owner, device.model, f"Android {device.android}", spec) if part)


def _found(rows: tuple[AppRow | UnreadRow, ...]) -> Iterator[str]:
    for row in rows:
        if isinstance(row, AppRow) and row.findings:
            apps = ", ".join(clean(finding.app) for finding in row.findings)
            users = ", ".join(f"user {user.id} {user.state}" for user in row.users)
            by = "; ".join(dict.fromkeys(clean(one.allowed_by) for one in row.findings if one.allowed_by))
            allowed = f", allowed by {by}" if by else ""
            yield f"{row.verdict}: {apps} ({clean(row.package_name or '')}; {users or row.copy}){allowed}"
