"""The string pool of a binary XML, read as `ResStringPool` of AOSP ``libs/androidfw/ResourceTypes.cpp`` reads it.

Layout: ``chunk │ strings u32 │ styles u32 │ flags u32 │ strings start u32 │ styles start u32 │ offset u32 …``.
Nothing is unpacked before somebody asks for it, so a hostile count costs nothing.
"""

from __future__ import annotations

import struct

from scanner.errors import LimitExceeded

HEADER, UTF8 = 28, 0x100
_HEADER = struct.Struct("<8xIIIII")
_OFFSET = struct.Struct("<I")


class StringPool:
    """The pool whose chunk begins at ``at``. ``problem`` says why Android would refuse it; empty where it would not.

    ``oddity`` is what honest tools do not write. Raises `LimitExceeded` where there are more than ``most`` strings.
    """

    def __init__(self, data: bytes, at: int, header: int, size: int, most: int) -> None:
        self.problem = self.oddity = ""
        self._data, self._known = data, dict[int, str | None]()
        self._count = self._entries = self._start = self._length = 0
        self._utf8 = False
        if header < HEADER:
            self.problem = "the string pool has no header"
            return
        count, styles, flags, start, styles_start = _HEADER.unpack_from(data, at)
        if min(count, size // 4) > most:
            raise LimitExceeded.of(f"manifest: a pool of {count} strings", "string_pool", most)
        self._count, self._entries, self._start, self._utf8 = count, at + header, at + start, bool(flags & UTF8)
        self._length = ((styles_start if styles else size) - start) // self._wide
        index_end = header + 4 * (count + styles)
        if max(start, styles_start, header + 4 * count) > size or (count and start >= size - 2):
            self.problem = "the string pool is smaller than what it announces"
        elif styles and (styles_start <= start or index_end > start):
            self.problem = "the styles of the string pool overlap its strings"
        elif count and (self._length <= 0 or any(data[self._end - self._wide : self._end])):
            self.problem = "the string pool does not end with a zero"
        elif start != index_end:
            self.oddity = (
                f"its text begins at {start}, its index of {count} strings ends at {index_end}; read as on Android"
            )

    @property
    def _wide(self) -> int:
        """Bytes of a character: one of UTF-8, two of UTF-16."""
        return 1 if self._utf8 else 2

    @property
    def _end(self) -> int:
        return self._start + self._length * self._wide

    def holds(self, word: str) -> bool:
        """Whether it may hold a word."""
        return self._data.find(word.encode("utf-8" if self._utf8 else "utf-16-le"), self._start, self._end) >= 0

    def string(self, number: int) -> str | None:
        """A string; None where Android has none either: no such number, malformed, or not ended by a zero."""
        if number in self._known:
            return self._known[number]
        if number >= self._count:
            return None
        offset = _OFFSET.unpack_from(self._data, self._entries + 4 * number)[0] // self._wide
        text = None
        if offset < self._length - 1:
            text = self._in_utf8(offset) if self._utf8 else self._in_utf16(offset)
        self._known[number] = text
        return text

    def _in_utf16(self, at: int) -> str | None:
        data, start = self._data, self._start
        size, at = self._unit(at), at + 1
        if size & 0x8000:
            size, at = (size & 0x7FFF) << 16 | self._unit(at), at + 1
        end = start + 2 * (at + size)
        if at + size >= self._length or data[end : end + 2] != b"\0\0":
            return None
        return data[start + 2 * at : end].decode("utf-16-le", "surrogatepass")

    def _unit(self, at: int) -> int:
        return int.from_bytes(self._data[self._start + 2 * at : self._start + 2 * at + 2], "little")

    def _in_utf8(self, at: int) -> str | None:
        characters, at = self._short_length(at)
        size, at = self._short_length(at)
        data, start, times, end = self._data, self._start + at, 0, size
        while at + end < self._length and data[start + end] != 0:  # old tools cut lengths beyond 0x7fff
            times += 1
            end = times << 15 | size
        if at + end >= self._length:
            return None
        try:
            text = data[start : start + end].decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return None
        actual = len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
        return text if actual & 0x7FFF == characters else None

    def _short_length(self, at: int) -> tuple[int, int]:
        """A length of one byte, or of two where the first has its top bit set, and where what follows begins."""
        first, second = (self._data[self._start + at : self._start + at + 2] + b"\0\0")[:2]
        return ((first & 0x7F) << 8 | second, at + 2) if first & 0x80 else (first, at + 1)
