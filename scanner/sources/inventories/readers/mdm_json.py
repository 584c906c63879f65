"""JSON that management services answer with, read as a stream: pages, arrays, single objects, one object per line.

``ijson`` reads documents of any size in flat memory, at the speed of `json.loads`. One object per line goes through
``msgspec`` line by line instead, so that a broken line costs that line alone.
"""

from __future__ import annotations

import re
from collections.abc import Coroutine, Iterator
from contextlib import closing
from itertools import islice
from typing import IO, Any

import ijson
import msgspec
from ijson.common import IncompleteJSONError, JSONError
from ijson.utils import sendable_list

from scanner.model import Value
from scanner.sources.inventories.readers.mdm_fields import field, whole
from scanner.sources.inventories.readers.mdm_head import BLANK, MAX_DEPTH, Depth, glimpse
from scanner.sources.inventories.reading import Document, Gap

CHUNK = 64 * 1024
"""Characters read at a time."""
MAX_SAID = 10_000
"""Pages asked whether there are more."""
MAX_LINE = 4 << 20
"""Characters of a line that is one object by itself."""
MAX_RECORD = 16 << 20
"""Bytes between the end of one record and that of the next."""
MAX_SHOWN = 200
"""Characters of a parser's own words in a reason."""
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


def records(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    """Every object that is listed, as it arrives; a gap for what is broken, too big or left for a page elsewhere."""
    return _by_line(document, listing) if _is_lines(document) else _streamed(document, listing)


def _is_lines(document: Document) -> bool:
    with closing(document.text()) as stream:
        first = _next_line(stream)
        if not first.startswith("{"):
            return False
        if isinstance(_object(first), dict):
            return True
        return not _UNFINISHED.search(first) and _next_line(stream).startswith("{")


def _next_line(stream: IO[str]) -> str:
    while line := stream.readline(MAX_LINE):
        if text := line.strip(BLANK):
            return text
    return ""


def _object(line: str) -> dict[str, Any] | str:
    """The object that the line holds, or what is wrong with it."""
    try:
        value = msgspec.json.decode(line.encode("utf-8", "replace"))
    except (msgspec.DecodeError, RecursionError) as error:
        return _said(error)
    return value if isinstance(value, dict) else "not a JSON object"


def _by_line(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    last: dict[str, Any] = {}
    number = count = 0
    with closing(document.text()) as stream:
        while line := stream.readline(MAX_LINE):
            number += 1
            if len(line) == MAX_LINE and not line.endswith("\n"):
                _skip_line(stream)
                yield Gap(f"line {number}", f"longer than {MAX_LINE} characters")
            elif text := line.strip(BLANK):
                value = _object(text)
                if isinstance(value, str):
                    yield Gap(f"line {number}", value)
                else:
                    last = value
                    for item in _items(value, f"line {number}", listing):
                        count += 1
                        yield item
    yield from _left(listing, [_at(last, listing.more or listing.total or "")], count)


def _skip_line(stream: IO[str]) -> None:
    while (rest := stream.readline(MAX_LINE)) and not rest.endswith("\n"):
        pass


def _items(value: dict[str, Any], where: str, listing: Listing) -> Iterator[Found | Gap]:
    items = next((value[key] for key in listing.lists if isinstance(value.get(key), list)), None)
    if items is None:
        yield Found(where, value)
        return
    for number, item in enumerate(items, 1):
        place = f"{where}, {listing.noun} {number}"
        yield _item(item, place)


def _at(page: dict[str, Any], key: str) -> object:
    """What lies under a key, or under a path with dots."""
    return page[key] if key in page else field(page, *key.split("."))


def _left(listing: Listing, said: list[Any], count: int) -> Iterator[Gap]:
    """The gap for what pages say of other pages."""
    if listing.more and any(said):
        yield Gap("the end", f"{listing.more} says that another page follows, which is not in this file", "listing")
    total = max((whole(value) or 0 for value in said), default=0) if listing.total else 0
    if total > count:
        yield Gap("the end", f"{listing.total} says {total}, of which {count} are in this file", "listing")


class _Source:
    """A document as the file that ``ijson`` reads. Raises `ValueError` where going on would take too much."""

    def __init__(self, stream: IO[str], key: str | None = None, limit: int | None = None) -> None:
        self._stream = stream
        self._limit = limit
        self._depth = Depth()
        self._key = f'{key.rpartition(".")[2]}"'.encode() if key else None
        self._end = b""
        self.silent = 0
        """Bytes since the last record."""
        self.saw_key = False

    def read(self, size: int) -> bytes:
        """Some more of it; nothing at its end."""
        chunk = self._stream.read(CHUNK).encode("utf-8", "replace") if size else b""
        if self._depth.after(chunk) > MAX_DEPTH:
            raise ValueError(f"more than {MAX_DEPTH} brackets are open at once")
        self.silent += len(chunk)
        if self._limit and self.silent > self._limit:
            raise ValueError(f"more than {self._limit} bytes without the end of a record")
        if self._key and not self.saw_key:
            self.saw_key = self._key in self._end + chunk
            self._end = chunk[-len(self._key) :]
        return chunk


def _streamed(document: Document, listing: Listing) -> Iterator[Found | Gap]:
    array, prefix = _shape(document.head, listing)
    key = listing.more or listing.total
    number = 0
    with closing(document.text()) as stream:
        source = _Source(stream, key, MAX_RECORD)
        try:
            for item in ijson.items(source, prefix, buf_size=CHUNK, multiple_values=True):
                number += 1
                source.silent = 0
                yield _item(item, f"{listing.noun} {number}")
        except (JSONError, ValueError):
            sound = False
        else:
            sound = True
    if not sound:
        yield from _broken(document, listing, prefix, number)
    elif key and source.saw_key:
        with closing(document.text()) as stream:
            said = ijson.items(_Source(stream), f"item.{key}" if array else key, multiple_values=True)
            yield from _left(listing, list(islice(said, MAX_SAID)), number)


def _broken(document: Document, listing: Listing, prefix: str, told: int) -> Iterator[Found | Gap]:
    """What a broken document holds after the records already told: ``ijson`` drops the last ones before the break."""
    found = sendable_list()
    parser = ijson.items_coro(found, prefix, multiple_values=True)
    number = 0
    problem = None
    with closing(document.text()) as stream:
        source = _Source(stream, limit=MAX_RECORD)
        while problem is None:
            problem = _fed(parser, source)
            for item in found:
                number += 1
                source.silent = 0
                if number > told:
                    yield _item(item, f"{listing.noun} {number}")
            found.clear()
    yield Gap(f"after {listing.noun} {number}", problem, "listing")


def _item(item: object, where: str) -> Found | Gap:
    return Found(where, item) if isinstance(item, dict) else Gap(where, "not a JSON object")


def _fed(parser: Coroutine[Any, bytes, None], source: _Source) -> str | None:
    """Hand on a chunk, or the end; what is wrong with it, if anything."""
    try:
        chunk = source.read(CHUNK)
        if chunk:
            parser.send(chunk)
        else:
            parser.close()
            return "the JSON is broken"
    except IncompleteJSONError as error:
        return f"the JSON ends too early, or is broken: {_said(error)}"
    except JSONError as error:
        return f"the JSON is broken: {_said(error)}"
    except ValueError as error:
        return _said(error)
    return None


def _said(error: Exception) -> str:
    return str(error).partition("\n")[0].strip()[:MAX_SHOWN]


def _shape(head: str, listing: Listing) -> tuple[bool, str]:
    """Whether everything lies in an array, and the path of a record."""
    array = head.lstrip(BLANK).startswith("[")
    keys = glimpse(head)
    page = next((f"{key}.item" for key in listing.lists if key in keys), None)
    return array, ".".join(part for part in ("item" if array else None, page) if part)
