"""Bytes of a file on this machine."""

from __future__ import annotations

import os
import stat
from types import TracebackType
from typing import Self

from scanner.bytesource.base import ByteSource, ReadsByOffset
from scanner.bytesource.memory import Memory
from scanner.errors import ReadError, SourceError

RESIDENT = 8 << 20
"""Largest file that `resident` holds in memory, in bytes."""


class LocalFile(ReadsByOffset):
    """An open regular file, read with ``pread``: safe to share between threads.

    Raises `SourceError` where the path is missing, unreadable or not a regular file. It never blocks
    on a FIFO: the file is opened without waiting, then asked what it is.
    """

    def __init__(self, path: str) -> None:
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            status = os.fstat(self._fd)
        except (OSError, ValueError) as error:
            raise SourceError(getattr(error, "strerror", None) or str(error)) from error
        if not stat.S_ISREG(status.st_mode):
            os.close(self._fd)
            raise SourceError("a folder: name a file in it" if stat.S_ISDIR(status.st_mode) else "not a regular file")
        super().__init__(status.st_size)

    def _read(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._fd, length, offset)
            while len(data) < length:
                more = os.pread(self._fd, length - len(data), offset + len(data))
                if not more:
                    raise ReadError(f"the file ended at byte {offset + len(data)}: it changed while it was read")
                data += more
        except OSError as error:
            raise ReadError(f"cannot read at byte {offset}: {error.strerror}") from error
        return data

    def close(self) -> None:
        """Give the file back; reading afterwards raises `ReadError`. Closing twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def resident(source: ByteSource) -> ByteSource:
    """The same bytes, in memory where they are a small file on this machine; anything else as it is.

    For who reads nearly all of them in many little pieces: one read costs less than a few hundred.
    """
    if isinstance(source, LocalFile) and source.size <= RESIDENT:
        return Memory(source.read_at(0, source.size))
    return source
