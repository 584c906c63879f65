"""Intune through Microsoft Graph: ``detectedApps``, and managed devices with ``detectedApps`` expanded.

A page ``{"@odata.context": ..., "value": [...]}`` or one object. A detected app has a ``displayName``, no package name,
and its ``managedDevices`` only where they were expanded; ``platform`` is missing in older answers.

https://learn.microsoft.com/en-us/graph/api/resources/intune-devices-detectedapp ,
https://learn.microsoft.com/en-us/graph/api/resources/intune-devices-detectedappplatformtype and
https://learn.microsoft.com/en-us/graph/api/resources/intune-devices-manageddevice (beta, for ``detectedApps``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.model import Device, Installed
from scanner.sources.inventories.readers.intune_platform import other_system
from scanner.sources.inventories.readers.jsonfields import objects
from scanner.sources.inventories.readers.mdm_fields import MAX_ID, Others, first_text, strays, text
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Found, Listing, records
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_LISTING = Listing("item", ("value",), more="@odata.nextLink")
_OF_DEVICE = re.compile(r"managedDevices\('([^']{1,100})'\)/detectedApps")
_NOWHERE = Device("", None, None, None)
_DEVICE = frozenset({"deviceName", "operatingSystem", "serialNumber"})
"""Keys that a managed device has, and an app has not."""


def _recognises(head: str) -> bool:
    seen = glimpse(head)
    context = seen.get("@odata.context", "")
    return any(
        {f"{page}displayName", f"{page}sizeInByte", f"{page}deviceCount"} <= seen.keys()
        or f"{page}detectedApps.displayName" in seen
        or ("detectedApps" in context and f"{page}displayName" in seen)
        for page in ("", "value.")
    )


def _read(document: Document, spec: str) -> Iterator[Entry]:
    others = Others()
    of_device = _OF_DEVICE.search(glimpse(document.head).get("@odata.context", ""))
    known = Device(of_device[1], None, None, None) if of_device else _NOWHERE
    for found in records(document, _LISTING):
        if isinstance(found, Gap):
            yield found
        elif _is_device(found.value):
            yield from _managed(found, (document.name, spec), others)
        else:
            devices = objects(found.value.get("managedDevices"))
            yield from _app(found, devices, (document.name, spec), others, known)
            yield from strays(found.value.get("managedDevices"), devices, found.where)
            yield from _more(found, "managedDevices")
    yield from others.entries()


def _is_device(value: dict[str, Any]) -> bool:
    """Whether it is a managed device and no app: only an app has a ``displayName``."""
    return "detectedApps" in value or ("displayName" not in value and not _DEVICE.isdisjoint(value))


def _managed(found: Found, source: tuple[str, str], others: Others) -> Iterator[Entry]:
    device, apps = found.value, objects(found.value.get("detectedApps"))
    for number, app in enumerate(apps, 1):
        yield from _app(Found(f"{found.where}, app {number}", app), [device], source, others, _NOWHERE)
    if not apps and (system := other_system(device.get("operatingSystem"))):
        others.add(system)
    elif not apps:
        why = "without detectedApps: ask with $expand=detectedApps; it may have sent none yet"
        yield Gap(found.where, why, "device")
    yield from strays(device.get("detectedApps"), apps, found.where)
    yield from _more(found, "detectedApps")


def _more(found: Found, key: str) -> Iterator[Gap]:
    """The gap for what was expanded, and not to its end."""
    if found.value.get(f"{key}@odata.nextLink"):
        yield Gap(found.where, f"{key}@odata.nextLink says that there are more, which are not in this file", "listing")


def _app(
    found: Found, devices: list[dict[str, Any]], source: tuple[str, str], others: Others, known: Device
) -> Iterator[Entry]:
    title = text(found.value.get("displayName"))
    if title is None:
        yield Gap(found.where, "without displayName")
        return
    for device in devices or [{}]:
        system = other_system(found.value.get("platform"), device.get("operatingSystem"))
        if system:
            others.add(system)
        else:
            yield Installed(
                _device(device) if device else known,
                source[1],
                "",
                where=f"{source[0]}:{found.where}",
                title=title,
                version_name=text(found.value.get("version")),
            )


def _device(value: dict[str, Any]) -> Device:
    return Device(
        first_text(value.get("serialNumber"), value.get("id"), value.get("deviceName"), limit=MAX_ID) or "",
        text(value.get("model")),
        text(value.get("osVersion")),
        first_text(value.get("userPrincipalName"), value.get("emailAddress"), value.get("userDisplayName")),
    )


READER = Reader(
    "intune-graph",
    "Intune detected apps from Microsoft Graph",
    _recognises,
    _read,
    "Intune states display names alone, and only the managed apps of personal phones.",
)
