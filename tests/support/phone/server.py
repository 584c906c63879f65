"""A real adb server on a port of its own, with keys of its own, that ends with whoever started it."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.phone.phone import SimulatedPhone
from tests.support.phone.tools import NoPhoneError, adb_program
from tests.support.ports import held_port

START, AGAIN = 120.0, 3.0
"""Seconds that a server or phone may take in all, and until connecting is tried anew."""
KEEPER = """
"$@" </dev/null >"$ADB_LOG" 2>&1 &
server=$!
trap 'kill -9 $server 2>/dev/null' EXIT
cat >/dev/null
"""
"""Ends the server when the pipe to the test closes: also when the test was killed."""


class AdbServer:
    """``adb server nodaemon``. A context manager."""

    host = "127.0.0.1"

    def __init__(self, binary: Path | None = None) -> None:
        self.binary = binary or adb_program()
        self._scratch = tempfile.TemporaryDirectory(prefix="adb-")
        self._held = contextlib.ExitStack()
        self.port = self._held.enter_context(held_port())
        home = Path(self._scratch.name)
        self.log = home / "adb.log"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ADB_", "ANDROID_"))},
            "HOME": str(home),
            "TMPDIR": str(home),
            "ANDROID_USER_HOME": str(home / ".android"),
            "ANDROID_ADB_SERVER_PORT": str(self.port),
            "ADB_LIBUSB": "0",
            "ADB_MDNS": "0",
            "ADB_MDNS_OPENSCREEN": "0",
            "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553",
            "ADB_LOG": str(self.log),
        }
        (home / ".android").mkdir()
        self._start()

    def _start(self) -> None:
        words = [str(self.binary), "-L", f"tcp:localhost:{self.port}", *self._no_usb(), "server", "nodaemon"]
        self._keeper = subprocess.Popen(
            ["sh", "-c", KEEPER, "keeper", *words], stdin=subprocess.PIPE, env=self.environment, start_new_session=True
        )
        until = time.monotonic() + START
        while time.monotonic() < until:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 5) as link:
                link.sendall(b"000chost:version")
                if link.recv(4) == b"OKAY":
                    return
            time.sleep(0.02)
        said = self.log.read_text(errors="replace")[-500:] if self.log.exists() else ""
        self.close()
        raise NoPhoneError(f"no adb server on port {self.port}: {said}")

    def _no_usb(self) -> list[str]:
        """A newer adb can be held to one USB device: to one that there is not."""
        return ["--one-device", "none"] if "--one-device" in self.run("help").stdout else []

    def connect(self, phone: SimulatedPhone) -> str:
        """Connect to a phone and wait until adb knows its state; returns the serial number.

        For a moment adb may yet tell the state of a connection that was lost: the phone must have greeted it, too.
        """
        wanted = "unauthorized" if phone.unauthorized else "device"
        until = time.monotonic() + START
        while time.monotonic() < until:
            said = self.run("connect", phone.address)
            again = time.monotonic() + AGAIN
            while time.monotonic() < again:
                if phone.greeted and self.states().get(phone.address) == wanted:
                    return phone.address
                time.sleep(0.01)
            # A connection that was lost may still count as "already connected".
            self.disconnect(phone)
        raise NoPhoneError(f"adb does not connect: {said.stdout}{said.stderr}{self.states()}")

    def disconnect(self, phone: SimulatedPhone) -> None:
        """Disconnect from a phone."""
        self.run("disconnect", phone.address)

    def states(self) -> dict[str, str]:
        """Serial number → state, as ``adb devices`` prints them."""
        lines = self.run("devices").stdout.splitlines()[1:]
        return dict(line.split("\t", 1) for line in lines if "\t" in line)

    def run(
        self, *words: object, stdin: bytes | None = None, timeout: float = START
    ) -> subprocess.CompletedProcess[str]:
        """The real client with these words; its output as text."""
        done = self.run_binary(*words, stdin=stdin, timeout=timeout)
        return subprocess.CompletedProcess(done.args, done.returncode, _text(done.stdout), _text(done.stderr))

    def run_binary(
        self, *words: object, stdin: bytes | None = None, timeout: float = START
    ) -> subprocess.CompletedProcess[bytes]:
        """The real client with these words; its output as it is."""
        command = [str(self.binary), *map(str, words)]
        if stdin is None:
            return subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=self.environment,
                timeout=timeout,
                check=False,
            )
        return subprocess.run(
            command, input=stdin, capture_output=True, env=self.environment, timeout=timeout, check=False
        )

    def close(self) -> None:
        """End the server."""
        assert self._keeper.stdin is not None
        self._keeper.stdin.close()
        self._keeper.wait(START)
        self._held.close()
        self._scratch.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _text(data: bytes) -> str:
    return data.decode(errors="surrogateescape")
