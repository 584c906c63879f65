"""Progress on stderr, where stderr is a terminal."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from scanner.formats.cleaning import clean
from scanner.model import AppRow, PhoneStep, UnreadRow

if TYPE_CHECKING:
    from rich.status import Status

EVERY = 25
"""Rows between two looks at the display: drawing must not cost what reading costs."""


class Progress:
    """A line that says how many apps were read and how many were found; nothing with ``quiet`` or in a pipe."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._read = self._found = 0
        self._status: Status | None = None
        self._phones: dict[str, PhoneStep] = {}

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True, highlight=False, markup=False).status("reading")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def advance(self, row: AppRow | UnreadRow) -> None:
        """Count a row, where anybody sees the count."""
        if self._status is None:
            return
        self._read += 1
        self._found += isinstance(row, AppRow) and bool(row.findings)
        if self._read % EVERY == 0:
            self._draw()

    def step(self, step: PhoneStep) -> None:
        """How far one phone has come. Called from the phone's own thread."""
        if step.done % EVERY and step.done != step.total:
            return
        self._phones[step.source] = step
        self._draw()

    def _draw(self) -> None:
        if self._status is not None:
            said = [f"{self._read} read, {self._found} found", *map(_phone, list(self._phones.values()))]
            self._status.update("\n  ".join(said))

    def note(self, text: str) -> None:
        """One line for a person, on stderr; nothing with ``quiet``."""
        if self._status is not None:
            self._status.console.print(text)
        elif not self._quiet:
            click.echo(text, err=True)

    def stop(self) -> None:
        """Clear the line."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def _phone(step: PhoneStep) -> str:
    count = "" if step.total is None else f" {step.done} of {step.total} apps"
    return f"{clean(step.source)}: {step.stage}{count}"
