"""Split APK sets told by name: ``base.apk`` with its ``split_*.apk`` in one folder, as Android lays them out."""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterable, Iterator, Sequence

from scanner.model import Location

BASE = "base.apk"
SPLIT = "split_*.apk"


def group_by_name(locations: Iterable[Location]) -> Iterator[tuple[Location, tuple[Location, ...]]]:
    """Each location with its splits, in the order given; splits stand with their base and not on their own."""
    ordered = list(locations)
    folders: dict[str, list[Location]] = {}
    bases = set()
    for location in ordered:
        folder, name = posixpath.split(full_name(location))
        if name == BASE:
            bases.add(folder)
        elif may_be_split(name):
            folders.setdefault(folder, []).append(location)
    for location in ordered:
        folder, name = posixpath.split(full_name(location))
        if folder in bases and location in folders.get(folder, ()):
            continue
        yield location, tuple(folders.get(folder, ())) if name == BASE else ()


def sets_of_a_folder(names: Sequence[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The same of the names in one folder: each name with those of its splits."""
    splits = tuple(filter(may_be_split, names)) if BASE in names else ()
    beside = frozenset(splits)
    for name in names:
        if name not in beside:
            yield name, splits if name == BASE else ()


def may_be_split(name: str) -> bool:
    """Whether a file of this name may be a split of a base beside it."""
    return fnmatch.fnmatchcase(name, SPLIT)


def full_name(location: Location) -> str:
    """The name of a member in its container, or of a file in its folder, with ``/`` between folders."""
    name = location.hops[-1].name if location.hops else location.path
    return name.replace("\\", "/")
