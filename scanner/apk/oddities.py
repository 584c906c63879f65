"""What honest tools do not write into a zip, by name, with what Android does about it.

Every rule is one of AOSP ``system/libziparchive/zip_archive.cc`` (``FindCentralDirectoryInfo``, ``ParseZipArchive``,
``FindEntry``), which opens every APK, and of ``libs/androidfw/AssetsProvider.cpp``, which maps the manifest without
asking for its checksum. Where one of them fails, the app cannot be installed: such a note ends with `REFUSED`.
"""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

from scanner.bytesource import ByteSource, Member, ZipDirectory, ZipEntry
from scanner.errors import ApkError
from scanner.model import counted, printable

REFUSED = "Android refuses the app"
IGNORED = "ignored, as on Android"
NAMES_LOOKED_AT = 64
"""Of so many members the names are looked at in every scan, of more only where an app is verified or inspected."""
AS_FOLDER = b"AndroidManifest.xml/"
"""Where this stands in the directory they are looked at, whatever their number."""
SHOWN = 3
"""Members that a note names."""
STORED, DEFLATED = 0, 8
DESCRIPTOR = 0x0008
"""Flag: sizes and checksum follow the data."""
_LOCAL = struct.Struct("<4x2xHH4xIIIHH")
"""Of a local header: flags, method, CRC-32, compressed size, size, length of the name, of the extra field."""
_FULL_32 = 0xFFFFFFFF


def directory_notes(source: ByteSource, directory: ZipDirectory) -> Iterator[str]:
    """What is odd about the directory and its end record."""
    if source.read_at(0, 4) != b"PK\x03\x04":
        yield f"prefixed-data: what stands in front may run instead (CVE-2017-13156); since December 2017 {REFUSED}"
    if directory.end_in_comment:
        yield f"end-record-in-comment: another end record seems to begin in the comment; {REFUSED}"
    if directory.odd_disks:
        yield f"disk-numbers: the end record speaks of several disks; {IGNORED}"
    if directory.zip64 or directory.zip64_locator:
        yield "zip64: a zip64 locator stands before the end record; Android looks for no signing block then"
    gap = directory.eocd_offset - directory.offset - directory.size
    if gap and not directory.zip64:
        yield f"directory-gap: {counted(gap, 'byte')} before the end record; Android looks for no signing block then"
    if not directory.exact:
        yield from _count_notes(directory)


def _count_notes(directory: ZipDirectory) -> Iterator[str]:
    try:
        behind = directory.unannounced()
    except ApkError as error:
        yield f"directory-broken: {error}; {REFUSED}"
        return
    if behind:
        announced = counted(directory.count, "announced member")
        yield f"directory-count: {counted(behind, 'byte')} behind the {announced}; {IGNORED}"


def name_notes(directory: ZipDirectory, *, thorough: bool) -> Iterator[str]:
    """What is odd about the members' names and places, as far as it is looked at."""
    if not thorough and directory.count > NAMES_LOOKED_AT and not directory.holds(AS_FOLDER):
        return
    try:
        entries = list(directory.entries())
    except ApkError:
        return  # said of the directory already
    yield from _names(entries)
    yield from _places(entries, directory)


def _names(entries: list[ZipEntry]) -> Iterator[str]:
    names = Counter(entry.name for entry in entries)
    twice = [name for name, times in names.items() if times > 1 and name != b"AndroidManifest.xml"]
    kinds = {
        f"duplicate-entry: {{}}; {REFUSED}": twice,
        f"entry-name: no UTF-8, or with NUL: {{}}; {REFUSED}": [name for name in names if not _valid(name)],
        "entry-path: {} leaves the folder it is unpacked to; Android unpacks nothing by its name": [
            name for name in names if name.startswith(b"/") or b".." in name.replace(b"\\", b"/").split(b"/")
        ],
        f"path-collision: {{}} makes a file a folder, which stops unpacking; {IGNORED}": [
            name for name in names if _under(name, names)
        ],
    }
    for text, found in kinds.items():
        if found:
            yield text.format(_shown(found))


def _under(name: bytes, names: Counter[bytes]) -> bool:
    """Whether a part of the path, other than the folder's own record, is itself a member."""
    parts = name.split(b"/")
    return any(b"/".join(parts[:end]) in names for end in range(1, len(parts)))


def _valid(name: bytes) -> bool:
    if b"\0" in name:
        return False
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _places(entries: list[ZipEntry], directory: ZipDirectory) -> Iterator[str]:
    """Members that begin behind the directory's beginning, or before the one in front of them has ended."""
    behind = [entry.name for entry in entries if entry.header_offset >= directory.offset]
    if behind:
        yield f"member-offset: {_shown(behind)} begins behind the members; {REFUSED}"
    placed = sorted((entry.header_offset, entry.compressed, entry.name) for entry in entries)
    end, over = 0, list[bytes]()
    for at, size, name in placed:
        if at < end:
            over.append(name)
        end = max(end, at + 30 + len(name) + size)
    if over:
        yield f"overlapping-members: {_shown(over)} shares bytes with another; {IGNORED}"


def _shown(names: list[bytes]) -> str:
    shown = ", ".join(printable(name.decode("utf-8", "surrogateescape").replace("\0", "\\0")) for name in names[:SHOWN])
    return shown + (f" and {len(names) - SHOWN} more" if len(names) > SHOWN else "")


def manifest_notes(entry: ZipEntry, member: Member, directory: ZipDirectory, same_name: int) -> Iterator[str]:
    """What is odd about the manifest's member, of which ``same_name`` bear its name."""
    if same_name > 1:
        yield f"duplicate-entry: {same_name} members are named AndroidManifest.xml; the first is read; {REFUSED}"
    if entry.method not in (STORED, DEFLATED):
        yield f"compression-method: {entry.method} for the manifest; read as stored, as Android does"
    if entry.encrypted:
        yield "encryption-flag: set for the manifest, ignored as Android does"
    if entry.zip64:
        yield "zip64-entry: place and sizes of the manifest stand in a zip64 field, which older releases refuse to read"
    yield from _header_notes(entry, member, directory)
    if entry.method == DEFLATED and len(member.content) != entry.size:
        yield f"inflated-size: the manifest inflates to {len(member.content)} bytes, not to {entry.size}; {REFUSED}"
    if zlib.crc32(member.content) != entry.crc:
        yield "checksum: the manifest's is wrong, which Android does not check"


def _header_notes(entry: ZipEntry, member: Member, directory: ZipDirectory) -> Iterator[str]:
    """Where the local header says otherwise than the directory, and where the bytes would lie."""
    flags, method, crc, compressed, size, length, extra = _LOCAL.unpack_from(member.header)
    if member.header[30 : 30 + length] != entry.name:
        yield f"local-name: the manifest's local header bears another name; {REFUSED}"
    if method != entry.method:
        yield f"local-method: {method} in the manifest's local header, {entry.method} in the directory, which counts"
    if (flags ^ entry.flags) & 1:
        yield f"local-flags: the manifest is encrypted by one of its two headers alone; {IGNORED}"
    local, central = (compressed, size, crc), (entry.compressed, entry.size, entry.crc)
    if flags & DESCRIPTOR and any(local) and local != central:
        yield f"data-descriptor: it follows, yet the manifest's local header states other sizes; {IGNORED}"
    elif not flags & DESCRIPTOR and local != central and _FULL_32 not in local:
        yield f"local-sizes: sizes or checksum of the manifest differ between its two headers; {REFUSED}"
    mapped = entry.compressed if entry.method == DEFLATED else max(entry.compressed, entry.size)
    if entry.header_offset + 30 + length + extra + mapped > directory.offset:
        yield f"member-overlaps-directory: the manifest reaches into the directory; {REFUSED}"
