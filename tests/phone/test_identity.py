"""An APK on a phone is identified as the same file here is: value for value, by whatever programs the phone has."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from scanner.apk import identify
from scanner.errors import ScannerError
from scanner.model import ApkIdentity, Location, PhoneAddress
from scanner.sources import open_location
from scanner.sources.adb import PREFIX, AdbServer, PhoneSource
from tests.apk.test_peer_suite import EXPECTED, SUITE
from tests.phone.conftest import Desk
from tests.support.apk_builder import build_apk
from tests.support.phone import AdbServer as RealServer
from tests.support.phone import SimulatedPhone, installed, phone_of
from tests.support.signer import key

NEWEST = 37
peers = pytest.mark.skipif(not EXPECTED, reason="the peer suite is not here")
Said = ApkIdentity | tuple[str, str]


def said_of(location: Location) -> Said:
    """The identity, or the class of the error and its text."""
    try:
        with open_location(location) as source:
            return identify(source, NEWEST)
    except ScannerError as error:
        return type(error).__name__, str(error)


@pytest.fixture(scope="module")
def suite_phone(private_server: RealServer) -> Iterator[SimulatedPhone]:
    """A phone with the whole suite, each file under an app of its own."""
    files = [SUITE / "apk" / str(one["name"]) for one in EXPECTED]
    apps = [installed(file, f"com.example.a{number}") for number, file in enumerate(files)]
    with SimulatedPhone(phone_of("14", *apps, serial="SUITE")) as phone:
        private_server.connect(phone)
        yield phone
        private_server.disconnect(phone)


@peers
@pytest.mark.parametrize("ahead", [False, True], ids=["asked alone", "asked ahead"])
@pytest.mark.parametrize("missing", [(), ("dd",), ("stat",), ("dd", "head", "tail")], ids="-".join)
def test_the_suite_is_the_same_on_a_phone(
    missing: tuple[str, ...], ahead: bool, suite_phone: SimulatedPhone, private_server: RealServer
) -> None:
    suite_phone.missing(*missing)
    placed = suite_phone.root.placed[:: 5 if "tail" in missing else 1]  # pulled whole, which takes its time
    server = AdbServer(f"127.0.0.1:{private_server.port}")
    source = PhoneSource(f"{PREFIX}{suite_phone.address}", server)
    address = PhoneAddress(suite_phone.address, server.address)
    try:
        if ahead:
            source.expect(Location(one.path, phone=address) for one in placed)
        with ThreadPoolExecutor(8) as threads:
            there = list(threads.map(lambda one: said_of(Location(one.path, phone=address)), placed))
    finally:
        source.close()
        suite_phone.missing()
    here = [said_of(Location(str(one.app.apk))) for one in placed]
    assert [pair for pair in zip(here, there, strict=True) if pair[0] != pair[1]] == []
    assert sum(isinstance(said, ApkIdentity) for said in here) > len(placed) * 3 // 4


SIZES = (0, 1, 4095, 4096, 4097, 8191, 8192, 8193, 36 * 1024, 36 * 1024 + 1, 300_000)


@pytest.mark.parametrize("ahead", [False, True], ids=["asked alone", "asked ahead"])
@pytest.mark.parametrize("missing", [(), ("dd",), ("stat",), ("tail",), ("dd", "head", "tail")], ids="-".join)
def test_any_range_of_any_size_is_the_same(desk: Desk, missing: tuple[str, ...], ahead: bool) -> None:
    files = {}
    for number, size in enumerate(SIZES):
        files[f"com.example.a{number}"] = desk.file(bytes(byte * 7 % 251 for byte in range(size)))
    phone = desk.phone("8", *(installed(file, name) for name, file in files.items()))
    phone.missing(*missing)
    source = PhoneSource(f"{PREFIX}{phone.address}", AdbServer(f"127.0.0.1:{desk.server.port}"))
    address = PhoneAddress(phone.address, f"127.0.0.1:{desk.server.port}")
    if ahead:
        source.expect(Location(phone.path_of(name), phone=address) for name in files)
    for name, file in files.items():
        data = file.read_bytes()
        with open_location(Location(phone.path_of(name), phone=address)) as there:
            assert there.size == len(data)
            for offset in {0, 1, 4096, len(data) // 2, max(0, len(data) - 5000), max(0, len(data) - 40_000)}:
                length = min(10_000, max(0, len(data) - offset))
                if offset <= len(data):
                    assert there.read_at(offset, length) == data[offset : offset + length]
    source.close()


def test_paths_that_would_mean_something_to_a_shell_are_read(desk: Desk) -> None:
    data = build_apk("com.example.a", v2=[key("somebody")])
    apk = desk.file(data)
    names = [
        "a b",
        "a'b",
        'a"b',
        "a;b",
        "$(id)",
        "`id`",
        "a*b?",
        "-rf",
        "é·漢",
        "a\\b",
        "a=b==",
        "{a,b}",
        "~",
        "#a",
        "!",
    ]
    apps = [
        replace(installed(apk, f"com.example.a{number}"), path=f"/data/app/{name}/base.apk")
        for number, name in enumerate(names)
    ]
    phone = desk.phone("14", *apps)
    ran = desk.scan(phone)
    assert {row["location"] for row in ran.apps} == {app.path for app in apps}
    assert set(ran.assurances.values()) == {"declared"}, "the package names differ, so each is a claim"
    assert (ran.code, ran.unread) == (0, [])
    assert all("apk-unread" not in " ".join(row["issues"]) for row in ran.apps)
