"""One host at the phone: packets in and out, streams, latency and cut cables."""

from __future__ import annotations

import os
import re
import socket
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tests.support.phone import packets
from tests.support.phone.faults import Behaviour, Counters, Fault
from tests.support.phone.loop import Loop
from tests.support.phone.packets import AUTH, CLSE, CNXN, OKAY, OPEN, WRTE, Data, Packet
from tests.support.phone.streams import EXIT, SHELL, STDERR, STDOUT, CannedStream, CommandStream, Stream, SyncStream

MOST = {True: 1 << 20, False: 1 << 18}
"""Largest payload: with 0x01000001 (Android 8 and newer) and before."""
SHELL_SERVICE = re.compile(r"shell(?:,([^:]*))?:(.*)", re.DOTALL)
RECEIVE = 1 << 18


@dataclass(frozen=True)
class Character:
    """What the daemon says of itself in a connection."""

    banner: str
    release: int
    checksums: bool


class Connection:
    """The transport of one host."""

    def __init__(
        self,
        loop: Loop,
        link: socket.socket,
        character: Character,
        behaviour: Behaviour,
        counters: Counters,
        cut: Callable[[], None],
    ) -> None:
        self.loop, self.most = loop, MOST[not character.checksums]
        self.open, self.greeted = True, False
        self._link, self._character = link, character
        self._behaviour, self._counters = behaviour, counters
        self._packets, self._streams, self._numbers = packets.Packets(), dict[int, Stream](), iter(range(1, 1 << 31))
        self._out: deque[memoryview] = deque()
        self._checked, self._cut = True, cut
        self._hanging: dict[int, list[Packet]] = {}
        link.setblocking(False)
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        loop.reader(link.fileno(), self._receive)

    def _receive(self, _: int) -> None:
        try:
            data = self._link.recv(RECEIVE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        self._counters.bytes_from_host += len(data)
        for packet in self._packets.feed(data):
            self._counters.packets_from_host += 1
            self._counters.round_trips += packet.command in {OPEN, WRTE}
            if self._behaviour.latency:
                self.loop.at(time.monotonic() + self._behaviour.latency, partial(self._handle, packet))
            else:
                self._handle(packet)

    def _handle(self, packet: Packet) -> None:
        if not self.open:
            return
        if packet.command == CNXN:
            self._greet(packet)
        elif packet.command == AUTH:
            if packet.first != 3:
                self._send(AUTH, packets.AUTH_TOKEN, 0, os.urandom(20))
        elif packet.command == OPEN:
            self._open(packet)
        else:
            self._handle_stream(packet)

    def _handle_stream(self, packet: Packet) -> None:
        stream = self._streams.get(packet.second)
        if stream is None:
            if packet.second in self._hanging:
                self._hanging[packet.second].append(packet)
            elif packet.command == WRTE:
                self._send(CLSE, 0, packet.first, b"")
        elif packet.command == WRTE:
            stream.take(packet.data)
        elif packet.command == OKAY:
            stream.ready()
        elif packet.command == CLSE:
            del self._streams[packet.second]
            stream.close()

    def _greet(self, packet: Packet) -> None:
        self.greeted = True
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()
        version = packets.WITH_CHECKSUM if self._character.checksums else packets.WITHOUT_CHECKSUM
        self._checked = min(version, packet.first) == packets.WITH_CHECKSUM
        self.most = min(self.most, packet.second)
        if self._behaviour.unauthorized:
            self._send(AUTH, packets.AUTH_TOKEN, 0, os.urandom(20))
        else:
            self._send(CNXN, version, MOST[not self._character.checksums], self._character.banner.encode())

    def _open(self, packet: Packet) -> None:
        service = packet.data.rstrip(b"\0").decode(errors="surrogateescape")
        self._counters.commands.append(service)
        local = next(self._numbers)
        fault = self._behaviour.fault_of(service)
        if fault is not None and fault.hangs:
            self._send(OKAY, local, packet.first, b"")
            self._hanging[local] = []
            self._hang(fault, partial(self._serve, service, local, packet.first))
            return
        if (stream := self._stream_of(service, local, packet.first, fault)) is None:
            self._send(CLSE, 0, packet.first, b"")
            return
        self._streams[local] = stream
        self._send(OKAY, local, packet.first, b"")
        if isinstance(stream, CannedStream):
            stream.ready()

    def _hang(self, fault: Fault, then: partial[None]) -> None:
        """Wait until the fault is taken back."""
        if not self.open:
            return
        if fault in self._behaviour.faults:
            self.loop.at(time.monotonic() + 0.01, partial(self._hang, fault, then))
        else:
            then()

    def _serve(self, service: str, local: int, remote: int) -> None:
        """Serve a command that hung, with what the host has sent in the meantime."""
        late = self._hanging.pop(local)
        stream = self._stream_of(service, local, remote, self._behaviour.fault_of(service))
        if stream is None or any(packet.command == CLSE for packet in late):
            return
        self._streams[local] = stream
        if isinstance(stream, CannedStream):
            stream.ready()
        for packet in late:
            self._handle(packet)

    def _stream_of(self, service: str, local: int, remote: int, fault: Fault | None) -> Stream | None:
        shell = SHELL_SERVICE.fullmatch(service)
        framed = bool(shell and "v2" in (shell[1] or "").split(","))
        if framed and self._character.release < 7:
            return None
        if fault is not None and not fault.hangs:
            return CannedStream(self, local, remote, _canned(fault, framed=framed))
        if service.startswith("sync:"):
            return SyncStream(self, local, remote, self.most)
        if service.startswith("exec:"):
            return CommandStream(self, local, remote, service[5:], framed=False)
        if shell is None:
            return None
        crlf = self._character.release < 7
        return CommandStream(self, local, remote, shell[2], framed=framed, crlf=crlf)

    def acknowledge(self, stream: Stream) -> None:
        """The stream has used up the host's payload."""
        self._send(OKAY, stream.local, stream.remote, b"")

    def write(self, stream: Stream, data: Data) -> None:
        """Send a payload. The stream must wait for `Stream.ready` before the next."""
        self._send(WRTE, stream.local, stream.remote, data)

    def end(self, stream: Stream) -> None:
        """The stream is over."""
        self._streams.pop(stream.local, None)
        stream.close()
        self._send(CLSE, stream.local, stream.remote, b"")

    def _send(self, command: int, first: int, second: int, data: Data) -> None:
        if not self.open:
            return
        self._counters.packets_to_host += 1
        self._out.append(memoryview(packets.header(command, first, second, data, checked=self._checked)))
        if data:
            self._out.append(memoryview(data))
        self._flush()

    def _flush(self) -> None:
        while self._out:
            parts = self._out
            left = self._behaviour.cut_after
            if left is not None:
                parts = deque([self._out[0][:left]])
            try:
                gone = self._link.sendmsg(parts)
            except BlockingIOError:
                self.loop.writer(self._link.fileno(), self._flush)
                return
            except OSError:
                self.close()
                return
            self._sent(gone)
            if not self.open:
                return
        self.loop.forget_writer(self._link.fileno())

    def _sent(self, gone: int) -> None:
        self._counters.bytes_to_host += gone
        left = self._behaviour.cut_after
        if left is not None:
            self._behaviour.cut_after = left - gone
            if left <= gone:
                self._cut()
                return
        while gone:
            head = self._out[0]
            if gone < len(head):
                self._out[0] = head[gone:]
                return
            gone -= len(head)
            self._out.popleft()

    def close(self) -> None:
        """Drop the connection and everything that it runs."""
        if not self.open:
            return
        self.open = False
        self.loop.forget(self._link.fileno())
        self._link.close()
        for stream in self._streams.values():
            stream.close()
        self._streams.clear()


def _canned(fault: Fault, *, framed: bool) -> list[bytes]:
    out, err = fault.stdout.encode(), fault.stderr.encode()
    if not framed:
        return [part for part in (out, err) if part]
    told = [SHELL.pack(kind, len(part)) + part for kind, part in ((STDOUT, out), (STDERR, err)) if part]
    return [*told, SHELL.pack(EXIT, 1) + bytes([fault.code & 0xFF])]
