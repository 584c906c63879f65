"""Google Workspace: what ``mobiledevices.list`` and ``.get`` of the Directory API answer.

A page ``{"kind": "admin#directory#mobiledevices", "mobiledevices": [...]}``, one device, or an array of them. Apps are
in ``applications``, there only with ``projection=FULL``; it is said to include any app that uses Workspace data. A
device of type ``GOOGLE_SYNC`` (Exchange) may be of any system, which ``os`` tells; of its apps nothing is said.

https://developers.google.com/admin-sdk/directory/reference/rest/v1/mobiledevices and
googleapis/google-api-python-client ``googleapiclient/discovery_cache/documents/admin.directory_v1.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.model import Device, Installed
from scanner.sources.inventories.readers.jsonfields import objects, package
from scanner.sources.inventories.readers.mdm_fields import (
    MAX_ID,
    Others,
    first_text,
    no_package,
    release,
    strays,
    text,
    whole,
)
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Listing, records
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_LISTING = Listing("device", ("mobiledevices",), more="nextPageToken")
_KIND = "admin#directory#mobiledevice"


def _recognises(head: str) -> bool:
    seen = glimpse(head)
    return (
        seen.get("kind") in {_KIND, f"{_KIND}s"}
        or seen.get("mobiledevices.kind") == _KIND
        or {"mobiledevices.applications.packageName", "mobiledevices.type"} <= seen.keys()
    )


def _read(document: Document, spec: str) -> Iterator[Entry]:
    others = Others()
    for found in records(document, _LISTING):
        if isinstance(found, Gap):
            yield found
        elif _is_page(found.value):
            continue
        elif not _is_android(found.value):
            others.add(found.value.get("type"))
        elif not (apps := objects(found.value.get("applications"))):
            yield Gap(found.where, _why_none(found.value), "device")
        else:
            device = _device(found.value, f"{document.name}:{found.where}")
            for number, app in enumerate(apps, 1):
                yield _app(app, device, spec, (document.name, found.where, number))
            yield from strays(found.value.get("applications"), apps, found.where)
    yield from others.entries()


def _is_page(value: dict[str, Any]) -> bool:
    """Whether this is a page of no devices: the key of the list is left out then."""
    return value.get("kind") == f"{_KIND}s"


def _is_android(value: dict[str, Any]) -> bool:
    """By its type; where that tells no system, by what it runs. One that tells neither may be an Android phone."""
    said, runs = (text(value.get("type")) or "").upper(), (text(value.get("os")) or "").upper()
    return said.startswith("ANDROID") or runs.startswith("ANDROID") or not (runs or said.startswith("IOS"))


def _why_none(value: dict[str, Any]) -> str:
    """Why no app of a device is named."""
    said = text(value.get("type")) or ""
    if not said or said.upper().startswith("ANDROID"):
        return "without applications: ask with projection=FULL"
    return f"of type {said}: Google names no apps of such a device"


def _device(value: dict[str, Any], fallback: str) -> Device:
    ids = (value.get("serialNumber"), value.get("deviceId"), value.get("resourceId"), fallback)
    return Device(
        first_text(*ids, limit=MAX_ID) or "",
        text(value.get("model")),
        release(value.get("os")),
        _first(value.get("email")) or _first(value.get("name")),
    )


def _first(value: object) -> str | None:
    return first_text(*value[:10]) if isinstance(value, list) else text(value)


def _app(app: dict[str, Any], device: Device, spec: str, place: tuple[str, str, int]) -> Entry:
    document, where, number = place
    name = package(app.get("packageName"))
    if name is None:
        return no_package(f"{where}, app {number}", "packageName", app.get("packageName"))
    return Installed(
        device,
        spec,
        name,
        where=f"{document}:{where}",
        title=text(app.get("displayName")),
        version_code=whole(app.get("versionCode")),
        version_name=text(app.get("versionName")),
    )


READER = Reader(
    "google-workspace",
    "Google Workspace mobile devices",
    _recognises,
    _read,
    "Google Workspace may leave out apps that do not use its data, and states no certificates.",
)
