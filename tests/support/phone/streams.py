"""Streams of a connection: a command with its pipes, or ``sync:``. Each has one payload under way at most."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
from collections import deque
from typing import TYPE_CHECKING, Protocol

from tests.support.phone.sync import Sync

if TYPE_CHECKING:
    from tests.support.phone.connection import Connection

STDIN, STDOUT, STDERR, EXIT, CLOSE_STDIN = range(5)
"""Kinds of packet of the shell protocol."""
SHELL = struct.Struct("<BI")
PIPE = 1 << 20
ENVIRONMENT = {
    "PATH": "/system/bin",
    "HOME": "/",
    "HOSTNAME": "phone",
    "SHELL": "/system/bin/sh",
    "TMPDIR": "/data/local/tmp",
    "USER": "shell",
    "ANDROID_ROOT": "/system",
    "ANDROID_DATA": "/data",
}


class Stream(Protocol):
    """What a connection wants of a stream."""

    local: int
    remote: int

    def take(self, data: bytes) -> None:
        """Take a payload of the host; the stream acknowledges it when it is used up."""

    def ready(self) -> None:
        """The host has taken the last payload: the next may go."""

    def close(self) -> None:
        """Give up everything. The connection has told the host, or was told by it."""


class SyncStream:
    """A ``sync:`` service."""

    def __init__(self, connection: Connection, local: int, remote: int, most: int) -> None:
        self.local, self.remote = local, remote
        self._connection, self._sync = connection, Sync(most)
        self._idle = True

    def take(self, data: bytes) -> None:
        self._sync.feed(data)
        self._connection.acknowledge(self)
        if self._idle:
            self.ready()

    def ready(self) -> None:
        payload = self._sync.next()
        self._idle = payload is None
        if payload is not None:
            self._connection.write(self, payload)
        elif self._sync.finished:
            self._connection.end(self)

    def close(self) -> None:
        self._sync = Sync(1)


class CannedStream:
    """An answer that is already known: a command that a fault makes fail."""

    def __init__(self, connection: Connection, local: int, remote: int, parts: list[bytes]) -> None:
        self.local, self.remote = local, remote
        self._connection, self._parts = connection, parts

    def take(self, data: bytes) -> None:
        self._connection.acknowledge(self)

    def ready(self) -> None:
        if self._parts:
            self._connection.write(self, self._parts.pop(0))
        else:
            self._connection.end(self)

    def close(self) -> None:
        self._parts = []


class CommandStream:
    """A command under the phone's shell. ``framed``: the shell protocol; ``crlf``: the terminal of old releases."""

    def __init__(
        self, connection: Connection, local: int, remote: int, command: str, *, framed: bool, crlf: bool = False
    ) -> None:
        self.local, self.remote = local, remote
        self._connection, self._framed, self._crlf = connection, framed, crlf
        self._idle, self._code, self._pidfd = True, -1, -1
        self._input: deque[bytes] = deque()
        self._unframed = bytearray()
        self._closing_input = False
        self._stdin, self._outputs, self._pid = self._start(command)
        self._watch()

    def _start(self, command: str) -> tuple[int, dict[int, int], int]:
        """Our end of its input, our ends of its outputs (and the kind of each), its process."""
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        outputs, theirs_err = {ours_out: STDOUT}, theirs_out
        if self._framed:
            ours_err, theirs_err = os.pipe()
            outputs[ours_err] = STDERR
        for end in (ours_in, ours_out):
            with contextlib.suppress(PermissionError):  # all phones of the machine share what one user may have of it
                fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE)
        words = ["sh", "-c", command] if command else ["sh", "-"]
        actions = [(os.POSIX_SPAWN_DUP2, end, at) for at, end in enumerate((theirs_in, theirs_out, theirs_err))]
        quiet = [signal.SIGPIPE, signal.SIGXFSZ]
        try:
            pid = os.posix_spawn(
                "/system/bin/sh", words, ENVIRONMENT, file_actions=actions, setsid=True, setsigdef=quiet
            )
        finally:
            for end in {theirs_in, theirs_out, theirs_err}:
                os.close(end)
        return ours_in, outputs, pid

    def _watch(self) -> None:
        for end in (self._stdin, *self._outputs):
            os.set_blocking(end, False)
        self._pidfd = os.pidfd_open(self._pid)
        self._connection.loop.reader(self._pidfd, self._exited)
        for end in self._outputs:
            self._connection.loop.reader(end, self._readable)

    def take(self, data: bytes) -> None:
        if self._framed:
            self._unframed += data
            while len(self._unframed) >= SHELL.size:
                kind, length = SHELL.unpack_from(self._unframed)
                if len(self._unframed) < SHELL.size + length:
                    break
                if kind == STDIN:
                    self._input.append(bytes(self._unframed[SHELL.size : SHELL.size + length]))
                self._closing_input = self._closing_input or kind == CLOSE_STDIN
                del self._unframed[: SHELL.size + length]
        else:
            self._input.append(data)
        self._forward()

    def _forward(self) -> None:
        """Write what the host sent to the command; acknowledge it when all has gone."""
        while self._input and self._stdin >= 0:
            try:
                gone = os.write(self._stdin, self._input[0])
            except BlockingIOError:
                self._connection.loop.writer(self._stdin, self._forward)
                return
            except BrokenPipeError:
                self._shut_input()
                break
            self._input[0] = self._input[0][gone:]
            if not self._input[0]:
                self._input.popleft()
        self._input.clear()
        if self._stdin >= 0:
            self._connection.loop.forget_writer(self._stdin)
            if self._closing_input:
                self._shut_input()
        self._connection.acknowledge(self)

    def _shut_input(self) -> None:
        if self._stdin >= 0:
            self._connection.loop.forget(self._stdin)
            os.close(self._stdin)
            self._stdin = -1

    def ready(self) -> None:
        self._idle = True
        for end in self._outputs:
            self._connection.loop.reader(end, self._readable)
        self._finish()

    def _readable(self, end: int) -> None:
        if not self._idle:
            self._connection.loop.forget(end)
            return
        try:
            data = os.read(end, self._connection.most - SHELL.size)
        except BlockingIOError:
            return
        if not data:
            self._connection.loop.forget(end)
            os.close(end)
            del self._outputs[end]
            self._finish()
            return
        kind = self._outputs[end]
        self._write(SHELL.pack(kind, len(data)) + data if self._framed else self._dressed(data))

    def _dressed(self, data: bytes) -> bytes:
        return data.replace(b"\n", b"\r\n") if self._crlf else data

    def _write(self, data: bytes) -> None:
        self._idle = False
        for end in self._outputs:
            self._connection.loop.forget(end)
        self._connection.write(self, data)

    def _exited(self, pidfd: int) -> None:
        pid, status = os.waitpid(self._pid, os.WNOHANG)
        if not pid:
            return
        self._connection.loop.forget(pidfd)
        os.close(pidfd)
        self._pidfd = -1
        code = os.waitstatus_to_exitcode(status)
        self._code = code if code >= 0 else 128 - code
        self._finish()

    def _finish(self) -> None:
        """Tell the exit code, once all output has gone, and end."""
        if self._outputs or self._code < 0 or not self._idle:
            return
        if self._framed:
            self._framed = False
            self._write(SHELL.pack(EXIT, 1) + bytes([self._code & 0xFF]))
        else:
            self._connection.end(self)

    def close(self) -> None:
        self._shut_input()
        for end in self._outputs:
            self._connection.loop.forget(end)
            os.close(end)
        self._outputs = {}
        if self._pidfd >= 0:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)
            self._connection.loop.forget(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = -1
            os.waitpid(self._pid, 0)
