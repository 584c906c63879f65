"""The Directory API of Google Workspace."""

from __future__ import annotations

import json

import pytest

from scanner.model import Device, Installed
from scanner.sources.inventories.readers.google_workspace import READER
from scanner.sources.inventories.reading import Gap
from tests.sources.inventories.readers.mdm import apps, gaps, others, read

APP = {
    "packageName": "com.example.chat",
    "displayName": "Chat",
    "versionCode": 2400,
    "versionName": "8.0.38",
    "permission": ["android.permission.INTERNET"],
}
PHONE = {
    "kind": "admin#directory#mobiledevice",
    "resourceId": "AFiQx",
    "deviceId": "3c40",
    "serialNumber": "R58M12",
    "name": ["Ada Example"],
    "email": ["ada@example.com"],
    "model": "SM-G960F",
    "os": "Android 8.0.0",
    "type": "ANDROID",
    "applications": [APP],
}
PAGE = {"kind": "admin#directory#mobiledevices", "etag": "e", "mobiledevices": [PHONE]}
IPHONE = {**PHONE, "type": "IOS_SYNC", "os": "iOS 17", "applications": None}


def test_everything_a_page_says_of_an_app() -> None:
    assert read(READER, PAGE, "page.json") == [
        Installed(
            Device("R58M12", "SM-G960F", "8.0.0", "ada@example.com"),
            "SPEC",
            "com.example.chat",
            where="page.json:line 1, device 1",
            title="Chat",
            version_code=2400,
            version_name="8.0.38",
        )
    ]


@pytest.mark.parametrize("content", [PHONE, [PHONE], [PAGE], json.dumps(PAGE, indent=2), json.dumps(PHONE, indent=2)])
def test_every_shape(content) -> None:
    assert [app.package_name for app in apps(read(READER, content))] == ["com.example.chat"]


def test_other_systems_are_counted_and_not_taken_for_clean_phones() -> None:
    entries = read(READER, {**PAGE, "mobiledevices": [IPHONE, PHONE, IPHONE, {**IPHONE, "type": "GOOGLE_SYNC"}]})
    assert others(entries) == {"IOS_SYNC": 2, "GOOGLE_SYNC": 1}
    assert len(apps(entries)) == 1
    assert gaps(entries) == []


@pytest.mark.parametrize("said", [{"type": "GOOGLE_SYNC", "os": "Android 4.4"}, {"type": "GOOGLE_SYNC", "os": None}])
def test_a_phone_of_a_type_that_names_no_system_may_be_an_android(said) -> None:
    entries = read(READER, {**PAGE, "mobiledevices": [{**PHONE, "applications": None, **said}, PHONE]})
    assert others(entries) == {}
    assert gaps(entries) == [("line 1, device 1", "device")]
    assert "names no apps" in next(entry.reason for entry in entries if isinstance(entry, Gap))


def test_a_phone_without_applications_is_a_gap() -> None:
    assert gaps(read(READER, {**PAGE, "mobiledevices": [{**PHONE, "applications": []}]})) == [
        ("line 1, device 1", "device")
    ]


def test_a_page_of_no_devices_is_no_phone_without_applications() -> None:
    page = {"kind": "admin#directory#mobiledevices", "etag": "e"}
    assert read(READER, page) == []
    assert READER.recognises(json.dumps(page))


def test_a_type_that_is_not_there_may_be_an_android() -> None:
    assert len(apps(read(READER, {**PHONE, "type": None}))) == 1


def test_a_row_without_a_package_name_is_a_gap() -> None:
    entries = read(READER, {**PHONE, "applications": [{"displayName": "Chat"}, APP]})
    assert gaps(entries) == [("line 1, app 1", "row")]
    assert len(apps(entries)) == 1


def test_a_next_page_is_a_gap() -> None:
    assert gaps(read(READER, {**PAGE, "nextPageToken": "t"})) == [("the end", "listing")]


def test_the_device_is_named_by_the_best_there_is() -> None:
    def device(**changes):
        return apps(read(READER, {**PHONE, **changes}, "f"))[0].device

    assert device(serialNumber="").serial == "3c40"
    assert device(serialNumber=None, deviceId=None).serial == "AFiQx"
    assert device(serialNumber=None, deviceId=None, resourceId=None).serial == "f:line 1"
    assert device(email=[]).owner == "Ada Example"
    assert device(email=None, name=None).owner is None
    assert device(os="iOS 17").android is None
