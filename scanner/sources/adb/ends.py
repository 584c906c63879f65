"""The ends of files that will be read, several brought by one program: to start one costs a phone more than it reads.

``tail -c N a b`` and ``head -c N a b`` put ``==> a <==`` before what they print of each file: toybox (AOSP
``toys/posix/tail.c`` and ``head.c``), GNU's and busybox alike. What comes is held against what must come, byte by byte,
so nothing that a file contains can pass for another one. What comes otherwise is not used: those files are read alone.
"""

from __future__ import annotations

import shlex
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from itertools import islice

from scanner.bytesource import Told, first_tail
from scanner.errors import LimitExceeded, ReadError

Ask = Callable[[str, int], tuple[bytes, int]]
"""Runs a command whose output is so many bytes at most: see `Phone.ask`."""
HEAD = 4
"""Bytes brought of the beginning: the magic of a zip."""
STEP = 16 * 1024
"""Files come together whose ends are of the same length once rounded up to this."""
FILES, BYTES = 8, 1 << 20
"""Most that one program brings: all of its files wait for it, and so do the shells that are to read them."""


class _Group:
    """Files on their way together."""

    def __init__(self, tail: int, sizes: Mapping[str, int]) -> None:
        self.tail, self.sizes = tail, sizes
        self.told: Future[dict[str, Told]] = Future()


class Ends:
    """Files that will be opened; what is known of each is told once. Safe to share between threads."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._sizes: dict[str, int] = {}
        self._waiting: dict[int, dict[str, int]] = {}
        self._groups: dict[str, _Group] = {}
        self._lock = threading.Lock()
        self._alone = False

    def expect(self, sizes: Mapping[str, int]) -> None:
        """These files will be opened, in about this order."""
        with self._lock:
            for path, size in sizes.items():
                self._sizes[path] = self._waiting.setdefault(_tail(size), {})[path] = size

    def take(self, path: str) -> Told | None:
        """Its size, and its end where that came; None where it was not expected, or told already."""
        with self._lock:
            size = self._sizes.pop(path, None)
            if size is None:
                return None
            coming = self._groups.pop(path, None)
            group = coming or self._begun(path, size)
        if coming is None:
            self._bring(group)
        return group.told.result().get(path, Told(size))

    def _begun(self, path: str, size: int) -> _Group:
        """The file on its way, with those that will be opened after it."""
        tail = _tail(size)
        waiting = self._waiting[tail]
        del waiting[path]
        most = 0 if self._alone else min(FILES, BYTES // tail) - 1
        others = dict(islice(waiting.items(), most))
        group = _Group(tail, {path: size, **others})
        for other in others:
            del waiting[other]
            self._groups[other] = group
        return group

    def _bring(self, group: _Group) -> None:
        """Ask for a group, and let nobody wait for it in vain. A phone that cannot do it is not asked again."""
        told: dict[str, Told] = {}
        try:
            if len(group.sizes) > 1:
                told = self._asked(group)
                self._alone = self._alone or not told
        except (ReadError, LimitExceeded):
            self._alone = True
        finally:
            group.told.set_result(told)

    def _asked(self, group: _Group) -> dict[str, Told]:
        names = " ".join(map(shlex.quote, group.sizes))
        tails = {path: min(size, group.tail) for path, size in group.sizes.items()}
        heads = {path: min(size, HEAD) for path, size in group.sizes.items()}
        most = sum(len(_heading(path)) * 2 for path in tails) + sum(tails.values()) + sum(heads.values())
        out, _ = self._ask(f"tail -c {group.tail} {names}; head -c {HEAD} {names}", most)
        ends, at = _parts(out, 0, tails)
        starts, at = _parts(out, at, heads)
        if at != len(out):
            return {}
        return {path: Told(group.sizes[path], starts[path], end) for path, end in ends.items() if path in starts}


def _tail(size: int) -> int:
    return -(-first_tail(size) // STEP) * STEP


def _heading(path: str) -> bytes:
    """What stands before a file's bytes; not before the first one's, the line end of the file before it."""
    return b"\n==> %b <==\n" % path.encode(errors="surrogateescape")


def _parts(out: bytes, at: int, lengths: Mapping[str, int]) -> tuple[dict[str, bytes], int]:
    """The bytes of each file, as far as they stand there as they must, and where they end. Files may be left out."""
    found: dict[str, bytes] = {}
    for path, length in lengths.items():
        heading = _heading(path)[0 if found else 1 :]
        start = at + len(heading)
        if out.startswith(heading, at) and start + length <= len(out):
            found[path] = out[start : start + length]
            at = start + length
    return found, at
