"""The phone's side of ``sync:``: states of files, listings and whole files, so that the real ``adb pull`` works."""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator

from tests.support.phone.packets import Data

CHUNK = 65536
"""The most that one DATA of this protocol may hold."""
REQUEST = struct.Struct("<4sI")
STAT_V1, STAT_V2 = struct.Struct("<4s3I"), struct.Struct("<4sI2Q4I4q")
DENT_V1, DENT_V2 = struct.Struct("<4s4I"), struct.Struct("<4sI2Q4I4qI")
LONGEST_PATH = 1024


class Sync:
    """Requests in, answers out. `answers` holds what is still to be sent, made only as the host takes it."""

    def __init__(self, most: int) -> None:
        self._buffer = bytearray()
        self._waiting: list[tuple[bytes, bytes]] = []
        self._running: Iterator[Data] | None = None
        self._most = most
        self.finished = False

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""
        self._buffer += data
        while len(self._buffer) >= REQUEST.size:
            name, length = REQUEST.unpack_from(self._buffer)
            if name == b"QUIT" or length > LONGEST_PATH:
                self.finished = True
                return
            if len(self._buffer) < REQUEST.size + length:
                return
            path = bytes(self._buffer[REQUEST.size : REQUEST.size + length])
            del self._buffer[: REQUEST.size + length]
            self._waiting.append((name, path))

    def next(self) -> Data | None:
        """The next payload for the host, or `None` where there is nothing to say."""
        while True:
            if self._running is None:
                if not self._waiting:
                    return None
                name, path = self._waiting.pop(0)
                self._running = self._answer(name, path)
            for payload in self._running:
                return payload
            self._running = None

    def _answer(self, name: bytes, path: bytes) -> Iterator[Data]:
        if name == b"STAT":
            yield self._stat(path)
        elif name in {b"STA2", b"LST2"}:
            yield self._stat2(name, path)
        elif name in {b"LIST", b"LIS2"}:
            yield from self._list(name, path)
        elif name == b"RECV":
            yield from self._receive(path)
        else:
            yield _fail(f"unknown command {name.decode('latin-1')}")

    @staticmethod
    def _stat(path: bytes) -> bytes:
        try:
            found = os.lstat(path)
        except OSError:
            return STAT_V1.pack(b"STAT", 0, 0, 0)
        return STAT_V1.pack(b"STAT", *_short(found))

    @staticmethod
    def _stat2(name: bytes, path: bytes) -> bytes:
        try:
            found = os.lstat(os.path.realpath(path) if name == b"STA2" else path)
        except OSError as error:
            return STAT_V2.pack(name, error.errno or 5, *[0] * 10)
        return STAT_V2.pack(name, *_long(found))

    @staticmethod
    def _list(name: bytes, path: bytes) -> Iterator[bytes]:
        entry, form, told = (b"DENT", DENT_V1, _short) if name == b"LIST" else (b"DNT2", DENT_V2, _long)
        try:
            for child in sorted(os.listdir(path)):  # noqa: PTH208 - bytes stay bytes
                try:
                    found = os.lstat(path + b"/" + child)
                except OSError:
                    continue
                yield form.pack(entry, *told(found), len(child)) + child
        except OSError:
            pass
        yield form.pack(b"DONE", *[0] * (4 if name == b"LIST" else 12))

    def _receive(self, path: bytes) -> Iterator[Data]:
        try:
            handle = os.open(path, os.O_RDONLY)
        except OSError as error:
            yield _fail(f"open failed: {os.strerror(error.errno or 5)}")
            return
        try:
            if stat.S_ISDIR(os.fstat(handle).st_mode):
                yield _fail("read failed: Is a directory")
                return
            yield from self._chunks(handle)
        finally:
            os.close(handle)
        yield REQUEST.pack(b"DONE", 0)

    def _chunks(self, handle: int) -> Iterator[Data]:
        """The file as DATA chunks, as many in one payload as fit; read straight into their places."""
        count = max(1, self._most // (CHUNK + REQUEST.size))
        length = min(CHUNK, self._most - REQUEST.size)
        buffer = memoryview(bytearray(count * (length + REQUEST.size)))
        starts = [number * (length + REQUEST.size) for number in range(count)]
        places = [buffer[at + REQUEST.size : at + REQUEST.size + length] for at in starts]
        while True:
            got = os.readv(handle, places)
            if not got:
                return
            for at in starts[: (got + length - 1) // length]:
                REQUEST.pack_into(buffer, at, b"DATA", min(length, got - at // (length + REQUEST.size) * length))
            yield buffer[: got + REQUEST.size * ((got + length - 1) // length)]


def _short(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_mode, found.st_size & 0xFFFFFFFF, int(found.st_mtime))


def _long(found: os.stat_result) -> tuple[int, ...]:
    times = (int(found.st_atime), int(found.st_mtime), int(found.st_ctime))
    owner = (found.st_mode, found.st_nlink, found.st_uid, found.st_gid)
    return (0, found.st_dev, found.st_ino, *owner, found.st_size, *times)


def _fail(text: str) -> bytes:
    return REQUEST.pack(b"FAIL", len(text)) + text.encode()
