"""Bytes already in memory, and a window into another byte source."""

from __future__ import annotations

from scanner.bytesource.base import ByteSource, ReadsByOffset
from scanner.errors import OutOfRange


class Memory(ReadsByOffset):
    """Bytes held in memory: an inflated member, a streamed one, a test's."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self._data = data

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`. In one step: nothing is faster than this but calling it less often."""
        if offset < 0 or length < 0 or offset + length > self.size:
            self._check(offset, length)
        return self._data[offset : offset + length]


class Slice(ReadsByOffset):
    """The ``size`` bytes of ``source`` that begin at ``offset``: a stored member, without a copy.

    Raises `OutOfRange` at once where the window does not fit.
    """

    def __init__(self, source: ByteSource, offset: int, size: int) -> None:
        if offset < 0 or size < 0 or offset + size > source.size:
            raise OutOfRange(f"a window of {size} bytes at {offset} does not fit into {source.size}")
        super().__init__(size)
        self._source = source
        self._offset = offset

    def _read(self, offset: int, length: int) -> bytes:
        return self._source.read_at(self._offset + offset, length)
