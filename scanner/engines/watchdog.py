"""How long one candidate may take, and what is said of one that takes longer or kills the process that reads it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from scanner.containment import Crash, guarded
from scanner.errors import LimitExceeded, ScannerError
from scanner.model import LIMITS, SCHEMA_VERSION, App, Outcome, UnreadRow, Value, printable

ITEM_SECONDS = LIMITS.item_seconds
"""Seconds that one candidate may take where nobody says otherwise: the largest APKs verify in a few."""
TICK = 1.0
"""Seconds between two looks at the clock. A program that was stopped (Ctrl-Z) has not worked longer for it."""
DIED = "the process that read it died, twice; please report this file"
Result = TypeVar("Result")


class Lost(Value, frozen=True):
    """What takes the place of a result: nothing can be said of the item, and why."""

    reason: str


class _TimeUp(BaseException):
    """Raised into what takes too long; not an `Exception`, so that nobody takes it for a failure of his own."""


def took_too_long(seconds: float) -> str:
    """Why an item was given up."""
    return str(LimitExceeded.of("took too long and was ended", "item-seconds", f"{seconds:g} s"))


def lost_row(item: App, reason: str) -> Outcome:
    """The row of a candidate that was given up."""
    return UnreadRow(SCHEMA_VERSION, printable(item.source), "file", str(item.location), reason)


def attempted(call: Callable[[], Result]) -> Result | Lost:
    """What a call returns; whatever it raises is a reason."""
    try:
        done = guarded(call)
    except ScannerError as error:
        return Lost(str(error))
    return Lost(done.reason) if isinstance(done, Crash) else done


def in_time(work: Callable[[], Result], seconds: float) -> Result | Lost:
    """What the work returns, if it does so in time. See `stream_in_time`."""
    try:
        with _limited(seconds):
            return work()
    except _TimeUp:
        return Lost(took_too_long(seconds))


def done_in_time(work: Callable[[], Result], seconds: float) -> Result | Lost:
    """The same, and whatever the work raises is a reason."""
    return attempted(lambda: in_time(work, seconds))


def stream_in_time(outcomes: Iterator[Outcome], app: App, seconds: float) -> Iterator[Outcome]:
    """The outcomes of a candidate, each within the limit of its own; a row that says so where one takes longer.

    It ends what runs Python code or waits for the system, in the main thread; elsewhere, and in C code that never
    looks up, only the processes of the other engines can be ended.
    """
    while True:
        outcome = in_time(lambda: next(outcomes, None), seconds)
        if outcome is None:
            return
        if isinstance(outcome, Lost):
            yield lost_row(app, outcome.reason)
            return
        yield outcome


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Raise `_TimeUp` inside, again and again, once so many seconds have passed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    tick, passed, over = min(TICK, seconds), 0.0, False

    def ticked(_number: int, _frame: FrameType | None) -> None:
        nonlocal passed
        passed += tick
        if passed >= seconds and not over:
            raise _TimeUp

    before = signal.signal(signal.SIGALRM, ticked)
    try:
        signal.setitimer(signal.ITIMER_REAL, tick, tick)
        try:
            yield
        finally:
            over = True  # a tick that comes while the clock is stopped must not keep it going
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
