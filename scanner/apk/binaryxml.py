"""Android's binary XML, read by the platform's own rules: what it ignores is passed over, what it refuses is an error.

A manifest is where malware breaks tools while the phone still installs it, so who an APK says it is must be read as the
phone reads it. Every rule here is one of AOSP ``libs/androidfw/ResourceTypes.cpp``: ``ResXMLTree::setTo``,
``validateNode`` and ``nextNode``, ``ResStringPool::setTo`` and ``stringAt``, ``validate_chunk``. Layouts::

    chunk      type u16 │ header size u16 │ size u32
    pool       chunk │ strings u32 │ styles u32 │ flags u32 │ strings start u32 │ styles start u32 │ offset u32 …
    node       chunk │ line u32 │ comment u32
    start tag  node │ name space u32 │ name u32 │ attribute start, size, count, id, class, style u16
    attribute  name space u32 │ name u32 │ raw value u32 │ size u16 │ 0 u8 │ type u8 │ data u32

Nothing but offsets is kept: a string is looked at when somebody asks for it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple

from scanner.apk.stringpool import StringPool
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits

XML, POOL, MAP, FIRST_NODE, LAST_NODE = 0x0003, 0x0001, 0x0180, 0x0100, 0x017F
START_SPACE, END_SPACE, START, END, TEXT = range(0x0100, 0x0105)
LEAST = {START_SPACE: 8, END_SPACE: 8, START: 20, END: 8, TEXT: 12}
"""Bytes that must follow the header of each kind of node; of others Android takes no notice."""
NODE, ATTRIBUTE = 16, 20
NONE, NEGATIVE = 0xFFFFFFFF, 0x80000000
TYPE_STRING = 0x03
ANDROID = "http://schemas.android.com/apk/res/android"
PLAIN = frozenset({"package", "split"})
"""Attributes that Android asks for by name, without a name space."""
NAMES = {
    0x0101021B: "versionCode",
    0x0101021C: "versionName",
    0x01010576: "versionCodeMajor",
    0x0101020C: "minSdkVersion",
    0x01010270: "targetSdkVersion",
}
"""What attributes that tell who an app is are called, by resource id."""
_CHUNK = struct.Struct("<HHI")
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


class BinaryXml:
    """One document. ``notes`` says, by kind, what honest tools do not write and Android takes no notice of.

    Raises:
        ApkError: Android refuses it, too.
        LimitExceeded: it has more strings than ``limits`` allow.
    """

    def __init__(self, data: bytes, limits: Limits = LIMITS) -> None:
        self.notes: dict[str, str] = {}
        self._data, self._most = data, limits.elements
        self._pools: list[StringPool] = []
        self._pairs: dict[str, bytes] = {}  # of an element's name: the numbers of its name space and of itself
        self._ids, self._ids_count = 0, 0
        self._end = len(data)
        self._root = self._first_node(self._header(), limits.string_pool)
        if not self._pools or self._pools[-1].problem:
            raise ApkError(f"manifest: {self._pools[-1].problem if self._pools else 'no string pool'}")
        self.pool = self._pools[-1]
        if self.pool.oddity:
            self.notes["manifest-string-pool"] = self.pool.oddity

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
                self._pools = [StringPool(self._data, at, header, size, most)]
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

    def elements(self, wanted: str = "") -> Iterator[Element]:
        """Every element that opens, up to the end of the root. Raises `ApkError` where Android would.

        ``wanted`` names the one whose attributes are of interest besides the root's: of all others none are read.
        """
        at, depth, seen = self._root, 0, 0
        while at < self._end:
            kind, header, size = self._node(at)
            if size - header < LEAST.get(kind, 0):
                raise ApkError(f"manifest: the node at byte {at} is too short")
            if kind == START:
                depth, seen = depth + 1, seen + 1
                if seen > self._most:
                    raise LimitExceeded.of("manifest: too many elements", "elements", self._most)
                yield self._element(at + header, depth, wanted)
            elif kind == END:
                depth -= 1
                if depth <= 0:
                    self._behind(at + size)
                    return
            elif kind not in LEAST:
                self.notes["manifest-dummy-chunk"] = f"chunk of type 0x{kind:04x}; skipped, as on Android"
            at += size

    def repeats(self, name: str) -> bool:
        """Whether there may be more elements named as one that ``elements`` has read, by its bytes: that costs little.

        What no tool writes is passed over: a name that stands twice in the pool, or in another name space.
        """
        return self._data.count(self._pairs[name], 0, self._end) > len(("it opens", "it closes"))

    def look_behind(self, root: str) -> None:
        """Note a second root, where there are more elements of the root's name than it alone would make."""
        if self.repeats(root):
            for _ in self.elements():
                pass

    def _behind(self, at: int) -> None:
        """What follows the root is not looked at, but told."""
        while at < self._end:
            kind, _, size = self._node(at)
            if kind == START:
                self.notes["manifest-several-roots"] = "a second root element; Android reads the first"
                return
            at += size

    def _element(self, at: int, depth: int, wanted: str) -> Element:
        _, number, start, length, count = _START.unpack_from(self._data, at)
        name = self.pool.string(number) or ""
        if wanted and depth > 1 and name != wanted:
            return Element(depth, name, {})
        self._pairs[name] = self._data[at : at + 8]
        if count and (start != ATTRIBUTE or length != ATTRIBUTE):
            self.notes["manifest-attributes"] = (
                f"attributes of {length} bytes from byte {start} instead of 20 from 20; read as Android reads them"
            )
        found: Attributes = {}
        for one in range(at + start, at + start + count * length, length or 1):
            if one + ATTRIBUTE > len(self._data):
                break
            self._attribute(one, found)
        return Element(depth, name, found)

    def _differs(self, kind: int, value: int, text: str | None, called: str | None) -> bool:
        """Whether a value beside the text says something else; that numbers have both is usual."""
        return self.pool.string(value) != text if kind == TYPE_STRING else called in PLAIN

    def _attribute(self, at: int, found: Attributes) -> None:
        """Put one attribute under its resource id, and under its name where it has no id or is in no name space.

        The raw value is the text where there is one; the platform asks for ``package`` by name, whatever id it has.
        """
        space, name, raw, _, _, kind, value = _ATTRIBUTE.unpack_from(self._data, at)
        number = _OFFSET.unpack_from(self._data, self._ids + 4 * name)[0] if name < self._ids_count else 0
        called = self.pool.string(name)
        within = self.pool.string(space) if space < NEGATIVE else None
        chosen = raw if raw < NEGATIVE else value if kind == TYPE_STRING else NONE
        text = self.pool.string(chosen) if chosen < NEGATIVE else None
        if called is None or (text is None and chosen < NEGATIVE):
            self.notes["manifest-string"] = "an attribute names a malformed or missing string; none, as on Android"
        if raw != value and raw < NEGATIVE and self._differs(kind, value, text, called):
            self.notes["manifest-two-values"] = f"{called} has a text and another value; the text counts, as on Android"
        if within != ANDROID and space < NEGATIVE and (within is None or number in NAMES):
            self.notes["manifest-name-space"] = "an attribute's name space is missing or odd; read as Android reads it"
        if number in NAMES and called != NAMES[number]:
            self.notes["manifest-obfuscated"] = "an attribute's name hides what its resource id says; the id counts"
        keys: list[int | str] = [number] if number else []
        if called is not None and not (number and within is not None):
            keys.append(called if within is None else f"{within}:{called}")
        for key in keys:
            if found.setdefault(key, entry := (kind, value, text or "")) is not entry:
                self.notes["manifest-repeated-attribute"] = "an attribute stands twice; the first counts, as on Android"
