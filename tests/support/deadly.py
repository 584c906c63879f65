"""A reader that takes its whole process down at some files, as a crash in a C library would, or never comes back."""

from __future__ import annotations

import collections
import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from scanner.model import App, Location, Outcome, Passed

PR_SET_DUMPABLE = 4
"""prctl(2)."""


def _loop() -> None:
    while True:
        pass


def _loop_in_c() -> None:
    collections.deque(itertools.repeat(0), maxlen=0)  # never looks up, and holds the interpreter lock


def _segfault() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)  # whoever keeps cores here would take his time
    ctypes.string_at(0)


def _once(folder: str) -> None:
    mark = Path(folder) / "died-once"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


DEATHS: dict[str, Callable[[str], object]] = {
    "exit": lambda _: os._exit(9),
    "segfault": lambda _: _segfault(),
    "killed": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "parent": lambda _: os.kill(os.getppid(), signal.SIGKILL),
    "once": _once,
    "sleep": lambda _: time.sleep(3600),
    "loop": lambda _: _loop(),
    "loop in c": lambda _: _loop_in_c(),
    "slow": lambda _: time.sleep(0.02),
    "large": lambda _: None,
    "error": lambda _: 1 / 0,
}
"""What happens at a file, given the folder it lies in."""


class DeadlyReader:
    """Reads every candidate as passed, except those whose file name it was told what happens at."""

    def __init__(self, deaths: Mapping[str, str], otherwise: str | None = None) -> None:
        self._deaths, self._otherwise = dict(deaths), otherwise

    def __call__(self, app: App) -> list[Outcome]:
        folder, _, name = app.location.path.rpartition("/")
        death = self._deaths.get(name, self._otherwise)
        if death is not None:
            DEATHS[death](folder)
        padding = "x" * (1 << 20) if death == "large" else ""
        return [Passed(app.source, app.location.path + padding)]

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        yield from self(app)


def candidates(folder: Path | str, count: int) -> list[App]:
    """So many files named ``0.apk`` and on; none of them need exist."""
    return [App(str(folder), Location(f"{folder}/{number}.apk")) for number in range(count)]
