"""Ctrl-C that waits for the right moment, so that no row is counted without being written, or written in half."""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any, Self, TypeVar

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


class Interruption:
    """While it is entered, the first Ctrl-C is raised only while `between` waits for an item; a second one, anywhere.

    Not entered, or entered outside the main thread, it changes nothing: a library leaves signals to its user.
    """

    def __init__(self) -> None:
        self._pending = self._listening = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._came)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)
            self._before = None

    def between(self, items: Iterator[Item]) -> Iterator[Item]:
        """Each item; while the next one is awaited, Ctrl-C is heard. Raises `KeyboardInterrupt` then."""
        while True:
            self._listening = True
            try:
                if self._pending:
                    raise KeyboardInterrupt
                item = next(items)
            except StopIteration:
                return
            finally:
                self._listening = False
            yield item

    def _came(self, _number: int, _frame: FrameType | None) -> None:
        again, self._pending = self._pending, True
        if again or self._listening:
            raise KeyboardInterrupt
