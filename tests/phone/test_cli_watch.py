"""``app-scanner watch``: phones come and go, and each gets its verdict."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.conftest import ROOT
from tests.phone.conftest import wait_for
from tests.phone.scanning import app, phone_environment, pinned
from tests.support.phone import AdbServer, SimulatedPhone, UserProfile

Start = Callable[..., SimulatedPhone]
PATIENCE = 300.0
"""Seconds after which a desk that says nothing is taken to hang."""


class Desk:
    """A running ``watch``, whose output is read as it grows."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path) -> None:
        self.process, self._out = process, out

    @property
    def said(self) -> str:
        return self._out.read_text(errors="replace")  # a letter may only just be written

    def wait_for(self, text: str, times: int = 1) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            ended = self.process.poll() is not None
            if self.said.count(text) >= times:
                return
            assert not ended, f"it ended:\n{self.said}"
            assert time.monotonic() < end, f"no {text!r} in:\n{self.said}"
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(PATIENCE)


@contextmanager
def desk(adb: AdbServer, folder: Path, *words: str) -> Iterator[Desk]:
    out = folder / "desk.txt"
    command = [sys.executable, "-m", "scanner", "watch", *words]
    with out.open("wb") as stream:
        process = subprocess.Popen(
            command, cwd=ROOT, env=phone_environment(adb, folder), stdout=stream, stderr=subprocess.STDOUT
        )
    try:
        yield Desk(process, out)
    finally:
        process.kill()
        process.wait()


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_each_phone_gets_its_verdict_as_it_is_plugged_in(adb: AdbServer, start_phone: Start, tmp_path: Path) -> None:
    clean = start_phone("14", app(tmp_path, "com.example.a"), connected=False, serial="CLEAN")
    listed = start_phone("13", app(tmp_path, "com.tencent.mm", pinned("wechat-pay")), connected=False, serial="LISTED")
    denied = start_phone(
        "14",
        app(tmp_path, "com.example.b"),
        connected=False,
        users=(UserProfile(), UserProfile(150, "Secure Folder", 0x10061030, denied=True)),
        serial="DENIED",
    )
    (tmp_path / "people.csv").write_text("serial,owner\nLISTED,Asset 0815\n")
    file = tmp_path / "desk.jsonl"
    file.write_text('{"type": "kept"}\n')
    with desk(adb, tmp_path, "-o", f"jsonl={file}", "--owners", str(tmp_path / "people.csv")) as running:
        for number, (phone, word) in enumerate(((clean, "CLEAR"), (listed, "FOUND"), (denied, "NOT COMPLETE")), 1):
            adb.connect(phone)
            running.wait_for(word)
            running.wait_for("1 app read", number)
        assert running.stop() == 1
        assert "3 phones: 1 clear, 1 with findings, 1 not complete" in running.said
        assert "Asset 0815" in running.said
        assert "user 150 (Secure Folder)" in running.said
    rows = rows_of(file)
    assert rows[0] == {"type": "kept"}
    assert [row["type"] for row in rows].count("summary") == 3
    assert [row["device"]["owner"] for row in rows if row.get("package_name") == "com.tencent.mm"] == ["Asset 0815"]


def test_a_phone_unplugged_too_early_is_not_complete_and_is_scanned_again(
    adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    phone = start_phone("14", *[app(tmp_path, f"com.example.a{n}") for n in range(30)], connected=False)
    held = phone.hang("tail -c")
    with desk(adb, tmp_path, "--no-cache") as running:
        adb.connect(phone)
        running.wait_for("reading")
        wait_for("a shell for its APKs", lambda: "shell,v2,raw:" in phone.counters.commands)
        phone.unplug()
        phone.release(held)
        running.wait_for("NOT COMPLETE")
        adb.disconnect(phone)  # before it can be reached: adb tries again by itself
        phone.plug()
        adb.connect(phone)
        running.wait_for("CLEAR")
        assert running.stop() == 3
        assert "1 clear, 0 with findings, 1 not complete" in running.said


def test_it_ends_by_itself_after_so_many_phones(adb: AdbServer, start_phone: Start, tmp_path: Path) -> None:
    with desk(adb, tmp_path, "--count", "1") as running:
        adb.connect(start_phone("14", app(tmp_path, "com.example.a"), connected=False))
        assert running.process.wait(PATIENCE) == 0


def test_a_desk_where_no_phone_came_is_exit_4(adb: AdbServer, tmp_path: Path) -> None:
    with desk(adb, tmp_path) as running:
        running.wait_for("watching")
        assert running.stop() == 4
        assert "0 phones" in running.said
