"""Streams of an inventory's bytes: from a byte source, decompressed by magic, and never a bomb.

gzip: RFC 1952. Deflate: RFC 1951. Zstandard: RFC 8878. Nothing is held but a few pieces at a time.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, NamedTuple, Protocol, cast

from scanner.bytesource import ByteSource, FileLike, LocalFile, ZipEntry, open_member
from scanner.errors import ApkError, LimitExceeded, ReadError

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MAX_RATIO, FREE = 200, 256 << 20
"""A compressed document may inflate to this many times its size once it has inflated past `FREE` bytes."""
MAX_LAYERS = 2
"""Compressions undone one inside the other, such as a ``.gz`` that a server compressed once more."""
BUFFER = 256 << 10
"""Bytes of a stream that are held ready."""
GZIP, ZSTD = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
_MOST_AT_ONCE = 1 << 20
_ZSTD_PIECE = 1 << 10
"""Fed at once: a block of four bytes may stand for 128 KiB, and Zstandard's decompressor has no limit of its own."""
_STORED, _DEFLATED = 0, 8


class _Engine(Protocol):
    """What zlib's and Zstandard's decompressors have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _Inflater(_Engine, Protocol):
    """zlib's, which can be told how much to make at once."""

    @property
    def unconsumed_tail(self) -> bytes: ...
    def decompress(self, data: bytes, /, max_length: int = 0) -> bytes: ...


class _Kind(NamedTuple):
    name: str
    start: Callable[[], _Engine]
    step: Callable[[_Engine, bytes], tuple[bytes, bytes]]
    """What the engine makes of some bytes, and those that it did not look at yet."""
    piece: int
    several: bool = True
    """Whether another frame may follow the first."""


def _zlib_step(engine: _Engine, data: bytes) -> tuple[bytes, bytes]:
    inflater = cast("_Inflater", engine)
    return inflater.decompress(data, _MOST_AT_ONCE), inflater.unconsumed_tail


def _zstd_start() -> _Engine:
    import zstandard

    return cast("_Engine", zstandard.ZstdDecompressor(max_window_size=1 << 27).decompressobj())


def _zstd_step(engine: _Engine, data: bytes) -> tuple[bytes, bytes]:
    import zstandard

    try:
        return engine.decompress(data), b""
    except zstandard.ZstdError as error:
        raise ApkError(f"zstd: {error}") from error


_GZIP = _Kind("gzip", lambda: zlib.decompressobj(16 + zlib.MAX_WBITS), _zlib_step, 64 << 10)
_ZSTD = _Kind("zstd", _zstd_start, _zstd_step, _ZSTD_PIECE)
_DEFLATE = _Kind("deflate", lambda: zlib.decompressobj(-zlib.MAX_WBITS), _zlib_step, 64 << 10, several=False)


class Held(ByteSource, Protocol):
    """A byte source that is to be closed."""

    def close(self) -> None:
        """Give back what is held."""
        ...


Place = str | Callable[[], Held]
"""Where bytes lie: a path of this machine, or what opens them elsewhere."""


class _Owning(FileLike):
    """A stream of a byte source that gives the file under it back when it is closed."""

    def __init__(self, source: ByteSource, file: Held) -> None:
        super().__init__(source)
        self._file = file

    def close(self) -> None:
        """Close the stream and the file."""
        self._file.close()
        super().close()


class Unpacked(io.RawIOBase):
    """What a decompressor makes of a stream.

    Raises:
        ApkError: while it is read, where the compression is broken or cut short.
        LimitExceeded: while it is read, where it inflates beyond `MAX_RATIO`.
    """

    def __init__(self, packed: IO[bytes], kind: _Kind, crc: int | None = None) -> None:
        super().__init__()
        self._packed, self._kind, self._crc = packed, kind, crc
        self._engine = kind.start()
        self._begun = self._done = False
        self._waiting = self._ready = b""
        self._in = self._out = self._sum = 0

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill ``buffer`` as far as the next piece goes."""
        while not self._ready and not self._done:
            self._advance()
        view = memoryview(buffer).cast("B")
        length = min(len(view), len(self._ready))
        view[:length] = self._ready[:length]
        self._ready = self._ready[length:]
        return length

    def close(self) -> None:
        """Close this stream and the one under it."""
        self._packed.close()
        super().close()

    def _advance(self) -> None:
        data = self._waiting or self._more()
        if self._engine.eof and not self._next_frame(data):
            return
        if not data and not self._begun:
            self._end()
            return
        try:
            made, self._waiting = self._kind.step(self._engine, data)
        except zlib.error as error:
            raise ApkError(f"{self._kind.name}: {error}") from error
        if not data and not made and not self._engine.eof:
            raise ApkError(f"{self._kind.name}: the compressed data is cut short")
        self._begun = True
        if self._engine.eof:
            self._waiting = self._engine.unused_data
        self._take(made)

    def _next_frame(self, data: bytes) -> bool:
        """Begin another frame where there is one; zeros behind the last one are padding."""
        if not self._kind.several or not data:
            self._end()
            return False
        self._waiting = data = data.lstrip(b"\0")
        if data:
            self._engine, self._begun = self._kind.start(), False
        return bool(data)

    def _more(self) -> bytes:
        data = self._packed.read(self._kind.piece)
        self._in += len(data)
        return data

    def _take(self, made: bytes) -> None:
        self._out += len(made)
        if self._out > FREE and self._out > MAX_RATIO * max(1, self._in):
            raise LimitExceeded(f"{self._kind.name}: inflates to more than {MAX_RATIO} times its size")
        if self._crc is not None:
            self._sum = zlib.crc32(made, self._sum)
        self._ready = made

    def _end(self) -> None:
        self._done = True
        if self._crc is not None and self._sum != self._crc:
            raise ApkError(f"{self._kind.name}: the checksum does not fit, the content is damaged")


def opened(place: Place) -> Held:
    """The bytes of a file as a byte source. Raises `SourceError`, or `ReadError`, where it cannot be opened."""
    return LocalFile(place) if isinstance(place, str) else place()


def file_stream(place: Place) -> IO[bytes]:
    """The bytes of a file, decompressed. Raises as `opened` does."""
    return _unpacked(_whole(place))


def whole_file(place: Place) -> IO[bytes]:
    """The bytes of a file as they are, seekable. Raises as `opened` does."""
    return _whole(place)


def member_stream(place: Place, entry: ZipEntry) -> IO[bytes]:
    """The bytes of a zip's member, decompressed also where the member itself is a ``.gz`` or ``.zst``.

    Raises:
        SourceError: the zip cannot be opened.
        ApkError: the member is encrypted, of another compression, or not where the directory says.
    """
    if entry.encrypted:
        raise ApkError("the member is encrypted")
    if entry.method not in {_STORED, _DEFLATED}:
        raise ApkError(f"the member is of compression method {entry.method}")
    lying = ZipEntry(entry.name, _STORED, entry.flags, entry.crc, entry.compressed, entry.size, entry.header_offset)
    file = opened(place)
    try:
        raw = _buffered(_Owning(open_member(file, lying), file))
    except (ApkError, ReadError):
        file.close()
        raise
    if entry.method == _DEFLATED:
        raw = _buffered(Unpacked(raw, _DEFLATE, entry.crc))
    return _unpacked(raw)


def _whole(place: Place) -> io.BufferedReader:
    file = opened(place)
    return _buffered(_Owning(file, file))


def _unpacked(stream: io.BufferedReader) -> IO[bytes]:
    """The stream with its compressions undone, each told by its magic."""
    try:
        for _ in range(MAX_LAYERS):
            magic = stream.peek(4)[:4]
            kind = _GZIP if magic.startswith(GZIP) else _ZSTD if magic == ZSTD else None
            if kind is None:
                break
            stream = _buffered(Unpacked(stream, kind))
    except (ApkError, ReadError):
        stream.close()
        raise
    return stream


def _buffered(stream: io.RawIOBase) -> io.BufferedReader:
    return io.BufferedReader(stream, BUFFER)
