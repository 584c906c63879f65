"""A byte source as a readable, seekable file, for libraries that want one."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from scanner.bytesource.base import ByteSource

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class FileLike(io.RawIOBase):
    """A cursor over a byte source. Closing it leaves the byte source open."""

    def __init__(self, source: ByteSource) -> None:
        super().__init__()
        self._source = source
        self._position = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def seekable(self) -> bool:
        """Always true."""
        return True

    def tell(self) -> int:
        """The cursor."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the cursor; see `io.IOBase.seek`."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` from the cursor as far as there are bytes."""
        view = memoryview(buffer).cast("B")
        length = max(0, min(len(view), self._source.size - self._position))
        if length:
            view[:length] = self._source.read_at(self._position, length)
        self._position += length
        return length
