"""The directory at the end of a zip: where each member's bytes are, without touching them.

Format: PKWARE's APPNOTE.TXT, sections 4.3.12 (central directory), 4.3.14-15 (zip64) and 4.3.16 (end
of central directory, EOCD). The directory is walked record by record, each from where the one before
ended, as Android's libziparchive does: a name inside a comment or extra field is never taken for a member.
What zip64 adds is taken as AOSP ``system/libziparchive/zip_archive.cc`` takes it
(``FindCentralDirectoryInfo``, ``ParseZip64ExtendedInfoInExtraField``).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterable, Iterator
from functools import cached_property

from scanner.bytesource.base import ByteSource
from scanner.bytesource.fields import Fields
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits, Value

TAIL = 16 * 1024
"""What is read of the end at first; it holds the whole directory of a small zip."""
_EOCD = struct.Struct("<IHHHHIIH")
_EOCD_MAGIC = b"PK\x05\x06"
_MAX_COMMENT = 0xFFFF
_RECORD = struct.Struct("<8xHH4xIII2xH10xI")
"""Of a record: flags, method, CRC-32, compressed size, size, length of the extra field, offset of the local header."""
_SIZES = struct.Struct("<I24xHHH")
_RECORD_MAGIC = 0x02014B50
_MAGIC = b"PK\x01\x02"
_ZIP64_LOCATOR = struct.Struct("<4sIQI")
_ZIP64_EOCD_SIZE = 56
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF
_ZIP64_WHOLE = (24, 28)
"""Lengths of a zip64 extra field that holds all three values, whichever of them overflowed; 28 with a disk number."""


class ZipEntry(Value, frozen=True, gc=False):
    """One member, as the central directory describes it. ``name`` is raw: nobody checked its encoding."""

    name: bytes
    method: int
    flags: int
    crc: int
    compressed: int
    size: int
    header_offset: int
    zip64: bool = False
    """Whether any of the last three comes from a zip64 extra field."""

    @property
    def text_name(self) -> str:
        """The name for people: UTF-8 where it is, else code page 437, as zip tools read it."""
        try:
            return self.name.decode("utf-8")
        except UnicodeDecodeError:
            return self.name.decode("cp437")

    @property
    def encrypted(self) -> bool:
        """Whether the directory says that the member is encrypted. Android ignores the flag in APKs."""
        return bool(self.flags & 1)


class NoEndRecord(ApkError):  # noqa: N818 - says what it is
    """There is no end-of-central-directory record: no zip, or a truncated one."""


class ZipDirectory:
    """The members of a zip.

    Raises:
        ApkError: there is no directory that holds together.
        LimitExceeded: it is larger than ``limits`` allow, or, while it is walked, lists more members.
    """

    def __init__(self, source: ByteSource, limits: Limits = LIMITS) -> None:
        self._entries = limits.entries
        eocd, tail = _find_eocd(source)
        begins = source.size - len(tail)
        (_, disk, first_disk, here, count, size, offset, comment) = _EOCD.unpack_from(tail, eocd - begins)
        self.eocd_offset = eocd
        locator = eocd - begins - _ZIP64_LOCATOR.size
        self.zip64_locator = locator >= 0 and tail.startswith(b"PK\x06\x07", locator)
        """Whether a zip64 locator stands right before the end record, used or not."""
        self.zip64 = False
        self.count: int = count
        self.size: int = size
        self.offset: int = offset
        self._read_zip64(source, full=_FULL_16 in (here, count, comment))
        if self.offset + self.size > eocd:
            raise ApkError("zip directory: it does not lie before its end record")
        if self.size > limits.directory_size:
            raise LimitExceeded.of(f"zip directory: {self.size} bytes", "directory_size", limits.directory_size)
        if self.count > limits.entries:
            raise self._too_many(self.count)
        self.odd_disks = bool(disk or first_disk)
        """Whether it says to be one of several disks, which Android does not ask."""
        self.end_in_comment = tail.find(_EOCD_MAGIC, eocd - begins + 1) >= 0
        """Whether another end record seems to begin within the comment."""
        start = self.offset - begins
        self._data = tail[start : start + self.size] if start >= 0 else source.read_at(self.offset, self.size)

    def _read_zip64(self, source: ByteSource, *, full: bool) -> None:
        """Take count, size and offset from the zip64 end record where there is one and the end record leaves it to it.

        Where only a number of 16 bits is ``full``, older releases of Android keep to the end record, newer ones do not.
        """
        at, left_to_it = self.eocd_offset - _ZIP64_LOCATOR.size, _FULL_32 in (self.size, self.offset)
        if at < 0 or not (full or left_to_it):
            return
        magic, _, offset, _ = _ZIP64_LOCATOR.unpack(source.read_at(at, _ZIP64_LOCATOR.size))
        if magic != b"PK\x06\x07":
            return
        fields = Fields(source.read_at(offset, _ZIP64_EOCD_SIZE), "zip64 end record")
        if fields.take(4, "magic") != b"PK\x06\x06":
            raise ApkError("zip64 end record: not where its locator says")
        fields.take(28, "header")
        before = self.count, self.size, self.offset
        self.count, self.size, self.offset = fields.u64("count"), fields.u64("size"), fields.u64("offset")
        self.zip64 = True
        if not left_to_it and (min(self.count, _FULL_16), self.size, self.offset) != before:
            raise ApkError("zip64 end record: another directory than the end record's; Android's releases differ on it")

    def select(
        self, names: Iterable[bytes] = (), under: Iterable[bytes] = (), endings: tuple[bytes, ...] = (b"",)
    ) -> list[ZipEntry]:
        """The members that bear one of ``names``, or lie under one of the ``under`` prefixes, in order.

        Of those under a prefix only names with one of ``endings``, in upper or lower case, are taken.
        """
        found: dict[int, int] = {}
        exact = self.exact
        for name in names:
            found |= {at: length for at, length in self._named(name, exact=exact) if length == len(name)}
        for prefix in under:
            for at, length in self._named(prefix, exact=exact):
                if self._data[at + 46 : at + 46 + length].upper().endswith(endings):
                    found[at] = length
        return [self._entry(at, self._data[at + 46 : at + 46 + found[at]]) for at in sorted(found)]

    def entries(self, *, whole: bool = False) -> Iterator[ZipEntry]:
        """Every announced member, in the directory's order. Raises `ApkError` where a record is not where it must be.

        Records behind the announced number do not exist for Android; ``whole`` takes them for an error at the end.
        """
        for at, length in self._walk(whole=whole):
            yield self._entry(at, self._data[at + 46 : at + 46 + length])

    @cached_property
    def exact(self) -> bool:
        """Whether it holds the magic of a record exactly as often as it announces records."""
        return self._data.count(_MAGIC) == self.count

    def check(self) -> None:
        """Raise `ApkError` where a record is not where it must be."""
        deque(self._walk(), maxlen=0)

    def unannounced(self) -> int:
        """Bytes behind the announced records. Raises `ApkError` where a record is not where it must be."""
        end = 0
        for at, _ in self._walk():
            end = at + 46 + sum(_SIZES.unpack_from(self._data, at)[1:])
        return len(self._data) - end

    def holds(self, text: bytes) -> bool:
        """Whether these bytes stand anywhere in it: cheap, and no proof of a member of that name."""
        return text in self._data

    def _named(self, prefix: bytes, *, exact: bool) -> Iterator[tuple[int, int]]:
        """Offset and name length of each record whose name begins with ``prefix``.

        Where the directory holds the record magic exactly as often as it announces records, every record
        of a walk that succeeds begins at one of those places, so searching finds what the walk would, many
        times faster. Where the walk would fail nonetheless, Android refuses the file: what is found in it
        cannot be installed. Where the numbers differ, something imitates a record, and the walk decides.
        """
        data = self._data
        if not exact:
            yield from (pair for pair in self._walk() if data.startswith(prefix, pair[0] + 46, sum(pair) + 46))
            return
        find, at = data.find, data.find(prefix, 46)
        while at >= 0:
            if data.startswith(_MAGIC, at - 46):
                length = data[at - 18] | data[at - 17] << 8
                if length >= len(prefix) and at + length <= len(data):
                    yield at - 46, length
            at = find(prefix, at + 1)

    def _walk(self, *, whole: bool = False) -> Iterator[tuple[int, int]]:
        """Offset and name length of each record, each beginning where the one before it ended.

        As libziparchive does, it ends after the announced number; ``whole`` goes on, and takes a rest for an error.
        """
        data, at, walked = self._data, 0, 0
        unpack, last = _SIZES.unpack_from, len(data) - 46
        while at <= last and (whole or walked < self.count):
            magic, name, extra, comment = unpack(data, at)
            if magic != _RECORD_MAGIC:
                raise ApkError(f"zip directory: no record at byte {at}")
            walked += 1
            if walked > self._entries:
                raise self._too_many(walked)
            yield at, name
            at += 46 + name + extra + comment
        if at > len(data):
            raise ApkError("zip directory: a record reaches beyond its end")
        agrees = walked == self.count or (whole and walked & 0xFFFF == self.count)
        if not agrees or (whole and at != len(data)):
            raise ApkError(f"zip directory: {walked} records found, {self.count} announced")

    def _too_many(self, seen: int) -> LimitExceeded:
        return LimitExceeded.of(f"zip directory: {seen} members or more", "entries", self._entries)

    def _entry(self, at: int, name: bytes) -> ZipEntry:
        flags, method, crc, compressed, size, extra, offset = _RECORD.unpack_from(self._data, at)
        if _FULL_32 not in (compressed, size, offset):
            return ZipEntry(name, method, flags, crc, compressed, size, offset)
        start = at + 46 + len(name)
        size, compressed, offset = _zip64_sizes(self._data[start : start + extra], size, compressed, offset)
        return ZipEntry(name, method, flags, crc, compressed, size, offset, zip64=True)


def _find_eocd(source: ByteSource) -> tuple[int, bytes]:
    """Where the end record is, and the tail that was read to find it.

    Only a record whose comment reaches exactly to the end counts, as in apksig and libziparchive: so a
    magic inside the comment is passed over, and bytes appended behind the zip are noticed.
    """
    for length in (TAIL, _EOCD.size + _MAX_COMMENT):
        tail = source.read_at(max(0, source.size - length), min(length, source.size))
        at = tail.rfind(_EOCD_MAGIC)
        while at >= 0:
            if at + _EOCD.size <= len(tail) and at + _EOCD.size + _u16_at(tail, at + 20) == len(tail):
                return source.size - len(tail) + at, tail
            at = tail.rfind(_EOCD_MAGIC, 0, at)
    raise NoEndRecord("no zip: the end-of-central-directory record is missing (truncated, or bytes appended?)")


def _u16_at(data: bytes, at: int) -> int:
    return data[at] | data[at + 1] << 8


def _zip64_sizes(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """The three values from the zip64 extra field (id 1), which holds those that overflowed, or all of them."""
    fields = Fields(extra, "zip64 extra field")
    while fields.left >= 4:
        identifier, length = fields.u16("id"), fields.u16("length")
        body = fields.take(length, "body")
        if identifier == 1:
            wide, whole = Fields(body, "zip64 extra field"), length in _ZIP64_WHOLE
            size = wide.u64("size") if whole or size == _FULL_32 else size
            compressed = wide.u64("compressed size") if whole or compressed == _FULL_32 else compressed
            offset = wide.u64("offset") if whole or offset == _FULL_32 else offset
            break
    return size, compressed, offset
