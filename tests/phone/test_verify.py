"""``--verify`` on a phone: the phone hashes, and what it cannot verify is never called verified."""

from __future__ import annotations

import hashlib
import random

import pytest

from scanner.bytesource import Span
from scanner.errors import ReadError
from scanner.model import Location, PhoneAddress
from scanner.sources import open_location
from scanner.sources.adb import PREFIX, PhoneSource
from scanner.sources.adb import AdbServer as OurServer
from tests.phone.conftest import SOMEBODY, WECHAT, Desk
from tests.support.apk_builder import build_apk
from tests.support.signer import V3Signer, key

MIB = 1 << 20


@pytest.fixture(scope="module")
def large() -> bytes:
    noise = random.Random(1).randbytes(20 * MIB)
    return build_apk("com.example.a", v2=[SOMEBODY], v3=[V3Signer(key("a"))], members={"noise": noise}, stored=True)


def test_a_large_apk_is_verified_where_it_lies(desk: Desk, large: bytes) -> None:
    phone = desk.phone("13", desk.app("com.example.a", apk=large, hashes=()))
    phone.reset()
    ran = desk.scan(phone, "--verify")
    row = ran.app("com.example.a")
    assert (row["assurance"], row["schemes"], row["tamper"]) == ("verified", ["v2", "v3"], [])
    assert row["file_sha256"] == hashlib.sha256(large).hexdigest()
    assert row["signers"][0]["sha256"] == key("a").sha256
    assert phone.counters.bytes_to_host < len(large) / 50
    assert ran.code == 0


@pytest.mark.parametrize("missing", [("dd",), ("stat",)], ids="-".join)
def test_other_programs_verify_the_same(desk: Desk, missing: tuple[str, ...]) -> None:
    data = build_apk(
        "com.example.a", v2=[SOMEBODY], members={"noise": random.Random(2).randbytes(3 * MIB)}, stored=True
    )
    phone = desk.phone("13", desk.app("com.example.a", apk=data))
    phone.missing(*missing)
    row = desk.scan(phone, "--verify").app("com.example.a")
    assert (row["assurance"], row["file_sha256"]) == ("verified", hashlib.sha256(data).hexdigest())


def test_a_tampered_apk_does_not_verify(desk: Desk) -> None:
    data = bytearray(
        build_apk("com.tencent.mm", v2=[SOMEBODY.wearing(WECHAT)], members={"a": bytes(9000)}, stored=True)
    )
    data[data.index(bytes(100)) + 5000] ^= 1
    unlisted = bytearray(build_apk("com.example.a", v2=[SOMEBODY], members={"a": bytes(9000)}, stored=True))
    unlisted[unlisted.index(bytes(100)) + 5000] ^= 1
    phone = desk.phone(
        "13", desk.app("com.tencent.mm", WECHAT, apk=bytes(data)), desk.app("com.example.a", apk=bytes(unlisted))
    )
    ran = desk.scan(phone, "--verify")
    assert ran.verdicts == {"com.tencent.mm": "impostor", "com.example.a": "clear"}
    for row in ran.apps:
        assert row["assurance"] != "verified"
        assert any("does-not-verify" in note for note in row["tamper"])


def test_without_sha256sum_nothing_is_verified_and_the_signing_block_still_counts(desk: Desk) -> None:
    phone = desk.phone("7", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    ran = desk.scan(phone, "--verify")
    row = ran.app("com.tencent.mm")
    assert (row["assurance"], row["verdict"], row["tamper"]) == ("platform", "confirmed", [])
    assert row["file_sha256"] is None
    assert any("sha256sum" in issue for issue in row["issues"])
    assert "sha256sum" in str(ran.app("com.example.a")["issues"])
    assert "verified" not in set(ran.assurances.values())
    assert "2 of its APKs could not be verified" in ran.holes


def test_an_apk_that_vanishes_before_it_is_hashed_is_unread_and_no_impostor(desk: Desk) -> None:
    """What is piped into ``sha256sum`` then is nothing, whose digest is as good as any."""
    phone = desk.phone("13", desk.app("com.example.a"))
    server = OurServer(f"127.0.0.1:{desk.server.port}")
    source = PhoneSource(f"{PREFIX}{phone.address}", server)
    path = phone.path_of("com.example.a")
    with open_location(Location(path, phone=PhoneAddress(phone.address, server.address))) as there:
        assert there.hash_ranges([Span(0, there.size)], "sha256")
        phone.remove(path)
        with pytest.raises(ReadError):
            there.hash_ranges([Span(0, there.size)], "sha256")
    source.close()


def test_an_apk_that_shrinks_before_it_is_hashed_is_unread(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.example.a"))
    server = OurServer(f"127.0.0.1:{desk.server.port}")
    source = PhoneSource(f"{PREFIX}{phone.address}", server)
    path = phone.path_of("com.example.a")
    with open_location(Location(path, phone=PhoneAddress(phone.address, server.address))) as there:
        data = phone.root.at(path).read_bytes()
        phone.remove(path)
        phone.root.at(path).write_bytes(data[:100])
        phone.root.at(path).chmod(0o644)
        with pytest.raises(ReadError):
            there.hash_ranges([Span(0, there.size)], "sha256")
    source.close()
