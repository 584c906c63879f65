"""A fake adb server for states that only USB shows: no permissions, offline, recovery. It speaks the host's side only.

Every phone that it lists refuses a transport with the words of the real server.
"""

from __future__ import annotations

import socketserver
import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

REFUSALS = {
    "unauthorized": (
        "device unauthorized.\nThis adb server's $ADB_VENDOR_KEYS is not set\n"
        "Try 'adb kill-server' if that seems wrong.\nOtherwise check for a confirmation dialog on your device."
    ),
    "offline": "device offline",
    "connecting": "device still connecting",
    "authorizing": "device still authorizing",
    "no permissions": (
        "insufficient permissions for device: user in plugdev group; are your udev rules wrong?\n"
        "See [http://developer.android.com/tools/device.html] for more information"
    ),
}
"""State → what the server says to who wants that phone."""
HELP = "see [http://developer.android.com/tools/device.html]"
NO_PERMISSIONS = f"no permissions (user in plugdev group; are your udev rules wrong?); {HELP}"
NO_PERMISSIONS_NEWER = f"no permissions (missing udev rules? user is in the plugdev group); {HELP}"
"""How adb 29, and how adb 36 puts it."""


def device_line(serial: str, state: str, *, usb: str = "1-2", transport: int = 1, about: str = "") -> str:
    """A line of ``adb devices -l``. ``about`` is ``product:… model:… device:…`` where the phone was asked.

    ``state`` may be any text; "no permissions" stands for `NO_PERMISSIONS`.
    """
    said = NO_PERMISSIONS if state == "no permissions" else state
    return f"{serial:<22} {said} usb:{usb} {about + ' ' if about else ''}transport_id:{transport}\n"


class FakeAdbServer:
    """Listens from the start. ``host:track-devices`` sends the lists of ``track``, one every ``pause`` seconds."""

    host = "127.0.0.1"

    def __init__(self, devices_l: str, version: int = 41, track: Sequence[str] = (), pause: float = 0.05) -> None:
        self.devices_l, self.version, self.track, self.pause = devices_l, version, tuple(track), pause
        self.requests: list[str] = []
        self.ended = threading.Event()
        self._server = _Server((self.host, 0), _Host)
        self._server.fake = self
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    @property
    def states(self) -> dict[str, str]:
        """Serial number → state."""
        return {line.split()[0]: _state(line) for line in self.devices_l.splitlines() if line.split()}

    @property
    def devices(self) -> str:
        """The short form of the list."""
        lines = [line.rpartition(" usb:")[0] or line for line in self.devices_l.splitlines() if line.split()]
        return "".join(f"{line[:22].rstrip()}\t{line[23:].split(' transport_id:')[0].strip()}\n" for line in lines)

    def refusal(self, serial: str | None) -> str | None:
        """Why this phone, or the only one, gives no transport; `None` where it gives one."""
        if serial is None:
            if len(self.states) != 1:
                return "more than one device/emulator" if self.states else "no devices/emulators found"
            serial = next(iter(self.states))
        if serial not in self.states:
            return f"device '{serial}' not found"
        return REFUSALS.get(self.states[serial])

    def close(self) -> None:
        """Stop listening."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _state(line: str) -> str:
    words = line.split()
    return "no permissions" if words[1:3] == ["no", "permissions"] else words[1]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    fake: FakeAdbServer


class _Host(socketserver.StreamRequestHandler):
    """One client: requests until one is final."""

    server: _Server

    def handle(self) -> None:
        while (size := self.rfile.read(4)) and len(size) == 4:
            request = self.rfile.read(int(size, 16)).decode()
            self.server.fake.requests.append(request)
            if not self._answer(request):
                return

    def _answer(self, request: str) -> bool:
        """Answer; whether more may follow."""
        fake = self.server.fake
        known = {
            "host:version": f"{fake.version:04x}",
            "host:devices-l": fake.devices_l,
            "host:devices": fake.devices,
            "host:features": "shell_v2,cmd,stat_v2,ls_v2",
            "host:host-features": "shell_v2,cmd,stat_v2,ls_v2",
        }
        if request in known:
            self._okay(known[request])
        elif request.startswith("host:track-devices"):
            self._track(request)
        elif request == "host:kill":
            self.wfile.write(b"OKAY")
        elif request.startswith(("host:transport", "host:tport")):
            return self._transport(request)
        elif request.startswith("host-serial:"):
            self._of_serial(request)
        elif request.startswith("host:"):
            self._fail(f"unknown host service '{request[5:]}'")
        else:
            self._fail("closed")
        return False

    def _of_serial(self, request: str) -> None:
        serial, _, wish = request.removeprefix("host-serial:").rpartition(":")
        refusal = self.server.fake.refusal(serial)
        if wish == "get-state" and serial in self.server.fake.states and refusal is None:
            self._okay(self.server.fake.states[serial])
        elif refusal is None and wish == "features":
            self._okay("shell_v2,cmd,stat_v2,ls_v2")
        else:
            self._fail(refusal or f"unknown host service '{wish}'")

    def _transport(self, request: str) -> bool:
        _, _, wish = request.partition(":")
        kind, _, name = wish.partition(":")
        if kind == "transport-id":
            self._fail(f"no device with transport id '{name}'")
            return False
        if kind == "tport":
            _, _, name = name.partition(":")
        refusal = self.server.fake.refusal(None if kind.endswith("-any") or not name else name)
        if refusal is not None:
            self._fail(refusal)
            return False
        self.wfile.write(b"OKAY" + (b"\1\0\0\0\0\0\0\0" if kind == "tport" else b""))
        return True

    def _track(self, request: str) -> None:
        fake = self.server.fake
        first = fake.devices_l if request.endswith("-l") else fake.devices
        self._okay(first)
        for text in fake.track:
            time.sleep(fake.pause)
            self.wfile.write(_framed(text))
        fake.ended.wait()

    def _okay(self, text: str) -> None:
        self.wfile.write(b"OKAY" + _framed(text))

    def _fail(self, text: str) -> None:
        self.wfile.write(b"FAIL" + _framed(text))


def _framed(text: str) -> bytes:
    data = text.encode()
    return f"{len(data):04x}".encode() + data
