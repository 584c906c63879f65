"""Whole aligned blocks, kept for a while: few round trips where each one is dear."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable

from scanner.bytesource.base import ByteSource, ReadsByOffset, Span

BLOCK = 64 * 1024
BLOCKS_KEPT = 64


class BlockCache(ReadsByOffset):
    """Reads ``source`` in aligned blocks of ``block`` bytes and keeps the ``kept`` most recently used.

    A range that is missing altogether is fetched in one read, rounded out to block borders, so a large
    range costs one round trip and not one a block. A range larger than the whole cache passes through.
    ``before`` blocks in front of what is missing are fetched along with it: of an APK, the signing block lies in
    front of the directory that is read first. Safe to share between threads, which then wait for each other.
    """

    def __init__(self, source: ByteSource, block: int = BLOCK, kept: int = BLOCKS_KEPT, before: int = 0) -> None:
        super().__init__(source.size)
        self.digests_where_it_lies = source.digests_where_it_lies
        self._source = source
        self._block = block
        self._kept = kept
        self._before = before
        self._blocks: OrderedDict[int, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def hash_ranges(self, spans: Iterable[Span], algorithm: str) -> list[bytes]:
        """See `ByteSource.hash_ranges`: what is behind the cache knows best."""
        return self._source.hash_ranges(spans, algorithm)

    def _read(self, offset: int, length: int) -> bytes:
        with self._lock:
            return self._cached(offset, length)

    def _cached(self, offset: int, length: int) -> bytes:
        first, last = offset // self._block, (offset + length - 1) // self._block
        if last - first + 1 > self._kept:
            return self._source.read_at(offset, length)
        missing = [number for number in range(first, last + 1) if number not in self._blocks]
        if missing:
            self._fetch(max(0, missing[0] - self._before), missing[-1])
        found = [self._blocks[number] for number in range(first, last + 1)]
        for number in range(first, last + 1):
            self._blocks.move_to_end(number)
        self._forget()
        start = offset - first * self._block
        return b"".join(found)[start : start + length] if len(found) > 1 else found[0][start : start + length]

    def _fetch(self, first: int, last: int) -> None:
        start = first * self._block
        data = self._source.read_at(start, min((last + 1) * self._block, self.size) - start)
        for number in range(first, last + 1):
            at = (number - first) * self._block
            self._blocks[number] = data[at : at + self._block]

    def _forget(self) -> None:
        while len(self._blocks) > self._kept:
            self._blocks.popitem(last=False)
