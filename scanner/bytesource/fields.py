"""The only place that unpacks integers and length-prefixed runs.

Each is checked against what is left, so a parser that reads through `Fields` cannot index past the
end, whatever lengths a hostile file claims: it gets an `ApkError` that says which field did not fit.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from scanner.errors import ApkError, LimitExceeded

_U16 = struct.Struct("<H")
_U32 = struct.Struct("<I")
_U64 = struct.Struct("<Q")


class Fields:
    """A cursor over little-endian fields; ``what`` names the structure in error texts."""

    __slots__ = ("_at", "_data", "_what")

    def __init__(self, data: bytes, what: str) -> None:
        self._data = data
        self._at = 0
        self._what = what

    @property
    def left(self) -> int:
        """How many bytes have not been read yet."""
        return len(self._data) - self._at

    def take(self, length: int, field: str) -> bytes:
        """The next ``length`` bytes; `ApkError` where fewer are left."""
        end = self._at + length
        if end > len(self._data):
            raise ApkError(f"{self._what}: {field} wants {length} bytes, {self.left} are left")
        data = self._data[self._at : end]
        self._at = end
        return data

    def u16(self, field: str) -> int:
        """The next two bytes as an unsigned number."""
        return self._number(_U16, field)

    def u32(self, field: str) -> int:
        """The next four bytes as an unsigned number."""
        return self._number(_U32, field)

    def u64(self, field: str) -> int:
        """The next eight bytes as an unsigned number."""
        return self._number(_U64, field)

    def run(self, field: str) -> bytes:
        """A run prefixed by its length in four bytes."""
        return self.take(self.u32(field), field)

    def runs(self, field: str, most: int, limit: str = "") -> Iterator[bytes]:
        """Every length-prefixed run up to the end; `ApkError` where there are more than ``most``.

        ``limit`` names the field of `Limits` that ``most`` comes from, if it does.
        """
        count = 0
        while self.left:
            count += 1
            if count > most:
                many = f"{self._what}: more than {most} of {field}"
                raise LimitExceeded.of(many, limit, most) if limit else ApkError(many)
            yield self.run(field)

    def _number(self, form: struct.Struct, field: str) -> int:
        if self.left < form.size:
            raise ApkError(f"{self._what}: {field} wants {form.size} bytes, {self.left} are left")
        number: int = form.unpack_from(self._data, self._at)[0]
        self._at += form.size
        return number
