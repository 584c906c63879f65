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
from contextlib import contextmanager
from enum import Enum
from functools import partial
from typing import IO, cast

from scanner.bytesource import ByteSource, FileLike, ZipDirectory
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Hop, Limits, counted

HEAD = 512
"""Bytes from the front that are enough to tell every kind apart."""
SMALLEST = 22
"""No zip is smaller: an empty one is its end record."""
FREE = 256 << 20
"""A compressed tar may inflate to so many bytes however small it is; beyond, `Limits.inflated_ratio` holds."""
MAX_TAR_HEADER = 1 << 20
"""Largest extended tar header, such as a long name, that is read, in bytes."""
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
    if head[257:262] == b"ustar" or _old_tar(head):
        return Kind.TAR
    if _compression(head):
        return Kind.COMPRESSED
    return Kind.OTHER


def ends_as_zip(source: ByteSource) -> bool:
    """Whether the bytes end with a zip's end record, however they begin."""
    try:
        ZipDirectory(source)
    except ApkError:
        return False
    return True


def _old_tar(head: bytes) -> bool:
    """A tar header of before 1988 has no magic, but a checksum: the sum of its bytes, its own field taken as blanks."""
    stated = head[148:156].strip(b" \0")
    if len(head) < 512 or not stated or stated.strip(b"01234567"):
        return False
    return int(stated, 8) == sum(head[:148]) + 8 * 0x20 + sum(head[156:512])


def _compression(head: bytes) -> str | None:
    return next((name for magic, name in _MAGICS if head.startswith(magic)), None)


def zip_members(source: ByteSource, limits: Limits = LIMITS) -> Iterator[Hop | str]:
    """Each member of a zip that could be read, and a sentence for those that cannot.

    Raises `ApkError` where the directory does not hold together.
    """
    locked, odd = 0, dict[int, int]()
    for entry in ZipDirectory(source, limits).entries(whole=True):
        if entry.name.endswith(b"/") and not entry.compressed:
            continue
        if entry.encrypted:
            locked += 1
        elif entry.method not in _METHODS:
            odd[entry.method] = odd.get(entry.method, 0) + 1
        else:
            method = "stored" if entry.method == 0 else "deflated"
            yield Hop(entry.text_name, method, entry.header_offset, entry.compressed, entry.size)  # type: ignore[arg-type]
    if locked:
        yield f"{counted(locked, 'encrypted member was', 'encrypted members were')} not read"
    for number, count in odd.items():
        yield f"not read: {counted(count, 'member')} of compression method {number}"


def tar_members(source: ByteSource) -> Iterator[Hop | str]:
    """Each regular member of an uncompressed tar as a slice of it. Raises `ApkError` where it is broken."""
    try:
        with tarfile.open(fileobj=_buffered(source), mode="r:", tarinfo=_BoundedTarInfo) as archive:
            for member in archive:
                if member.issparse():
                    yield f"{member.name}: a sparse member was not read"
                elif member.isreg():
                    yield Hop(member.name, "slice", member.offset_data, member.size, member.size)
                _forget(archive)
            yield from _behind(source, archive.offset)
    except TAR_ERRORS as error:
        if isinstance(error, ApkError):
            raise
        raise ApkError(f"tar: {error or type(error).__name__}") from error


TAR_ERRORS = (tarfile.TarError, EOFError, OSError, ValueError, RecursionError)


def _behind(source: ByteSource, offset: int) -> Iterator[str]:
    """What stands where the members end must be zeros: `tarfile` stops at a damaged header without a word."""
    if offset + 512 > source.size:
        yield "cut short: the end marker is missing"
        return
    for at in range(offset, source.size, 1 << 20):
        if source.read_at(at, min(1 << 20, source.size - at)).strip(b"\0"):
            yield "data behind its last readable member was not read (a damaged header, or another archive)"
            return


class _BoundedTarInfo(tarfile.TarInfo):
    """A tar header that refuses to read gigabytes of name. `_proc_member` is where tarfile lets subclasses in."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        if self.type in EXTENDED_HEADERS and self.size > MAX_TAR_HEADER:
            raise LimitExceeded(f"tar: an extended header of {self.size} bytes, the limit is {MAX_TAR_HEADER}")
        found: tarfile.TarInfo = super()._proc_member(archive)  # type: ignore[misc]
        return found


EXTENDED_HEADERS = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)


def stream_members(source: ByteSource, limits: Limits = LIMITS) -> Iterator[tuple[str, int | None, IO[bytes]]]:
    """Name, size and content of each regular member of a compressed tar, in one pass.

    A compressed zip is its own only member, its size unknown (None). The content must be read before the next
    member is asked for.

    Raises:
        ApkError: the compression or the tar is broken, or holds neither; what was yielded before was good.
        LimitExceeded: it inflates to more times its size than ``limits`` allow.
    """
    raw = FileLike(source)
    with _mapped():
        head = source.read_at(0, min(HEAD, source.size))
        bounded = _Bounded(_decompressed(cast("IO[bytes]", raw), head), raw, limits.inflated_ratio)
        first = bounded.peek(HEAD)
        if kind_of(first) is Kind.ZIP:
            yield "", None, cast("IO[bytes]", _Content(cast("IO[bytes]", bounded)))
            return
        if kind_of(first) is not Kind.TAR:
            raise ApkError("compressed, but neither an archive nor an APK")
        with tarfile.open(fileobj=cast("IO[bytes]", bounded), mode="r|", tarinfo=_BoundedTarInfo) as archive:
            for member in archive:
                if member.isreg() and (content := archive.extractfile(member)):
                    yield member.name, member.size, cast("IO[bytes]", _Content(content))
                _forget(archive)
            behind = any(piece.strip(b"\0") for piece in iter(partial(_rest(archive).read, 1 << 20), b""))
        if behind or bounded.last.strip(b"\0") or len(bounded.last) < 1024:
            raise ApkError("cut short, or data behind its last readable member was not read")


@contextmanager
def _mapped() -> Iterator[None]:
    """What decompressors and `tarfile` let out of a broken stream, as `ApkError`."""
    import lzma

    import zstandard

    try:
        yield
    except (*TAR_ERRORS, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        if isinstance(error, ApkError):
            raise
        raise ApkError(f"compressed archive: {error or type(error).__name__}") from error


class _Content:
    """A member's content, which is read by others than `stream_members`: its errors are ours there, too."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content

    def read(self, size: int = -1) -> bytes:
        """As any stream. Raises `ApkError`."""
        with _mapped():
            return self._content.read(size)


def _rest(archive: tarfile.TarFile) -> IO[bytes]:
    """What follows the last member, through tarfile's own buffer."""
    return cast("IO[bytes]", archive.fileobj)


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
    """Counts what comes out against what went in, and stops a bomb; remembers the last bytes."""

    def __init__(self, inflated: IO[bytes], raw: FileLike, ratio: int) -> None:
        super().__init__()
        self._inflated, self._raw, self._out, self._ahead = inflated, raw, 0, b""
        self._ratio = ratio
        self.last = b""
        """The last 1024 bytes that were read: the end marker of a tar that is whole."""

    def readable(self) -> bool:
        return True

    def peek(self, size: int) -> bytes:
        """The first bytes, which will be read again."""
        while len(self._ahead) < size and (more := self._inflated.read(size - len(self._ahead))):
            self._ahead += more
        return self._ahead

    def read(self, size: int = -1) -> bytes:
        data, self._ahead = (
            (self._ahead[:size], self._ahead[size:]) if self._ahead and size >= 0 else (b"", self._ahead)
        )
        if not data:
            data, self._ahead = self._ahead + self._inflated.read(size), b""
        self._out += len(data)
        self.last = (self.last + data)[-1024:]
        if self._out > FREE and self._out > self._ratio * max(1, self._raw.tell()):
            raise LimitExceeded.of("compressed archive: inflates to many times its size", "inflated_ratio", self._ratio)
        return data


def _buffered(source: ByteSource) -> IO[bytes]:
    return cast("IO[bytes]", io.BufferedReader(FileLike(source), 64 * 1024))
