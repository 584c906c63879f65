"""Several processes at once, results in the order of the candidates."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from scanner.engines.together import IO_CONCURRENCY, Together, is_remote
from scanner.engines.watchdog import ITEM_SECONDS, Lost
from scanner.engines.windowed import Ended, Item, WindowedEngine, outcomes, said_of
from scanner.model import App, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads
    from scanner.engines.crew import Crew, Task

BATCH = 16
"""Candidates sent to a process at once: enough to make the sending cheap, few enough to share evenly."""
REMOTE_BATCH = 64
"""The same of candidates at an address: many of them are read at once, and the last one is waited for."""
WINDOW = 4
"""Batches under way for each process."""
WORTH_IT = 48
"""With fewer candidates than this, starting processes costs more than it saves."""


class PoolEngine(WindowedEngine["Task"]):
    """A pool of ``jobs`` processes, started when there is enough to do. See `Engine`."""

    def __init__(
        self,
        jobs: int,
        worth_it: int = WORTH_IT,
        io_concurrency: int = IO_CONCURRENCY,
        item_seconds: float = ITEM_SECONDS,
    ) -> None:
        super().__init__(item_seconds)
        self._jobs = jobs
        self._threads = -(-io_concurrency // jobs)
        self._together = Together(io_concurrency, item_seconds)
        self._worth_it = worth_it
        self._crew: Crew | None = None
        self._runs = 0

    def run(self, reader: Reads, items: Iterable[Item]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        if not self._runs and self._crew is not None and self._crew.closed:
            self._crew = None  # of a scan before this one
        self._runs += 1  # what is inside a container is a run within another
        try:
            yield from self._run(reader, items)
        finally:
            self._runs -= 1

    def _run(self, reader: Reads, items: Iterable[Item]) -> Iterator[Outcome]:
        ahead = iter(items)
        first = list(islice(ahead, self._worth_it))
        if self._crew is not None or len(first) >= self._worth_it:
            yield from super().run(reader, chain(first, ahead))
        elif any(map(is_remote, first)):
            read = self._together.over(first, lambda _, item: outcomes(reader, item))
            for outcome in chain.from_iterable(map(said_of, first, read)):
                yield from self._expanded(reader, outcome)
        else:
            yield from self._here(reader, first, inline=False)

    def close(self) -> None:
        """See `Engine.close`. The processes that were closed stay, so that who is amid a run starts no others."""
        if self._crew is not None:
            self._crew.close()
        self._together.close()

    def _batch_size(self, *, remote: bool) -> int:
        return REMOTE_BATCH if remote else BATCH

    def _window(self) -> int:
        return self._jobs * WINDOW

    def _sent(self, reader: Reads, batch: list[App]) -> Task:
        if self._crew is None:
            self._crew = self._started(reader)
        return self._crew.submit(batch)

    def _started(self, reader: Reads) -> Crew:
        """What starts processes is imported here: most runs read a few files, or phones, and start none."""
        from scanner.engines.child import Setup
        from scanner.engines.crew import Crew
        from scanner.engines.launching import forked

        setup = Setup(pickle.dumps(partial(outcomes, reader)), self._threads, self._item_seconds)
        return Crew(setup, self._jobs, forked)

    def _taken(self, ticket: Task) -> list[list[Outcome] | Lost]:
        if self._crew is None:
            raise Ended
        return self._crew.wait(ticket)
