"""The files of an inventory: one file, standard input, a folder, a zip. See `Document` and `Bundle` in `reading`.

Text is UTF-8 with or without a byte order mark, or UTF-16, as PowerShell's ``>`` writes it.
"""

from __future__ import annotations

import codecs
import io
import os
import sys
import tempfile
import weakref
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import IO

from scanner.bytesource import ZipDirectory, ZipEntry
from scanner.errors import ApkError, LimitExceeded, ReadError, SourceError
from scanner.model import printable
from scanner.sources.inventories.reading import HEAD, Document, Entry, Gap
from scanner.sources.inventories.unpacking import Place, file_stream, member_stream, opened, whole_file

MAX_NAMES = 100_000
"""Files of a folder or a zip that are looked at as one inventory."""
MAX_LINE = 4 << 20
"""Characters of a line that are read; the rest of a longer one is passed over."""
_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_PROBE = 128
"""Bytes from the front that tell UTF-16 without a mark: each second one is a NUL."""


class StreamDocument:
    """A document over any stream of bytes that can be opened again and again. See `Document`."""

    def __init__(self, name: str, opener: Callable[[], IO[bytes]]) -> None:
        self.name = printable(name)
        self._opener = opener
        self._front: bytes | None = None

    @property
    def head(self) -> str:
        """See `Document.head`. Where the compression is broken, what came before."""
        front = self._head()
        encoding, mark = _encoding(front)
        return front[mark:].decode(encoding, "replace").replace("\r\n", "\n").replace("\r", "\n")

    def binary(self) -> IO[bytes]:
        """See `Document.binary`. Raises `SourceError` or `ApkError` where there is nothing to be read."""
        return self._opener()

    def text(self) -> IO[str]:
        """See `Document.text`. Raises `SourceError` or `ApkError` where there is nothing to be read."""
        encoding, mark = _encoding(self._head())
        stream = self.binary()
        try:
            stream.read(mark)
        except (ApkError, ReadError):
            stream.close()
            raise
        errors = "surrogateescape" if encoding == "utf-8" else "replace"
        return io.TextIOWrapper(stream, encoding, errors, newline=None)

    def _head(self) -> bytes:
        if self._front is None:
            front = b""
            with suppress(ApkError), self.binary() as stream:
                while len(front) < HEAD and (more := stream.read1(HEAD - len(front))):  # type: ignore[attr-defined]
                    front += more
            self._front = front
        return self._front


class FileDocument(StreamDocument):
    """One file, gzip and Zstandard undone; what lies elsewhere than on this machine needs a name."""

    def __init__(self, place: Place, name: str | None = None) -> None:
        super().__init__(str(place) if name is None else name, lambda: file_stream(place))


class StdinDocument(FileDocument):
    """Standard input or another stream, kept in a temporary file so that it can be read more than once.

    Raises `SourceError` where it cannot be kept, `LimitExceeded` where it has more than ``most`` bytes.
    """

    def __init__(self, stream: IO[bytes] | None = None, name: str = "-", most: int | None = None) -> None:
        handle, self.path = tempfile.mkstemp(prefix="app-scanner-")
        self.close = weakref.finalize(self, _remove, self.path)
        """Removes the temporary file; done by itself at the latest when the program ends."""
        try:
            with os.fdopen(handle, "wb") as kept:
                self._keep(stream or sys.stdin.buffer, kept, most)
        except OSError as error:
            self.close()
            raise SourceError(f"{'standard input' if name == '-' else name}: {error.strerror or error}") from error
        super().__init__(self.path, name)

    def _keep(self, stream: IO[bytes], kept: IO[bytes], most: int | None) -> None:
        while data := stream.read(1 << 20):
            kept.write(data)
            if most is not None and kept.tell() > most:
                self.close()
                raise LimitExceeded(f"more than {most} bytes, unpacked")


class FolderBundle:
    """The files under a folder, links out of it left out. See `Bundle`."""

    def __init__(self, path: str) -> None:
        self.name = printable(path)
        self.cut_short = False
        """Whether there are more than `MAX_NAMES` files."""
        self._paths: dict[str, str] = {}
        root = Path(os.path.realpath(path))
        for file in _files_under(path):
            if len(self._paths) >= MAX_NAMES:
                self.cut_short = True
                break
            if file.is_file() and (not file.is_symlink() or Path(os.path.realpath(file)).is_relative_to(root)):
                self._paths[file.relative_to(path).as_posix()] = str(file)

    def names(self) -> list[str]:
        """See `Bundle.names`."""
        return list(self._paths)

    def document(self, name: str) -> Document:
        """See `Bundle.document`."""
        return FileDocument(self._paths[name], f"{self.name.rstrip('/')}/{name}")


class ZipBundle:
    """The members of a zip, each inflated as it is read and never held. See `Bundle`.

    Raises:
        SourceError: the file cannot be opened; `ReadError` where it lies elsewhere and does not come.
        ApkError: it has no directory that holds together.
    """

    def __init__(self, place: Place, name: str | None = None) -> None:
        self.name = printable(str(place) if name is None else name)
        self.cut_short = False
        """Whether there are more than `MAX_NAMES` members."""
        self._place = place
        self._members: dict[str, ZipEntry] = {}
        with closing(opened(place)) as source:
            for entry in ZipDirectory(source).entries(whole=True):
                if len(self._members) >= MAX_NAMES:
                    self.cut_short = True
                    break
                safe = _safe_name(entry.text_name)
                if safe is not None:
                    self._members[safe] = entry

    def names(self) -> list[str]:
        """See `Bundle.names`; a name that stands twice is the last member's, as unzipping would leave it."""
        return list(self._members)

    def document(self, name: str) -> Document:
        """See `Bundle.document`."""
        entry = self._members[name]
        return StreamDocument(f"{self.name}!/{name}", lambda: member_stream(self._place, entry))

    def size(self, name: str) -> int:
        """The bytes that a member says it has, inflated. Raises `KeyError` where there is none of that name."""
        return self._members[name].size

    def whole(self) -> IO[bytes]:
        """The zip itself as a seekable stream. To be closed by whoever asked."""
        return whole_file(self._place)


UNREADABLE = (SourceError, ApkError, ReadError, OSError, EOFError, UnicodeError, zlib.error)
"""What the streams of a document raise. Zstandard's own errors are an `ApkError` by then."""


def safely(entries: Iterable[Entry], name: str) -> Iterator[Entry]:
    """The entries of one document; where its bytes cannot be read on, a last `Gap` says so."""
    import zstandard

    try:
        yield from entries
    except (
        SourceError,
        ApkError,
        ReadError,
        OSError,
        EOFError,
        UnicodeError,
        zlib.error,
        zstandard.ZstdError,
    ) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        yield Gap("", f"{name}: not read to its end: {reason}", "listing")


def numbered_lines(document: Document) -> Generator[tuple[int, str], None, None]:
    """Every line with its number, from 1, its line feed kept; one cut at `MAX_LINE` has none."""
    with document.text() as stream:
        number, line = 0, stream.readline(MAX_LINE)
        while line:
            number += 1
            yield number, line
            while len(line) == MAX_LINE and line[-1] != "\n":
                line = stream.readline(MAX_LINE)
            line = stream.readline(MAX_LINE)


def _encoding(front: bytes) -> tuple[str, int]:
    """The encoding of a text that begins so, and how many bytes its mark has."""
    for mark, encoding in _MARKS:
        if front.startswith(mark):
            return encoding, len(mark)
    even, odd = front[:_PROBE:2], front[1:_PROBE:2]
    if odd and not odd.strip(b"\0") and b"\0" not in even:
        return "utf-16-le", 0
    if odd and not even.strip(b"\0") and b"\0" not in odd:
        return "utf-16-be", 0
    return "utf-8", 0


def _files_under(path: str) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        if error.filename == path:
            raise SourceError(f"{path}: {error.strerror}") from error

    for folder, folders, files in os.walk(path, onerror=refuse):
        folders.sort()
        yield from (Path(folder, file) for file in sorted(files))


def _safe_name(name: str) -> str | None:
    """A member's name with ``/`` between folders; null for a folder, and for what leads out of the zip."""
    parts = name.replace("\\", "/").split("/")
    if not parts[-1] or "\0" in name or ".." in parts or parts[0].endswith(":"):
        return None
    return "/".join(part for part in parts if part not in {"", "."}) or None


def _remove(path: str) -> None:
    with suppress(OSError):
        Path(path).unlink()
