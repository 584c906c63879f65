"""Progress on stderr, where that is a terminal: how much was read, how fast, and where it can be told how long yet."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from scanner.engines import Engine, Reads
from scanner.formats.cleaning import clean
from scanner.model import App, AppRow, Outcome, PhoneStep, UnreadRow, counted, plural

if TYPE_CHECKING:
    from rich.status import Status

EVERY = 25
"""Rows between two looks at the display: drawing must not cost what reading costs."""
DRAW_SECONDS = 0.1
"""Time between two drawings."""
RECENT_SECONDS = 30.0
"""The rate is that of the last so many seconds: small files and large ones come in stretches."""
SECONDS_IN = (("h", 3600), ("min", 60), ("s", 1))


class Progress:
    """A line that says how many apps were read and how many were found; nothing with ``quiet`` or in a pipe.

    ``count`` tells how many files there are, or nothing; it is called in a thread, and only where anybody looks.
    """

    def __init__(self, *, quiet: bool, count: Callable[[], int | None] | None = None) -> None:
        self._quiet = quiet
        self._read = self._found = 0
        self._status: Status | None = None
        self._phones: dict[str, PhoneStep] = {}
        self._pace = Pace()
        self._count = count
        self._handed = 0
        self._total: int | None = None
        self._drawn = 0.0

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False, markup=False).status("reading")
            self._status.start()
            self._pace.take(time.monotonic(), 0, 0)
            if self._count is not None:
                threading.Thread(target=self._learn_total, args=(self._count,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def watching(self, engine: Engine) -> Engine:
        """The engine, with what it is given counted."""
        return _Counted(engine, self._hand_out)

    def advance(self, row: AppRow | UnreadRow) -> None:
        """Count a row, where anybody sees the count."""
        if self._status is None:
            return
        self._read += 1
        self._found += isinstance(row, AppRow) and bool(row.findings)
        now = time.monotonic()
        if self._read % EVERY == 0 and now - self._drawn >= DRAW_SECONDS:
            self._drawn = now
            self._pace.take(now, self._read, self._handed)
            self._draw()

    def step(self, step: PhoneStep) -> None:
        """How far one phone has come. Called from the phone's own thread."""
        if step.done % EVERY and step.done != step.total:
            return
        self._phones[step.source] = step
        self._draw()

    def _hand_out(self, files: int) -> None:
        self._handed += files

    def _learn_total(self, count: Callable[[], int | None]) -> None:
        self._total = count()

    def _draw(self) -> None:
        if self._status is not None:
            said = [self._line(), *map(_phone, list(self._phones.values()))]
            self._status.update("\n  ".join(said))

    def _line(self) -> str:
        said = [f"{self._read:,} read", f"{self._found:,} found"]
        rate, files = self._pace.rates()
        if rate:
            said.append(f"{rate:,.0f} a second")
        if self._total:
            done = min(self._handed, self._total)
            said.append(f"{done / self._total:.0%} of {self._total:,} {plural(self._total, 'file')}")
            if files:
                said.append(f"{duration((self._total - done) / files)} left")
        return ", ".join(said)

    def note(self, text: str) -> None:
        """One line for a person, on stderr; nothing with ``quiet``."""
        if not self._quiet:
            self.failure(text)

    def failure(self, text: str) -> None:
        """The same of what failed, with ``quiet`` too: a job that fails says why."""
        if self._status is not None:
            self._status.console.print(text)
        else:
            click.echo(text, err=True)

    def stop(self) -> None:
        """Clear the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


class Pace:
    """How fast rows are read and files are given out, of late."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, int, int]] = deque()

    def take(self, now: float, rows: int, files: int) -> None:
        """Note how far things have come."""
        self._seen.append((now, rows, files))
        while len(self._seen) > 2 and now - self._seen[1][0] > RECENT_SECONDS:
            self._seen.popleft()

    def rates(self) -> tuple[float, float]:
        """Rows and files a second; nothing of either before there is a second to go by."""
        if not self._seen:
            return 0.0, 0.0
        (then, rows, files), (now, rows_now, files_now) = self._seen[0], self._seen[-1]
        if now - then < 1:
            return 0.0, 0.0
        return (rows_now - rows) / (now - then), (files_now - files) / (now - then)


class _Counted:
    """See `Engine`."""

    def __init__(self, engine: Engine, hand_out: Callable[[int], None]) -> None:
        self._engine, self._hand_out = engine, hand_out

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        return self._engine.run(reader, self._passed(items))

    def close(self) -> None:
        self._engine.close()

    def _passed(self, items: Iterable[App | Outcome]) -> Iterator[App | Outcome]:
        for item in items:
            if isinstance(item, App):
                self._hand_out(1 + len(item.splits))
            yield item


def duration(seconds: float) -> str:
    """A time as people say it, to two units: ``2 h 5 min``."""
    left, said = max(1, round(seconds)), list[str]()
    for unit, length in SECONDS_IN:
        if left >= length or (said and length > 1):
            said.append(f"{left // length} {unit}")
            left %= length
    return " ".join(said[:2])


def _phone(step: PhoneStep) -> str:
    count = "" if step.total is None else f" {step.done} of {counted(step.total, 'app')}"
    return f"{clean(step.source)}: {step.stage}{count}"
