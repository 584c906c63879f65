"""One persistent ``exec:sh``: the way in which apps are read. And the commands of each release."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.support.phone import AdbServer, SimulatedPhone, installed

Start = Callable[..., SimulatedPhone]


class PersistentShell:
    """A shell that answers framed commands: length and exit code first, then the bytes."""

    def __init__(self, link: socket.socket) -> None:
        self._link, self._reader = link, link.makefile("rb")

    def ask(self, command: str) -> tuple[int, bytes]:
        path = "/data/local/tmp/answer"
        framed = f"{{ {command}; }} </dev/null >{path} 2>/dev/null; echo $? $(stat -c %s {path}); cat {path}\n"
        self._link.sendall(framed.encode())
        code, size = self._reader.readline().split()
        return int(code), self._reader.read(int(size))

    def line(self, command: str) -> bytes:
        self._link.sendall(command.encode() + b"\n")
        return self._reader.readline()


@contextlib.contextmanager
def shell_of(adb: AdbServer, phone: SimulatedPhone) -> Iterator[PersistentShell]:
    with socket.create_connection((adb.host, adb.port), 30) as link:
        for request in (f"host:transport:{phone.address}", "exec:sh"):
            link.sendall(f"{len(request):04x}{request}".encode())
            assert link.recv(4) == b"OKAY"
        shell = PersistentShell(link)
        yield shell
        shell._reader.close()


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    path = tmp_path / "some.apk"
    path.write_bytes(Random(1).randbytes(1_000_000))
    return path


@pytest.mark.parametrize("release", ["6", "10", "16"])
def test_a_persistent_shell_answers(adb: AdbServer, start_phone: Start, release: str, apk: Path) -> None:
    phone = start_phone(release, installed(apk, "com.some"))
    path, data = phone.path_of("com.some"), apk.read_bytes()
    with shell_of(adb, phone) as shell:
        assert shell.ask("echo one; false") == (1, b"one\n")
        assert shell.ask(f"stat -c %s '{path}'") == (0, b"1000000\n")
        assert shell.ask(f"dd if='{path}' bs=4096 skip=7 count=2") == (0, data[7 * 4096 : 9 * 4096])
        assert shell.ask(f"tail -c +1001 '{path}' | head -c 500") == (0, data[1000:1500])
        assert shell.ask("cat /nowhere") == (1, b"")
        assert shell.ask("nothing-like-this")[0] == 127


def test_latency_is_paid_once_for_each_round_trip(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    with shell_of(adb, phone) as shell:
        shell.line("echo")
        phone.reset()
        for _ in range(5):
            shell.line("echo")
        assert phone.counters.round_trips == 5
        phone.latency = 0.05
        began = time.perf_counter()
        for _ in range(5):
            shell.line("echo")
        assert time.perf_counter() - began >= 5 * 0.05


def test_latency_of_several_streams_overlaps(adb: AdbServer, start_phone: Start) -> None:
    phone = start_phone("14")
    with contextlib.ExitStack() as stack:
        shells = [stack.enter_context(shell_of(adb, phone)) for _ in range(40)]
        phone.latency = 2.0
        began = time.perf_counter()
        for shell in shells:
            shell._link.sendall(b"echo\n")
        assert [shell._reader.readline() for shell in shells] == [b"\n"] * 40
        took = time.perf_counter() - began
        phone.latency = 0.0
    assert 2 <= took < 70, "one after another they would take 80"


@pytest.mark.parametrize(
    ("release", "operands", "known"),
    [
        ("6", "bs=4096 skip=1 count=1", True),
        ("6", "bs=4096 count=1 status=none", False),
        ("9", "bs=4096 count=1 iflag=skip_bytes", False),
        ("10", "bs=4096 count=1 status=none", True),
        ("14", "bs=4096 skip=4096 count=4096 iflag=skip_bytes,count_bytes", True),
        ("14", "bs=4096 count=1 iflag=nocache", False),
    ],
)
def test_dd_knows_what_the_releases_knew(
    adb: AdbServer, start_phone: Start, apk: Path, release: str, operands: str, known: bool
) -> None:
    phone = start_phone(release, installed(apk, "com.some"))
    said = adb.run_binary("-s", phone.address, "exec-out", f"dd if={phone.path_of('com.some')} {operands} 2>/dev/null")
    assert len(said.stdout) == (4096 if known else 0)


def test_sha256sum_came_with_android_8(adb: AdbServer, start_phone: Start) -> None:
    for release, there in (("7", False), ("8", True)):
        phone = start_phone(release)
        said = adb.run("-s", phone.address, "shell", "echo | sha256sum")
        assert (said.returncode == 0) is there


HOSTILE = (
    "/data/app/with blanks/base.apk",
    '/data/app/quote\'s "here"/base.apk',
    "/data/app/$(id)`id`;reboot&&x|y/base.apk",
    "/data/app/back\\slash\\n=1/base.apk",
    "/data/app/new\nline/base.apk",
    "/data/app/\x1b[31mred\x1b[0m\t/ü 漢/base.apk",
)


def test_paths_may_hold_anything(adb: AdbServer, start_phone: Start, apk: Path, tmp_path: Path) -> None:
    apps = [installed(apk, f"com.hostile{number}", path=path) for number, path in enumerate(HOSTILE)]
    phone = start_phone("14", *apps)
    with shell_of(adb, phone) as shell:
        for app, path in zip(apps, HOSTILE, strict=True):
            assert shell.ask(f"pm path {app.package}")[1].decode() == f"package:{path}\n"
            listed = shell.ask(f"pm list packages -f {app.package}")[1].decode()
            assert listed == f"package:{path}={app.package}\n"
            quoted = path.replace("'", "'\\''")
            assert shell.ask(f"dd if='{quoted}' bs=10 count=1") == (0, apk.read_bytes()[:10])
            assert adb.run("-s", phone.address, "pull", path, tmp_path / app.package).returncode == 0
            assert (tmp_path / app.package).read_bytes() == apk.read_bytes()
