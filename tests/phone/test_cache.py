"""The second look at a phone: no byte of an unchanged app, every byte of a changed one, and no trust in the cache."""

from __future__ import annotations

import os
import sqlite3
import time
from pathlib import Path

import pytest

from scanner.certificate import hash32
from tests.phone.conftest import QQ, WECHAT, Desk, Scanned
from tests.support.apk_builder import build_apk
from tests.support.phone import SimulatedPhone
from tests.support.signer import key

FILE = "app-scanner/identities.sqlite"
KEPT = ("package_name", "verdict", "assurance", "signers", "schemes", "version_code", "min_sdk", "issues")


def phone_with_two(desk: Desk, **more: object) -> SimulatedPhone:
    return desk.phone("13", desk.app("com.tencent.mm", WECHAT, **more), desk.app("com.example.a"))


def said(ran: Scanned) -> list[dict]:
    return [{name: row[name] for name in KEPT} for row in ran.apps]


def read_of(desk: Desk, phone: SimulatedPhone, *words: object) -> tuple[Scanned, int]:
    """A scan, and how many bytes it took."""
    phone.reset()
    ran = desk.scan(phone, *words)
    return ran, phone.counters.bytes_to_host


def bait(desk: Desk, phone: SimulatedPhone) -> None:
    """Whoever reads an APK from now on is told that it cannot be read."""
    for command in ("stat", "dd", "tail", "head"):
        phone.fails(command, stderr="Permission denied")


def test_a_second_scan_reads_no_byte_of_an_apk(desk: Desk) -> None:
    phone = phone_with_two(desk)
    first, much = read_of(desk, phone)
    bait(desk, phone)
    second, little = read_of(desk, phone)
    assert said(first) == said(second)
    assert little < much
    assert second.verdicts == {"com.tencent.mm": "confirmed", "com.example.a": "clear"}


def test_without_the_cache_every_apk_is_read_and_none_remembered(desk: Desk) -> None:
    phone = phone_with_two(desk)
    desk.scan(phone, "--no-cache")
    assert not (desk.cache / FILE).exists()
    desk.scan(phone)
    bait(desk, phone)
    assert "Permission denied" in str(desk.scan(phone, "--no-cache").app("com.tencent.mm")["issues"])


def test_verify_does_not_go_by_the_cache(desk: Desk) -> None:
    phone = phone_with_two(desk)
    desk.scan(phone)
    bait(desk, phone)
    assert "Permission denied" in str(desk.scan(phone, "--verify").app("com.example.a")["issues"])


@pytest.mark.parametrize(
    ("old", "new"), [("versionCode=1", "versionCode=2"), ("2025-06-07 08:09:10", "2025-06-08 08:09:10")]
)
def test_an_updated_app_is_read_anew(desk: Desk, old: str, new: str) -> None:
    phone = phone_with_two(desk)
    desk.scan(phone)
    dump, listing = phone.root.at("/sim/dump/packages"), phone.root.at("/sim/list/0")
    dump.write_text(dump.read_text().replace(old, new))
    if "versionCode" in old:
        listing.write_text(listing.read_text().replace("\x1f1\x1fnull", "\x1f2\x1fnull"))
    bait(desk, phone)
    ran = desk.scan(phone)
    assert all("Permission denied" in str(row["issues"]) for row in ran.apps)


def test_an_app_at_another_place_is_read_anew(desk: Desk) -> None:
    phone = phone_with_two(desk)
    desk.scan(phone)
    path = phone.path_of("com.tencent.mm")
    other = path.replace("com.tencent.mm-", "com.tencent.mm-x")
    phone.root.at(other).parent.mkdir(parents=True)
    phone.root.at(other).parent.chmod(0o755)
    phone.root.at(other).write_bytes(build_apk("com.tencent.mm", v2=[key("somebody")]))
    for name in ("list/0", "dump/packages"):
        place = phone.root.at(f"/sim/{name}")
        text = place.read_text().replace(path, other).replace("962f5b7", hash32(key("somebody").certificate))
        place.write_text(text)
    assert desk.scan(phone).verdicts["com.tencent.mm"] == "impostor"


def test_an_entry_that_the_phone_contradicts_today_is_not_used(desk: Desk) -> None:
    """Same name, version, time and place, and another hash: what is remembered is of another app."""
    phone = phone_with_two(desk)
    assert desk.scan(phone).verdicts["com.tencent.mm"] == "confirmed"
    path = phone.root.at(phone.path_of("com.tencent.mm"))
    path.unlink()
    path.write_bytes(build_apk("com.tencent.mm", v2=[key("somebody")]))
    dump = phone.root.at("/sim/dump/packages")
    dump.write_text(dump.read_text().replace("962f5b7", hash32(key("somebody").certificate)))
    assert desk.scan(phone).verdicts["com.tencent.mm"] == "impostor"


def test_two_phones_of_one_serial_do_not_share_entries(desk: Desk) -> None:
    first = desk.phone("13", desk.app("com.tencent.mm", WECHAT), serial="0123456789ABCDEF")
    second = desk.phone("13", desk.app("com.tencent.mm", QQ), serial="0123456789ABCDEF")
    assert first.path_of("com.tencent.mm") == second.path_of("com.tencent.mm")
    assert desk.scan(first).verdicts == {"com.tencent.mm": "confirmed"}
    assert desk.scan(second).verdicts == {"com.tencent.mm": "impostor"}


def test_two_scans_at_once_share_a_cache(desk: Desk) -> None:
    phone = desk.phone("13", *(desk.app(f"com.example.a{number:02d}") for number in range(30)))
    since = time.monotonic()
    both = [desk.start(phone), desk.start(phone)]
    ran = [desk.end(one, since) for one in both]
    assert [one.code for one in ran] == [0, 0]
    assert said(ran[0]) == said(ran[1])
    bait(desk, phone)
    assert said(desk.scan(phone)) == said(ran[0])


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + bytes(5000)], ids=len)
def test_a_corrupt_cache_costs_nothing_but_time(desk: Desk, content: bytes) -> None:
    phone = phone_with_two(desk)
    (desk.cache / FILE).parent.mkdir(parents=True)
    (desk.cache / FILE).write_bytes(content)
    ran = desk.scan(phone)
    assert ran.code == 1
    assert ran.err.count("no cache of identities, everything is read") == bool(content)
    assert set(ran.assurances.values()) == {"platform"}


def test_entries_that_are_no_identities_are_read_anew(desk: Desk) -> None:
    phone = phone_with_two(desk)
    first = desk.scan(phone)
    with sqlite3.connect(desk.cache / FILE) as connection:
        assert connection.execute("UPDATE identities SET identity = x'93010203'").rowcount == 2
    connection.close()
    assert said(desk.scan(phone)) == said(first)


def test_a_cache_that_cannot_be_written_costs_nothing_but_time(desk: Desk) -> None:
    phone = phone_with_two(desk)
    there_is_a_file = desk.folder / "file"
    there_is_a_file.touch()
    for place in ("/proc/no-such", str(there_is_a_file)):
        ran = desk.scan(phone, XDG_CACHE_HOME=place)
        assert ran.code == 1, place
        assert ran.err.startswith("app-scanner: no cache of identities, everything is read: ")
        assert ran.err.count("\n") == 1
        assert set(ran.assurances.values()) == {"platform"}


@pytest.mark.skipif(not os.geteuid(), reason="root may write anywhere")
def test_a_read_only_cache_folder_costs_nothing_but_time(desk: Desk, tmp_path: Path) -> None:
    phone = phone_with_two(desk)
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    assert desk.scan(phone, XDG_CACHE_HOME=str(folder)).code == 1


def test_what_lies_in_the_cache_is_for_its_user_alone(desk: Desk) -> None:
    desk.scan(phone_with_two(desk))
    assert (desk.cache / FILE).stat().st_mode & 0o077 == 0
