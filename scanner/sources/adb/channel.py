"""What runs on a phone: one command with its answer, or a shell that stays open and answers many.

Services, from AOSP ``adb/SERVICES.TXT`` and ``shell_protocol.h``: ``shell,v2,raw:`` carries packets of a kind (1 byte),
a length (4 bytes, little-endian) and data, with output and errors apart and an exit status; ``exec:`` is a plain stream
in which errors stand between the output. Answers are framed by a word that is made up anew for each question, so
nothing that a phone or a file contains can end one early.
"""

from __future__ import annotations

import secrets
import socket
import time
from typing import Protocol

from scanner.errors import LimitExceeded, ReadError
from scanner.model import Value

STDIN, STDOUT, STDERR, EXIT = 0, 1, 2, 3
RECEIVE = 256 * 1024
MAX_OUTPUT = 256 << 20
"""Largest answer to one command that is taken, in bytes."""
MAX_ERRORS = 64 * 1024
MAX_PACKET = 1 << 20
"""Largest packet that adb itself sends, in bytes: its own ``MAX_PAYLOAD``."""
LONGEST_STATUS = 8
"""Bytes of an exit status with its line's end."""
QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux only."""


class Opens(Protocol):
    """Whatever opens a service of one phone."""

    def open(self, service: str, timeout: float) -> socket.socket:
        """A connection to the service, or `ReadError`."""
        ...


class Answer(Value, frozen=True):
    """What a command said. ``problem`` tells why it may be cut short; then ``out`` is what came before."""

    out: bytes
    err: bytes = b""
    code: int | None = None
    problem: str | None = None

    @property
    def text(self) -> str:
        """The output for parsers; bytes that are no text survive as surrogates, so that a path stays a path."""
        return self.out.decode("utf-8", "surrogateescape")

    @property
    def complaint(self) -> str:
        """What it said on stderr, for people."""
        return self.err.decode("utf-8", "replace").strip()


class _Deadline:
    """Seconds left of a time limit, set on the socket before each wait."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._connection, self._seconds, self._end = connection, seconds, time.monotonic() + seconds

    def receive(self) -> bytes:
        """Some bytes, or none at the end. Raises `ReadError` when time is up or the connection breaks."""
        left = self._end - time.monotonic()
        try:
            self._connection.settimeout(max(left, 0.001))
            _acknowledge_at_once(self._connection)
            return self._connection.recv(RECEIVE)
        except TimeoutError as error:
            raise ReadError(f"no answer within {self._seconds:g} s (see --timeout)") from error
        except OSError as error:
            raise ReadError(f"the connection to the phone broke: {error.strerror or error}") from error


def _acknowledge_at_once(connection: socket.socket) -> None:
    """Let the system not wait 40 ms with its next acknowledgement: the adb server waits for it before its next piece.

    It is to be said again before each wait. See tcp(7), TCP_QUICKACK.
    """
    if QUICK_ACK is not None and connection.family in {socket.AF_INET, socket.AF_INET6}:
        connection.setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)


class Packets:
    """Sorts the packets of ``shell,v2`` into output and errors, as they come in pieces."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self.out, self.err = bytearray(), bytearray()
        self.code: int | None = None

    def feed(self, data: bytes) -> None:
        """Take what came in. Raises `ReadError` for a packet that adb would not send."""
        self._rest += data
        at = 0
        while len(self._rest) - at >= 5:
            kind, length = self._rest[at], int.from_bytes(self._rest[at + 1 : at + 5], "little")
            if length > MAX_PACKET:
                raise ReadError("the phone does not keep to adb's own protocol")
            if len(self._rest) - at - 5 < length:
                break
            self._sort(kind, self._rest[at + 5 : at + 5 + length])
            at += 5 + length
        del self._rest[:at]

    def _sort(self, kind: int, body: bytearray) -> None:
        if kind == STDOUT:
            self.out += body
        elif kind == STDERR:
            self.err += body[: max(0, MAX_ERRORS - len(self.err))]
        elif kind == EXIT and body:
            self.code = body[0]


def run(phone: Opens, command: str, timeout: float, *, v2: bool) -> Answer:
    """Run one command. Never raises for what the phone does: `Answer.problem` says what went wrong."""
    mark = secrets.token_hex(8)
    service = f"shell,v2,raw:{command}" if v2 else f"exec:{{ {command}\n}} 2>&1; echo {mark} $?"
    packets = Packets()
    try:
        with phone.open(service, timeout) as connection:
            deadline = _Deadline(connection, timeout)
            while data := deadline.receive():
                packets.feed(data) if v2 else packets.out.extend(data)
                if len(packets.out) > MAX_OUTPUT:
                    return Answer(bytes(packets.out), problem=f"more than {MAX_OUTPUT} bytes; the rest was not read")
    except ReadError as error:
        return Answer(bytes(packets.out), bytes(packets.err), problem=str(error))
    if v2:
        lost = None if packets.code is not None else "the connection ended before the command did"
        return Answer(bytes(packets.out), bytes(packets.err), packets.code, lost)
    return _marked(bytes(packets.out), mark.encode())


def _marked(data: bytes, mark: bytes) -> Answer:
    """An answer whose last line is the mark and the exit status."""
    out, found, code = data.rpartition(mark + b" ")
    status = _status(code)
    if not found or status is None:
        return Answer(data, problem="the connection ended before the command did")
    return Answer(out, code=status)


def _status(text: bytes | bytearray) -> int | None:
    """An exit status, None where it is none."""
    digits = bytes(text[:LONGEST_STATUS]).strip()
    return int(digits) if digits.isdigit() and not text[LONGEST_STATUS:] else None


class Shell:
    """A shell that stays open on a phone. Not safe to share between threads; dead after the first error."""

    def __init__(self, phone: Opens, timeout: float, *, v2: bool) -> None:
        self._timeout, self._v2 = timeout, v2
        self._connection = phone.open("shell,v2,raw:" if v2 else "exec:sh", timeout)

    def ask(self, command: str, limit: int = MAX_OUTPUT) -> tuple[bytes, int]:
        """The output of a command, which must send its errors away itself, and its exit status.

        Raises:
            ReadError: no answer in time, or the connection broke: this shell is of no more use.
            LimitExceeded: the answer is longer than ``limit`` bytes.
        """
        mark = secrets.token_hex(16)
        self._send(f"{{ {command}\n}} </dev/null 2>/dev/null; echo {mark} $?\n".encode(errors="surrogateescape"))
        packets, end = Packets(), mark.encode() + b" "
        deadline, searched = _Deadline(self._connection, self._timeout), 0
        while True:
            data = deadline.receive()
            if not data:
                raise ReadError("the shell on the phone ended")
            packets.feed(data) if self._v2 else packets.out.extend(data)
            at = packets.out.find(end, max(0, searched - len(end)))
            whole = at >= 0 and packets.out.endswith(b"\n", at)
            if (at if whole else len(packets.out) - len(end) - LONGEST_STATUS) > limit:
                raise LimitExceeded(f"the phone answers more than the {limit} bytes that were asked for")
            if whole:
                code = _status(packets.out[at + len(end) :])
                return bytes(packets.out[:at]), -1 if code is None else code
            searched = len(packets.out) if at < 0 else at

    def _send(self, data: bytes) -> None:
        if self._v2:
            data = bytes([STDIN]) + len(data).to_bytes(4, "little") + data
        try:
            self._connection.settimeout(self._timeout)
            self._connection.sendall(data)
        except OSError as error:
            raise ReadError(f"the connection to the phone broke: {error.strerror or error}") from error

    def close(self) -> None:
        """End it; the phone's shell ends with its input."""
        self._connection.close()
