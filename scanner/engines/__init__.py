"""Where the reading runs. An engine changes how fast results come, never which or in what order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from scanner.engines.pool import PoolEngine
from scanner.engines.serial import SerialEngine
from scanner.engines.spread import spread
from scanner.engines.together import IO_CONCURRENCY
from scanner.engines.watchdog import ITEM_SECONDS
from scanner.model import App, Outcome

__all__ = ["IO_CONCURRENCY", "ITEM_SECONDS", "Engine", "PoolEngine", "Reads", "SerialEngine", "engine_for", "spread"]


class Reads(Protocol):
    """What an engine runs: a value that can be sent to another process."""

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of one candidate; never raises."""
        ...

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one at a time."""
        ...


class Engine(Protocol):
    """Runs a reader over candidates."""

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        """Every outcome, in the order of the candidates; what is an outcome already passes through."""
        ...

    def close(self) -> None:
        """Stop at once; what was not read stays unread."""
        ...


def engine_for(jobs: int, io_concurrency: int = IO_CONCURRENCY, item_seconds: float = ITEM_SECONDS) -> Engine:
    """The engine for this many processes, and this many requests to servers under way at once.

    A candidate that takes longer than ``item_seconds`` is given up.
    """
    if jobs <= 1:
        return SerialEngine(io_concurrency, item_seconds)
    return PoolEngine(jobs, io_concurrency=io_concurrency, item_seconds=item_seconds)
