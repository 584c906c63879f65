"""What can go wrong with a phone, at will; and that nothing is left of it afterwards."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.phone.test_shell import shell_of
from tests.support.phone import AdbServer, SimulatedPhone, installed

Start = Callable[..., SimulatedPhone]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    path = tmp_path / "some.apk"
    path.write_bytes(Random(1).randbytes(5_000_000))
    return path


def eventually(true: Callable[[], bool], seconds: float = 120) -> bool:
    until = time.monotonic() + seconds
    while not (done := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return done


def test_a_cable_cut_in_the_middle_of_a_file(adb: AdbServer, start_phone: Start, apk: Path, tmp_path: Path) -> None:
    phone = start_phone("14", installed(apk, "com.some"))
    phone.reset()
    phone.cut_after(2_000_000)
    said = adb.run("-s", phone.address, "pull", phone.path_of("com.some"), tmp_path / "got")
    assert said.returncode
    assert phone.counters.bytes_to_host == 2_000_000
    assert eventually(lambda: adb.states().get(phone.address) != "device")
    phone.plug()
    adb.connect(phone)
    assert adb.run("-s", phone.address, "pull", phone.path_of("com.some"), tmp_path / "got").returncode == 0
    assert (tmp_path / "got").read_bytes() == apk.read_bytes()


def test_unplugged_and_plugged_in_again(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    phone.unplug()
    assert adb.run("-s", phone.address, "shell", "id").returncode
    phone.plug()
    adb.connect(phone)
    assert adb.run("-s", phone.address, "shell", "echo back").stdout == "back\n"


def test_a_reboot_gives_a_new_boot_id(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14", boot_id="11111111-2222-3333-4444-555555555555")
    ask = ("-s", phone.address, "shell", "cat /proc/sys/kernel/random/boot_id")
    assert adb.run(*ask).stdout == "11111111-2222-3333-4444-555555555555\n"
    phone.reboot()
    assert eventually(lambda: adb.connect(phone) == phone.address)
    assert len(adb.run(*ask).stdout) == 37
    assert not adb.run(*ask).stdout.startswith("1111")


@pytest.mark.parametrize("persistent", [False, True])
def test_a_command_hangs_until_released(adb: AdbServer, start_phone: Start, persistent: bool) -> None:
    phone = start_phone("14")
    number = phone.hang("pm list users")
    said: list[str] = []

    def ask() -> None:
        if persistent:
            with shell_of(adb, phone) as shell:
                said.append(shell.ask("pm list users")[1].decode())
        else:
            said.append(adb.run("-s", phone.address, "shell", "pm list users").stdout)

    thread = threading.Thread(target=ask)
    thread.start()
    time.sleep(0.3)
    assert not said
    assert adb.run("-s", phone.address, "shell", "pm list packages; echo on").stdout == "on\n", "others go on"
    phone.release(number)
    thread.join(120)
    assert said == ["Users:\n\tUserInfo{0:Owner:4c13} running\n"]


def test_a_command_fails_as_told_in_every_kind_of_shell(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    phone.fails("sha256sum", stdout="half", stderr="broken\n", code=9)
    said = adb.run("-s", phone.address, "shell", "sha256sum /x")
    assert (said.returncode, said.stdout, said.stderr) == (9, "half", "broken\n")
    with shell_of(adb, phone) as shell:
        assert shell.ask("sha256sum /x") == (9, b"half")
        assert shell.ask("echo fine") == (0, b"fine\n")
    phone.release()
    assert adb.run("-s", phone.address, "shell", "echo | sha256sum").returncode == 0


def test_missing_commands_and_vanished_files(adb: AdbServer, start_phone: Start, apk: Path) -> None:
    phone = start_phone("14", installed(apk, "com.some"))
    with shell_of(adb, phone) as shell:
        phone.missing("dd", "sha256sum")
        assert shell.ask("dd")[0] == 127
        phone.missing()
        path = phone.path_of("com.some")
        assert shell.ask(f"dd if='{path}' bs=4096 count=1")[0] == 0
        phone.remove(path)
        assert shell.ask(f"dd if='{path}' bs=4096 count=1") == (1, b"")
    assert apk.exists(), "the file here stays"


def test_what_goes_over_the_wire_is_counted(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    phone.reset()
    adb.run_binary("-s", phone.address, "exec-out", "dd if=/dev/zero bs=1000 count=1000 2>/dev/null")
    counted = phone.counters
    assert counted.commands == ["exec:dd if=/dev/zero bs=1000 count=1000 2>/dev/null"]
    assert counted.round_trips == 1
    assert 1_000_000 < counted.bytes_to_host < 1_010_000
    assert 0 < counted.bytes_from_host < 20_000
    assert counted.packets_from_host >= 2
    phone.reset()
    assert phone.counters.commands == []


def test_nothing_is_left_of_a_test_that_was_killed(tmp_path: Path) -> None:
    script = (
        "import os, signal\n"
        "from tests.support.phone import AdbServer, SimulatedPhone, phone_of\n"
        "server, phone = AdbServer(), SimulatedPhone(phone_of('14'))\n"
        "serial = server.connect(phone)\n"
        "import subprocess\n"
        "subprocess.Popen([server.binary, '-s', serial, 'shell', 'sleep 1000'], env=server.environment)\n"
        "while not any('sleep' in one for one in phone.counters.commands): pass\n"
        "print(server.port, phone.port, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, env=environment, stdout=subprocess.PIPE) as killed:
        assert killed.stdout is not None
        ports = killed.stdout.readline().split()
    assert len(ports) == 2
    assert eventually(lambda: not still_there(tmp_path)), still_there(tmp_path)


def still_there(scratch: Path) -> list[str]:
    """Processes that live in this folder or were started from it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            places = (process / "root").readlink(), (process / "cwd").readlink()
            words, command = (process / "environ").read_bytes(), (process / "cmdline").read_bytes()
        except OSError:
            continue
        if any(scratch in place.parents for place in places) or f"TMPDIR={scratch}".encode() in words:
            found.append(command.decode(errors="replace"))
    return found
