"""The real adb client and adbutils, through a real server, at simulated phones."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from random import Random

import adbutils
import pytest

from tests.support.phone import AdbServer, InstalledApp, SimulatedPhone, installed

Start = Callable[..., SimulatedPhone]
RELEASES = ("6", "7", "10", "13", "14", "15", "16")


@pytest.fixture(scope="module")
def big(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("apks") / "big.apk"
    path.write_bytes(Random(1).randbytes(30_000_123))
    return path


def test_the_server_is_none_of_the_users(adb: AdbServer) -> None:
    assert adb.port != 5037
    assert Path.home() not in Path(adb.environment["ANDROID_USER_HOME"]).parents
    assert list(Path(adb.environment["ANDROID_USER_HOME"]).glob("adbkey*")), "its keys are its own"


def test_devices_shows_the_phone_with_its_model(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14", model="Pixel 7")
    (line,) = [line for line in adb.run("devices", "-l").stdout.splitlines() if line.startswith(phone.address)]
    assert line.split()[1:5] == ["device", "product:panther", "model:Pixel_7", "device:panther"]


@pytest.mark.parametrize("release", RELEASES)
def test_shell_says_who_and_where_it_is(adb: AdbServer, start_phone: Start, release: str) -> None:
    phone = start_phone(release)
    said = adb.run("-s", phone.address, "shell", "id; pwd; getprop ro.build.version.release; cat /etc/hostname")
    lines = said.stdout.replace("\r", "").splitlines()
    assert lines[:3] == ["uid=2000(shell) gid=2000(shell) groups=2000(shell)", "/", release]
    assert "/etc/hostname" in said.stdout + said.stderr, "the machine's own files are out of reach"


def test_exit_codes_and_errors_are_apart_from_android_7_on(adb: AdbServer, start_phone: Start) -> None:
    new, old = start_phone("7"), start_phone("6")
    said = adb.run("-s", new.address, "shell", "echo out; echo err >&2; exit 7")
    assert (said.returncode, said.stdout, said.stderr) == (7, "out\n", "err\n")
    said = adb.run("-s", old.address, "shell", "echo out; echo err >&2; exit 7")
    assert (said.returncode, said.stdout, said.stderr) == (0, "out\r\nerr\r\n", "")


def test_shell_reads_what_the_client_sends(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    data = Random(1).randbytes(3_000_000)
    said = adb.run_binary("-s", phone.address, "shell", "sha256sum", stdin=data)
    assert said.stdout.split()[0] == hashlib.sha256(data).hexdigest().encode()
    assert adb.run_binary("-s", phone.address, "exec-in", "cat >/data/local/tmp/x", stdin=data).returncode == 0


@pytest.mark.parametrize("release", ["6", "14"])
def test_exec_out_is_binary_clean(adb: AdbServer, start_phone: Start, release: str, big: Path) -> None:
    phone = start_phone(release, installed(big, "com.big"))
    said = adb.run_binary("-s", phone.address, "exec-out", f"head -c 100000 '{phone.path_of('com.big')}'")
    assert said.stdout == big.read_bytes()[:100000]


@pytest.mark.parametrize("release", ["6", "8", "16"])
def test_pull_brings_every_byte(adb: AdbServer, start_phone: Start, release: str, big: Path, tmp_path: Path) -> None:
    phone = start_phone(release, installed(big, "com.big"))
    said = adb.run("-s", phone.address, "pull", phone.path_of("com.big"), tmp_path / "got")
    assert said.returncode == 0, said.stderr
    assert (tmp_path / "got").read_bytes() == big.read_bytes()


def test_pull_meets_real_permissions(adb: AdbServer, start_phone: Start, big: Path, tmp_path: Path) -> None:
    phone = start_phone(
        "14", installed(big, "com.hidden", readable=False), InstalledApp("com.gone", big, vanishes=True)
    )
    said = adb.run("-s", phone.address, "pull", phone.path_of("com.hidden"), tmp_path / "got")
    assert said.returncode
    assert "Permission denied" in said.stderr + said.stdout
    said = adb.run("-s", phone.address, "pull", phone.path_of("com.gone"), tmp_path / "got")
    assert "No such file" in said.stderr + said.stdout


def test_pull_of_a_folder_lists_it(adb: AdbServer, start_phone: Start, tmp_path: Path) -> None:
    phone = start_phone("14")
    assert adb.run("-s", phone.address, "pull", "/etc", tmp_path / "got").returncode == 0
    assert sorted(file.name for file in (tmp_path / "got").iterdir()) == ["group", "passwd"]


def test_an_unauthorized_phone_is_shown_as_such(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14", connected=False)
    phone.unauthorized = True
    adb.connect(phone)
    assert adb.states()[phone.address] == "unauthorized"
    said = adb.run("-s", phone.address, "shell", "id")
    assert (said.returncode, said.stdout) == (1, "")
    assert "device unauthorized" in said.stderr


def test_several_phones_answer_at_one_server(adb: AdbServer, start_phone: Start) -> None:
    phones = [start_phone(release, serial=f"SERIAL{release}") for release in ("7", "10", "15")]
    said = {}

    def ask(phone: SimulatedPhone) -> None:
        said[phone.profile.serial] = adb.run("-s", phone.address, "shell", "getprop ro.serialno").stdout.strip()

    threads = [threading.Thread(target=ask, args=(phone,)) for phone in phones for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == {serial: serial for serial in ("SERIAL7", "SERIAL10", "SERIAL15")}


@pytest.mark.parametrize("release", ["6", "14"])
def test_adbutils_works_too(adb: AdbServer, start_phone: Start, release: str, big: Path, tmp_path: Path) -> None:
    phone = start_phone(release, installed(big, "com.big"))
    device = adbutils.AdbClient(adb.host, adb.port).device(phone.address)
    assert device.get_state() == "device"
    assert device.shell("echo hello").strip() == "hello"
    assert device.prop.get("ro.serialno") == phone.profile.serial
    assert device.sync.stat(phone.path_of("com.big")).size == big.stat().st_size
    assert device.sync.pull(phone.path_of("com.big"), tmp_path / "got") == big.stat().st_size
    assert (tmp_path / "got").read_bytes() == big.read_bytes()
