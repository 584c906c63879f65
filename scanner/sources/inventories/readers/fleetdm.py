"""Fleet: a host with its software, a page of hosts with theirs, or a page of software titles.

``{"host": {...}}``, ``{"hosts": [...]}`` (with ``populate_software``) and ``{"software_titles": [...]}``. Software of
an Android phone has the source ``android_apps`` and its package name in ``application_id``; it comes from the Android
Management API, without the certificates.

fleetdm/fleet ``server/fleet/software.go`` (``Software``, ``HostSoftware``, ``SoftwareTitleListResult``) and
``docs/REST API/rest-api.md``; https://github.com/fleetdm/fleet/issues/33060 and /33581.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.model import Device, Installed
from scanner.sources.inventories.readers.jsonfields import objects, package
from scanner.sources.inventories.readers.mdm_fields import MAX_ID, Others, first_text, no_package, release, strays, text
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Found, Listing, records
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_LISTING = Listing("item", ("hosts", "software_titles"), more="meta.has_next_results")
_SOURCE = "android_apps"
_NOWHERE = Device("", None, None, None)


def _recognises(head: str) -> bool:
    seen = glimpse(head)
    listed = ("host.software.source", "hosts.software.source", "software_titles.source")
    hosts = ({"host.platform", "host.hardware_serial"}, {"hosts.platform", "hosts.hardware_serial"})
    return any(key in seen for key in listed) or any(keys <= seen.keys() for keys in hosts)


def _read(document: Document, spec: str) -> Iterator[Entry]:
    others = Others()
    for found in records(document, _LISTING):
        if isinstance(found, Gap):
            yield found
            continue
        host = found.value.get("host", found.value)
        if not isinstance(host, dict):
            yield Gap(found.where, "host is no object", "device")
        elif _is_host(host):
            yield from _host(Found(found.where, host), (document.name, spec), others)
        else:
            yield from _app(found.where, host, _NOWHERE, (document.name, found.where, spec), others)
    yield from others.entries()


def _is_host(value: dict[str, Any]) -> bool:
    return "software" in value or "hardware_serial" in value or "platform" in value


def _host(found: Found, source: tuple[str, str], others: Others) -> Iterator[Entry]:
    host, (document, spec) = found.value, source
    platform = text(host.get("platform"))
    if platform and platform != "android":
        others.add(platform)
        return
    if not (apps := objects(host.get("software"))):
        yield Gap(found.where, "without software: ask with populate_software", "device")
        return
    ids = (host.get("hardware_serial"), host.get("uuid"), host.get("hostname"), f"{document}:{found.where}")
    serial = first_text(*ids, limit=MAX_ID) or ""
    device = Device(serial, text(host.get("hardware_model")), release(host.get("os_version")), None)
    named = False
    for number, app in enumerate(apps, 1):
        for entry in _app(f"{found.where}, app {number}", app, device, (document, found.where, spec), others):
            named = True
            yield entry
    yield from strays(host.get("software"), apps, found.where)
    if not named:
        yield Gap(found.where, f"an Android phone whose software names no {_SOURCE}", "device")


def _app(
    place: str, app: dict[str, Any], device: Device, source: tuple[str, str, str], others: Others
) -> Iterator[Entry]:
    document, where, spec = source
    if app.get("source") != _SOURCE:
        others.add(app.get("source"))
        return
    name = package(app.get("application_id"))
    if name is None:
        yield no_package(place, "application_id", app.get("application_id"))
        return
    title = first_text(app.get("display_name"), app.get("name"))
    version = text(app.get("version"))
    yield Installed(device, spec, name, where=f"{document}:{where}", title=title, version_name=version)


READER = Reader(
    "fleetdm",
    "Fleet software inventory",
    _recognises,
    _read,
    "Fleet sees no personal apps of a phone with a work profile; it states no certificates, and its titles no phones.",
)
