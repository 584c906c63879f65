"""Ctrl-C that waits for the right moment, so that no row is counted without being written, or written in half."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, ClassVar, Self, TypeVar

Item = TypeVar("Item")
TURN = 0.2
"""Seconds that a thread waits at once."""


def next_of(items: queue.SimpleQueue[Item]) -> Item:
    """What comes out of a queue, awaited in turns.

    A signal may reach the process in another thread; then it ends no wait of the main thread, which alone acts on it.
    """
    while True:
        try:
            return items.get(timeout=TURN)
        except queue.Empty:
            continue


@contextmanager
def held() -> Iterator[None]:
    """While it is entered, the first Ctrl-C waits until `hear` is called, or the next item is asked for.

    For whoever calls a library that is not made to be broken off anywhere: what is raised in one of its
    finalizers, say, ends nothing.
    """
    entered = _heard_here()
    if entered is None:
        yield
        return
    entered.holds += 1
    try:
        yield
    finally:
        entered.holds -= 1


@contextmanager
def put_off() -> Iterator[None]:
    """The first Ctrl-C within is raised at the end, a second one anywhere.

    For what has to be there whole before it can be ended, such as processes and threads of somebody else.
    """
    with Interruption() as waiting:
        yield
    if waiting.pending:
        raise KeyboardInterrupt


@contextmanager
def kept_from_children() -> Iterator[None]:
    """No process that is started within hears Ctrl-C, nor does one of a thread that is. Here it comes at the end.

    A terminal sends it to the whole group. It is for whoever started these processes to end them; and one that is
    only half started would end with a traceback.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # where it has to start first, it lets Ctrl-C through again
    with held():  # what is blocked in this thread another one may take, and then it is raised in the main thread
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    hear()


def hear() -> None:
    """Raise the `KeyboardInterrupt` that `held` made wait."""
    if (entered := _heard_here()) is not None:
        entered.raise_if_pending()


def _heard_here() -> Interruption | None:
    """What has the signal, in the main thread: in no other is anything raised."""
    return Interruption.entered if threading.current_thread() is threading.main_thread() else None


class Interruption:
    """While it is entered, the first Ctrl-C is raised only while `between` waits for an item; a second one, anywhere.

    Not entered, or entered outside the main thread, it changes nothing: a library leaves signals to its user.
    """

    entered: ClassVar[Interruption | None] = None
    """The one that has the signal now."""

    def __init__(self) -> None:
        self._listening = False
        self.pending = False
        """Whether Ctrl-C came, and was not raised or nobody heard of it."""
        self.holds = 0
        """How many `held` are entered."""
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            Interruption.entered = self
            self._before = signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = Interruption.entered = None

    def between(self, items: Iterator[Item]) -> Iterator[Item]:
        """Each item; while the next one is awaited, Ctrl-C is heard. Raises `KeyboardInterrupt` then."""
        while True:
            self._listening = True
            try:
                self.raise_if_pending()
                item = next(items)
            except StopIteration:
                return
            finally:
                self._listening = False
            yield item

    def raise_if_pending(self) -> None:
        """Raise the `KeyboardInterrupt` that waits, if there is one and it may be heard."""
        if self.pending and self._listening:
            raise KeyboardInterrupt

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        again, self.pending = self.pending, True
        if again or (self._listening and not self.holds):
            raise KeyboardInterrupt
