"""A simulated phone, as tests and benchmarks hold it: started, asked, counted and broken."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.support.phone.faults import Counters, Fault
from tests.support.phone.profile import PhoneProfile
from tests.support.phone.root import Root
from tests.support.phone.tools import NoPhoneError

REPOSITORY = Path(__file__).resolve().parents[3]
START = 120.0
"""Seconds that a daemon may take to start, or to answer."""


class SimulatedPhone:
    """A phone with a root of its own and a daemon that speaks ADB on a port of its own. A context manager."""

    def __init__(self, profile: PhoneProfile, folder: Path | None = None) -> None:
        self.profile = profile
        self._scratch = tempfile.TemporaryDirectory(prefix="phone-", dir=folder)
        self._lock = threading.Lock()
        self._faults: dict[int, Fault] = {}
        self._fault_number = 0
        self._missing: set[str] = set()
        self._latency, self._unauthorized = 0.0, False
        self._launch()
        try:
            self.root = Root(Path(self._scratch.name), profile)
            self.port = self._start()
        except BaseException:
            self.close()
            raise

    def _launch(self) -> None:
        """Start the daemon's process: its interpreter loads while the root is made."""
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-S", "-m", "tests.support.phone.adbd", str(theirs.fileno())]
        self._daemon = subprocess.Popen(
            command, cwd=REPOSITORY, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL, start_new_session=True
        )
        theirs.close()
        ours.settimeout(START)
        self._orders, self._answers = ours, ours.makefile("rb")

    def _start(self) -> int:
        """Let the daemon enter the root and listen; returns its port."""
        asked = {
            "root": str(self.root.folder),
            "character": {
                "banner": self.profile.banner,
                "release": self.profile.release,
                "checksums": self.profile.with_checksums,
            },
        }
        self._orders.sendall(json.dumps(asked).encode() + b"\n")
        said = json.loads(self._answers.readline() or b'{"error": "its daemon did not start"}')
        if "error" in said:
            raise NoPhoneError(f"no phone without a root of its own: {said['error']}")
        return int(said["port"])

    def _order(self, name: str, **arguments: Any) -> Any:
        with self._lock:
            self._orders.sendall(json.dumps([name, arguments]).encode() + b"\n")
            return json.loads(self._answers.readline())

    @property
    def address(self) -> str:
        """What ``adb connect`` takes, and the serial number that a TCP phone has."""
        return f"127.0.0.1:{self.port}"

    @property
    def latency(self) -> float:
        """Seconds before each packet of the host is handled. Streams overlap."""
        return self._latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._order("set", switch="latency", value=seconds)
        self._latency = seconds

    @property
    def unauthorized(self) -> bool:
        """Whether it accepts no key of any host. Known hosts are dropped when this is set."""
        return self._unauthorized

    @unauthorized.setter
    def unauthorized(self, value: bool) -> None:
        self._order("set", switch="unauthorized", value=value)
        self._order("drop")
        self._unauthorized = value

    def cut_after(self, count: int) -> None:
        """Cut the cable after this many more bytes to the host. `plug` mends it."""
        self._order("set", switch="cut_after", value=count)

    def hang(self, pattern: str) -> int:
        """Commands that match hang until `release` of the number returned. See `Fault.matches`."""
        return self._fault(Fault(pattern, hangs=True))

    def fails(self, pattern: str, *, stdout: str = "", stderr: str = "", code: int = 1) -> int:
        """Commands that match answer this, until `release` of the number returned."""
        return self._fault(Fault(pattern, hangs=False, stdout=stdout, stderr=stderr, code=code))

    def _fault(self, fault: Fault) -> int:
        self._fault_number += 1
        self._faults[self._fault_number] = fault
        base = self.root.folder / "sim/faults" / f"{self._fault_number:04d}"
        for suffix, text in (("out", fault.stdout), ("err", fault.stderr), ("code", str(fault.code))):
            base.with_suffix(f".{suffix}").write_text(text)
        if fault.hangs:
            base.with_suffix(".hangs").touch()
        base.with_suffix(".pattern").write_text(fault.pattern)
        self._apply()
        return self._fault_number

    def release(self, *numbers: int) -> None:
        """Take faults back: these, or all."""
        for number in numbers or tuple(self._faults):
            self._faults.pop(number, None)
            for file in (self.root.folder / "sim/faults").glob(f"{number:04d}.*"):
                file.unlink()
        self._apply()

    def missing(self, *commands: str) -> None:
        """These commands are not there; without any, all are again."""
        self._missing = set(commands)
        self._apply()

    def _apply(self) -> None:
        for command in (self.root.folder / "system/real").iterdir():
            if command.name in self._missing:
                (self.root.folder / "system/bin" / command.name).unlink(missing_ok=True)
            else:
                self.root.lead(command.name, guarded=bool(self._faults))
        self._order("faults", faults=[vars(fault) for fault in self._faults.values()])

    def path_of(self, package: str) -> str:
        """Where the base APK of a package lies on the phone."""
        return next(one.path for one in self.root.placed if one.app.package == package)

    def remove(self, path: str) -> None:
        """A file vanishes."""
        self.root.at(path).unlink()

    def unplug(self) -> None:
        """Drop all hosts and accept none."""
        self._order("unplug")

    def plug(self) -> None:
        """Accept hosts again, on the same port."""
        self._order("plug")

    def reboot(self, seconds: float = 0.0) -> None:
        """Go, and come back with a new boot id."""
        self.unplug()
        time.sleep(seconds)
        self.root.boot(str(uuid.uuid4()))
        self.plug()

    @property
    def counters(self) -> Counters:
        """What went over the wire since the last `reset`."""
        return Counters(**self._order("counters"))

    @property
    def greeted(self) -> bool:
        """Whether a host is connected that it has answered."""
        return bool(self._order("greeted"))

    def reset(self) -> None:
        """Count from zero."""
        self._order("reset")

    def close(self) -> None:
        """End the daemon, whatever it runs, and its root."""
        self._end()
        self._scratch.cleanup()

    def _end(self) -> None:
        self._answers.close()
        self._orders.close()
        try:
            self._daemon.wait(5)
        except subprocess.TimeoutExpired:
            self._daemon.kill()
            self._daemon.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
