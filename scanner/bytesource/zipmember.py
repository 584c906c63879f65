"""A zip member as a byte source: stored, a window; deflated, inflated under a limit."""

from __future__ import annotations

import struct
import zlib

import msgspec

from scanner.bytesource.base import ByteSource
from scanner.bytesource.memory import Memory, Slice
from scanner.bytesource.zipdirectory import ZipEntry
from scanner.errors import ApkError, LimitExceeded
from scanner.model import Value

STORED, DEFLATED = 0, 8
MAX_INFLATED = 512 << 20
"""Largest member that is inflated into memory, in bytes."""
_LOCAL = struct.Struct("<4s22xHH")
_LOCAL_SIZE = 30
_SLACK = 1024
"""Extra bytes read behind a local header's name, so that header and data mostly come in one read."""


def open_member(source: ByteSource, entry: ZipEntry, limit: int = MAX_INFLATED) -> ByteSource:
    """The bytes of ``entry``, which lies in ``source``.

    A method other than deflate is read as stored, which is what Android does with it in an APK.

    Raises:
        ApkError: the local header is not there, or the data does not inflate.
        LimitExceeded: inflated, it would be larger than ``limit`` bytes.
    """
    if entry.method == DEFLATED:
        return Memory(member_bytes(source, entry, limit))
    return raw_member(source, entry)


def raw_member(source: ByteSource, entry: ZipEntry) -> ByteSource:
    """The bytes of ``entry`` as they lie in the zip, deflated or not. Raises `ApkError` as `open_member` does."""
    header = source.read_at(entry.header_offset, _LOCAL_SIZE)
    return Slice(source, entry.header_offset + _data_start(header), entry.compressed)


class Member(Value, frozen=True, gc=False):
    """The content of a member, and the local header that stands before it, name and extra field included."""

    content: bytes
    header: bytes


def member_bytes(
    source: ByteSource,
    entry: ZipEntry,
    limit: int,
    *,
    first: int | None = None,
    named: str = "",
    odd_is_deflated: bool = False,
) -> bytes:
    """The content of a member, in one read where the local header is of usual size.

    ``named`` is the field of `Limits` that ``limit`` comes from, if it does.
    ``first`` asks for no more than that many bytes of the content: enough to tell what it is.
    A compression method that is neither stored nor deflate is read as stored, as Android's native code
    (libziparchive, which reads the manifest) does; its Java code, which reads JAR signatures, inflates
    anything that is not stored: ``odd_is_deflated``.

    Raises:
        ApkError: the local header is not there, or the data does not inflate.
        LimitExceeded: inflated, it would be larger than ``limit`` bytes.
    """
    return read_member(source, entry, limit, first=first, named=named, odd_is_deflated=odd_is_deflated).content


def read_member(
    source: ByteSource,
    entry: ZipEntry,
    limit: int,
    *,
    first: int | None = None,
    named: str = "",
    odd_is_deflated: bool = False,
    native: bool = False,
) -> Member:
    """The same with the local header. See `member_bytes`.

    ``native``: what is not deflated is as long as its inflated size says, which is what Android's native code maps.
    """
    deflated = entry.method != STORED if odd_is_deflated else entry.method == DEFLATED
    if native and not deflated and entry.size != entry.compressed:
        entry = msgspec.structs.replace(entry, compressed=entry.size)
    size = max(entry.size, 0 if deflated else entry.compressed)
    if first is None and size > limit:
        raise _too_large(f"{entry.text_name}: {size} bytes inflated", limit, named)
    most = limit if first is None else first
    wanted = min(entry.compressed, most + (most >> 8) + _SLACK) if deflated else most
    content, header = _stored_bytes(source, entry, wanted)
    if deflated:
        content = _inflate(content, entry, most, named, whole=first is None)
    return Member(content, header)


def _stored_bytes(source: ByteSource, entry: ZipEntry, most: int) -> tuple[bytes, bytes]:
    """The first ``most`` bytes of a member as they lie in the zip, and its local header."""
    wanted = min(entry.compressed, most)
    guess = _LOCAL_SIZE + len(entry.name) + _SLACK + wanted
    data = source.read_at(entry.header_offset, max(_LOCAL_SIZE, min(guess, source.size - entry.header_offset)))
    start = _data_start(data)
    if start + wanted > len(data):
        return source.read_at(entry.header_offset + start, wanted), data[:start]
    return data[start : start + wanted], data[:start]


def _data_start(header: bytes) -> int:
    magic, name, extra = _LOCAL.unpack_from(header)
    if magic != b"PK\x03\x04":
        raise ApkError("zip: no local header where the directory says")
    return _LOCAL_SIZE + int(name) + int(extra)


def _inflate(data: bytes, entry: ZipEntry, most: int, named: str, *, whole: bool) -> bytes:
    """Inflate up to ``most`` bytes; ``whole`` wants the data to end there. One byte more is asked for, to tell."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(data, most + 1)
    except zlib.error as error:
        raise ApkError(f"{entry.text_name}: does not inflate ({error})") from error
    except MemoryError as error:
        raise LimitExceeded(f"{entry.text_name}: inflates to more than there is memory for") from error
    if not whole:
        return content[:most]
    if len(content) > most or (not inflater.eof and len(data) < entry.compressed):
        raise _too_large(f"{entry.text_name}: inflates to more bytes than it may", most, named)
    if not inflater.eof:
        raise ApkError(f"{entry.text_name}: the deflated data is cut short")
    return content


def _too_large(what: str, most: int, named: str) -> LimitExceeded:
    return LimitExceeded.of(what, named, most) if named else LimitExceeded(f"{what}, the limit is {most}")
