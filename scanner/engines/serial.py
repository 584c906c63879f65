"""One candidate after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from scanner.model import App, Expansion, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads


class SerialEngine:
    """See `Engine`."""

    def run(self, reader: Reads, items: Iterable[App | Outcome]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        for item in items:
            if not isinstance(item, App):
                yield item
                continue
            for outcome in reader.stream(item):
                if isinstance(outcome, Expansion):
                    yield from self.run(reader, outcome.apps)
                else:
                    yield outcome

    def close(self) -> None:
        """See `Engine.close`; there is nothing to stop."""
