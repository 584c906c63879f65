"""Where the reading runs. An engine changes how fast results come, never which or in what order."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator
from typing import Protocol

from scanner.engines.pool import PoolEngine
from scanner.engines.serial import SerialEngine
from scanner.engines.together import IO_CONCURRENCY
from scanner.engines.watchdog import ITEM_SECONDS
from scanner.model import App, Outcome

__all__ = [
    "ENGINES",
    "IO_CONCURRENCY",
    "ITEM_SECONDS",
    "Engine",
    "PoolEngine",
    "Reads",
    "SerialEngine",
    "engine_for",
    "is_address",
    "lacks_cluster",
]
ENGINES = ("serial", "pool", "dask")
"""Names of engines; the address of a Dask scheduler is one, too."""


class Reads(Protocol):
    """What an engine runs: a value that can be sent to another process."""

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of one candidate; never raises."""
        ...

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one at a time."""
        ...

    def again(self, apps: Iterable[App]) -> Iterable[App | Outcome]:
        """What is to be done of candidates found inside a container, asked where the results are gathered."""
        ...


class Engine(Protocol):
    """Runs a reader over candidates."""

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        """Every outcome, in the order of the candidates; what is an outcome already passes through.

        Raises `EngineError` where there is nothing to read with any more.
        """
        ...

    def close(self) -> None:
        """Stop at once; what was not read stays unread."""
        ...


def engine_for(
    jobs: int,
    io_concurrency: int = IO_CONCURRENCY,
    item_seconds: float = ITEM_SECONDS,
    name: str | None = None,
) -> Engine:
    """The engine of that name, for this many processes and this many requests to servers under way at once.

    Without a name it is a pool, or none for a single process. A candidate that takes longer than ``item_seconds`` is
    given up. Raises `EngineError` where a cluster cannot be had.
    """
    if name is None:
        name = "pool" if jobs > 1 else "serial"
    if name == "serial":
        return SerialEngine(io_concurrency, item_seconds)
    if name == "pool":
        return PoolEngine(jobs, io_concurrency=io_concurrency, item_seconds=item_seconds)
    from scanner.engines.cluster import ClusterEngine
    from scanner.engines.dasklib import connect, local_cluster

    cluster = local_cluster(jobs) if name == "dask" else connect(name)
    return ClusterEngine(cluster, io_concurrency, item_seconds)


def is_address(name: str) -> bool:
    """Whether the engine is somebody's Dask scheduler."""
    return name.startswith(("tcp://", "tls://"))


def lacks_cluster() -> bool:
    """Whether the extra for clusters is missing."""
    return importlib.util.find_spec("distributed") is None
