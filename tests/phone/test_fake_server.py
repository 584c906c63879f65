"""The fake server: its answers, as the real client and adbutils read them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable

import adbutils
import pytest

from tests.support.phone import FakeAdbServer, adb_program, require_phone
from tests.support.phone.fakeserver import device_line

LIST = (
    device_line("R58M123", "no permissions", transport=3)
    + device_line("R58M124", "unauthorized", usb="1-3", transport=4)
    + device_line("R58M125", "offline", usb="1-4", transport=5)
    + device_line("R58M126", "recovery", usb="1-5", transport=6, about="product:p model:m device:d")
)


@pytest.fixture
def client() -> Callable[..., subprocess.CompletedProcess[str]]:
    require_phone()

    def run(fake: FakeAdbServer, *words: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "ANDROID_ADB_SERVER_PORT": str(fake.port)}
        return subprocess.run([adb_program(), *words], capture_output=True, text=True, env=environment, timeout=300)

    return run


def test_the_real_client_prints_the_list(client: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    with FakeAdbServer(LIST) as fake:
        assert client(fake, "devices", "-l").stdout == "List of devices attached\n" + LIST + "\n"
        short = client(fake, "devices").stdout.splitlines()[1:-1]
        assert [line.split("\t")[1][:14] for line in short] == ["no permissions", "unauthorized", "offline", "recovery"]
        assert short[0].endswith("tools/device.html]")
        assert fake.requests.count("host:devices-l") == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # adbutils leaves the socket open
@pytest.mark.parametrize(
    ("serial", "said"),
    [
        ("R58M123", "insufficient permissions for device"),
        ("R58M124", "device unauthorized"),
        ("R58M125", "device offline"),
        ("R58M126", "closed"),
        ("nobody", "device 'nobody' not found"),
    ],
)
def test_a_phone_refuses_with_the_words_of_the_real_server(
    client: Callable[..., subprocess.CompletedProcess[str]], serial: str, said: str
) -> None:
    with FakeAdbServer(LIST) as fake:
        ran = client(fake, "-s", serial, "shell", "id")
        assert ran.returncode
        assert said in ran.stderr
        with pytest.raises(adbutils.AdbError, match=said):
            adbutils.AdbClient("127.0.0.1", fake.port).device(serial).shell("id")


def test_tracking_sends_each_list() -> None:
    lists = ["A\toffline\n", "A\tdevice\n", ""]
    with FakeAdbServer("", track=lists) as fake, socket.create_connection((fake.host, fake.port), 120) as link:
        link.sendall(b"0012host:track-devices")
        reader = link.makefile("rb")
        assert reader.read(8) == b"OKAY0000"
        assert [reader.read(int(reader.read(4), 16)).decode() for _ in lists] == lists
        reader.close()


def test_another_version_is_told() -> None:
    with FakeAdbServer("", version=40) as fake:
        assert adbutils.AdbClient("127.0.0.1", fake.port).server_version() == 40
