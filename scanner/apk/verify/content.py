"""Digests of an APK's content, as schemes v2 and newer sign it: everything but the signing block.

Chunked digests: each section (members, directory, end record) in chunks of 1 MiB, ``H(0xa5 ‖ length ‖ chunk)``, then
``H(0x5a ‖ count ‖ digests)``. The end record is taken with its directory offset set to where the signing block begins.
Verity: the root of a fs-verity Merkle tree over the sections joined, blocks of 4096 bytes, a salt of eight zero bytes.
Source: https://source.android.com/docs/security/features/apksigning/v2#integrity-protected-contents; verity from
AOSP ``VerityBuilder``.

All digests come from one pass over the file, hashed in threads: hashlib and ``pread`` release the interpreter lock.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

from scanner.apk.verify.algorithms import Content
from scanner.bytesource import ByteSource, Span
from scanner.errors import ApkError

CHUNK = 1 << 20
BATCH = 8
"""Chunks that a thread reads at once: memory is threads x batch x chunk, whatever the size of the APK."""
CHUNK_MARK = b"\xa5"
BLOCK = 4096
SALT = bytes(8)
EOCD_DIRECTORY_OFFSET = 16


class Sections:
    """The three signed sections of an APK, as ranges of its bytes."""

    def __init__(self, source: ByteSource, block: int, directory: int, end: int) -> None:
        self.source = source
        self.block = block
        """Where the signing block begins, and so where the members end."""
        self.directory = directory
        self.end = end
        """Where the end record begins."""
        tail = source.read_at(end, source.size - end)
        at = EOCD_DIRECTORY_OFFSET
        self.end_record = tail[:at] + struct.pack("<I", block & 0xFFFFFFFF) + tail[at + 4 :]

    @property
    def size(self) -> int:
        """Bytes that are signed."""
        return self.block + (self.end - self.directory) + len(self.end_record)

    def chunks(self) -> Iterator[tuple[int, int]]:
        """Offset and length of each chunk of members and directory."""
        for begin, end in ((0, self.block), (self.directory, self.end)):
            for offset in range(begin, end, CHUNK):
                yield offset, min(CHUNK, end - offset)


def content_digests(sections: Sections, wanted: Iterable[Content]) -> dict[Content, bytes]:
    """Each digest that is wanted. Raises `ApkError` where verity is, and the members do not end on a block."""
    kinds = sorted(set(wanted))
    if "verity" in kinds and sections.block % BLOCK:
        raise ApkError("verity digest: the signing block does not begin on a block of 4096 bytes")
    result: dict[Content, bytes] = {"verity": _verity_root(sections)} if "verity" in kinds else {}
    chunked: list[Content] = [kind for kind in kinds if kind != "verity"]
    if chunked and sections.source.digests_where_it_lies:
        result |= {kind: _top(kind, _digests_there(kind, sections), sections) for kind in chunked}
    elif chunked:
        parts: dict[Content, list[bytes]] = {kind: [] for kind in chunked}
        for digests in _mapped(_Worker(sections.source, chunked), _batched(list(sections.chunks()))):
            for kind, found in digests.items():
                parts[kind].append(found)
        result |= {kind: _top(kind, parts[kind], sections) for kind in chunked}
    return result


def _digests_there(kind: Content, sections: Sections) -> list[bytes]:
    """The chunks' digests computed where the bytes lie, such as on a phone: only digests cross the wire."""
    spans = [Span(offset, length, CHUNK_MARK + struct.pack("<I", length)) for offset, length in sections.chunks()]
    return sections.source.hash_ranges(spans, kind)


class _Worker:
    """Digests a batch of chunks by every algorithm at once."""

    def __init__(self, source: ByteSource, kinds: list[Content]) -> None:
        self._source, self._kinds = source, kinds

    def __call__(self, batch: list[tuple[int, int]]) -> dict[Content, bytes]:
        found: dict[Content, list[bytes]] = {kind: [] for kind in self._kinds}
        for offset, length in batch:
            data = self._source.read_at(offset, length)
            for kind in self._kinds:
                found[kind].append(_chunk_digest(kind, data))
        return {kind: b"".join(digests) for kind, digests in found.items()}


def _mapped(work: _Worker, batches: list[list[tuple[int, int]]]) -> Iterator[dict[Content, bytes]]:
    """The work on each batch in order; in threads where there are several, since starting them takes a while."""
    if len(batches) <= 1:
        yield from map(work, batches)
        return
    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        yield from threads.map(work, batches)


def _batched(chunks: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    return [chunks[at : at + BATCH] for at in range(0, len(chunks), BATCH)]


def _chunk_digest(kind: str, data: bytes) -> bytes:
    digest = hashlib.new(kind, CHUNK_MARK + struct.pack("<I", len(data)))
    digest.update(data)
    return digest.digest()


def _top(kind: Content, parts: list[bytes], sections: Sections) -> bytes:
    tail = sections.end_record
    last = b"".join(_chunk_digest(kind, tail[at : at + CHUNK]) for at in range(0, len(tail), CHUNK))
    joined = b"".join(parts) + last
    count = len(joined) // hashlib.new(kind).digest_size
    return hashlib.new(kind, b"\x5a" + struct.pack("<I", count) + joined).digest()


def _verity_root(sections: Sections) -> bytes:
    """Root hash, then the size of what is signed: what a verity signature covers."""
    level = b"".join(hashlib.sha256(SALT + block).digest() for block in _blocks(sections))
    while len(level) > BLOCK:
        level = b"".join(
            hashlib.sha256(SALT + level[at : at + BLOCK].ljust(BLOCK, b"\0")).digest()
            for at in range(0, len(level), BLOCK)
        )
    root = hashlib.sha256(SALT + level.ljust(BLOCK, b"\0")).digest()
    return root + struct.pack("<Q", sections.size)


def _blocks(sections: Sections) -> Iterator[bytes]:
    """The signed bytes in blocks of 4096, the last one padded with zeros."""
    rest = b""
    for data in _joined(sections):
        data = rest + data  # noqa: PLW2901 - what was left over comes first
        whole = len(data) - len(data) % BLOCK
        for at in range(0, whole, BLOCK):
            yield data[at : at + BLOCK]
        rest = data[whole:]
    if rest:
        yield rest.ljust(BLOCK, b"\0")


def _joined(sections: Sections) -> Iterator[bytes]:
    for offset, length in sections.chunks():
        yield sections.source.read_at(offset, length)
    yield sections.end_record
