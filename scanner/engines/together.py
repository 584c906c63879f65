"""Candidates that lie at an address, read many at once: what each waits for is a server, not this machine."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, wait
from functools import partial
from itertools import groupby
from typing import TypeVar

from scanner.engines.watchdog import TICK, Lost, attempted, took_too_long
from scanner.model import App

IO_CONCURRENCY = 32
"""Requests under way at once, over all processes, unless ``--io-concurrency`` says otherwise."""
Item = TypeVar("Item")
Result = TypeVar("Result")


class Together:
    """Applies a function to each of many candidates, up to ``threads`` at once where they are remote. See `over`.

    A remote one that takes longer than ``item_seconds`` is left to its thread, which nothing can end, and `Lost`.
    """

    def __init__(self, threads: int, item_seconds: float = float("inf")) -> None:
        self._threads = max(1, threads)
        self._seconds = item_seconds
        self._crew: _Threads | None = None

    def over(self, items: Sequence[Item], work: Callable[[int, Item], Result]) -> Iterator[Result | Lost]:
        """What the function makes of each candidate and its place, in their order."""
        for remote, group in groupby(enumerate(items), lambda pair: is_remote(pair[1])):
            if remote and self._threads > 1:
                if self._crew is None:
                    self._crew = _Threads(self._threads)
                for future in [self._crew.submit(partial(work, *pair)) for pair in group]:
                    yield self._awaited(self._crew, future)
            else:
                yield from (work(*pair) for pair in group)

    def close(self) -> None:
        """Let the threads end. What they are at is not waited for."""
        if self._crew is not None:
            self._crew.close()
            self._crew = None

    def _awaited(self, crew: _Threads, future: Future[Result | Lost]) -> Result | Lost:
        waited, tick = 0.0, min(TICK, self._seconds)
        while not future.done() and not wait([future], tick).done:
            waited += tick if future.running() else 0
            if waited >= self._seconds:
                crew.start_one()
                return Lost(took_too_long(self._seconds))
        return future.result()


class _Threads:
    """Threads that the end of the program does not wait for: one may hang on a server."""

    def __init__(self, most: int) -> None:
        self._most, self._started, self._submitted = most, 0, 0
        self._calls: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closed = False

    def submit(self, call: Callable[[], Result]) -> Future[Result | Lost]:
        """Have it called in a thread. The future never fails."""
        future: Future[Result | Lost] = Future()

        def run() -> None:
            if not self._closed:
                future.set_running_or_notify_cancel()
                future.set_result(attempted(call))

        self._calls.put(run)
        self._submitted += 1
        if self._started < min(self._most, self._submitted):
            self.start_one()
        return future

    def start_one(self) -> None:
        """One thread more, also in the place of one that hangs."""
        self._started += 1
        threading.Thread(target=self._run, name="remote", daemon=True).start()

    def close(self) -> None:
        """Begin nothing any more."""
        self._closed = True
        for _ in range(self._started):
            self._calls.put(None)

    def _run(self) -> None:
        while run := self._calls.get():
            run()


def is_remote(item: object) -> bool:
    """Whether it is a candidate that lies at an address."""
    return isinstance(item, App) and item.location.remote
