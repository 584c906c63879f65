"""The texts of one string resource, in every language, without parsing the rest of the resource table.

Format: AOSP ``frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h``: ``ResTable_header``,
``ResTable_package``, ``ResTable_type``, ``ResTable_entry``, ``Res_value``, ``ResStringPool_header``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from scanner.bytesource import ByteSource, Fields
from scanner.errors import ApkError, LimitExceeded

MAX_RESOURCES = 64 << 20
"""Largest resource table that is looked into, in bytes."""
MAX_CHUNKS = 100_000
"""Chunks that are passed on the way; a package has one for each kind of resource and configuration."""
MAX_TEXTS = 300
"""Texts of one resource; there is at most one for each language."""
MAX_TEXT = 200
"""Characters of a text that are read; a label is shorter."""
MAX_REFERENCES = 8
"""Resources that may stand for one another in a row."""
TABLE, POOL, PACKAGE, TYPE = 0x0002, 0x0001, 0x0200, 0x0201
SPARSE, NARROW = 0x01, 0x02
"""Flags of a type: only some entries are there; offsets have 16 bits."""
COMPLEX, COMPACT = 0x0001, 0x0008
"""Flags of an entry: a bag of values; the value lies in the entry's own header."""
REFERENCES, STRING = frozenset({0x01, 0x07}), 0x03
UTF8 = 0x100
NO_ENTRY, NO_NARROW_ENTRY = 0xFFFFFFFF, 0xFFFF


class _Chunk(NamedTuple):
    kind: int
    at: int
    header: int
    end: int


class _Value(NamedTuple):
    default: bool
    """Whether it is the value for every device that no other configuration fits."""
    kind: int
    data: int


def texts_of(table: ByteSource, number: int) -> list[str]:
    """Every text of a string resource, the default one first; none where it is no string.

    Raises `ApkError` where the table does not hold together on the way to them.
    """
    found: dict[str, None] = {}
    seen, wanted = {number}, [number]
    chunks = list(_chunks(table, _top(table)))
    pool = next((chunk for chunk in chunks if chunk.kind == POOL), None)
    for _ in range(MAX_REFERENCES):
        values = [value for one in wanted for value in _values(table, chunks, one)]
        values.sort(key=lambda value: not value.default)
        for value in values[:MAX_TEXTS]:
            if value.kind == STRING and pool is not None:
                found.setdefault(_text(table, pool, value.data))
        wanted = [value.data for value in values if value.kind in REFERENCES and value.data not in seen][:MAX_TEXTS]
        seen.update(wanted)
    return list(found)[:MAX_TEXTS]


def _top(table: ByteSource) -> _Chunk:
    top = _chunk(table, 0, table.size)
    if top.kind != TABLE:
        raise ApkError("not a resource table")
    return top


def _chunk(table: ByteSource, at: int, end: int) -> _Chunk:
    fields = Fields(table.read_at(at, 8), "resource chunk")
    kind, header, size = fields.u16("type"), fields.u16("header size"), fields.u32("size")
    if header < 8 or size < header or at + size > end:
        raise ApkError(f"the chunk at byte {at} does not fit into what holds it")
    return _Chunk(kind, at, header, at + size)


def _chunks(table: ByteSource, parent: _Chunk) -> Iterator[_Chunk]:
    at = parent.at + parent.header
    for _ in range(MAX_CHUNKS):
        if at + 8 > parent.end:
            return
        chunk = _chunk(table, at, parent.end)
        yield chunk
        at = chunk.end
    raise LimitExceeded(f"more than {MAX_CHUNKS} chunks")


def _values(table: ByteSource, chunks: list[_Chunk], number: int) -> Iterator[_Value]:
    """The values of a resource, one for each configuration that has any. Its number is package, type, entry."""
    package, kind, entry = number >> 24, number >> 16 & 0xFF, number & 0xFFFF
    for parent in (chunk for chunk in chunks if chunk.kind == PACKAGE):
        if Fields(table.read_at(parent.at + 8, 4), "package").u32("id") != package:
            continue
        for chunk in _chunks(table, parent):
            if chunk.kind == TYPE and table.read_at(chunk.at + 8, 1)[0] == kind:
                value = _value(table, chunk, entry)
                if value is not None:
                    yield value


def _value(table: ByteSource, chunk: _Chunk, entry: int) -> _Value | None:
    header = Fields(table.read_at(chunk.at + 8, chunk.header - 8), "resource type")
    flags = header.take(2, "id and flags")[1]
    header.take(2, "reserved")
    count, start = header.u32("entry count"), header.u32("entries start")
    size = header.u32("configuration size")
    configuration = header.take(min(max(0, size - 4), header.left), "configuration")
    offset = _entry_offset(table, chunk, flags, count, entry)
    if offset is None:
        return None
    at = chunk.at + start + offset
    if at + 8 > chunk.end:
        raise ApkError("an entry lies outside its type")
    head = Fields(table.read_at(at, 8), "entry")
    length, entry_flags, data = head.u16("size"), head.u16("flags"), head.u32("key")
    default = not any(configuration)
    if entry_flags & COMPACT:
        return _Value(default, entry_flags >> 8, data)
    if entry_flags & COMPLEX:
        return None
    value = Fields(table.read_at(at + length, 8), "value")
    value.take(3, "size")
    return _Value(default, value.take(1, "type")[0], value.u32("data"))


def _entry_offset(table: ByteSource, chunk: _Chunk, flags: int, count: int, entry: int) -> int | None:
    """Where an entry begins, from the start of the entries; None where this configuration has none."""
    index = chunk.at + chunk.header
    if flags & SPARSE:
        pairs = Fields(table.read_at(index, 4 * min(count, 1 << 16)), "sparse index")
        while pairs.left:
            number, offset = pairs.u16("entry"), pairs.u16("offset")
            if number == entry:
                return 4 * offset
        return None
    if entry >= count:
        return None
    if flags & NARROW:
        short = Fields(table.read_at(index + 2 * entry, 2), "index").u16("offset")
        return None if short == NO_NARROW_ENTRY else 4 * short
    wide = Fields(table.read_at(index + 4 * entry, 4), "index").u32("offset")
    return None if wide == NO_ENTRY else wide


def _text(table: ByteSource, pool: _Chunk, number: int) -> str:
    header = Fields(table.read_at(pool.at + 8, 20), "string pool")
    count, _, flags, start = header.u32("count"), header.u32("styles"), header.u32("flags"), header.u32("start")
    if number >= count:
        raise ApkError("a text is not in the string pool")
    offset = Fields(table.read_at(pool.at + pool.header + 4 * number, 4), "string pool").u32("offset")
    at = pool.at + start + offset
    fields = Fields(table.read_at(at, max(0, min(4 * MAX_TEXT + 8, pool.end - at))), "text")
    if flags & UTF8:
        _short_length(fields)
        length = _short_length(fields)
        return fields.take(min(length, fields.left), "text").decode("utf-8", "replace")[:MAX_TEXT]
    length = fields.u16("length")
    if length & 0x8000:
        length = (length & 0x7FFF) << 16 | fields.u16("length")
    return fields.take(min(2 * length, fields.left & ~1), "text").decode("utf-16-le", "replace")[:MAX_TEXT]


def _short_length(fields: Fields) -> int:
    """A length of one byte, or of two where the first has its top bit set."""
    first = fields.take(1, "length")[0]
    return (first & 0x7F) << 8 | fields.take(1, "length")[0] if first & 0x80 else first
