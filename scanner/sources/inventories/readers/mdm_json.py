"""JSON that management services answer with, read as a stream: pages, arrays, single objects, one object per line.

Memory holds one record at a time. One object per line goes through ``msgspec`` line by line, so that a broken line
costs that line alone.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import IO, Any

import msgspec

from scanner.model import Installed, Value
from scanner.sources.inventories import documents
from scanner.sources.inventories.jsonstream import JsonStream
from scanner.sources.inventories.readers.jsonfields import package
from scanner.sources.inventories.readers.mdm_fields import field, no_package, whole
from scanner.sources.inventories.readers.mdm_head import BLANK, glimpse
from scanner.sources.inventories.reading import Document, Entry, Gap

MAX_SHOWN = 200
"""Characters of a parser's own words in a reason."""
_ALL_PAGES = "give all pages as one, as with cat PAGES | app-scanner scan -"
_UNFINISHED = re.compile(r"[\[{,:]\s*\Z")


class Found(Value, frozen=True):
    """One object of a listing."""

    where: str
    value: dict[str, Any]


class Listing(Value, frozen=True):
    """How a service lists things: what each is called, and the keys of a page."""

    noun: str
    """``device`` or ``app``, for people."""
    lists: tuple[str, ...] = ()
    """Keys under which a page holds its list."""
    more: str | None = None
    """The key of a page that says that another page follows."""
    total: str | None = None
    """The key of a page that says how many there are on all pages."""

    @property
    def telling(self) -> str:
        """Whichever of the two there is."""
        return self.more or self.total or ""


def records(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    """Every object that is listed, as it arrives; a gap for what is broken, too big or left for a page elsewhere."""
    return _by_line(document, listing) if _is_lines(document) else _streamed(document, listing)


def apps_of(
    document: Document, listing: Listing, key: str, app: Callable[[dict[str, Any], str, str], Installed]
) -> Iterator[Entry]:
    """Each object as ``app`` makes it from the object, its package name under ``key``, and where it stands."""
    for found in records(document, listing):
        if isinstance(found, Gap):
            yield found
        elif (name := package(found.value.get(key))) is None:
            yield no_package(found.where, key, found.value.get(key))
        else:
            yield app(found.value, name, f"{document.name}:{found.where}")


def _is_lines(document: Document) -> bool:
    with closing(documents.numbered_lines(document)) as numbered:
        lines = (text for _, line in numbered if (text := line.strip(BLANK)))
        first = next(lines, "")
        if not first.startswith("{"):
            return False
        if isinstance(_object(first), dict):
            return True
        whole_line = len(first) < documents.MAX_LINE and not _UNFINISHED.search(first)
        return whole_line and next(lines, "").startswith("{")


def _object(line: str) -> dict[str, Any] | str:
    """The object that the line holds, or what is wrong with it."""
    try:
        value = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        return _said(error)
    return value if isinstance(value, dict) else "not a JSON object"


def _by_line(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    last: dict[str, Any] = {}
    count = 0
    for number, line in documents.numbered_lines(document):
        if len(line) == documents.MAX_LINE and line[-1] != "\n":
            yield Gap(f"line {number}", f"longer than {documents.MAX_LINE} characters")
        elif text := line.strip(BLANK):
            value = _object(text)
            if isinstance(value, str):
                yield Gap(f"line {number}", value)
            else:
                last = value
                for item in _items(value, f"line {number}", listing):
                    count += 1
                    yield item
    yield from _left(listing, last, count)


def _items(value: dict[str, Any], where: str, listing: Listing) -> Iterator[Found | Gap]:
    items = next((value[key] for key in listing.lists if isinstance(value.get(key), list)), None)
    if items is None:
        yield Found(where, value)
        return
    for number, item in enumerate(items, 1):
        yield _item(item, f"{where}, {listing.noun} {number}")


def _at(page: dict[str, Any], key: str) -> object:
    """What lies under a key, or under a path with dots."""
    return page[key] if key in page else field(page, *key.split("."))


def _left(listing: Listing, last: dict[str, Any], count: int) -> Iterator[Gap]:
    """The gap for what the last page says of other pages."""
    said = _at(last, listing.telling)
    if listing.more and said:
        why = f"{listing.more} says that another page follows, which is not in this file: {_ALL_PAGES}"
        yield Gap("the end", why, "listing")
    total = whole(said) or 0 if listing.total else 0
    if total > count:
        why = f"{listing.total} says {total}, of which {count} are in this file: {_ALL_PAGES}"
        yield Gap("the end", why, "listing")


def _streamed(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    with closing(document.text()) as stream:
        pages = _Pages(stream, listing, document.head)
        try:
            yield from pages.items()
        except ValueError as error:
            yield Gap(f"after {listing.noun} {pages.count}", _said(error), "listing")
        else:
            yield from _left(listing, pages.last, pages.count)


class _Pages:
    """The objects of pages, of arrays of pages, or of no pages at all, however many follow each other."""

    def __init__(self, stream: IO[str], listing: Listing, head: str) -> None:
        keys = glimpse(head)
        self._json = JsonStream(stream)
        self._noun = listing.noun
        self._list = next((key for key in listing.lists if key in keys), None)
        self._telling = {listing.telling, listing.telling.partition(".")[0]}
        self.count = 0
        self.last: dict[str, Any] = {}
        """What the last page says of others."""

    def items(self) -> Iterator[Found | Gap]:
        """Each of them. Raises `ValueError` where the JSON is broken, or where there is none."""
        while True:
            for _ in self._json.array() if self._json.next() == "[" else (None,):
                yield from self._page() if self._list and self._json.next() == "{" else self._record()
            if not self._json.another():
                return

    def _page(self) -> Iterator[Found | Gap]:
        self.last = {}
        for key in self._json.members():
            if key == self._list and self._json.next() == "[":
                for item in self._json.items():
                    yield self._item(item)
            else:
                value = self._json.value()
                if key in self._telling:
                    self.last[key] = value

    def _record(self) -> Iterator[Found | Gap]:
        value = self._json.value()
        if isinstance(value, dict):
            self.last = {key: value[key] for key in self._telling if key in value}
        yield self._item(value)

    def _item(self, value: object) -> Found | Gap:
        self.count += 1
        return _item(value, f"{self._noun} {self.count}")


def _item(value: object, where: str) -> Found | Gap:
    return Found(where, value) if isinstance(value, dict) else Gap(where, "not a JSON object")


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()[:MAX_SHOWN]
