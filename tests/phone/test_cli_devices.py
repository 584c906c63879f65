"""``app-scanner devices``: every state that adb knows, with the next step."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.phone.scanning import app, scanner_of
from tests.support.phone import AdbServer, FakeAdbServer, SimulatedPhone
from tests.support.phone.fakeserver import NO_PERMISSIONS_NEWER, device_line

Run = Callable[..., Ran]
STATES = {
    "unauthorized": "accept “Allow USB debugging?”",
    "offline": "unplug it and plug it in again",
    "no permissions": "udev rules",
    NO_PERMISSIONS_NEWER: "udev rules",
    "recovery": "Reboot system now",
    "bootloader": "fastboot reboot",
    "sideload": "restart it normally",
    "authorizing": "wait a moment",
    "never heard of": "adb calls this state “never heard of”",
}


@pytest.mark.parametrize("state", STATES)
def test_each_state_has_its_next_step(app_scanner: Run, state: str) -> None:
    with FakeAdbServer(device_line("R58M123ABC", state)) as fake:
        ran = app_scanner("devices", "--adb-server", f"127.0.0.1:{fake.port}")
        told = app_scanner("devices", "--adb-server", f"127.0.0.1:{fake.port}", "-o", "json")
    assert ran.code == 3
    assert STATES[state] in " ".join(ran.out.split())
    assert "adb:R58M123ABC" in ran.out
    (phone,) = json.loads(told.out)
    assert phone["state"] == state.partition(" (")[0]
    assert phone["address"]["serial"] == "R58M123ABC"


def test_a_scan_of_such_a_phone_says_the_same_and_is_not_clean(app_scanner: Run) -> None:
    with FakeAdbServer(device_line("R58M123ABC", "unauthorized")) as fake:
        ran = app_scanner("scan", "--adb-server", f"127.0.0.1:{fake.port}", "-o", "jsonl")
    assert ran.code == 5
    assert "Allow USB debugging" in ran.unread[0]["reason"]
    assert not [request for request in fake.requests if "kill" in request]


def test_no_phone_is_exit_4_and_says_what_to_check(app_scanner: Run) -> None:
    with FakeAdbServer("") as fake:
        for words in (["devices"], ["scan"]):
            ran = app_scanner(*words, "--adb-server", f"127.0.0.1:{fake.port}")
            assert ran.code == 4
            assert "USB debugging on" in ran.err


def test_a_client_of_another_version_is_told(app_scanner: Run) -> None:
    with FakeAdbServer(device_line("A", "device"), version=31) as fake:
        ran = app_scanner("devices", "--adb-server", f"127.0.0.1:{fake.port}")
    assert ran.code == 0
    assert "is version 1.0.31" in ran.err


def test_a_second_server_on_this_machine_is_told(app_scanner: Run, adb: AdbServer) -> None:
    with FakeAdbServer(device_line("A", "device")) as fake:
        ran = app_scanner("devices", "--adb-server", f"127.0.0.1:{fake.port}")
    assert f"--adb-server 127.0.0.1:{adb.port}" in ran.err


def test_a_server_elsewhere_is_never_started_here(app_scanner: Run) -> None:
    ran = app_scanner("devices", "--adb-server", "192.0.2.1:1")
    assert ran.code == 5
    assert "no adb server answers at 192.0.2.1:1" in ran.err


@pytest.mark.parametrize("address", ["nonsense:port", "host:0", "host:99999"])
def test_an_address_that_is_none_is_said(app_scanner: Run, address: str) -> None:
    ran = app_scanner("devices", "--adb-server", address)
    assert (ran.code, "want HOST:PORT" in ran.err) == (5, True)


def test_connecting_by_address(
    app_scanner: Run, adb: AdbServer, start_phone: Callable[..., SimulatedPhone], tmp_path: Path
) -> None:
    phone = start_phone("14", app(tmp_path, "com.example.a"), connected=False)
    run = scanner_of(app_scanner, adb, tmp_path)
    ran = run("devices", "--connect", phone.address, "--connect", "127.0.0.1:9")
    assert f"adb:{phone.address}" in ran.out
    assert "127.0.0.1:9" in ran.err
    assert ran.code == 3  # one of the two could not be connected


def test_a_scan_connects_to_the_phone_that_its_spec_names(
    app_scanner: Run, adb: AdbServer, start_phone: Callable[..., SimulatedPhone], tmp_path: Path
) -> None:
    phone = start_phone("14", app(tmp_path, "com.example.a"), connected=False)
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", f"adb:{phone.address}", "-o", "jsonl")
    assert (ran.code, [row["package_name"] for row in ran.apps]) == (0, ["com.example.a"])


def test_a_serial_that_is_not_there_is_said_with_those_that_are(app_scanner: Run) -> None:
    with FakeAdbServer(device_line("R58M123ABC", "device")) as fake:
        ran = app_scanner("scan", "adb:OTHER", "--adb-server", f"127.0.0.1:{fake.port}", "-o", "jsonl")
    assert ran.code == 5
    assert "connected: R58M123ABC" in ran.unread[0]["reason"]


def test_two_phones_of_one_serial_must_be_told_apart(app_scanner: Run) -> None:
    lines = device_line("0123456789ABCDEF", "device", transport=3) + device_line(
        "0123456789ABCDEF", "device", usb="1-3", transport=4
    )
    with FakeAdbServer(lines) as fake:
        ran = app_scanner("scan", "adb:0123456789ABCDEF", "--adb-server", f"127.0.0.1:{fake.port}", "-o", "jsonl")
    assert "adb:0123456789ABCDEF@3 or adb:0123456789ABCDEF@4" in ran.unread[0]["reason"]
