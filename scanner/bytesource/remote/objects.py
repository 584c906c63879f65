"""An object as a byte source: what was fetched is kept in pieces, and a miss fetches what is likely asked next."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import Self

from scanner.bytesource.base import ReadsByOffset
from scanner.bytesource.local import LocalFile
from scanner.bytesource.remote.kinds import store_of
from scanner.bytesource.remote.store import MAX_STREAMED, Found, NoRanges, Store, persistently
from scanner.errors import LimitExceeded, ReadError

TAIL, MOST_TAIL, SHARE = 32 * 1024, 256 * 1024, 160
"""What is fetched of the end at first: one byte in so many, within these bounds. It is to hold the zip directory and
the signing block of most APKs, so that one request brings both."""
HEAD = 32 * 1024
"""What is fetched of the front at once: most APKs have their manifest there."""
MAGIC = 4
"""Who asks for so few of the first bytes wants to know what begins there, and no more."""
AHEAD, BEFORE = 16 * 1024, 48 * 1024
"""Bytes fetched behind what is asked for, and in front of it where a directory is being looked for: the signing block
lies in front of it."""
LOOKS_BACK = 8 * 1024
"""Who asks for this much at once out of the blue looks for the end of a member; small reads go forward."""
LARGEST = 4 << 20
"""Reading on doubles what is fetched at once, up to this."""
KEPT = 8 << 20
"""Bytes of pieces that are kept."""


class RemoteFile(ReadsByOffset):
    """An object, read in ranges. Safe to share between threads, which wait for each other. Close it after use.

    A server without ranges is asked for the whole object once, into a nameless file of this machine, up to
    `MAX_STREAMED` bytes. Every answer must be of the same content, as its ETag and size tell.
    """

    def __init__(self, store: Store, found: Found) -> None:
        self._store, self._found = store, found
        self._lock = threading.Lock()
        self._pieces: list[tuple[int, bytes]] = []  # the one used last stands last
        self._whole: LocalFile | None = None
        if found.size is None:
            self._found = persistently(lambda: store.look(found))
        super().__init__(self._found.size if self._found.size is not None else self._download().size)

    @property
    def content(self) -> str | None:
        """What names these very bytes, whenever they are read: address, size and ETag. None where there is no ETag."""
        address, size, etag = self._found
        return None if etag is None else f"{address}\n{size}\n{etag}"

    def close(self) -> None:
        """Give back what is held of it."""
        with self._lock:
            self._pieces.clear()
            if self._whole is not None:
                self._whole.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, offset: int, length: int) -> bytes:
        with self._lock:
            if self._whole is None:
                try:
                    return self._assembled(offset, offset + length)
                except NoRanges:
                    self._download()
            if self._whole is None:
                raise ReadError("closed")
            return self._whole.read_at(offset, length)

    def _assembled(self, offset: int, end: int) -> bytes:
        """A range out of the pieces; one that is missing is fetched."""
        parts, at = [], offset
        while at < end:
            piece = self._piece(at) or self._fetched(at, end)
            parts.append(piece[1][at - piece[0] : end - piece[0]])
            at += len(parts[-1])
        self._forget()
        return b"".join(parts) if len(parts) > 1 else parts[0]

    def _piece(self, at: int) -> tuple[int, bytes] | None:
        for number in range(len(self._pieces) - 1, -1, -1):
            start, data = self._pieces[number]
            if start <= at < start + len(data):
                self._pieces.append(self._pieces.pop(number))
                return start, data
        return None

    def _fetched(self, at: int, end: int) -> tuple[int, bytes]:
        start, stop = self._window(at, end)
        answer = persistently(lambda: self._store.read(self._found, start, stop - start))
        self._found = self._found._replace(etag=self._found.etag or answer.etag)
        self._pieces.append((start, answer.data))
        return start, answer.data

    def _window(self, at: int, end: int) -> tuple[int, int]:
        """What to fetch so that ``at`` is in it: what is asked for, what is likely asked next, nothing twice."""
        behind = min((start for start, _ in self._pieces if start > at), default=self.size)
        before = max((start + len(data) for start, data in self._pieces if start + len(data) <= at), default=0)
        if not self._pieces and end == self.size:
            start, stop = min(at, self.size - max(TAIL, min(self.size // SHARE, MOST_TAIL))), end
        elif before == at and self._pieces and at:
            last = next(len(data) for start, data in self._pieces if start + len(data) == at)
            start, stop = at, max(end, at + min(LARGEST, 2 * last))
        elif at < HEAD:
            start, stop = 0, max(end, HEAD if end > MAGIC else AHEAD // 4)
        elif end >= behind - AHEAD:
            start, stop = min(at - AHEAD, behind - BEFORE), behind
        else:
            start, stop = at - (BEFORE if end - at >= LOOKS_BACK else 0), end + AHEAD
        return max(start, before), min(stop, max(behind, at + 1), self.size)

    def _forget(self) -> None:
        """Drop the pieces that were used longest ago."""
        held = sum(len(data) for _, data in self._pieces)
        while held > KEPT and len(self._pieces) > 1:
            held -= len(self._pieces.pop(0)[1])

    def _download(self) -> LocalFile:
        """The whole object, where its server knows no ranges or tells no size."""
        if self._found.size is not None and self._found.size > MAX_STREAMED:
            raise LimitExceeded(
                f"its server knows no ranges, and {self._found.size} bytes are more than the {MAX_STREAMED} read whole"
            )
        with tempfile.NamedTemporaryFile(prefix="app-scanner-") as file:

            def request() -> None:
                with Path(file.name).open("wb") as out:
                    self._store.copy(self._found, out, MAX_STREAMED)

            persistently(request)
            self._whole = LocalFile(file.name)  # which stays readable when its name is gone
        if self._found.size not in {None, self._whole.size}:
            raise ReadError(f"the server sent {self._whole.size} of {self._found.size} bytes")
        return self._whole


def open_remote(address: str, size: int | None = None, etag: str | None = None) -> RemoteFile:
    """The object at an address, as it was found before.

    Raises:
        SourceError: what reads this kind of address is not installed.
        ReadError: the server cannot be reached, refuses, or has other content by now.
        LimitExceeded: the server knows no ranges, and the object is too large to be read whole.
    """
    return RemoteFile(store_of(address), Found(address, size, etag))
