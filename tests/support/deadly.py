"""A reader that takes its whole process down at one file, as a crash in a C library would."""

from __future__ import annotations

import os
from collections.abc import Iterator

from scanner.model import App, Outcome, Passed


class DeadlyReader:
    """Reads every candidate as passed, and dies at the one whose path ends with ``deadly``."""

    def __init__(self, deadly: str) -> None:
        self._deadly = deadly

    def __call__(self, app: App) -> list[Outcome]:
        if app.location.path.endswith("/" + self._deadly):
            os._exit(9)
        return [Passed(app.source, app.location.path)]

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        yield from self(app)
