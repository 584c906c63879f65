"""The content of members as JAR signing sees it: unpacked, and held against the digests that are expected of it.

A small member comes in one read and is unpacked at once; a large one goes piece by piece, in threads where there are
several, so that memory stays flat whatever a member's size. The byte source must be safe to share between threads.
"""

from __future__ import annotations

import base64
import hashlib
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from scanner.bytesource import ByteSource, ZipEntry
from scanner.errors import ApkError, LimitExceeded
from scanner.model import printable

MANIFEST_NAME = "META-INF/MANIFEST.MF"
DIGEST_DID_NOT_VERIFY = "JAR_SIG_ZIP_ENTRY_DIGEST_DID_NOT_VERIFY"
MAX_CONTENT = 16 << 30
"""Most bytes that all members together may inflate to."""
PIECE = 1 << 20
"""Bytes of a member that are read, and inflated, at once."""
LARGE = 64 << 10
"""Members from this size on are worth a thread. Hashing a smaller one is done before another thread gets its turn."""
MAX_THREADS = 8
HASHES = {
    "MD5": hashlib.md5,
    "SHA-1": hashlib.sha1,
    "SHA-256": hashlib.sha256,
    "SHA-384": hashlib.sha384,
    "SHA-512": hashlib.sha512,
}
_LOCAL_HEADER = struct.Struct("<4s2xH6xIIIHH")
_LOCAL_SLACK = 128
"""Bytes read behind a local header's name for its extra field, so that a small member comes in one read."""
_DATA_DESCRIPTOR = 8

Digest = tuple[str, bytes]
"""An algorithm and the value that is expected."""
Fault = tuple[str, tuple[object, ...]]
"""The code of an issue, and its parameters."""
Job = tuple[ZipEntry, list[Digest]]
"""A member and what is expected of it."""


def text(name: bytes) -> str:
    """A member's name for people."""
    return printable(name.decode("utf-8", "surrogateescape"))


def mismatches(pieces: Iterable[bytes], expected: Sequence[Digest]) -> list[tuple[str, str, str]]:
    """Algorithm, actual and expected value in base64 of each digest that these bytes do not have."""
    running = [HASHES[algorithm](usedforsecurity=False) for algorithm, _ in expected]
    for piece in pieces:
        for digest in running:
            digest.update(piece)
    return [
        (algorithm, base64.b64encode(digest.digest()).decode(), base64.b64encode(value).decode())
        for digest, (algorithm, value) in zip(running, expected, strict=True)
        if digest.digest() != value
    ]


class Members:
    """What the members of one APK hold. ``end`` is where its zip directory begins."""

    def __init__(self, source: ByteSource, end: int) -> None:
        self._source, self._end = source, end

    def content(self, entry: ZipEntry, limit: int) -> bytes:
        """A whole member. Raises `ApkError`, `LimitExceeded` where it announces more than ``limit`` bytes."""
        if entry.size > limit:
            raise LimitExceeded(f"{text(entry.name)}: {entry.size} bytes, the limit is {limit}")
        return b"".join(self.pieces(entry))

    def pieces(self, entry: ZipEntry) -> Iterable[bytes]:
        """The content of a member, never more than its directory entry announces. A method not "stored" is deflate.

        Raises `ApkError`, at once or on the way.
        """
        raw = self._raw(entry)
        if not entry.method:
            if entry.compressed != entry.size:
                raise ApkError("stored, but with two different sizes")
            return raw
        if isinstance(raw, tuple) and entry.size < PIECE:
            return (_inflated_at_once(raw[0], entry),)
        return _inflated(raw, entry)

    def faults(self, jobs: Sequence[Job]) -> Iterator[Fault]:
        """What is wrong with these members' content, in their order. Raises `LimitExceeded`."""
        total = sum(entry.size for entry, _ in jobs)
        if total > MAX_CONTENT:
            raise LimitExceeded(f"the members inflate to {total} bytes, the limit is {MAX_CONTENT}")
        large = [job for job in jobs if job[0].size >= LARGE]
        found: dict[bytes, Sequence[Fault]] = {}
        if len(large) > 1:
            with ThreadPoolExecutor(min(os.cpu_count() or 1, MAX_THREADS)) as threads:
                names = (entry.name for entry, _ in large)
                found = dict(zip(names, threads.map(self._faults, large), strict=True))
        for job in jobs:
            faults = found.get(job[0].name) if found else None
            yield from self._faults(job) if faults is None else faults

    def _faults(self, job: Job) -> Sequence[Fault]:
        entry, expected = job
        try:
            pieces = self.pieces(entry)
            if isinstance(pieces, tuple) and _holds(pieces[0], expected):
                return ()
            wrong = mismatches(pieces, expected)
        except ApkError as error:
            return [("JAR_SIG_ZIP_ENTRY_UNREADABLE", (text(entry.name), error))]
        return [
            (DIGEST_DID_NOT_VERIFY, (text(entry.name), algorithm, MANIFEST_NAME, *values))
            for algorithm, *values in wrong
        ]

    def _raw(self, entry: ZipEntry) -> Iterable[bytes]:
        """The bytes as they lie in the zip: a tuple of one where they came in one read."""
        size, offset, end = entry.compressed, entry.header_offset, self._end
        if offset >= end:
            raise ApkError("no local header where the directory says")
        guess = _LOCAL_HEADER.size + len(entry.name) + _LOCAL_SLACK + min(size, PIECE)
        head = self._source.read_at(offset, min(guess, end - offset))
        start = _data_start(head, entry)
        if offset + start + size > end:
            raise ApkError("reaches into the zip directory")
        first = head[start : start + size]
        return (
            (first,)
            if len(first) == size
            else chain((first,), self._rest(offset + start + len(first), size - len(first)))
        )

    def _rest(self, offset: int, length: int) -> Iterator[bytes]:
        for at in range(offset, offset + length, PIECE):
            yield self._source.read_at(at, min(PIECE, offset + length - at))


def _holds(content: bytes, expected: Iterable[Digest]) -> bool:
    for algorithm, value in expected:  # noqa: SIM110 - a loop takes half the time of a generator, for each member
        if HASHES[algorithm](content, usedforsecurity=False).digest() != value:
            return False
    return True


def _data_start(head: bytes, entry: ZipEntry) -> int:
    """Where the data begins behind the local header, which must tell of the member what the directory tells.

    Readers differ on which of the two they believe, so that a difference would hide what was not verified.
    """
    if len(head) < _LOCAL_HEADER.size:
        raise ApkError("no local header where the directory says")
    magic, flags, crc, compressed, size, length, extra = _LOCAL_HEADER.unpack_from(head)
    name = entry.name
    if magic != b"PK\x03\x04" or length != len(name) or not head.startswith(name, _LOCAL_HEADER.size):
        raise ApkError("no local header of that name where the directory says")
    sizes_follow = flags & _DATA_DESCRIPTOR
    if sizes_follow != entry.flags & _DATA_DESCRIPTOR:
        raise ApkError("local header and directory differ on a data descriptor")
    if not (sizes_follow or (crc == entry.crc and compressed == entry.compressed and size == entry.size)):
        raise ApkError("local header and directory differ on the sizes or the checksum")
    return _LOCAL_HEADER.size + int(length) + int(extra)


def _inflated_at_once(data: bytes, entry: ZipEntry) -> bytes:
    """What `_inflated` says of a small member, in one call. A byte more than announced is asked for, to tell."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(data, entry.size + 1)
    except zlib.error as error:
        raise ApkError(f"does not inflate ({error})") from error
    if len(content) != entry.size or not inflater.eof:
        _check_size(len(content), entry, ended=inflater.eof)
    return content


def _inflated(raw: Iterable[bytes], entry: ZipEntry) -> Iterator[bytes]:
    """The deflated pieces as content, of exactly the size that the directory announces, in pieces again."""
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for piece in raw:
        rest, data = piece, b""
        while not inflater.eof and (rest or len(data) == PIECE):
            try:
                data = inflater.decompress(rest, PIECE)
            except zlib.error as error:
                raise ApkError(f"does not inflate ({error})") from error
            rest = inflater.unconsumed_tail
            total += len(data)
            _check_not_more(total, entry)
            yield data
    _check_size(total, entry, ended=inflater.eof)


def _check_size(total: int, entry: ZipEntry, *, ended: bool) -> None:
    _check_not_more(total, entry)
    if total != entry.size or (entry.compressed and not ended):
        raise ApkError(f"inflates to {total} bytes, {entry.size} are announced")


def _check_not_more(total: int, entry: ZipEntry) -> None:
    if total > entry.size:
        raise ApkError(f"inflates to more than the {entry.size} bytes announced")
