"""One candidate after the other, in this process; those at an address many at once: each waits for a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING

from scanner.engines.together import IO_CONCURRENCY, Together, is_remote
from scanner.engines.watchdog import ITEM_SECONDS, stream_in_time
from scanner.engines.windowed import outcomes, said_of
from scanner.model import App, Expansion, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads


class SerialEngine:
    """See `Engine`. A candidate that crashes this process ends the scan: only other engines can contain that."""

    def __init__(self, io_concurrency: int = IO_CONCURRENCY, item_seconds: float = ITEM_SECONDS) -> None:
        self._at_once, self._item_seconds = io_concurrency, item_seconds
        self._together = Together(io_concurrency, item_seconds)

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        ahead = iter(items)
        for item in ahead:
            if is_remote(item):
                batch = [item, *islice(ahead, 2 * self._at_once)]
                read = self._together.over(batch, lambda _, item: outcomes(reader, item))
                yield from self._expanded(reader, chain.from_iterable(map(said_of, batch, read)))
            elif isinstance(item, App):
                yield from self._expanded(reader, self._streamed(reader, item))
            else:
                yield item

    def _streamed(self, reader: Reads, app: App) -> Iterator[Outcome]:
        return stream_in_time(reader.stream(app), app, self._item_seconds)

    def _expanded(self, reader: Reads, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """More work found inside a container is done in its place; what must be streamed, one member at a time."""
        for outcome in outcomes:
            if not isinstance(outcome, Expansion):
                yield outcome
            elif outcome.inline:
                for app in outcome.apps:
                    yield from self._expanded(reader, self._streamed(reader, app))
            else:
                yield from self.run(reader, reader.again(outcome.apps))

    def close(self) -> None:
        """See `Engine.close`."""
        self._together.close()
