"""What a file is, by its content, and the members of containers: zip and tar.

Zip: PKWARE's APPNOTE.TXT. Tar: POSIX.1-1988 ustar and its GNU and pax forms, read by `tarfile`.
Compression by magic: gzip (RFC 1952), xz, Zstandard (RFC 8878), bzip2.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from collections.abc import Iterator
from enum import Enum
from typing import IO, cast

from scanner.bytesource import ByteSource, FileLike, ZipDirectory
from scanner.errors import ApkError, LimitExceeded
from scanner.model import Hop

HEAD = 265
"""Bytes from the front that are enough to tell every kind apart."""
SMALLEST = 22
"""No zip is smaller: an empty one is its end record."""
MAX_RATIO, FREE = 200, 256 << 20
"""A compressed tar may inflate to this many times its size once it has inflated past `FREE` bytes."""
MAX_MEMBERS = 5_000_000
NAMED_LIKE_AN_APK = re.compile(r"\.(apk|apks|xapk|apkm)(\.(gz|xz|zst|bz2))?$", re.IGNORECASE)
"""Names that promise an APK: one that cannot be read as such is said to be unread, never passed over."""
BUNDLE_MARKS = frozenset({"toc.pb", "manifest.json", "info.json"})
"""Members that make a zip with APKs one app: bundletool's ``.apks``, ``.xapk`` and ``.apkm``."""


class Kind(Enum):
    """What a file is."""

    ZIP = "zip"
    TAR = "tar"
    COMPRESSED = "compressed"
    OTHER = "other"


_MAGICS = ((b"\x1f\x8b", "gzip"), (b"\xfd7zXZ\x00", "xz"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"BZh", "bzip2"))
_METHODS = {0: "stored", 8: "deflated"}


def kind_of(head: bytes) -> Kind:
    """The kind of a file by its first `HEAD` bytes."""
    if head[:2] == b"PK" and head[2:4] in {b"\x03\x04", b"\x05\x06"}:
        return Kind.ZIP
    if head[257:262] == b"ustar":
        return Kind.TAR
    if _compression(head):
        return Kind.COMPRESSED
    return Kind.OTHER


def _compression(head: bytes) -> str | None:
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def zip_members(source: ByteSource) -> Iterator[Hop | str]:
    """Each member of a zip that could be read, and a sentence for those that cannot.

    Raises `ApkError` where the directory does not hold together.
    """
    locked, odd = 0, dict[int, int]()
    for entry in ZipDirectory(source).entries():
        if entry.name.endswith(b"/") or not entry.size:
            continue
        if entry.encrypted:
            locked += 1
        elif entry.method not in _METHODS:
            odd[entry.method] = odd.get(entry.method, 0) + 1
        else:
            method = "stored" if entry.method == 0 else "deflated"
            yield Hop(entry.text_name, method, entry.header_offset, entry.compressed, entry.size)  # type: ignore[arg-type]
    if locked:
        yield f"{locked} encrypted members were not read"
    for number, count in odd.items():
        yield f"{count} members of compression method {number} were not read"


def tar_members(source: ByteSource) -> Iterator[Hop | str]:
    """Each regular member of an uncompressed tar as a slice of it. Raises `ApkError` where it is broken."""
    try:
        with tarfile.open(fileobj=_buffered(source), mode="r:") as archive:
            for member in archive:
                if member.issparse():
                    yield f"{member.name}: a sparse member was not read"
                elif member.isreg() and member.size:
                    yield Hop(member.name, "slice", member.offset_data, member.size, member.size)
                _forget(archive)
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        raise ApkError(f"tar: {error}") from error


def stream_members(source: ByteSource) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Name, size and content of each regular member of a compressed tar, in one pass.

    The content must be read before the next member is asked for.

    Raises:
        ApkError: the compression or the tar is broken; what was yielded before was good.
        LimitExceeded: it inflates beyond `MAX_RATIO`.
    """
    import lzma

    import zstandard

    raw = FileLike(source)
    try:
        inflated = _Bounded(_decompressed(cast("IO[bytes]", raw), source.read_at(0, min(HEAD, source.size))), raw)
        with tarfile.open(fileobj=inflated, mode="r|") as archive:
            for member in archive:
                if member.isreg() and member.size and (content := archive.extractfile(member)):
                    yield member.name, member.size, content
                _forget(archive)
    except (
        tarfile.TarError,
        EOFError,
        OSError,
        ValueError,
        zlib.error,
        lzma.LZMAError,
        zstandard.ZstdError,
    ) as error:
        if isinstance(error, ApkError):
            raise
        raise ApkError(f"compressed archive: {error}") from error


def _forget(archive: tarfile.TarFile) -> None:
    """Drop the headers that `tarfile` keeps of members gone by: memory must stay flat."""
    archive.members = []  # type: ignore[attr-defined]


def _decompressed(source: IO[bytes], head: bytes) -> IO[bytes]:
    import bz2
    import gzip
    import lzma

    import zstandard

    name = _compression(head)
    if name == "gzip":
        return cast("IO[bytes]", gzip.GzipFile(fileobj=source))
    if name == "xz":
        return cast("IO[bytes]", lzma.LZMAFile(source))
    if name == "bzip2":
        return cast("IO[bytes]", bz2.BZ2File(source))
    return cast(
        "IO[bytes]",
        zstandard.ZstdDecompressor(max_window_size=1 << 28).stream_reader(source, read_across_frames=True),
    )


class _Bounded(io.RawIOBase):
    """Counts what comes out against what went in, and stops a bomb."""

    def __init__(self, inflated: IO[bytes], raw: FileLike) -> None:
        super().__init__()
        self._inflated, self._raw, self._out = inflated, raw, 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._inflated.read(size)
        self._out += len(data)
        if self._out > FREE and self._out > MAX_RATIO * max(1, self._raw.tell()):
            raise LimitExceeded(f"compressed archive: inflates to more than {MAX_RATIO} times its size")
        return data


def _buffered(source: ByteSource) -> IO[bytes]:
    return cast("IO[bytes]", io.BufferedReader(FileLike(source), 64 * 1024))
