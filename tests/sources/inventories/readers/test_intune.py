"""Intune: Microsoft Graph, and the exported reports."""

from __future__ import annotations

import json

import pytest

from scanner.model import Device, Installed
from scanner.sources.inventories.readers import intune_csv, intune_graph
from tests.sources.inventories.readers.mdm import apps, gaps, others, read

GRAPH, CSV = intune_graph.READER, intune_csv.READER
CONTEXT = "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/detectedApps"
APP = {
    "id": "0000a",
    "displayName": "WeChat",
    "version": "8.0.38",
    "sizeInByte": 0,
    "deviceCount": 2,
    "publisher": "",
    "platform": "androidWorkProfile",
}
PHONE = {
    "id": "d-1",
    "deviceName": "ada_Android",
    "serialNumber": "R58M12",
    "model": "SM-A515F",
    "operatingSystem": "Android",
    "osVersion": "13",
    "userPrincipalName": "ada@example.com",
}
IPHONE = {**PHONE, "operatingSystem": "iOS"}
DEVICE = Device("R58M12", "SM-A515F", "13", "ada@example.com")


def page(*items):
    return {"@odata.context": CONTEXT, "value": list(items)}


def test_a_detected_app_without_its_devices() -> None:
    assert read(GRAPH, page(APP), "a.json") == [
        Installed(
            Device("", None, None, None),
            "SPEC",
            "",
            where="a.json:line 1, item 1",
            title="WeChat",
            version_name="8.0.38",
        )
    ]


def test_a_detected_app_with_its_devices_is_one_row_for_each() -> None:
    other = {**PHONE, "serialNumber": "", "userPrincipalName": None, "emailAddress": "bo@example.com"}
    found = apps(read(GRAPH, page({**APP, "managedDevices": [PHONE, other]})))
    assert [app.device for app in found] == [DEVICE, Device("d-1", "SM-A515F", "13", "bo@example.com")]
    assert {(app.package_name, app.title) for app in found} == {("", "WeChat")}


def test_a_managed_device_with_its_apps() -> None:
    entries = read(GRAPH, {**PHONE, "detectedApps": [APP, {"displayName": ""}, APP]})
    assert [app.device for app in apps(entries)] == [DEVICE, DEVICE]
    assert gaps(entries) == [("line 1, app 2", "row")]


@pytest.mark.parametrize("none", [{}, {"detectedApps": []}, {"detectedApps": None}])
def test_a_managed_device_without_apps_is_a_gap_and_one_of_another_system_is_counted(none) -> None:
    entries = read(GRAPH, page({**PHONE, "detectedApps": [APP]}, {**PHONE, **none}, {**IPHONE, **none}))
    assert gaps(entries) == [("line 1, item 2", "device")]
    assert others(entries) == {"iOS": 1}
    assert len(apps(entries)) == 1


def test_what_was_not_expanded_to_its_end_is_a_gap() -> None:
    device = {**PHONE, "detectedApps": [APP], "detectedApps@odata.nextLink": "https://x"}
    app = {**APP, "managedDevices": [PHONE], "managedDevices@odata.nextLink": "https://x"}
    entries = read(GRAPH, page(device, app))
    assert gaps(entries) == [("line 1, item 1", "listing"), ("line 1, item 2", "listing")]
    assert len(apps(entries)) == 2


def test_the_apps_of_one_device_name_it_in_the_context() -> None:
    context = "https://graph.microsoft.com/beta/$metadata#deviceManagement/managedDevices('d-1')/detectedApps"
    (app,) = apps(read(GRAPH, {"@odata.context": context, "value": [APP]}))
    assert app.device.serial == "d-1"


@pytest.mark.parametrize(
    "platform", ["windows", "windowsMobile", "windowsHolographic", "ios", "macOS", "chromeOS", "somethingNew"]
)
def test_other_platforms_are_counted(platform) -> None:
    entries = read(GRAPH, page({**APP, "platform": platform}, APP, {**APP, "platform": platform}))
    assert others(entries) == {platform: 2}
    assert len(apps(entries)) == 1


@pytest.mark.parametrize(
    "platform",
    [
        "androidWorkProfile",
        "androidDedicatedAndFullyManaged",
        "androidOSP",
        "androidDeviceAdministrator",
        "unknown",
        "unknownFutureValue",
        None,
        10,
        0,
    ],
)
def test_an_android_and_an_unknown_platform_are_both_kept(platform) -> None:
    assert len(apps(read(GRAPH, page({**APP, "platform": platform})))) == 1


def test_without_a_platform_the_device_tells() -> None:
    bare = {key: value for key, value in APP.items() if key != "platform"}
    entries = read(GRAPH, page({**bare, "managedDevices": [PHONE, IPHONE]}))
    assert others(entries) == {"iOS": 1}
    assert len(apps(entries)) == 1


def test_a_next_link_is_a_gap_before_and_after_the_list() -> None:
    for content in ({**page(APP), "@odata.nextLink": "https://x"}, {"@odata.nextLink": "https://x", **page(APP)}):
        assert gaps(read(GRAPH, content)) == [("the end", "listing")]
        assert gaps(read(GRAPH, json.dumps(content, indent=1))) == [("the end", "listing")]


def test_an_app_without_a_name_is_a_gap() -> None:
    assert gaps(read(GRAPH, page({**APP, "displayName": None}))) == [("line 1, item 1", "row")]


RAW = "ApplicationKey,ApplicationName,ApplicationPublisher,ApplicationShortVersion,ApplicationVersion,DeviceId,"
RAW += "DeviceName,OSDescription,OSVersion,Platform,UserId,EmailAddress,UserName\n"


def raw(name="WeChat", platform="AndroidWorkProfile", device="d-1", description="Android (work profile)"):
    return f'k1,"{name}",Tencent,8.0,8.0.38,{device},ada_Android,{description},13,{platform},u1,ada@example.com,Ada\n'


def test_everything_a_raw_report_says() -> None:
    assert read(CSV, RAW + raw(), "r.csv") == [
        Installed(
            Device("d-1", None, "13", "ada@example.com"),
            "SPEC",
            "",
            where="r.csv:line 2",
            title="WeChat",
            version_name="8.0.38",
        )
    ]


def test_columns_in_any_order_and_any_choice() -> None:
    text = '\ufeff"DeviceName","SerialNumber","ApplicationName","ApplicationVersion"\r\n"x","S1","QQ ""2""","9"\r\n'
    (app,) = apps(read(CSV, text))
    assert (app.device.serial, app.title, app.version_name) == ("S1", 'QQ "2"', "9")


def test_an_aggregate_names_no_phone() -> None:
    text = (
        "ApplicationId,ApplicationKey,ApplicationName,ApplicationVersion,DeviceCount,Platform\na,k,WeChat,8,3,Windows\n"
    )
    assert others(read(CSV, text)) == {"Windows": 1}
    (app,) = apps(read(CSV, text.replace("Windows", "AndroidOSP")))
    assert app.device.serial == ""


@pytest.mark.parametrize(("platform", "system"), [("Windows", "Windows"), ("iOS", "iOS"), ("5", "macOS"), ("4", "ios")])
def test_other_platforms_in_a_report(platform, system) -> None:
    entries = read(CSV, RAW + raw(platform=platform) + raw())
    assert others(entries) == {system: 1}
    assert len(apps(entries)) == 1


@pytest.mark.parametrize(("platform", "kept"), [("9", True), ("10", True), ("Unknown", True), ("", True)])
def test_android_and_unknown_platforms_in_a_report(platform, kept) -> None:
    assert bool(apps(read(CSV, RAW + raw(platform=platform)))) is kept


def test_without_a_platform_the_description_tells() -> None:
    assert others(read(CSV, RAW + raw(platform="", description="Windows 10"))) == {"Windows 10": 1}


def test_a_broken_row_costs_that_row_alone() -> None:
    entries = read(CSV, RAW + raw() + "too,few\n" + raw(name="") + raw(name="a\nb") + "\n" + raw())
    assert len(apps(entries)) == 3
    assert gaps(entries) == [("line 3", "row"), ("line 4", "row")]


def test_a_quote_that_never_ends_is_a_gap_after_what_was_read() -> None:
    entries = read(CSV, RAW + raw() + 'k,"' + ("x" * 100 + "\n") * 5000)
    assert len(apps(entries)) == 1
    assert gaps(entries)


def test_a_line_without_an_end_is_a_gap() -> None:
    entries = read(CSV, RAW + "x" * 3_000_000 + "\n" + raw())
    assert len(apps(entries)) == 1
    assert gaps(entries)


@pytest.mark.parametrize(
    "head",
    [
        "ApplicationId,ApplicationName,AppType,DeviceId,IsAdminSelected,PolicyInstallStatus\n",
        "ApplicationName\n",
        "ApplicationName,Comment\n",
        "DeviceName,DeviceId,OSVersion\n",
        "package_name,ApplicationVersion\n",
    ],
)
def test_other_reports_are_not_taken(head) -> None:
    assert not CSV.recognises(head)


def test_a_quote_that_is_never_closed_costs_its_own_row() -> None:
    entries = read(CSV, RAW + raw(name="Maps").replace(",Ada\n", ',"Ada\n') + raw() * 2)
    assert [app.title for app in apps(entries)] == ["WeChat", "WeChat"]
    assert gaps(entries) == [("line 2", "row")]
