"""A desk with simulated phones: one private adb server for all tests, APKs built on the spot, scans through the CLI."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner

from scanner.cli import FAILED, cli
from scanner.database import load_database
from scanner.errors import ScannerError
from tests.conftest import ROOT, Ran
from tests.support import signer
from tests.support.apk_builder import build_apk
from tests.support.phone import (
    AdbServer,
    InstalledApp,
    NoPhoneError,
    PhoneProfile,
    SimulatedPhone,
    hash32_of,
    installed,
    phone_of,
    require_phone,
)
from tests.support.phone.tools import unavailable

LONGEST = 300.0
"""Seconds after which a scan in these tests hangs."""


def pinned(signature: str) -> bytes:
    """The certificate of a signature's first pinned signer, DER."""
    found = next(one for one in load_database().signatures if one.id == signature)
    assert found.signers[0].der is not None
    return bytes.fromhex(found.signers[0].der)


WECHAT, QQ, ALIPAY = pinned("wechat-pay"), pinned("tencent-qq"), pinned("alipay")
SOMEBODY = signer.key("somebody")


@dataclass
class Scanned(Ran):
    """What one scan did, and how long it took."""

    seconds: float = 0.0

    @property
    def verdicts(self) -> dict[str, str]:
        """Package name → verdict, of the active copies."""
        return {row["package_name"]: row["verdict"] for row in self.apps if row["copy"] == "active"}

    @property
    def assurances(self) -> dict[str, str | None]:
        """Package name → assurance, of the active copies."""
        return {row["package_name"]: row["assurance"] for row in self.apps if row["copy"] == "active"}

    @property
    def holes(self) -> str:
        """What was not seen, in one text."""
        return "\n".join(f"{one['hole']}: {one['reason']}" for one in self.summary["coverage"])

    def app(self, package: str, copy: str = "active") -> dict[str, Any]:
        """The one row of a copy of an app."""
        (row,) = [row for row in self.apps if row["package_name"] == package and row["copy"] == copy]
        return row


REST = Random(0).randbytes(60_000)
"""What stands between the manifest and the end of an APK, so that the one does not come along with the other."""


class Desk:
    """APKs, phones and scans of one test."""

    def __init__(self, server: AdbServer, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.cache = folder / "cache"
        self._phones: list[SimulatedPhone] = []
        self._number = 0

    def file(self, data: bytes) -> Path:
        """A file of these bytes."""
        self._number += 1
        path = self.folder / f"{self._number}.apk"
        path.write_bytes(data)
        return path

    def app(self, package: str, der: bytes | None = None, *, apk: bytes | None = None, **more: Any) -> InstalledApp:
        """An app whose APK bears this certificate, by default somebody's; the dump states its hash."""
        key = signer.key("somebody") if der is None else signer.key("somebody").wearing(der)
        if apk is None:
            apk = build_apk(package, v2=[key], version_code=more.get("version_code", 1), members={"assets/rest": REST})
        more.setdefault("hashes", (hash32_of(key.certificate),))
        return installed(self.file(apk), package, **more)

    def phone(self, android: str, *apps: InstalledApp, **more: Any) -> SimulatedPhone:
        """A phone with these apps, connected."""
        more.setdefault("serial", f"SERIAL{len(self._phones)}")
        return self.plug(phone_of(android, *apps, **more))

    def plug(self, profile: PhoneProfile, server: AdbServer | None = None) -> SimulatedPhone:
        """A phone of this profile, connected."""
        try:
            phone = SimulatedPhone(profile)
            self._phones.append(phone)
            (server or self.server).connect(phone)
        except NoPhoneError as error:
            unavailable(error)
        return phone

    @property
    def env(self) -> dict[str, str]:
        """The environment of a scan at this desk."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADB", "ANDROID"))}
        return clean | self.own

    @property
    def own(self) -> dict[str, str]:
        """What sets this desk apart from others."""
        port = str(self.server.port)
        return {"ANDROID_ADB_SERVER_PORT": port, "XDG_CACHE_HOME": str(self.cache), "PYTHONFAULTHANDLER": "1"}

    def start(self, *words: object, output: str = "jsonl", **env: str) -> subprocess.Popen[bytes]:
        """A scan that goes on while the test does something to its phones."""
        command = [sys.executable, "-m", "scanner", "scan", *specs_of(words), "-o", output]
        return subprocess.Popen(command, cwd=ROOT, env=self.env | env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def end(self, scan: subprocess.Popen[bytes], since: float, longest: float = LONGEST) -> Scanned:
        """What a scan that was started did. One that hangs fails the test."""
        try:
            out, err = scan.communicate(timeout=longest)
        except subprocess.TimeoutExpired:
            scan.send_signal(signal.SIGABRT)  # tells where each thread is, see `own`
            out, err = scan.communicate()
            pytest.fail(f"it hangs; so far: {out.decode()[-500:]} {err.decode()}")
        return Scanned(scan.returncode, out.decode(), err.decode(), time.monotonic() - since)

    def run(self, *words: object, output: str = "jsonl", longest: float = LONGEST, **env: str) -> Scanned:
        """A scan in a process of its own, from its beginning to its end."""
        since = time.monotonic()
        return self.end(self.start(*words, output=output, **env), since, longest)

    def scan(self, *words: object, output: str = "jsonl", **env: str) -> Scanned:
        """The same words to the same command, in this process: no time goes into starting one."""
        since = time.monotonic()
        with pytest.MonkeyPatch.context() as patch:
            for name in os.environ:
                if name.startswith(("ADB", "ANDROID")):
                    patch.delenv(name)
            done = CliRunner(env=self.own | env).invoke(
                cli, ["scan", *specs_of(words), "-o", output], standalone_mode=False
            )
        if isinstance(done.exception, ScannerError):
            return Scanned(FAILED, done.stdout, str(done.exception), time.monotonic() - since)
        if done.exception is not None:
            raise done.exception
        return Scanned(done.return_value, done.stdout, done.stderr, time.monotonic() - since)

    def close(self) -> None:
        """Unplug everything."""
        for phone in self._phones:
            self.server.disconnect(phone)
            phone.close()


@pytest.fixture(scope="session")
def private_server() -> Iterator[AdbServer]:
    """The adb server that all phones of this session share."""
    require_phone()
    try:
        server = AdbServer()
    except NoPhoneError as error:
        unavailable(error)
    with server:
        yield server


@pytest.fixture
def desk(private_server: AdbServer, tmp_path: Path) -> Iterator[Desk]:
    """An empty desk."""
    one = Desk(private_server, tmp_path)
    yield one
    one.close()


def specs_of(words: Iterable[object]) -> list[str]:
    """Words for a command line; a phone is its SPEC."""
    return [f"adb:{word.address}" if isinstance(word, SimulatedPhone) else str(word) for word in words]


def wait_for(what: str, true: Any, seconds: float = 120.0) -> None:
    """Until something has happened."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, f"waited in vain for: {what}"
        time.sleep(0.01)


def reading(phone: SimulatedPhone) -> bool:
    """Whether it was listed, and its APKs are being read, by several at once."""
    return phone.counters.commands.count("shell,v2,raw:") > 2


def asked(phone: SimulatedPhone, command: str) -> bool:
    """Whether the phone was asked for a command since the last reset."""
    return any(command in one for one in phone.counters.commands)


def interrupt(scan: subprocess.Popen[bytes]) -> None:
    """Ctrl-C."""
    scan.send_signal(signal.SIGINT)


def rows_of(text: str) -> list[dict[str, Any]]:
    """The rows of a JSONL text."""
    return [json.loads(line) for line in text.splitlines()]
