"""Phones that hang, vanish, refuse or come back: no scan hangs, no phone is lost, no hole looks clean."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest

from scanner.bytesource import Span
from scanner.bytesource import phone as phone_bytes
from scanner.model import Location, PhoneAddress
from scanner.sources import open_location
from scanner.sources.adb import AdbServer as OurServer
from scanner.sources.adb import PhoneSource
from scanner.sources.adb.phone import Phone
from tests.phone.conftest import QQ, WECHAT, Desk, Scanned, asked, interrupt, reading, wait_for
from tests.support.phone import AdbServer, FactoryCopy, FakeAdbServer, SimulatedPhone, phone_of
from tests.support.phone.fakeserver import device_line

SHORT = ("--timeout", "5")
"""Seconds: for a test that waits until they are over. All other commands of the phone are to be done in them."""


def many(desk: Desk, number: int = 40) -> list:
    """Apps that nobody lists, and WeChat as the last by name."""
    one = desk.app("com.example.a")
    assert one.apk is not None
    data = one.apk.read_bytes()
    apps = [desk.app(f"com.example.a{index:02d}", apk=data) for index in range(number)]
    return [*apps, desk.app("com.tencent.mm", WECHAT)]


def whole(ran: Scanned) -> None:
    """What holds of every scan: a summary ends it, its exit code is the process's, and no hole is clean."""
    assert ran.summary["type"] == "summary"
    assert ran.summary["exit_code"] == ran.code
    assert ran.summary["counts"]["unread"] == len(ran.unread)
    assert "crashed" not in ran.out
    if ran.unread:
        assert ran.code != 0
        assert ran.summary["coverage"]


# The cable ------------------------------------------------------------------------------------------


def test_a_cable_cut_after_so_many_bytes_is_told(desk: Desk) -> None:
    apps = many(desk)[:-1]
    phones = [desk.phone("13", *apps) for _ in range(6)]
    for phone, count in zip(phones, (0, 300, 3000, 10_000, 30_000, 90_000), strict=True):
        phone.cut_after(count)
    ran = desk.run(*phones, *SHORT)
    whole(ran)
    assert ran.code == 3
    assert {row["source"] for row in ran.unread} == {f"adb:{phone.address}" for phone in phones}


def test_the_only_phone_cut_off_before_it_said_anything_is_the_failure_of_the_scan(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.example.a"))
    phone.cut_after(0)
    ran = desk.run(phone, *SHORT)
    whole(ran)
    assert (ran.code, len(ran.unread)) == (5, 1)


def test_a_phone_unplugged_while_listing_is_told(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk, 3))
    held = [phone.hang(command) for command in ("pm list packages -f", "dumpsys package", "pm get-app-links")]
    since = time.monotonic()
    scan = desk.start(phone)
    wait_for("the listing", lambda: asked(phone, "pm list packages -f"))
    phone.unplug()
    phone.release(*held)
    ran = desk.end(scan, since)
    whole(ran)
    assert (ran.code, ran.apps) == (3, [])
    assert any(row["what"] == "device" for row in ran.unread)


def test_a_phone_unplugged_while_apks_are_read_is_told(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk)[:-1])
    held = phone.hang("if=*com.example.a3*")
    since = time.monotonic()
    scan = desk.start(phone)
    wait_for("the reading", lambda: reading(phone))
    phone.unplug()
    phone.release(held)
    ran = desk.end(scan, since)
    whole(ran)
    assert (ran.code, len(ran.apps)) == (3, 40), "each app is known by name; that the phone was lost is a hole"
    assert any(row["what"] == "device" for row in ran.unread)


def test_a_phone_that_restarts_while_it_is_read_is_read_on_or_told(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk))
    phone.latency = 0.01
    since = time.monotonic()
    scan = desk.start(phone)
    wait_for("the reading", lambda: reading(phone))
    phone.reboot(0.2)
    ran = desk.end(scan, since)
    whole(ran)
    assert len(ran.apps) == 41
    lost = [row for row in ran.apps if not any(signer["sha256"] for signer in row["signers"])]
    assert [row for row in lost if not any("apk-unread" in issue for issue in row["issues"])] == []
    assert ran.verdicts["com.tencent.mm"] in {"confirmed", "likely"}


# Commands that hang ---------------------------------------------------------------------------------


def test_a_command_that_hangs_is_a_hole(desk: Desk) -> None:
    commands = ("pm list users", "pm list packages -f", "pm list packages -u", "dumpsys", "getprop")
    phones = [desk.phone("13", *many(desk, 2)[:-1]) for _ in commands]
    for phone, command in zip(phones, commands, strict=True):
        phone.hang(command)
    ran = desk.run(*phones, *SHORT)
    whole(ran)
    assert ran.code == 3, ran.holes
    told = {row["source"] for row in ran.unread if "no answer within 5 s" in row["reason"]}
    assert told == {f"adb:{phone.address}" for phone in phones}
    assert {row["source"] for row in ran.apps} >= told - {f"adb:{phones[1].address}"}


def test_a_shell_that_hangs_over_a_file_costs_that_file(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk, 10))
    phone.hang(f"*if={phone.path_of('com.tencent.mm')}")
    ran = desk.run(phone, *SHORT)
    whole(ran)
    assert len(ran.apps) == 11
    assert ran.verdicts["com.tencent.mm"] == "likely"
    assert any("apk-unread: no answer within 5 s" in issue for issue in ran.app("com.tencent.mm")["issues"])
    assert [row["package_name"] for row in ran.apps if "apk-unread" in str(row["issues"])] == ["com.tencent.mm"]


def test_ends_that_do_not_come_together_are_read_one_by_one(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk, 10))
    phone.hang("tail -c")
    ran = desk.run(phone, *SHORT)
    whole(ran)
    assert ran.verdicts["com.tencent.mm"] == "confirmed"
    assert (ran.unread, set(ran.assurances.values())) == ([], {"platform", "declared"})


def test_a_phone_that_hangs_over_every_file_does_not_hold_the_scan_for_each(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk, 60)[:-1])
    phone.hang("dd if=")
    phone.hang("stat -Lc")
    phone.hang("tail -c")
    ran = desk.run(phone, *SHORT)
    whole(ran)
    assert len(ran.apps) == 60
    assert ran.code == 3
    assert len([row for row in ran.apps if "is not asked any more" in str(row["issues"])]) > 30


# Files ----------------------------------------------------------------------------------------------


def test_an_apk_that_vanished_and_one_that_nobody_may_read_are_told(desk: Desk) -> None:
    phone = desk.phone(
        "13",
        desk.app("com.tencent.mm", WECHAT, vanishes=True),
        desk.app("com.tencent.mobileqq", QQ, readable=False),
        desk.app("com.example.a", readable=False),
        desk.app("com.example.b"),
    )
    ran = desk.scan(phone)
    whole(ran)
    assert ran.code == 1
    assert {name: verdict for name, verdict in ran.verdicts.items() if "tencent" in name} == {
        "com.tencent.mm": "likely",
        "com.tencent.mobileqq": "likely",
    }
    assert any("No such file" in issue for issue in ran.app("com.tencent.mm")["issues"])
    assert any("Permission denied" in issue for issue in ran.app("com.tencent.mobileqq")["issues"])
    assert "without a certificate" in ran.holes


def test_an_unlisted_app_whose_certificate_is_not_seen_is_a_line_and_no_more(desk: Desk) -> None:
    ran = desk.scan(desk.phone("8", desk.app("com.example.a", readable=False), desk.app("com.example.b")))
    assert (ran.code, ran.unread) == (0, [])
    assert "1 app without a certificate" in ran.holes


# Several phones -------------------------------------------------------------------------------------


def test_two_phones_of_one_serial_are_both_read(desk: Desk) -> None:
    first = desk.phone("13", desk.app("com.tencent.mm", WECHAT), serial="0123456789ABCDEF")
    second = desk.phone("13", desk.app("com.tencent.mobileqq", QQ), serial="0123456789ABCDEF")
    ran = desk.scan(first, second)
    assert ran.verdicts == {"com.tencent.mm": "confirmed", "com.tencent.mobileqq": "confirmed"}


def test_two_phones_of_one_serial_that_do_not_tell_when_they_started_are_both_read(desk: Desk) -> None:
    """Cheap phones share serial and build; that they may be one is no reason to leave one out."""
    phones = [
        desk.phone("13", desk.app("com.tencent.mm", WECHAT), serial="0123456789ABCDEF"),
        desk.phone("13", desk.app("com.tencent.mobileqq", QQ), serial="0123456789ABCDEF"),
    ]
    for phone in phones:
        phone.remove("/proc/sys/kernel/random/boot_id")
    ran = desk.scan(*phones)
    assert ran.verdicts == {"com.tencent.mm": "confirmed", "com.tencent.mobileqq": "confirmed"}


def test_one_phone_connected_twice_is_read_once_and_that_is_said(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT))
    other = f"localhost:{phone.port}"
    desk.server.run("connect", other)
    wait_for("its second name", lambda: desk.server.states().get(other) == "device")
    ran = desk.scan(phone, f"adb:{other}")
    desk.server.run("disconnect", other)
    assert (ran.code, len(ran.apps)) == (1, 1)
    assert "the same phone as" in ran.holes


def test_one_phone_under_two_specs_is_read_by_one_of_them_to_the_end(desk: Desk) -> None:
    """Both SPECs are one address; the one that is not read lets go of the phone while the other reads."""
    phone = desk.phone("13", *many(desk, 30))
    listed = OurServer(f"127.0.0.1:{desk.server.port}").phones()
    (number,) = [one.address.transport for one in listed if one.address.serial == phone.address]
    ran = desk.scan(phone, f"adb:{phone.address}@{number}", "--no-cache")
    assert "the same phone as" in ran.holes
    assert [row for row in ran.apps if "apk-unread" in str(row["issues"])] == []

    server = OurServer(f"127.0.0.1:{desk.server.port}")
    reads, leaves = (PhoneSource(spec, server) for spec in (f"adb:{phone.address}", f"adb:{phone.address}@{number}"))
    reads.inventory(reads.properties({}))
    leaves.close()
    with open_location(Location(phone.path_of("com.tencent.mm"), phone=reads.status.address)) as there:
        reads.close()
        with pytest.raises(phone_bytes.ReadError):
            there.hash_ranges([Span(0, there.size)], "sha256")


def test_an_unauthorized_phone_beside_a_good_one_is_told(desk: Desk) -> None:
    good = desk.phone("13", desk.app("com.example.a"))
    bad = desk.phone("13", desk.app("com.tencent.mm", WECHAT))
    bad.unauthorized = True
    wait_for("unauthorized", lambda: desk.server.states().get(bad.address) != "device")
    ran = desk.scan(good, bad)
    whole(ran)
    assert (ran.code, ran.verdicts) == (3, {"com.example.a": "clear"})
    assert bad.address in ran.holes
    alone = desk.scan(bad)
    assert (alone.code, len(alone.unread)) == (5, 1)


def test_one_of_several_phones_that_fails_takes_no_other_with_it(desk: Desk) -> None:
    phones = [desk.phone("13", desk.app(f"com.example.a{number}")) for number in range(3)]
    broken = desk.phone("13", desk.app("com.tencent.mm", WECHAT))
    broken.cut_after(100)
    ran = desk.run(*phones, broken, "adb:no-such-phone", *SHORT)
    whole(ran)
    assert set(ran.verdicts) == {"com.example.a0", "com.example.a1", "com.example.a2"}
    assert ran.code == 3
    assert "no-such-phone" in ran.holes
    assert broken.address in ran.holes


# The server -----------------------------------------------------------------------------------------


def test_no_phone_at_all_says_what_to_do(desk: Desk) -> None:
    with FakeAdbServer("") as server:
        ran = desk.scan(ANDROID_ADB_SERVER_PORT=str(server.port))
    assert ran.code == 4
    assert "USB debugging" in ran.err


def test_a_phone_without_permission_is_the_failure_of_the_scan(desk: Desk) -> None:
    with FakeAdbServer(device_line("R58M", "no permissions")) as server:
        ran = desk.scan(ANDROID_ADB_SERVER_PORT=str(server.port))
    assert ran.code == 5
    assert "udev" in ran.unread[0]["reason"]


def test_a_server_killed_meanwhile_is_not_started_again(desk: Desk) -> None:
    with AdbServer() as server:
        phone = desk.plug(phone_of("13", *many(desk)), server)
        phone.hang("if=*com.example.a3*")
        since = time.monotonic()
        scan = desk.start(phone, ANDROID_ADB_SERVER_PORT=str(server.port))
        wait_for("the reading", lambda: reading(phone))
        server.run("kill-server")
        ran = desk.end(scan, since)
        whole(ran)
        assert not OurServer(f"127.0.0.1:{server.port}")._answers(), "somebody started another server"
    assert ran.code in {1, 3}
    assert len(ran.apps) == 41
    assert any(row["what"] == "device" for row in ran.unread)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # adbutils leaves its socket open
def test_a_connection_never_starts_a_server(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even where it ends between two questions: only `ensure` may start one."""
    server = OurServer("127.0.0.1:1")
    monkeypatch.setattr(server, "_answers", lambda: True)
    monkeypatch.setattr("subprocess.run", lambda *words, **options: pytest.fail(f"it starts {words}"))
    with pytest.raises(phone_bytes.ReadError):
        server.phones()


# Ctrl-C ---------------------------------------------------------------------------------------------

ENDLESS = ("--timeout", "3600")
"""So that what hangs when somebody presses Ctrl-C would go on longer than the test waits."""


def remembered(desk: Desk) -> int:
    """How many APKs the scan has read, as far as its cache tells."""
    file = desk.cache / "app-scanner" / "identities.sqlite"
    if not file.exists():
        return 0
    with closing(sqlite3.connect(file)) as base, suppress(sqlite3.OperationalError):  # which it only just made
        return int(base.execute("SELECT count(*) FROM identities").fetchone()[0])
    return 0


def test_an_interruption_writes_what_was_read(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk))
    phone.hang(f"*if={phone.path_of('com.example.a20')}")
    since = time.monotonic()
    scan = desk.start(phone, *ENDLESS)
    wait_for("the reading", lambda: reading(phone))
    wait_for("all others", lambda: remembered(desk) == 40)
    interrupt(scan)
    ran = desk.end(scan, since)
    assert ran.code == 130
    assert (ran.summary["interrupted"], ran.summary["exit_code"]) == (True, 130)
    assert "com.example.a00" in ran.verdicts
    assert ran.verdicts["com.tencent.mm"] == "confirmed", "read, though it stands behind the one that hangs"
    assert "interrupted" in ran.holes


def test_an_interruption_while_listing_ends_soon(desk: Desk) -> None:
    phone = desk.phone("13", *many(desk, 2))
    phone.hang("dumpsys")
    since = time.monotonic()
    scan = desk.start(phone, *ENDLESS)
    wait_for("the listing", lambda: asked(phone, "dumpsys"))
    interrupt(scan)
    ran = desk.end(scan, since)
    assert (ran.code, ran.summary["interrupted"]) == (130, True)


# One phone, many threads ----------------------------------------------------------------------------


def test_shells_are_shared_and_each_gets_its_own_answer(desk: Desk) -> None:
    phone = Phone(PhoneAddress(desk.phone("14").address, f"127.0.0.1:{desk.server.port}"))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda number: phone.ask(f"echo {number}; exit_of {number}"), range(100)))
    assert [out for out, _ in answers] == [f"{number}\n".encode() for number in range(100)]
    assert {code for _, code in answers} == {127}
    phone.close()


def test_the_simulated_phone_is_left_as_it_was(desk: Desk) -> None:
    phone: SimulatedPhone = desk.phone("14", *many(desk, 3))
    before = sorted(phone.root.folder.rglob("*"))
    desk.scan(phone)
    desk.scan(phone, "--verify")
    assert sorted(phone.root.folder.rglob("*")) == before


def test_factory_copies_that_cannot_be_looked_for_cost_no_other_app(desk: Desk) -> None:
    factory = FactoryCopy(desk.app("com.tencent.mm").apk, "/system/app/WeChat/WeChat.apk", 5)
    phone = desk.phone(
        "12", desk.app("com.tencent.mm", WECHAT, system=True, factory=factory), desk.app("com.example.a")
    )
    phone.hang("printf")
    ran = desk.run(phone, *SHORT)
    whole(ran)
    assert ran.verdicts == {"com.example.a": "clear", "com.tencent.mm": "confirmed"}
    assert "does not tell where" in str(ran.app("com.tencent.mm", "factory")["issues"])
