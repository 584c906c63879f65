"""Tables of apps that anybody may have made: CSV and its kin, a JSON array of objects, JSON objects line by line.

Their columns are named by the user, else guessed; a guess is told. They come last of all readers: a format with a
reader of its own is better understood by that.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from itertools import dropwhile
from typing import Any

import msgspec

from scanner.model import counted, printable
from scanner.sources.inventories.columns import (
    SAMPLE,
    Layout,
    cell_at,
    guess,
    is_dotted,
    lay_out,
    parse_columns,
    tells_an_app,
)
from scanner.sources.inventories.delimited import Numbered, rows_of, sample_of, understand
from scanner.sources.inventories.documents import numbered_lines
from scanner.sources.inventories.jsonstream import JsonStream
from scanner.sources.inventories.readers.spreadsheet import sheet_reader
from scanner.sources.inventories.reading import HEAD, BundleReader, Document, Entry, Gap, Note, Reader
from scanner.sources.inventories.tablerows import entries_of

__all__ = ["TABLE_READERS", "parse_columns", "table_reader", "table_readers"]

NO_COLUMN = "no column of package names was found: say which it is with --columns, such as package=2"
CUT = "it has fewer cells than there are titles, and no end: the table may be cut short"
AN_OBJECT = "an array of objects is wanted; where it lies in one, take it out first, as with jq .apps"
AN_INSIDE = "; where the list lies in it, take it out first, as with jq -c .apps[]"
LIMIT = "A table holds what somebody wrote into it: an app that is not in it may be installed all the same."
MAX_DEPTH = 3
"""Objects inside objects that are looked into."""
MAX_KEYS = 500
"""Keys of one object that are looked at."""
MAX_SHAPES = 1000
"""Different sets of keys whose columns are remembered."""
MAX_TITLE = 60
"""Characters of a key that are told."""
MAX_INT = 1 << 64
"""Largest number that is looked at; Python refuses to print the very long ones."""
_NESTED = frozenset({dict, list})
_decode = msgspec.json.Decoder().decode

Columns = Mapping[str, str] | None


def table_reader(columns: Columns = None, name: str = "csv") -> Reader:
    """The reader of ``csv``, ``json`` or ``ndjson``, with the columns that `parse_columns` gave, or guessing them."""
    titles = {"csv": "a table (CSV, TSV)", "json": "a JSON array of objects", "ndjson": "JSON objects, one a line"}
    recognises = {"csv": _is_csv, "json": _is_json, "ndjson": _is_ndjson}[name]
    read = {"csv": _read_csv, "json": _read_json, "ndjson": _read_ndjson}[name]
    return Reader(name, titles[name], recognises, lambda document, spec: read(document, spec, columns), LIMIT)


def table_readers(columns: Columns = None) -> tuple[Reader | BundleReader, ...]:
    """Every reader of tables, with these columns."""
    return (*(table_reader(columns, name) for name in ("csv", "json", "ndjson")), sheet_reader(columns, LIMIT))


# CSV --------------------------------------------------------------------------------------------------------------


def _is_csv(head: str) -> bool:
    if not head or head.lstrip()[:1] in {"{", "[", "<", ""} or "\0" in head or head.startswith("PK"):
        return False
    lines = head.splitlines(keepends=True)
    if len(head.encode("utf-8", "replace")) >= HEAD - 4 and len(lines) > 1:
        lines.pop()
    table = understand(lines[:SAMPLE], None)
    layout = table.layout
    if layout is None or layout.header is None or not tells_an_app(guess(list(layout.titles.values()))):
        return False
    return table.shown or (len(layout.columns) > 1 and not table.belied)


def _read_csv(document: Document, spec: str, columns: Columns) -> Iterator[Entry]:
    table = understand(sample_of(numbered_lines(document)), columns)
    layout = table.layout
    if layout is None:
        yield Gap("", _nothing(columns), "listing")
        return
    yield from _told(layout)
    last: list[str] = [""]
    lines = _watched(dropwhile(lambda numbered: numbered[0] <= table.after, numbered_lines(document)), last)
    for number, row in rows_of(lines, table.delimiter, table.width):
        if isinstance(row, str):
            yield Gap(f"line {number}", row)
        elif any(map(str.strip, row)):
            yield from _row(row, layout, table.width, document.name, spec, number)
            if len(row) < table.width and not last[0].endswith("\n"):
                yield Gap(f"line {number}", CUT, "listing")


def _watched(lines: Numbered, last: list[str]) -> Numbered:
    """The lines, the last of which is kept."""
    for numbered in lines:
        last[0] = numbered[1]
        yield numbered


def _row(row: list[str], layout: Layout, width: int, name: str, spec: str, number: int) -> Iterator[Entry]:
    columns: Mapping[str, int] = layout.columns
    if width and len(row) > width and any(map(str.strip, row[width:])):
        yield Gap(
            f"line {number}",
            f"{counted(len(row), 'cell')}, but {counted(width, 'title')}: only its package name was taken",
        )
        package = cell_at(row, columns["package"]) if "package" in columns else ""
        if not is_dotted(package):
            return
        columns = {"package": columns["package"]}
    length = len(row)
    values = {field: row[place] for field, place in columns.items() if place < length}
    yield from entries_of(values, layout.titles, name=name, spec=spec, line=number)


def _told(layout: Layout) -> Iterator[Entry]:
    if layout.guessed:
        yield Note(layout.told())
    if set(layout.titles.values()) >= {"package_name", "signer_sha256"} and "assurance" in layout.columns:
        yield Note("this is app-scanner's csv, which holds less than its jsonl: save that to scan it again")
    for title in layout.missing:
        yield Gap("", f"there is no column {title!r}", "listing")


def _nothing(columns: Columns) -> str:
    return NO_COLUMN if columns is None else f"there is no column {', nor '.join(map(repr, columns.values()))}"


# JSON -------------------------------------------------------------------------------------------------------------


class _Objects:
    """Objects as rows: their keys are the titles, those of objects inside joined by dots."""

    def __init__(self, name: str, spec: str, columns: Columns) -> None:
        self._name, self._spec, self._wanted = name, spec, columns
        self._shapes: dict[tuple[str, ...], tuple[tuple[tuple[str, str], ...], Mapping[str, str]] | None] = {}
        self._noted = False

    def entries(self, value: object, number: int) -> Iterator[Entry]:
        """What one object says."""
        if not isinstance(value, dict):
            yield Gap(f"line {number}", "not an object")
            return
        flat = value
        if not _NESTED.isdisjoint(map(type, value.values())):
            flat = dict(_flat(value))
        keys = tuple(flat)
        if keys not in self._shapes:
            yield from self._new_shape(keys, flat)
        shape = self._shapes[keys]
        if shape is None:
            inside = any(isinstance(item, list) and item and isinstance(item[0], dict) for item in value.values())
            yield Gap(f"line {number}", f"no key of it names a package or an app{AN_INSIDE if inside else ''}")
            return
        places, titles = shape
        values = {field: item if type(item := flat[key]) is str else _text(item) for field, key in places}
        yield from entries_of(values, titles, name=self._name, spec=self._spec, line=number)

    def _new_shape(self, keys: tuple[str, ...], flat: Mapping[str, Any]) -> Iterator[Entry]:
        if len(self._shapes) >= MAX_SHAPES:
            self._shapes.clear()
        layout = _shape({key: _text(item) for key, item in flat.items()}, self._wanted)
        self._shapes[keys] = None
        if layout is not None:
            self._shapes[keys] = tuple((field, keys[at]) for field, at in layout.columns.items()), layout.titles
            if not self._noted:
                yield from _told(layout)
            self._noted = True


def _shape(flat: Mapping[str, str], wanted: Columns) -> Layout | None:
    keys, cells = list(flat), list(flat.values())
    if wanted is not None:
        layout = lay_out([keys], wanted)
        return layout if layout is None or layout.header is not None else None
    columns = guess(keys, [cells])
    if not {"package", "title"} & set(columns):
        return None
    titles = {field: printable(keys[place])[:MAX_TITLE] for field, place in columns.items()}
    return Layout(columns, titles, 0, guessed=True)


def _flat(value: Mapping[str, Any], front: str = "", depth: int = 1) -> Iterator[tuple[str, str]]:
    for number, (key, item) in enumerate(value.items()):
        if number >= MAX_KEYS:
            return
        if isinstance(item, dict):
            if depth < MAX_DEPTH:
                yield from _flat(item, f"{front}{key}.", depth + 1)
        elif isinstance(item, list):
            yield front + key, ";".join(_text(one) for one in item if not isinstance(one, dict | list))
        else:
            yield front + key, _text(item)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and abs(value) > MAX_INT:
        return ""
    return "" if value is None or isinstance(value, dict | list) else str(value)


def _is_json(head: str) -> bool:
    if not head.lstrip().startswith("["):
        return False
    try:
        first = next(JsonStream(io.StringIO(head)).items(), None)
    except ValueError:
        return False
    return _is_row(first)


def _is_ndjson(head: str) -> bool:
    first, _, rest = head.lstrip().partition("\n")
    if not first.startswith("{") or rest.lstrip()[:1] not in {"{", ""}:
        return False
    try:
        return _is_row(_decode(first))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False


def _is_row(value: object) -> bool:
    if not isinstance(value, dict):
        return False
    flat = dict(_flat(value))
    layout = _shape(flat, None)
    return (
        layout is not None and "package" in layout.columns and is_dotted(list(flat.values())[layout.columns["package"]])
    )


def _read_json(document: Document, spec: str, columns: Columns) -> Iterator[Entry]:
    objects, number = _Objects(document.name, spec, columns), 0
    with document.text() as stream:
        values = JsonStream(stream)
        if values.next() == "{":
            yield Gap("", AN_OBJECT, "listing")
            return
        try:
            for value in values.items():
                number += 1
                yield from objects.entries(value, number)
            values.end()
        except ValueError as error:
            yield Gap(f"line {number + 1}", f"not read on from here: {error}", "listing")


def _read_ndjson(document: Document, spec: str, columns: Columns) -> Iterator[Entry]:
    objects = _Objects(document.name, spec, columns)
    for number, line in numbered_lines(document):
        if not line.strip():
            continue
        try:
            value = _decode(line)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            yield Gap(f"line {number}", "not valid UTF-8" if isinstance(error, UnicodeError) else f"not JSON: {error}")
        else:
            yield from objects.entries(value, number)


TABLE_READERS = table_readers()
"""Readers of tables, their columns guessed. To be asked after all others."""
