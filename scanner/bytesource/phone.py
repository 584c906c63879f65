"""Bytes of a file on a phone, read in ranges: the few blocks that an identity needs, and never the whole file.

How the bytes are fetched is the transport's affair (`Fetches`); here is what is asked for, and that it is what came.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from scanner.bytesource.base import ReadsByOffset, Span
from scanner.bytesource.blockcache import BlockCache
from scanner.errors import ReadError
from scanner.model import Value

BLOCK = 4096
"""Reads are rounded out to blocks of this size: what ``dd`` on every release can skip and count in."""
TAIL, MOST_TAIL, SHARE = 36 * 1024, 256 * 1024, 160
"""What is fetched of the end at first: one byte in so many, within these bounds. It is to hold the zip directory and
the signing block of most APKs, so that one round trip brings both."""
BEFORE = 2
"""Blocks fetched in front of what is asked for: the signing block lies in front of the zip directory."""


class Told(Value, frozen=True):
    """What a phone told of a file before it is opened: its size, and what came along of its beginning and its end."""

    size: int
    head: bytes = b""
    tail: bytes = b""


class Fetches(Protocol):
    """What a phone does for a file of its own. Each raises `ReadError` where the phone or the transport fails."""

    def told(self, path: str) -> Told | None:
        """What the phone told already; it is told once."""
        ...

    def end(self, path: str, tail: int) -> tuple[int, bytes]:
        """Size, and the last ``tail`` bytes as far as there are any."""
        ...

    def blocks(self, path: str, runs: Sequence[tuple[int, int]]) -> bytes:
        """Runs of blocks of `BLOCK` bytes, each from a number on and so many, joined; fewer where the file ends."""
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
        there = _opened(phone, path)
        self._tail = there.tail
        super().__init__(there.size)
        self._blocks = _Blocks(phone, path, there.size, there.head)
        self._between = BlockCache(self._blocks, BLOCK, before=BEFORE)

    def hash_ranges(self, spans: Iterable[Span], algorithm: str) -> list[bytes]:
        """See `ByteSource.hash_ranges`: the phone reads and hashes, only digests cross the wire."""
        wanted = list(spans)
        for span in wanted:
            self._check(span.offset, span.length)
        return self._phone.digests(self._path, wanted, algorithm)

    def _read(self, offset: int, length: int) -> bytes:
        begins, end = self.size - len(self._tail), offset + length
        if offset >= begins:
            return self._tail[offset - begins : end - begins]
        if end <= len(self._blocks.head):
            return self._blocks.head[offset:end]
        front = self._between.read_at(offset, min(end, begins) - offset)
        return front + self._tail[: end - begins] if end > begins else front


def first_tail(size: int) -> int:
    """How much of the end of a file of this size is fetched at first, as far as it is so large."""
    return max(TAIL, min(size // SHARE, MOST_TAIL))


def _opened(phone: Fetches, path: str) -> Told:
    """Size and end of a file. Where it is not as the phone told before, it is asked for anew."""
    told = phone.told(path)
    if told and told.tail:
        return told
    if told and told.size:
        size = told.size
        first = (size - min(size, first_tail(size))) // BLOCK
        tail = phone.blocks(path, [(first, -(-size // BLOCK) - first)])
        if len(tail) == size - first * BLOCK:
            return Told(size, tail=tail)
    size, tail = phone.end(path, TAIL)
    if len(tail) != min(size, TAIL):
        raise ReadError(f"the phone sent {len(tail)} bytes of the end of a file of {size}")
    return Told(size, tail=tail)


class _Blocks(ReadsByOffset):
    """The file as its transport gives it: every read is a round trip. The first one brings the first block along."""

    def __init__(self, phone: Fetches, path: str, size: int, head: bytes) -> None:
        super().__init__(size)
        self._phone, self._path = phone, path
        self.head = head

    def _read(self, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        runs = [(first, last - first + 1)]
        if first and not self.head:
            runs.insert(0, (0, 1))
        data = self._phone.blocks(self._path, runs)
        wanted = [min(count * BLOCK, self.size - number * BLOCK) for number, count in runs]
        if len(data) != sum(wanted):
            raise ReadError(f"the phone sent {len(data)} bytes at byte {offset}: the file changed while it was read")
        if len(runs) > 1:
            self.head = data[: wanted[0]]
        start = len(data) - wanted[-1] + offset - first * BLOCK
        return data[start : start + length]
