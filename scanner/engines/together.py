"""Candidates that lie at an address, read many at once: what each waits for is a server, not this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import groupby
from typing import TypeVar

from scanner.model import App, Outcome

IO_CONCURRENCY = 32
"""Requests under way at once, over all processes, unless ``--io-concurrency`` says otherwise."""
Result = TypeVar("Result")


class Together:
    """Applies a function to each of many candidates, up to ``threads`` at once where they are remote. See `over`."""

    def __init__(self, threads: int) -> None:
        self._threads = max(1, threads)
        self._executor: ThreadPoolExecutor | None = None

    def over(self, items: Iterable[App | Outcome], work: Callable[[App | Outcome], Result]) -> Iterator[Result]:
        """What the function makes of each candidate, in their order."""
        for remote, group in groupby(items, is_remote):
            if remote and self._threads > 1:
                if self._executor is None:
                    self._executor = ThreadPoolExecutor(self._threads, thread_name_prefix="remote")
                yield from self._executor.map(work, group)
            else:
                yield from map(work, group)

    def close(self) -> None:
        """Let the threads end. What they are at is not waited for."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None


def is_remote(item: App | Outcome) -> bool:
    """Whether it is a candidate that lies at an address."""
    return isinstance(item, App) and item.location.remote
