"""A writer of resource tables that hold one kind of resource, strings, in any number of languages.

Format: AOSP ``frameworks/base/libs/androidfw/include/androidfw/ResourceTypes.h``.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

from tests.support.axml import Reference, _utf8, _utf16

NO_ENTRY = 0xFFFFFFFF
Texts = Mapping[str, Sequence[str | Reference | None]]
"""Language, the empty one for the default → the text of each entry, or another resource, or nothing."""


def table(texts: Texts, *, utf8: bool = True, form: str = "wide", compact: bool = False) -> bytes:
    """A table with package 0x7f, type 1 and these entries. ``form``: ``wide``, ``narrow`` or ``sparse`` indexes."""
    words = list(dict.fromkeys(one for entries in texts.values() for one in entries if isinstance(one, str)))
    types = b"".join(_type(language, entries, words, form, compact) for language, entries in texts.items())
    pools = _pool(["string"], utf8=utf8) + _pool([], utf8=utf8)
    head = (
        struct.pack("<I", 0x7F)
        + bytes(256)
        + struct.pack("<IIIII", 288, 1, 288 + len(_pool(["string"], utf8=utf8)), 0, 0)
    )
    package = _chunk(0x0200, head, pools + types)
    return _chunk(0x0002, struct.pack("<I", 1), _pool(words, utf8=utf8) + package)


def _type(
    language: str, entries: Sequence[str | Reference | None], words: list[str], form: str, compact: bool
) -> bytes:
    index, data = [], b""
    for entry in entries:
        index.append(NO_ENTRY if entry is None else len(data))
        if entry is not None:
            kind, value = (1, entry.target) if isinstance(entry, Reference) else (3, words.index(entry))
            if compact:
                data += struct.pack("<HHI", 0, kind << 8 | 0x0008, value)
            else:
                data += struct.pack("<HHIHBBI", 8, 0, 0, 8, 0, kind, value)
    flags, packed, count = 0, struct.pack(f"<{len(index)}I", *index), len(index)
    if form == "narrow":
        narrow = [0xFFFF if one == NO_ENTRY else one // 4 for one in index]
        flags, packed = 2, struct.pack(f"<{len(index)}H", *narrow)
        packed += b"\0" * (-len(packed) % 4)
    elif form == "sparse":
        there = [(number, one // 4) for number, one in enumerate(index) if one != NO_ENTRY]
        flags, packed, count = 1, b"".join(struct.pack("<HH", *pair) for pair in there), len(there)
    config = struct.pack("<I", 64) + bytes(4) + language.encode().ljust(2, b"\0") + bytes(54)
    head = struct.pack("<BBHII", 1, flags, 0, count, 20 + len(config) + len(packed)) + config
    return _chunk(0x0201, head, packed + data)


def _pool(words: Sequence[str], *, utf8: bool = True) -> bytes:
    offsets, data = [], b""
    for word in words:
        offsets.append(len(data))
        data += _utf8(word) if utf8 else _utf16(word)
    data += b"\0" * (-len(data) % 4)
    index = struct.pack(f"<{len(offsets)}I", *offsets)
    head = struct.pack("<IIIII", len(words), 0, 0x100 if utf8 else 0, 28 + len(index), 0)
    return _chunk(0x0001, head, index + data)


def _chunk(kind: int, head: bytes, body: bytes) -> bytes:
    return struct.pack("<HHI", kind, 8 + len(head), 8 + len(head) + len(body)) + head + body
