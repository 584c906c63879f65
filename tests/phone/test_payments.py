"""``--payments`` and ``--look-alikes`` on phones: the manifest, which is read anyway, and no byte of the classes."""

from __future__ import annotations

import random

import pytest

from tests.phone.conftest import Desk
from tests.support.apk_builder import build_apk
from tests.support.axml import Element, manifest
from tests.support.dex import dex_bytes
from tests.support.signer import key

CLASSES = dex_bytes(["Lcom/tencent/mm/opensdk/modelpay/PayReq;"]) + random.Random(1).randbytes(2_000_000)


def shop(*activities: str, label: str = "The Shop") -> bytes:
    """An app of two megabytes that holds WeChat's payment classes, with these activities."""
    components = [Element("activity", {"android:name": name}) for name in activities]
    root = manifest("com.shop", label=label, application=components)
    return build_apk(root, v2=[key("somebody")], members={"classes.dex": CLASSES})


@pytest.mark.parametrize("words", [(), ("--verify",)])
def test_an_app_that_can_pay_is_found_by_its_manifest(desk: Desk, words: tuple[str, ...]) -> None:
    phone = desk.phone("13", desk.app("com.shop", apk=shop(".wxapi.WXPayEntryActivity")))
    ran = desk.scan(phone, "--payments", *words)
    row = ran.app("com.shop")
    assert (ran.code, row["verdict"]) == (0, "embedded-sdk")
    assert "its classes were not read" in row["findings"][0]["reason"]
    assert "the inside of apps on phones: 1: payments were looked for in the manifests that were read" in ran.holes


def test_classes_stay_on_the_phone(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.shop", apk=shop()))
    ran = desk.scan(phone, "--payments")
    assert ran.verdicts == {"com.shop": "clear"}
    assert phone.counters.bytes_to_host < 500_000


def test_a_label_in_the_manifest_is_a_look_alike(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.shop", apk=shop(label="WeChat")))
    assert desk.scan(phone, "--look-alikes").verdicts == {"com.shop": "look-alike"}


def test_what_a_plain_scan_remembers_hides_nothing_from_a_search(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.shop", apk=shop(".wxapi.WXPayEntryActivity")))
    assert desk.scan(phone).verdicts == {"com.shop": "clear"}
    assert desk.scan(phone, "--payments").verdicts == {"com.shop": "embedded-sdk"}
    assert desk.scan(phone).verdicts == {"com.shop": "clear"}
