"""A zip member read from front to back in a few parts, so that a deflated one is never held whole."""

from __future__ import annotations

import zlib
from typing import Protocol

from scanner.bytesource.base import ByteSource
from scanner.bytesource.zipdirectory import ZipEntry
from scanner.bytesource.zipmember import DEFLATED, open_member, raw_member
from scanner.errors import ApkError, LimitExceeded

PIECE = 1 << 18
"""Bytes that are read, and at most inflated, in one step."""


class Forward(Protocol):
    """A member whose parts are asked for in ascending order."""

    @property
    def passed(self) -> int:
        """How many bytes were inflated to get here; none of a member that is stored."""
        ...

    def part(self, start: int, end: int) -> bytes:
        """The bytes from ``start`` to ``end``, fewer where the member ends before.

        No later part may begin before ``start``: `ApkError` where one does, since those bytes are gone.
        """
        ...


def open_forward(source: ByteSource, entry: ZipEntry, limit: int) -> Forward:
    """The member, for reading forward. A method other than deflate is read as stored, as Android reads it.

    Raises:
        ApkError: the local header is not there; later, the data does not inflate.
        LimitExceeded: it says that it is larger than ``limit`` bytes; later, it turns out to be.
    """
    if max(entry.size, 0 if entry.method == DEFLATED else entry.compressed) > limit:
        raise LimitExceeded(f"{max(entry.size, entry.compressed)} bytes, the limit is {limit}")
    if entry.method == DEFLATED:
        return _Inflated(raw_member(source, entry), min(limit, entry.size))
    return _Stored(open_member(source, entry))


class _Stored:
    """A stored member: any part is one read."""

    passed = 0

    def __init__(self, source: ByteSource) -> None:
        self._source = source

    def part(self, start: int, end: int) -> bytes:
        """See `Forward.part`."""
        start, end = (min(at, self._source.size) for at in (start, end))
        return self._source.read_at(start, max(0, end - start))


class _Inflated:
    """A deflated member. Held are the bytes from the start of the last part on, and no more than the next asks for."""

    def __init__(self, raw: ByteSource, most: int) -> None:
        self._raw, self._most, self._read = raw, most, 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        self._pending = b""
        self._held, self._begins = bytearray(), 0

    @property
    def passed(self) -> int:
        """See `Forward.passed`."""
        return self._begins + len(self._held)

    def part(self, start: int, end: int) -> bytes:
        """See `Forward.part`."""
        if start < self._begins:
            raise ApkError("its parts do not follow each other as in any real one")
        while self.passed < end:
            self._drop(start)
            piece = self._next()
            if not piece:
                break
            self._held += piece
        self._drop(start)
        return bytes(self._held[: max(0, end - start)]) if self._begins == start else b""

    def _drop(self, start: int) -> None:
        """Forget what lies before ``start``."""
        gone = min(start - self._begins, len(self._held))
        if gone > 0:
            del self._held[:gone]
            self._begins += gone

    def _next(self) -> bytes:
        """The next piece; nothing at the end."""
        while not self._inflater.eof:
            data = self._pending or self._raw_piece()
            try:
                piece = self._inflater.decompress(data, PIECE)
            except zlib.error as error:
                raise ApkError(f"does not inflate ({error})") from error
            self._pending = self._inflater.unconsumed_tail
            if self.passed + len(piece) > self._most:
                raise LimitExceeded(f"inflates to more than the {self._most} bytes it may have")
            if piece:
                return piece
            if not data:
                raise ApkError("the deflated data is cut short")
        return b""

    def _raw_piece(self) -> bytes:
        data = self._raw.read_at(self._read, min(PIECE, self._raw.size - self._read))
        self._read += len(data)
        return data
