"""What runs in a process that reads: batches come in, results go out, and marks say what it is at.

A mark is two bytes: the place of an item in its batch as it begins, the same with `ENDED` as it ends, and `BATCH_ENDED`
before the results of a batch are sent. Whoever waits reads them only when something is wrong.

`main` is the same for a process that must be started as a command.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from scanner.engines.together import Together
from scanner.engines.watchdog import attempted
from scanner.model import Value

HERE = b""
"""Sent once the process runs, and once it has been set up."""
ENDED, BATCH_ENDED = 0x8000, 0xFFFF
MARK_BYTES = 2
MOST = BATCH_ENDED - ENDED
"""Items of one batch, at most."""
GRACE = 60
"""Seconds beyond twice the limit after which the system ends a process that nobody watches any more."""


class Setup(Value, frozen=True):
    """What a process is told before its first batch."""

    work: bytes
    """The pickled function: whoever only hands it on need not know what it is made of."""
    threads: int
    """Items at an address that are read at once."""
    item_seconds: float
    idle_seconds: float | None = None
    """After so long without a batch the process ends by itself."""
    folder: str | None = None
    """The working directory in which relative paths mean what they mean to the user, where the machine has it."""


def serve(inbox: Connection, outbox: Connection, marks: Connection) -> None:
    """Read batches until nobody sends any more. Ctrl-C is left to whoever sends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        outbox.send_bytes(HERE)
        setup: Setup = pickle.loads(inbox.recv_bytes())  # noqa: S301 - of whoever started this process
        if setup.folder is not None and Path(setup.folder).is_dir():
            os.chdir(setup.folder)
        reading = _Reading(setup, marks.fileno())
        outbox.send_bytes(HERE)
        while inbox.poll(setup.idle_seconds):
            batch = pickle.loads(inbox.recv_bytes())  # noqa: S301 - of whoever started this process
            outbox.send_bytes(reading.results(batch))
    except (EOFError, BrokenPipeError):
        return  # whoever sent them has gone


class _Reading:
    def __init__(self, setup: Setup, marks: int) -> None:
        self._work: Callable[[Any], Any] = pickle.loads(setup.work)  # noqa: S301 - of whoever started this process
        self._marks = marks
        self._together = Together(setup.threads)
        self._alarm = int(2 * setup.item_seconds + GRACE)

    def results(self, batch: list[Any]) -> bytes:
        """The results of a batch, in its order, as they are sent."""
        made = list(self._together.over(batch, self._one))
        signal.alarm(0)
        self._mark(BATCH_ENDED)
        return pickle.dumps(made, pickle.HIGHEST_PROTOCOL)

    def _one(self, place: int, item: Any) -> Any:  # noqa: ANN401 - whatever the work is on
        self._mark(place)
        signal.alarm(self._alarm)
        try:
            return attempted(partial(self._work, item))
        finally:
            self._mark(place | ENDED)

    def _mark(self, mark: int) -> None:
        os.write(self._marks, mark.to_bytes(MARK_BYTES, sys.byteorder))


def main() -> None:
    """`serve` over the pipes whose numbers are on the command line."""
    serve(*(Connection(int(number)) for number in sys.argv[1:4]))
