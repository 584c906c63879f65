"""The adb server: which phones it sees, and a connection to a service of one of them.

The server that runs is used as it is: it is never killed and never replaced, since other programs live with it. One is
started only where none runs on this machine. Through adbutils; the protocol is AOSP's ``adb/OVERVIEW.TXT`` and
``adb/SERVICES.TXT``.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from scanner.errors import ReadError, SourceError
from scanner.model import PhoneAddress, PhoneStatus
from scanner.sources.adb.library import adb_library
from scanner.sources.adb.states import advice_for

if TYPE_CHECKING:
    from adbutils import AdbConnection

DEFAULT_PORT = 5037
CONNECT_SECONDS = 5.0
START_SECONDS = 25.0
_TAG = re.compile(r" (usb|product|model|device|transport_id|features):([^ ]*)")


class ServerGone(SourceError):  # noqa: N818 - says what happened
    """No adb server answers, and none may or can be started."""


class AdbServer:
    """One adb server. ``address`` is ``HOST:PORT``; by default what ``ANDROID_ADB_SERVER_*`` say, else this machine."""

    def __init__(self, address: str | None = None) -> None:
        self.host, self.port = _split(address)

    @property
    def address(self) -> str:
        """``HOST:PORT``."""
        return f"{self.host}:{self.port}"

    def ensure(self) -> None:
        """See to it that a server answers: one is started on this machine where none does.

        Raises:
            ServerGone: it is on another machine, or there is no adb to start, or it does not come up.
        """
        if self._answers():
            return
        if not _is_here(self.host):
            raise ServerGone(f"no adb server answers at {self.address}: start it there with `adb -a nodaemon server`")
        library = adb_library()
        try:
            command = [library.adb_path(), "-P", str(self.port), "start-server"]
            done = subprocess.run(  # noqa: S603 - the program is adbutils' or the PATH's adb, the words are ours
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=START_SECONDS, check=False
            )
        except (library.AdbError, OSError, subprocess.TimeoutExpired) as error:
            raise ServerGone(f"adb cannot be started: {error}") from error
        if not self._answers():
            said = done.stderr.decode(errors="replace").strip().splitlines() or ["it did not say why"]
            raise ServerGone(f"adb was started and does not answer at {self.address}: {said[-1]}")

    def version(self) -> int:
        """The protocol version, 41 for 1.0.41."""
        return int(self.ask("host:version"), 16)

    def phones(self) -> list[PhoneStatus]:
        """Every phone that the server lists, in its order."""
        return [found for line in self.ask("host:devices-l").splitlines() if (found := self._status(line))]

    def connect(self, target: str) -> str:
        """Let the server connect to a phone at ``HOST:PORT``. Raises `SourceError` where it cannot."""
        said = self.ask(f"host:connect:{target}", timeout=START_SECONDS).strip()
        if not said.startswith(("connected to", "already connected")):
            raise SourceError(f"{said or 'adb could not connect'}; on the phone, is wireless debugging on and paired?")
        return said

    def states(self, stop_after: float | None = None) -> Iterator[dict[str, str]]:
        """Serial → state, now and whenever it changes. ``stop_after`` seconds of silence yield the last one again."""
        last: dict[str, str] = {}
        with self._opened("host:track-devices", stop_after) as connection:
            while True:
                try:
                    head = connection.conn.recv(4, socket.MSG_WAITALL)
                    if len(head) < len(b"0000"):
                        raise ReadError("the adb server went away")
                    block = _exactly(connection.conn, int(head, 16)).decode(errors="replace")
                except TimeoutError:
                    yield last
                    continue
                except (OSError, ValueError) as error:
                    raise ReadError(f"adb server: {error}") from error
                last = dict(line.split("\t", 1) for line in block.splitlines() if "\t" in line)
                yield last

    def open(self, phone: PhoneAddress, service: str, timeout: float) -> socket.socket:
        """A connection to a service of a phone. Raises `ReadError` where adb refuses or the server is gone."""
        to = f"host:transport:{phone.serial}" if phone.transport is None else f"host:transport-id:{phone.transport}"
        with mapped(f"adb {service.split(':', maxsplit=1)[0]}"), ExitStack() as cleanup:
            connection = self._connection(timeout)
            cleanup.callback(connection.conn.close)
            for word in (to, service):
                _send(connection, word)
            cleanup.pop_all()
            opened: socket.socket = connection.conn
            return opened

    def features(self, phone: PhoneAddress) -> frozenset[str]:
        """What adb and the phone both know, such as ``shell_v2``."""
        by = f"host-serial:{phone.serial}" if phone.transport is None else f"host-transport-id:{phone.transport}"
        return frozenset(self.ask(f"{by}:features").split(","))

    def ask(self, word: str, timeout: float = CONNECT_SECONDS) -> str:
        """The answer to a question to the server itself. Raises `ReadError`."""
        with mapped("adb server"), self._opened(word, timeout) as connection:
            return str(connection.read_string_block())

    @contextmanager
    def _opened(self, word: str, timeout: float | None) -> Iterator[AdbConnection]:
        with mapped("adb server"):
            connection = self._connection(timeout)
        try:
            with mapped("adb server"):
                _send(connection, word)
            yield connection
        finally:
            connection.conn.close()  # adbutils' own close() sleeps each time

    def _connection(self, timeout: float | None) -> AdbConnection:
        """A connection through adbutils, which must not start a server where none answers: `ensure` does."""

        class Connection(adb_library().AdbConnection):  # type: ignore[misc]
            def _safe_connect(self) -> socket.socket:
                connected: socket.socket = self._create_socket()
                return connected

        if not self._answers():
            raise ReadError(f"no adb server answers at {self.address}")
        connection = Connection(self.host, self.port)
        connection.conn.settimeout(timeout)
        connection.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def _answers(self) -> bool:
        with suppress(OSError), socket.create_connection((self.host, self.port), CONNECT_SECONDS):
            return True
        return False

    def _status(self, line: str) -> PhoneStatus | None:
        """One line of ``devices -l``: serial, state, then what there is to say. The state may hold blanks."""
        serial, _, rest = line.partition("\t") if "\t" in line else line.partition(" ")
        rest = " " + rest.strip()
        first = _TAG.search(rest)
        state = rest[: first.start() if first else None].strip()
        tags = dict(_TAG.findall(rest))
        state, _, detail = state.partition(" (")
        state, _, _ = state.partition(";")
        serial = serial.strip()
        if not serial or not state:
            return None
        address = PhoneAddress(serial, self.address, int(tags["transport_id"]) if _number(tags) else None)
        model = tags.get("model", "").replace("_", " ") or None
        return PhoneStatus(address, state, model, f"({detail}" if detail else None, advice_for(state, serial))


@contextmanager
def mapped(what: str) -> Iterator[None]:
    """Turn whatever adbutils and sockets let out into `ReadError`."""
    try:
        yield
    except TimeoutError as error:
        raise ReadError(f"{what}: no answer in time") from error
    except (adb_library().AdbError, OSError, EOFError, ValueError) as error:
        raise ReadError(f"{what}: {' '.join(str(error).split()) or type(error).__name__}") from error


def _send(connection: AdbConnection, word: str) -> None:
    data = os.fsencode(word)
    if len(data) > 0xFFFF:
        raise ReadError(f"a command of {len(data)} bytes is more than adb takes")
    connection.conn.sendall(b"%04x" % len(data) + data)
    connection.check_okay()


def _exactly(connection: socket.socket, length: int) -> bytes:
    data = connection.recv(length, socket.MSG_WAITALL) if length else b""
    if len(data) < length:
        raise ReadError("the adb server went away")
    return data


def _number(tags: dict[str, str]) -> bool:
    return tags.get("transport_id", "").isdecimal()


def _split(address: str | None) -> tuple[str, int]:
    """Host and port of ``HOST:PORT``, ``HOST`` or nothing."""
    host = os.environ.get("ANDROID_ADB_SERVER_HOST") or os.environ.get("ANDROID_ADB_SERVER_ADDRESS") or "127.0.0.1"
    port = os.environ.get("ANDROID_ADB_SERVER_PORT") or str(DEFAULT_PORT)
    if address:
        host, colon, given = address.removeprefix("tcp:").rpartition(":")
        host, port = (host, given) if colon else (given, str(DEFAULT_PORT))
    if not (port.isdecimal() and 0 < int(port) <= 0xFFFF):
        raise SourceError(f"adb server {address or port!r}: want HOST:PORT")
    return host.strip("[]") or "127.0.0.1", int(port)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
