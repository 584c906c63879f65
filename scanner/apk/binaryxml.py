"""Android's binary XML, read by the platform's own rules: what it ignores is passed over, what it refuses is an error.

A manifest is where malware breaks tools while the phone still installs it, so who an APK says it is must be read as the
phone reads it. Every rule here is one of AOSP ``libs/androidfw/ResourceTypes.cpp``: ``ResXMLTree::setTo``,
``validateNode`` and ``nextNode``, ``ResStringPool::setTo`` and ``stringAt``, ``validate_chunk``. Layouts::

    chunk      type u16 │ header size u16 │ size u32
    pool       chunk │ strings u32 │ styles u32 │ flags u32 │ strings start u32 │ styles start u32 │ offset u32 …
    node       chunk │ line u32 │ comment u32
    start tag  node │ name space u32 │ name u32 │ attribute start, size, count, id, class, style u16
    attribute  name space u32 │ name u32 │ raw value u32 │ size u16 │ 0 u8 │ type u8 │ data u32

Nothing but offsets is kept, so a hostile count costs nothing: a string is looked at when somebody asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits

XML, POOL, MAP, FIRST_NODE, LAST_NODE = 0x0003, 0x0001, 0x0180, 0x0100, 0x017F
START_SPACE, END_SPACE, START, END, TEXT = range(0x0100, 0x0105)
LEAST = {START_SPACE: 8, END_SPACE: 8, START: 20, END: 8, TEXT: 12}
"""Bytes that must follow the header of each kind of node; of others Android takes no notice."""
NODE, POOL_HEADER, ATTRIBUTE = 16, 28, 20
NONE, NEGATIVE = 0xFFFFFFFF, 0x80000000
UTF8 = 0x100
TYPE_STRING = 0x03
_CHUNK = struct.Struct("<HHI")
_POOL = struct.Struct("<8xIIIII")
_START = struct.Struct("<IIHHH")
_ATTRIBUTE = struct.Struct("<IIIHBBI")
_OFFSET = struct.Struct("<I")

Attributes = dict[int | str, tuple[int, int, str]]
"""Resource id, or name where it is in no name space, or ``space:name`` → type, data, text."""


class Element(NamedTuple):
    """An element that opens; the root is at depth 1."""

    depth: int
    name: str
    attributes: Attributes


class _Pool(NamedTuple):
    strings: int
    entries: int
    start: int
    length: int
    """In characters: bytes of UTF-8, pairs of bytes of UTF-16."""
    utf8: bool
    problem: str


class BinaryXml:
    """One document. ``notes`` says, by kind, what honest tools do not write and Android takes no notice of.

    Raises:
        ApkError: Android refuses it, too.
        LimitExceeded: it has more strings than ``limits`` allow.
    """

    def __init__(self, data: bytes, limits: Limits = LIMITS) -> None:
        self.notes: dict[str, str] = {}
        self._data, self._most = data, limits.elements
        self._pool = _Pool(0, 0, 0, 0, False, "no string pool")  # noqa: FBT003
        self._ids, self._ids_count = 0, 0
        self._end = len(data)
        self._root = self._first_node(self._header(), limits.string_pool)
        if self._pool.problem:
            raise ApkError(f"manifest: {self._pool.problem}")

    def _header(self) -> int:
        """Where the first chunk begins. The type of the whole is not looked at, nor what stands behind its end."""
        if len(self._data) < _CHUNK.size:
            raise ApkError("manifest: too short for a binary XML")
        kind, header, size = _CHUNK.unpack_from(self._data)
        if header > size or size > len(self._data):
            raise ApkError(f"manifest: not a binary XML: {size} bytes announced, {len(self._data)} there")
        if kind != XML:
            self.notes["manifest-magic"] = f"type 0x{kind:04x} instead of 0x0003; not looked at, as on Android"
        if header != _CHUNK.size:
            self.notes["manifest-header"] = f"a header of {header} bytes instead of 8; skipped, as on Android"
        if size < len(self._data):
            self.notes["manifest-trailing-bytes"] = "data behind the end of the binary XML"
        self._end = size
        return int(header)

    def _first_node(self, at: int, most: int) -> int:
        """Where the first node is; on the way the string pool and the resource ids, of each the last one."""
        pools = maps = 0
        last = at
        while at < self._end - _CHUNK.size and at < self._end - _CHUNK.unpack_from(self._data, at)[2]:
            kind, header, size = self._chunk(at, _CHUNK.size)
            if kind == POOL:
                pools += 1
                self._pool = self._string_pool(at, header, size, most)
            elif kind == MAP:
                maps += 1
                self._ids, self._ids_count = at + header, (size - header) // 4
            elif FIRST_NODE <= kind <= LAST_NODE:
                self._several(pools, maps)
                self._node(at)
                return at if last != at else at + size  # a document that begins with a node loses it
            else:
                self.notes["manifest-dummy-chunk"] = f"chunk of type 0x{kind:04x}; skipped, as on Android"
            last, at = at, at + size
        raise ApkError("manifest: no element")

    def _several(self, pools: int, maps: int) -> None:
        if pools > 1 or maps > 1:
            what = f"{pools} string pools, {maps} resource maps"
            self.notes["manifest-repeated-chunk"] = f"{what}; the last of each counts, as on Android"

    def _chunk(self, at: int, least: int) -> tuple[int, int, int]:
        """Type, header size and size of a chunk that holds together."""
        if at + _CHUNK.size > self._end:
            raise ApkError(f"manifest: cut short at byte {at}")
        kind, header, size = _CHUNK.unpack_from(self._data, at)
        if header < least or header > size or (header | size) & 3 or size > self._end - at:
            raise ApkError(f"manifest: the chunk at byte {at} does not fit (header {header}, size {size})")
        return kind, header, size

    def _node(self, at: int) -> tuple[int, int, int]:
        kind, header, size = self._chunk(at, NODE)
        if kind == START:
            if size < header + _START.size + 6:
                raise ApkError(f"manifest: the element at byte {at} is too short")
            _, _, start, length, count = _START.unpack_from(self._data, at + header)
            if start + length * count > size - header:
                raise ApkError(f"manifest: the attributes of the element at byte {at} do not fit into it")
        return kind, header, size

    def _string_pool(self, at: int, header: int, size: int, most: int) -> _Pool:
        """The pool, with the reason for which Android would refuse it, if there is one."""
        if header < POOL_HEADER:
            return self._pool._replace(problem="the string pool has no header")
        count, styles, flags, start, styles_start = _POOL.unpack_from(self._data, at)
        if min(count, size // 4) > most:
            raise LimitExceeded.of(f"manifest: a pool of {count} strings", "string_pool", most)
        utf8 = bool(flags & UTF8)
        limit = styles_start if styles else size
        wide = 1 if utf8 else 2
        length = (limit - start) // wide
        problem = ""
        if start > size or styles_start > size or header + 4 * count > size or (count and start >= size - 2):
            problem = "the string pool is smaller than what it announces"
        elif styles and (styles_start <= start or header + 4 * (count + styles) > start):
            problem = "the styles of the string pool overlap its strings"
        elif count and (length <= 0 or any(self._data[at + start + (length - 1) * wide : at + start + length * wide])):
            problem = "the string pool does not end with a zero"
        elif start != header + 4 * (count + styles):
            odd = f"text at {start} where {count} strings end their index at {header + 4 * (count + styles)}"
            self.notes["manifest-string-pool"] = f"{odd}; read as Android reads it"
        return _Pool(count, at + header, at + start, length, utf8, problem)

    def string(self, number: int) -> str | None:
        """A string of the pool; None where Android has none either: no such number, malformed, or not ended by zero."""
        pool = self._pool
        if number >= pool.strings:
            return None
        offset = _OFFSET.unpack_from(self._data, pool.entries + 4 * number)[0]
        if pool.utf8:
            return self._utf8(offset) if offset < pool.length - 1 else None
        return self._utf16(offset // 2) if offset // 2 < pool.length - 1 else None

    def _utf16(self, at: int) -> str | None:
        data, start, length = self._data, self._pool.start, self._pool.length
        size = int.from_bytes(data[start + 2 * at : start + 2 * at + 2], "little")
        at += 1
        if size & 0x8000:
            low = int.from_bytes(data[start + 2 * at : start + 2 * at + 2], "little")
            size, at = (size & 0x7FFF) << 16 | low, at + 1
        end = start + 2 * (at + size)
        if at + size >= length or data[end : end + 2] != b"\0\0":
            return None
        return data[start + 2 * at : end].decode("utf-16-le", "surrogatepass")

    def _utf8(self, at: int) -> str | None:
        data, length = self._data, self._pool.length
        characters, at = self._short_length(at)
        size, at = self._short_length(at)
        start, times, end = self._pool.start + at, 0, size
        while at + end < length and data[start + end] != 0:  # old tools cut lengths beyond 0x7fff
            times += 1
            end = times << 15 | size
        if at + end >= length:
            return None
        try:
            text = data[start : start + end].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return None
        actual = len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
        return text if actual & 0x7FFF == characters else None

    def _short_length(self, at: int) -> tuple[int, int]:
        first, second = (self._data[self._pool.start + at : self._pool.start + at + 2] + b"\0\0")[:2]
        return ((first & 0x7F) << 8 | second, at + 2) if first & 0x80 else (first, at + 1)

    def holds(self, word: str) -> bool:
        """Whether the pool may hold a word."""
        pool = self._pool
        end = pool.start + pool.length * (1 if pool.utf8 else 2)
        return self._data.find(word.encode("utf-8" if pool.utf8 else "utf-16-le"), pool.start, end) >= 0

    def elements(self) -> Iterator[Element]:
        """Every element that opens, up to the end of the root. Raises `ApkError` where Android would."""
        at, depth, seen = self._root, 0, 0
        while at < self._end:
            kind, header, size = self._node(at)
            if size - header < LEAST.get(kind, 0):
                raise ApkError(f"manifest: the node at byte {at} is too short")
            if kind == START:
                depth, seen = depth + 1, seen + 1
                if seen > self._most:
                    raise LimitExceeded.of("manifest: too many elements", "elements", self._most)
                yield self._element(at + header, depth)
            elif kind == END:
                depth -= 1
                if depth <= 0:
                    self._behind(at + size)
                    return
            elif kind not in LEAST:
                self.notes["manifest-dummy-chunk"] = f"chunk of type 0x{kind:04x}; skipped, as on Android"
            at += size

    def _behind(self, at: int) -> None:
        """What follows the root is not looked at, but told."""
        while at < self._end:
            kind, _, size = self._node(at)
            if kind == START:
                self.notes["manifest-several-roots"] = "a second root element; Android reads the first"
                return
            at += size

    def _element(self, at: int, depth: int) -> Element:
        _, name, start, length, count = _START.unpack_from(self._data, at)
        if count and (start != ATTRIBUTE or length != ATTRIBUTE):
            self.notes["manifest-attributes"] = (
                f"attributes of {length} bytes from byte {start} instead of 20 from 20; read as Android reads them"
            )
        found: Attributes = {}
        for one in range(at + start, at + start + count * length, length or 1):
            if one + ATTRIBUTE > len(self._data):
                break
            self._attribute(one, found)
        return Element(depth, self.string(name) or "", found)

    def _attribute(self, at: int, found: Attributes) -> None:
        """Put one attribute under its resource id, and under its name where it has no id or is in no name space.

        The raw value is the text where there is one; the platform asks for ``package`` by name, whatever id it has.
        """
        space, name, raw, _, _, kind, value = _ATTRIBUTE.unpack_from(self._data, at)
        text = self.string(raw) if raw < NEGATIVE else self.string(value) if kind == TYPE_STRING else None
        entry = (kind, value, text or "")
        number = _OFFSET.unpack_from(self._data, self._ids + 4 * name)[0] if name < self._ids_count else 0
        if number:
            found.setdefault(number, entry)
        within = self.string(space) if space < NEGATIVE else None
        if number and within is not None:
            return
        called = self.string(name)
        if called is not None:
            found.setdefault(called if within is None else f"{within}:{called}", entry)
