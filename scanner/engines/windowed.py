"""What engines share that hand batches to others: candidates go out within a window, outcomes come back in order.

So memory stays flat however many candidates there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Generic, TypeVar

from scanner.engines.together import is_remote
from scanner.engines.watchdog import Lost, lost_row, stream_in_time
from scanner.model import App, Expansion, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads

Item = App | Outcome
Ticket = TypeVar("Ticket")


class Ended(Exception):  # noqa: N818 - it is what happened, and no error
    """The engine was closed while outcomes were awaited."""


def outcomes(reader: Reads, item: Item) -> list[Outcome]:
    """What is said of a candidate; what is an outcome already passes through."""
    return reader(item) if isinstance(item, App) else [item]


class WindowedEngine(ABC, Generic[Ticket]):
    """See `Engine`."""

    def __init__(self, item_seconds: float) -> None:
        self._item_seconds = item_seconds

    def run(self, reader: Reads, items: Iterable[Item]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        under_way: deque[tuple[list[Item], Ticket | None]] = deque()
        ahead = iter(items)
        try:
            while batch := self._batch(ahead):
                apps = [item for item in batch if isinstance(item, App)]
                under_way.append((batch, self._sent(reader, apps) if apps else None))
                if len(under_way) >= self._window():
                    yield from self._gathered(reader, *under_way.popleft())
            while under_way:
                yield from self._gathered(reader, *under_way.popleft())
        except Ended:
            return

    @abstractmethod
    def _batch_size(self, *, remote: bool) -> int:
        """Candidates of a batch."""

    @abstractmethod
    def _window(self) -> int:
        """Batches under way at once."""

    @abstractmethod
    def _sent(self, reader: Reads, batch: list[App]) -> Ticket:
        """Have a batch read."""

    @abstractmethod
    def _taken(self, ticket: Ticket) -> list[list[Outcome] | Lost]:
        """What is said of each candidate of a batch. Raises `Ended`."""

    def _batch(self, items: Iterator[Item]) -> list[Item]:
        first = list(islice(items, 1))
        size = self._batch_size(remote=any(map(is_remote, first)))
        return first + list(islice(items, size - 1)) if first else []

    def _gathered(self, reader: Reads, batch: list[Item], ticket: Ticket | None) -> Iterator[Outcome]:
        """The outcomes of a batch. What was an outcome already was not sent, and stays in its place."""
        read = iter(self._taken(ticket) if ticket is not None else ())
        for item in batch:
            if isinstance(item, App):
                for outcome in said_of(item, next(read)):
                    yield from self._expanded(reader, outcome)
            else:
                yield from self._expanded(reader, item)

    def _expanded(self, reader: Reads, outcome: Outcome) -> Iterator[Outcome]:
        """More work found inside a container is done in its place; what must be streamed, in this process."""
        if not isinstance(outcome, Expansion):
            yield outcome
        elif outcome.inline:
            yield from self._here(reader, outcome.apps)
        else:
            yield from self.run(reader, reader.again(outcome.apps))

    def _here(self, reader: Reads, items: Iterable[Item], *, inline: bool = True) -> Iterator[Outcome]:
        """Read in this process, one outcome at a time."""
        for item in items:
            streamed = (
                stream_in_time(reader.stream(item, inline=inline), item, self._item_seconds)
                if isinstance(item, App)
                else iter((item,))
            )
            for outcome in streamed:
                yield from self._expanded(reader, outcome)


def said_of(item: Item, said: list[Outcome] | Lost) -> Iterable[Outcome]:
    """The outcomes of an item, or the row of one that was lost."""
    if not isinstance(said, Lost):
        return said
    return [lost_row(item, said.reason)] if isinstance(item, App) else [item]
