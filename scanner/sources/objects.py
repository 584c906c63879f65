"""Objects in stores and on web servers: what lies at an address, or below it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from scanner.bytesource import store_of
from scanner.errors import SourceError
from scanner.model import REMOTE, App, Location, redacted
from scanner.sources.splits import BASE, group_by_name, may_be_split


class ObjectSource:
    """One object, or all below a prefix or a folder, as they are listed: no object is opened here."""

    def __init__(self, spec: str) -> None:
        self.name = redacted(spec)
        self._address = spec

    @staticmethod
    def accepts(spec: str) -> bool:
        """Whether the SPEC is an address."""
        return spec.startswith(REMOTE)

    def apps(self) -> Iterator[App]:
        """See `Source.apps`. Raises `SourceError` where nothing lies there, or it cannot be listed."""
        store, count = store_of(self._address), 0
        found = (Location(one.address, size=one.size, etag=one.etag) for one in store.find(self._address))
        for base, splits in in_sets(found):
            count += 1
            yield App(self.name, base, splits, named=base.path == self._address)
        if not count:
            raise SourceError("nothing lies there: no object of this name, and none below it")


def in_sets(locations: Iterable[Location]) -> Iterator[tuple[Location, tuple[Location, ...]]]:
    """Objects in order of name, each with its splits. Only what may be of a split set waits for its folder's end."""
    waiting: dict[str, list[Location]] = {}
    for location in locations:
        for folder in [folder for folder in waiting if not location.path.startswith(folder)]:
            yield from group_by_name(waiting.pop(folder))
        folder, name = posixpath.split(location.path)
        if name == BASE or may_be_split(name):
            waiting.setdefault(folder + "/", []).append(location)
        else:
            yield location, ()
    for held in waiting.values():
        yield from group_by_name(held)
