"""Measured against floors: as text for a terminal, and as Markdown."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import NamedTuple

HEADINGS = ("What", "Against", "Floor", "Measured", "", "Ours", "Theirs")


class Result(NamedTuple):
    """One line of the table. Without a floor it is context."""

    what: str
    against: str
    floor: str
    measured: str
    met: bool | None
    ours: str
    theirs: str

    def cells(self) -> tuple[str, ...]:
        """The line as it is printed."""
        verdict = {True: "met", False: "missed", None: ""}[self.met]
        return (self.what, self.against, self.floor, self.measured, verdict, self.ours, self.theirs)


def faster(
    what: str, against: str, floor: float | None, ratio: float, spread: tuple[float, float], ours: float, theirs: float
) -> Result:
    """A ratio of times that must be ``floor`` or more; times in milliseconds."""
    measured = f"{ratio:.2f}x ({spread[0]:.2f} to {spread[1]:.2f})"
    met = None if floor is None else ratio >= floor
    wanted = "" if floor is None else "level" if floor == 1 else f"{floor:g}x"
    return Result(what, against, wanted, measured, met, milliseconds(ours), milliseconds(theirs))


def at_most(what: str, against: str, limit: float | None, ratio: float, ours: str, theirs: str) -> Result:
    """A ratio that must not be larger than ``limit``, if there is one."""
    floor, met = ("", None) if limit is None else (f"within {limit:g}x", ratio <= limit)
    return Result(what, against, floor, f"{ratio:.2f}x", met, ours, theirs)


def memory(what: str, limit: float | None, ours: float, against: str = "", theirs: float | None = None) -> Result:
    """Peak memory in megabytes; a peer's is context."""
    ratio = "" if theirs is None else f" ({ours / theirs:.2f} of theirs)"
    met = None if limit is None else ours < limit
    floor = "" if limit is None else f"under {limit:g} MB"
    return Result(what, against, floor, megabytes(ours) + ratio, met, megabytes(ours), megabytes(theirs))


def milliseconds(value: float) -> str:
    """A time with three digits that mean something."""
    return f"{value:,.0f} ms" if value >= 100 else f"{value:.3g} ms"


def megabytes(value: float | None) -> str:
    """A size, or nothing."""
    return "" if value is None else f"{value:.0f} MB"


def as_text(results: Sequence[Result]) -> str:
    """An aligned table."""
    lines = [HEADINGS, *(result.cells() for result in results)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join("  ".join(map(str.ljust, line, widths)).rstrip() for line in lines)


def as_markdown(results: Sequence[Result], notes: Sequence[str]) -> str:
    """The same as Markdown, with what it was measured with."""
    row: Callable[[Sequence[str]], str] = lambda cells: f"| {' | '.join(cells)} |"  # noqa: E731
    table = [row(HEADINGS), row(["---"] * len(HEADINGS)), *(row(result.cells()) for result in results)]
    return "\n".join((*table, "", *(f"- {note}" for note in (*notes, *environment())), ""))


def environment() -> list[str]:
    """What may be told of this machine."""
    names = ("androguard", "apk-info", "click")
    versions = ", ".join(f"{name} {version(name)}" for name in names)
    return [f"Python {platform.python_version()}, {versions}; {os.cpu_count()} CPUs, {platform.system()}"]
