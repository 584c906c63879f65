"""Bytes of a file on a phone, read in ranges: the few blocks that an identity needs, and never the whole file.

How the bytes are fetched is the transport's affair (`Fetches`); here is what is asked for, and that it is what came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from scanner.bytesource.base import ReadsByOffset, Span
from scanner.bytesource.blockcache import BlockCache
from scanner.errors import ReadError

BLOCK = 4096
"""Reads are rounded out to blocks of this size: what ``dd`` on every release can skip and count in."""
TAIL, HEAD = 36 * 1024, 2 * BLOCK
"""What is fetched of the end and of the beginning together with the size, in one round trip."""
BEFORE = 2
"""Blocks fetched in front of what is asked for: the signing block lies in front of the zip directory."""


class Fetches(Protocol):
    """What a phone does for a file of its own. Each raises `ReadError` where the phone or the transport fails."""

    def ends(self, path: str, tail: int, head: int) -> tuple[int, bytes, bytes]:
        """Size, the last ``tail`` bytes, and the first ``head`` (both as far as there are any)."""
        ...

    def blocks(self, path: str, block: int, first: int, count: int) -> bytes:
        """``count`` blocks of ``block`` bytes from number ``first`` on; fewer where the file ends."""
        ...

    def digests(self, path: str, spans: list[Span], algorithm: str) -> list[bytes]:
        """One digest for each span, computed on the phone."""
        ...


class PhoneFile(ReadsByOffset):
    """A file on a phone. Raises `ReadError` at opening where it is not there or may not be read.

    Safe to share between threads where its transport is.
    """

    digests_where_it_lies = True

    def __init__(self, phone: Fetches, path: str) -> None:
        self._phone, self._path = phone, path
        size, self._tail, self._head = phone.ends(path, TAIL, HEAD)
        if len(self._tail) != min(size, TAIL) or len(self._head) != min(size, HEAD):
            raise ReadError(f"the phone sent {len(self._tail)} bytes of the end of a file of {size}")
        super().__init__(size)
        self._between = BlockCache(_Blocks(phone, path, size), BLOCK, before=BEFORE)

    def hash_ranges(self, spans: Iterable[Span], algorithm: str) -> list[bytes]:
        """See `ByteSource.hash_ranges`: the phone reads and hashes, only digests cross the wire."""
        wanted = list(spans)
        for span in wanted:
            self._check(span.offset, span.length)
        return self._phone.digests(self._path, wanted, algorithm)

    def _read(self, offset: int, length: int) -> bytes:
        begins, end = self.size - len(self._tail), offset + length
        if end <= len(self._head):
            return self._head[offset:end]
        if offset >= begins:
            return self._tail[offset - begins : end - begins]
        front = self._between.read_at(offset, min(end, begins) - offset)
        return front + self._tail[: end - begins] if end > begins else front


class _Blocks(ReadsByOffset):
    """The file as its transport gives it: every read is a round trip."""

    def __init__(self, phone: Fetches, path: str, size: int) -> None:
        super().__init__(size)
        self._phone, self._path = phone, path

    def _read(self, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        data = self._phone.blocks(self._path, BLOCK, first, last - first + 1)
        found = data[offset - first * BLOCK :][:length]
        if len(found) != length:
            raise ReadError(f"the phone sent {len(data)} bytes at byte {offset}: the file changed while it was read")
        return found
