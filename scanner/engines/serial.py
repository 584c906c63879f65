"""One candidate after the other, in this process; those at an address many at once: each waits for a server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from itertools import chain, islice
from typing import TYPE_CHECKING

from scanner.engines.together import IO_CONCURRENCY, Together, is_remote
from scanner.model import App, Expansion, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads


class SerialEngine:
    """See `Engine`."""

    def __init__(self, io_concurrency: int = IO_CONCURRENCY) -> None:
        self._at_once = io_concurrency
        self._together = Together(io_concurrency)

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        ahead = iter(items)
        for item in ahead:
            if is_remote(item):
                batch = [item, *islice(ahead, 2 * self._at_once)]
                read = self._together.over(batch, partial(_outcomes, reader))
                yield from self._expanded(reader, chain.from_iterable(read))
            elif isinstance(item, App):
                yield from self._expanded(reader, reader.stream(item))
            else:
                yield item

    def _expanded(self, reader: Reads, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """More work found inside a container is done in its place; what must be streamed, one member at a time."""
        for outcome in outcomes:
            if not isinstance(outcome, Expansion):
                yield outcome
            elif outcome.inline:
                for app in outcome.apps:
                    yield from self._expanded(reader, reader.stream(app))
            else:
                yield from self.run(reader, outcome.apps)

    def close(self) -> None:
        """See `Engine.close`."""
        self._together.close()


def _outcomes(reader: Reads, item: App | Outcome) -> list[Outcome]:
    return reader(item) if isinstance(item, App) else [item]
