"""The byte seam: what a byte source is, and what all of them share."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import NamedTuple, Protocol

from scanner.errors import OutOfRange

HASH_PIECE = 1 << 20
"""Bytes read at once while hashing, so that memory stays flat whatever the range."""


class Span(NamedTuple):
    """A range of bytes to hash, and what is hashed before it."""

    offset: int
    length: int
    prefix: bytes = b""


class ByteSource(Protocol):
    """Immutable bytes of known size, readable at any offset. See the package's docstring for the contract."""

    @property
    def size(self) -> int:
        """How many bytes there are; fixed at opening."""
        ...

    @property
    def digests_where_it_lies(self) -> bool:
        """Whether `hash_ranges` spares the transport of the bytes, so that reading to hash would be a waste."""
        ...

    def read_at(self, offset: int, length: int) -> bytes:
        """Exactly ``length`` bytes from ``offset``, or `OutOfRange` or `ReadError`."""
        ...

    def hash_ranges(self, spans: Iterable[Span], algorithm: str) -> list[bytes]:
        """One digest for each span, its prefix first; ``algorithm`` as `hashlib.new` names it."""
        ...


class ReadsByOffset:
    """A base for byte sources: checks the range once, leaves ``_read`` to the transport."""

    size: int
    digests_where_it_lies = False

    def __init__(self, size: int) -> None:
        self.size = size

    def read_at(self, offset: int, length: int) -> bytes:
        """See `ByteSource.read_at`."""
        self._check(offset, length)
        return self._read(offset, length) if length else b""

    def hash_ranges(self, spans: Iterable[Span], algorithm: str) -> list[bytes]:
        """See `ByteSource.hash_ranges`."""
        return [self._hash(span, algorithm) for span in spans]

    def _check(self, offset: int, length: int) -> None:
        if offset < 0 or length < 0 or offset + length > self.size:
            raise OutOfRange(f"bytes {offset} to {offset + length} lie outside the {self.size} there are")

    def _hash(self, span: Span, algorithm: str) -> bytes:
        offset, length, prefix = span
        self._check(offset, length)
        digest = hashlib.new(algorithm, prefix, usedforsecurity=False)
        for start in range(offset, offset + length, HASH_PIECE):
            digest.update(self.read_at(start, min(HASH_PIECE, offset + length - start)))
        return digest.digest()

    def _read(self, offset: int, length: int) -> bytes:
        """The bytes of a range already known to lie inside; ``length`` is at least 1."""
        raise NotImplementedError
