"""BlackBerry UEM, Workspace ONE, Ivanti and Fleet."""

from __future__ import annotations

import json

import pytest

from scanner.model import Device, Installed
from scanner.sources.inventories.readers import (
    amapi,
    blackberry_uem,
    fleetdm,
    google_workspace,
    intune_graph,
    ivanti,
    workspace_one,
)
from scanner.sources.inventories.reading import Gap
from tests.sources.inventories.readers.mdm import apps, gaps, others, read

UEM, ONE, IVANTI, FLEET = blackberry_uem.READER, workspace_one.READER, ivanti.READER, fleetdm.READER
AMAPI, GOOGLE, GRAPH = amapi.READER, google_workspace.READER, intune_graph.READER
UEM_APP = {
    "guid": "g",
    "bundleId": "com.example.chat",
    "name": "Chat",
    "installedVersion": "8.0.38",
    "installedVersionCode": "2400",
    "disposition": "REQUIRED",
    "status": "ACTIVATED",
    "personal": False,
    "version": "8",
}
ONE_APP = {
    "ApplicationName": "Chat",
    "Version": "8.0.38",
    "Status": 2,
    "Size": "2048",
    "ApplicationIdentifier": "com.example.chat",
    "Type": "Public",
    "IsManaged": False,
}
IVANTI_APP = {
    "identifier": "com.example.chat",
    "name": "Chat",
    "version": "8.0.38",
    "managed": False,
    "source": "PUBLIC",
}
FLEET_APP = {
    "id": 4,
    "name": "Chat",
    "version": "8.0.38",
    "source": "android_apps",
    "application_id": "com.example.chat",
    "display_name": "",
}
HOST = {
    "id": 7,
    "platform": "android",
    "hardware_serial": "R58M12",
    "hardware_model": "SM-A515F",
    "os_version": "Android 13",
    "software": [FLEET_APP],
}


def test_blackberry_uem() -> None:
    assert read(UEM, {"deviceApplications": [UEM_APP]}, "d.json") == [
        Installed(
            Device("d.json", None, None, None),
            "SPEC",
            "com.example.chat",
            where="d.json:line 1, app 1",
            title="Chat",
            version_code=2400,
            version_name="8.0.38",
        )
    ]


def test_blackberry_uem_before_12_12() -> None:
    old = {"bundleId": "com.example.chat", "name": "Chat", "version": "8"}
    (app,) = apps(read(UEM, json.dumps({"deviceApplications": [old]}, indent=1)))
    assert (app.version_name, app.version_code) == ("8", None)


def test_workspace_one() -> None:
    page = {"DeviceApps": [ONE_APP], "Page": 0, "PageSize": 500, "Total": 1}
    assert read(ONE, page, "d.json") == [
        Installed(
            Device("d.json", None, None, None),
            "SPEC",
            "com.example.chat",
            where="d.json:line 1, app 1",
            title="Chat",
            version_name="8.0.38",
        )
    ]


@pytest.mark.parametrize("indent", [None, 2])
def test_workspace_one_says_that_there_are_more(indent) -> None:
    page = {"DeviceApps": [ONE_APP, ONE_APP], "Page": 0, "PageSize": 2, "Total": 3}
    assert gaps(read(ONE, json.dumps(page, indent=indent))) == [("the end", "listing")]
    assert gaps(read(ONE, json.dumps({**page, "Total": 2}, indent=indent))) == []
    pages = json.dumps(page, indent=indent) + "\n" + json.dumps({**page, "DeviceApps": [ONE_APP]}, indent=indent)
    assert gaps(read(ONE, pages)) == []


def test_ivanti() -> None:
    entries = read(IVANTI, [{"applications": [IVANTI_APP]}, {"applications": []}, {"applications": [IVANTI_APP]}], "d")
    assert entries[0] == Installed(
        Device("d:device 1", None, None, None),
        "SPEC",
        "com.example.chat",
        where="d:device 1",
        title="Chat",
        version_name="8.0.38",
    )
    assert [app.device.serial for app in apps(entries)] == ["d:device 1", "d:device 3"]
    assert gaps(entries) == [("device 2", "device")]


FLEET_SHAPES = [
    {"host": HOST},
    {"hosts": [HOST]},
    json.dumps({"host": HOST}, indent=1),
    json.dumps({"hosts": [HOST]}, indent=1),
]


@pytest.mark.parametrize("content", FLEET_SHAPES)
def test_fleet_hosts(content) -> None:
    (app,) = apps(read(FLEET, content))
    assert app.device == Device("R58M12", "SM-A515F", "13", None)
    assert (app.package_name, app.title, app.version_name) == ("com.example.chat", "Chat", "8.0.38")


def test_fleet_titles_name_no_phone() -> None:
    titles = {"software_titles": [FLEET_APP, {**FLEET_APP, "source": "programs"}], "meta": {"has_next_results": False}}
    entries = read(FLEET, titles)
    assert [app.device.serial for app in apps(entries)] == [""]
    assert others(entries) == {"programs": 1}


@pytest.mark.parametrize("indent", [None, 1])
def test_fleet_says_that_there_are_more(indent) -> None:
    titles = {"software_titles": [FLEET_APP], "meta": {"has_next_results": True}}
    assert gaps(read(FLEET, json.dumps(titles, indent=indent))) == [("the end", "listing")]


def test_fleet_hosts_of_other_systems_are_counted() -> None:
    entries = read(FLEET, {"hosts": [{**HOST, "platform": "darwin"}, HOST, {**HOST, "platform": "darwin"}]})
    assert others(entries) == {"darwin": 2}
    assert len(apps(entries)) == 1


@pytest.mark.parametrize(
    "host",
    [{**HOST, "software": []}, {**HOST, "software": None}, {**HOST, "software": [{**FLEET_APP, "source": "programs"}]}],
)
def test_a_fleet_phone_without_apps_is_a_gap(host) -> None:
    assert gaps(read(FLEET, {"hosts": [host]})) == [("line 1, item 1", "device")]


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (UEM, {"deviceApplications": [{**UEM_APP, "bundleId": "no name"}, UEM_APP]}),
        (ONE, {"DeviceApps": [{**ONE_APP, "ApplicationIdentifier": None}, ONE_APP]}),
        (IVANTI, [{"applications": [{**IVANTI_APP, "identifier": 5}, IVANTI_APP]}]),
        (FLEET, {"hosts": [{**HOST, "software": [{**FLEET_APP, "application_id": ""}, FLEET_APP]}]}),
    ],
)
def test_a_row_without_a_package_name_is_a_gap_and_costs_no_other(reader, content) -> None:
    entries = read(reader, content)
    assert [what for _, what in gaps(entries)] == ["row"]
    assert len(apps(entries)) == 1


@pytest.mark.parametrize(
    ("reader", "content"),
    [
        (IVANTI, [{"applications": [None, IVANTI_APP, 7]}]),
        (FLEET, {"hosts": [{**HOST, "software": ["x", FLEET_APP, []]}]}),
        (AMAPI, {"devices": [{"name": "enterprises/a/devices/b",
                              "applicationReports": [1, {"packageName": "com.a.b"}, None]}]}),
        (GOOGLE, {"kind": "admin#directory#mobiledevices",
                  "mobiledevices": [{"type": "ANDROID", "applications": [None, {"packageName": "com.a.b"}, 1]}]}),
        (GRAPH, {"serialNumber": "S1", "detectedApps": [None, {"displayName": "Mail"}, 1]}),
        (GRAPH, {"displayName": "Mail", "managedDevices": [None, {"serialNumber": "S1"}, 1]}),
    ],
)  # fmt: skip
def test_what_is_no_object_in_a_list_is_told(reader, content) -> None:
    entries = read(reader, content)
    assert len(apps(entries)) == 1
    assert [entry.reason for entry in entries if isinstance(entry, Gap)] == ["2 entries of its list are no objects"]
