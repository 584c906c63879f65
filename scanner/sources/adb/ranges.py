"""Ranges and digests of a phone's files, by the programs that its release has.

``dd`` skips in whole blocks on every release; where it is missing, ``tail | head`` does, and where that fails too the
one file is pulled whole. Sizes come from ``stat``, else from ``ls -l``. Paths reach the phone's shell quoted, always.
"""

from __future__ import annotations

import re
import shlex
import struct
import threading
from collections.abc import Iterable, Sequence

from scanner.bytesource import BLOCK, Memory, Span, Told
from scanner.errors import LimitExceeded, ReadError
from scanner.model import counted
from scanner.sources.adb.ends import Ends
from scanner.sources.adb.phone import Phone

MISSING = 127
"""Exit status of a shell whose command was not found."""
MAX_PULLED = 512 << 20
"""Largest file that is pulled whole where nothing else works, in bytes."""
MAX_PIECE = 1 << 20
"""Largest piece of a pulled file; the protocol's own limit is 64 KiB."""
SIZES_AT_ONCE = 100
LINE = 8 * 1024
"""Bytes that a line of ``ls -l`` may take beside the file's own."""
WRITTEN = 128 * 1024
DIGESTS_AT_ONCE = 64
"""Digests asked for in one command: few round trips, and each well within the time limit."""
MIB = 1 << 20
_NUMBER = re.compile(r"[0-9]{1,15}")
_DIGEST = re.compile(rb"^\\?([0-9a-f]{40,128})\b", re.MULTILINE)


class PhoneFiles:
    """See `scanner.bytesource.Fetches`. Remembers what the phone lacks; safe to share between threads."""

    def __init__(self, phone: Phone) -> None:
        self._phone = phone
        self._lacks: set[str] = set()
        self._pulled: tuple[str, Memory] | None = None
        self._ends = Ends(phone.ask)
        self._lock = threading.Lock()

    def expect(self, paths: Iterable[str]) -> None:
        """Ask for the sizes of files that will be read, many in one round trip. One that is not told is asked alone."""
        wanted, sizes = list(dict.fromkeys(paths)), dict[str, int]()
        for at in range(0, len(wanted), SIZES_AT_ONCE):
            part = wanted[at : at + SIZES_AT_ONCE]
            out, _ = self._phone.ask(f"stat -Lc '%s %n' {' '.join(map(shlex.quote, part))}")
            rest = out.decode("utf-8", "surrogateescape")
            for path in part:
                size, _, behind = rest.partition(" ")
                if _NUMBER.fullmatch(size) and behind.startswith(path + "\n"):
                    sizes[path] = int(size)
                    rest = behind[len(path) + 1 :]
        self._ends.expect(sizes)

    def told(self, path: str) -> Told | None:
        """See `Fetches.told`: the ends of several files in one round trip."""
        return self._ends.take(path)

    def end(self, path: str, tail: int) -> tuple[int, bytes]:
        """See `Fetches.end`: one round trip."""
        name, listed = shlex.quote(path), "stat" in self._lacks  # which another thread may find out meanwhile
        size_of = f"ls -lLn {name}" if listed else f"stat -Lc %s {name}"
        out, code = self._phone.ask(f"{size_of} && tail -c {tail} {name}", LINE + tail)
        line, _, rest = out.partition(b"\n")
        if code == MISSING and not out and not listed:
            self._lacks.add("stat")
            return self.end(path, tail)
        size = _size(line, listed=listed)
        if size is None:
            raise ReadError(self._why(name))
        if len(rest) == min(size, tail):
            return size, rest
        first = max(0, size - tail) // BLOCK  # `tail` is missing or odd
        last = self.blocks(path, [(first, -(-size // BLOCK) - first)])
        return size, last[len(last) - min(size, tail) :]

    def blocks(self, path: str, runs: Sequence[tuple[int, int]]) -> bytes:
        """See `Fetches.blocks`: one round trip."""
        name, most = shlex.quote(path), BLOCK * sum(count for _, count in runs)
        if "dd" not in self._lacks:
            out, code = self._phone.ask(" && ".join(_dd(name, *run) for run in runs), most)
            if code == 0:
                return out
            if code != MISSING:
                raise ReadError(self._why(name))
            self._lacks.add("dd")
        if "tail" not in self._lacks:
            parts = (f"tail -c +{first * BLOCK + 1} {name} | head -c {BLOCK * count}" for first, count in runs)
            out, code = self._phone.ask("; ".join(parts), most)
            if code != MISSING and (out or self._phone.ask("echo | tail -c 1 | head -c 1") == (b"\n", 0)):
                return out
            self._lacks.add("tail")
        whole = self._whole(path)
        return b"".join(whole.read_at(*_within(whole.size, *run)) for run in runs)

    def digests(self, path: str, spans: list[Span], algorithm: str) -> list[bytes]:
        """See `Fetches.digests`: each by the phone's own program, such as ``sha256sum``, many in one round trip."""
        dd = "dd" not in self._lacks and self._phone.ask("dd count=0 if=/dev/null")[1] != MISSING
        parts = (spans[at : at + DIGESTS_AT_ONCE] for at in range(0, len(spans), DIGESTS_AT_ONCE))
        return [digest for part in parts for digest in self._digests(shlex.quote(path), part, f"{algorithm}sum", dd=dd)]

    def _digests(self, name: str, spans: list[Span], program: str, *, dd: bool) -> list[bytes]:
        """Some of them. A file that cannot be read has digests too, those of nothing: so its last byte is counted."""
        end = max(span.offset + span.length for span in spans)
        last = f"{{ {_span(name, Span(end - 1, 1), dd=dd)}; }} | wc -c" if end else "echo 1"
        commands = [*(f"{{ {_span(name, span, dd=dd)}; }} | {program}" for span in spans), last]
        out, _ = self._phone.ask("\n".join(commands))
        if out.split()[-1:] != [b"1"]:
            raise ReadError(f"the file could not be read to its end while it was hashed: {self._why(name)}")
        digests = [bytes.fromhex(digest.decode()) for digest in _DIGEST.findall(out)]
        if len(digests) != len(spans):
            raise ReadError(f"the phone computed {len(digests)} of {counted(len(spans), 'digest')}: has it {program}?")
        return digests

    def _whole(self, path: str) -> Memory:
        """The file pulled whole, kept until another one is."""
        with self._lock:
            if self._pulled is None or self._pulled[0] != path:
                self._pulled = path, Memory(pull(self._phone, path))
            return self._pulled[1]

    def _why(self, name: str) -> str:
        """Why a file cannot be read, in the phone's own words."""
        out, _ = self._phone.ask(f"{{ head -c 1 {name} >/dev/null; }} 2>&1")
        said = out.decode("utf-8", "replace").strip().rpartition(": ")[2]
        return said or "the phone cannot read it"


def _dd(name: str, first: int, count: int) -> str:
    """Blocks of a file, written in as large pieces as there are: each piece is a packet, and an answer to wait for."""
    return f"dd if={name} ibs={BLOCK} obs={WRITTEN} skip={first} count={count}"


def _within(size: int, first: int, count: int) -> tuple[int, int]:
    """Offset and length of a run of blocks, as far as the file goes."""
    offset = min(first * BLOCK, size)
    return offset, min(count * BLOCK, size - offset)


def _span(name: str, span: Span, *, dd: bool) -> str:
    """Commands that write the prefix, then the bytes of the span."""
    mark = "".join(f"\\{byte:03o}" for byte in span.prefix)
    prefix = f"printf '{mark}'; " if mark else ""
    block = MIB if span.offset % MIB == 0 else BLOCK
    skip, drop = divmod(span.offset, block)
    if not dd:
        return f"{prefix}tail -c +{span.offset + 1} {name} | head -c {span.length}"
    count = -(-(drop + span.length) // block)
    cut = f" | tail -c +{drop + 1}" if drop else ""
    return f"{prefix}dd if={name} bs={block} skip={skip} count={count}{cut} | head -c {span.length}"


def _size(line: bytes, *, listed: bool) -> int | None:
    """The size that ``stat -c %s`` printed, or the fifth field of ``ls -ln``."""
    fields = line.split()
    text = (fields[4] if len(fields) > 4 else b"") if listed else line.strip()
    return int(text) if _NUMBER.fullmatch(text.decode("latin-1")) else None


def pull(phone: Phone, path: str) -> bytes:
    """A file through adb's own ``sync:`` service. Source: AOSP ``adb/SYNC.TXT``.

    Raises:
        ReadError: the phone refuses, or the connection breaks.
        LimitExceeded: it is larger than `MAX_PULLED`.
    """
    name = path.encode(errors="surrogateescape")
    data = bytearray()
    with phone.open("sync:", phone.timeout) as connection:
        try:
            connection.sendall(b"RECV" + struct.pack("<I", len(name)) + name)
            stream = connection.makefile("rb")
            while True:
                kind, length = struct.unpack("<4sI", _exactly(stream.read(8), 8))
                if kind == b"DONE":
                    return bytes(data)
                if length > MAX_PIECE:
                    raise ReadError("the phone does not keep to adb's own protocol")
                body = _exactly(stream.read(length), length)
                if kind != b"DATA":
                    raise ReadError(body.decode("utf-8", "replace") or "the phone cannot read it")
                data += body
                if len(data) > MAX_PULLED:
                    raise LimitExceeded(f"more than {MAX_PULLED} bytes to pull")
        except OSError as error:
            raise ReadError(f"the connection to the phone broke: {error.strerror or error}") from error


def _exactly(data: bytes, length: int) -> bytes:
    if len(data) != length:
        raise ReadError("the connection to the phone broke")
    return data
