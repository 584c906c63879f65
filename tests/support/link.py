"""A link to an HTTP server, of a given latency and width, that counts what crosses it and breaks it when told.

It hands requests on to the server unchanged, so that signed ones stay valid; a body must tell its length, or come in
chunks.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

CHUNK = 128 * 1024
MAX_HEAD = 64 * 1024


@dataclass(frozen=True)
class Fault:
    """What happens to one request instead of its answer, or to that answer."""

    status: int | None = None
    """Answer with this status, without asking the server."""
    headers: str = ""
    reset_after: int | None = None
    """Close the connection after so many bytes of the body."""
    pause: float = 0.0
    """Seconds before each piece of the body."""
    until_at_once: int = 0
    """Keep the body back until so many requests have been under way at once, for two minutes at most."""
    without_ranges: bool = False
    """Leave the Range header out, as a server that knows none does."""


@dataclass
class Crossed:
    """What went over the link since it was last reset."""

    requests: list[str] = field(default_factory=list)
    """``GET /path Range``, in the order they came."""
    body_bytes: int = 0
    at_once: int = 0
    """Most requests that were under way at once."""


class Link:
    """Listens on a port of this machine; see the module. ``faults`` is asked for each request's line and range."""

    def __init__(self, server: str, *, latency: float = 0.0, bytes_per_second: float | None = None) -> None:
        self.server = server
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._latency, self._rate = latency, bytes_per_second
        self._free_at = 0.0
        self._under_way = 0
        self.crossed = Crossed()
        self.faults: Callable[[str], Fault | None] = lambda _: None
        self._ending = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        listening = asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD)
        self._listener = asyncio.run_coroutine_threadsafe(listening, self._loop).result(120)
        self.port: int = self._listener.sockets[0].getsockname()[1]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(120)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(120)
        self._loop.close()

    @property
    def url(self) -> str:
        """Where clients go."""
        return f"http://127.0.0.1:{self.port}"

    def reset(self) -> None:
        """Count anew."""
        self.crossed = Crossed()

    async def _end(self) -> None:
        self._listener.close()
        self._ending = True
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # one may have been accepted meanwhile
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)
        for _ in range(3):  # until connections that were closed have gone
            await asyncio.sleep(0)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
                await asyncio.sleep(self._latency)
                above = await asyncio.open_connection(*self._server, limit=MAX_HEAD)
                try:
                    while await self._exchange(reader, writer, *above):
                        pass
                finally:
                    self._close(above[1])
        finally:
            self._close(writer)

    def _close(self, writer: asyncio.StreamWriter) -> None:
        """Close a connection; at the end of all also where somebody does not take what is yet to be sent."""
        writer.transport.abort() if self._ending else writer.close()

    async def _exchange(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
    ) -> bool:
        """One request and its answer; whether the connection goes on."""
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        asked = " ".join((lines[0].rpartition(" ")[0], _header(lines, "range") or "")).strip()
        self.crossed.requests.append(asked)
        fault = self.faults(asked) or Fault()
        self._under_way += 1
        self.crossed.at_once = max(self.crossed.at_once, self._under_way)
        try:
            head += await self._sent(lines, reader, writer)
            return await self._answered(lines, head, writer, from_server, to_server, fault)
        finally:
            self._under_way -= 1

    async def _sent(self, lines: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The body of a request. Who waits to be told that it is wanted is told; the server says so once more."""
        if _header(lines, "expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await writer.drain()
        if "chunked" not in (_header(lines, "transfer-encoding") or ""):
            return await reader.readexactly(int(_header(lines, "content-length") or 0))
        body, size = b"", 1
        while size:
            line = await reader.readline()
            size = int(line.split(b";")[0], 16)
            body += line + await reader.readexactly(size + 2)
        return body

    async def _answered(
        self,
        lines: list[str],
        head: bytes,
        writer: asyncio.StreamWriter,
        from_server: asyncio.StreamReader,
        to_server: asyncio.StreamWriter,
        fault: Fault,
    ) -> bool:
        """The answer to one request, or what a fault makes of it; whether the connection goes on."""
        await asyncio.sleep(self._latency)
        if fault.status is not None:
            writer.write(f"HTTP/1.1 {fault.status} X\r\nContent-Length: 0\r\n{fault.headers}\r\n".encode())
            await writer.drain()
            return True
        if fault.without_ranges:
            head = "\r\n".join(line for line in lines if not line.lower().startswith("range:")).encode("latin-1")
        to_server.write(head)
        answer = await from_server.readuntil(b"\r\n\r\n")
        while answer.startswith(b"HTTP/1.1 100 "):
            answer = await from_server.readuntil(b"\r\n\r\n")
        told = answer.decode("latin-1").split("\r\n")
        if fault.without_ranges:
            answer = "\r\n".join(line for line in told if not line.lower().startswith("accept-ranges:")).encode(
                "latin-1"
            )
        writer.write(answer)
        left = 0 if lines[0].startswith("HEAD ") else int(_header(told, "content-length") or 0)
        if "chunked" in (_header(told, "transfer-encoding") or ""):
            return await self._chunked(from_server, writer)
        return await self._body(from_server, writer, left, fault)

    async def _body(
        self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int, fault: Fault
    ) -> bool:
        sent = 0
        await self._company(fault.until_at_once)
        while left > 0:
            data = await from_server.read(min(left, CHUNK))
            if not data:
                return False
            if fault.reset_after is not None and sent + len(data) > fault.reset_after:
                writer.write(data[: fault.reset_after - sent])
                writer.transport.abort()
                return False
            await asyncio.sleep(fault.pause + self._wait(len(data)))
            writer.write(data)
            await writer.drain()
            left, sent = left - len(data), sent + len(data)
            self.crossed.body_bytes += len(data)
        await writer.drain()
        return True

    async def _company(self, number: int) -> None:
        """Wait until so many requests have been under way at once."""
        end = time.monotonic() + 120
        while self.crossed.at_once < number and time.monotonic() < end:
            await asyncio.sleep(0.005)

    async def _chunked(self, from_server: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """A body in chunks, as listings are sent (RFC 9112, section 7.1)."""
        while True:
            line = await from_server.readline()
            size = int(line.split(b";")[0], 16)
            data = await from_server.readexactly(size + 2)
            self.crossed.body_bytes += size
            writer.write(line + data)
            await writer.drain()
            if not size:
                return True

    def _wait(self, size: int) -> float:
        """Seconds until so many bytes have fitted through, after all that others send."""
        if self._rate is None:
            return 0.0
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + size / self._rate
        return self._free_at - now


def _header(lines: list[str], name: str) -> str | None:
    for line in lines[1:]:
        key, _, value = line.partition(":")
        if key.strip().lower() == name:
            return value.strip()
    return None
