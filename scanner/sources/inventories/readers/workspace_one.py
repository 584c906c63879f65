"""Workspace ONE UEM (AirWatch): what ``/api/mdm/devices/{id}/apps`` answers, ``{"DeviceApps": [...], "Total": ...}``.

Each has ``ApplicationName``, ``ApplicationIdentifier`` and ``Version``; the answer names neither its device nor its
platform.

VMware AirWatch REST API Guide 9.1, Application Management and Device Management,
https://usermanual.wiki/Pdf/VMware20AirWatch20REST20API20Guide91.2048355394/html ; a client that reads this answer:
Oomnitza/oomnitza-connector ``connectors/airwatch.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.model import Installed
from scanner.sources.inventories.readers.mdm_fields import text, unnamed
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Listing, apps_of
from scanner.sources.inventories.reading import Document, Entry, Reader

_LISTING = Listing("app", ("DeviceApps",), total="Total")


def _recognises(head: str) -> bool:
    return {"DeviceApps.ApplicationIdentifier", "DeviceApps.ApplicationName"} <= glimpse(head).keys()


def _read(document: Document, spec: str) -> Iterator[Entry]:
    device = unnamed(document)

    def made(app: dict[str, Any], name: str, where: str) -> Installed:
        return Installed(
            device,
            spec,
            name,
            where=where,
            title=text(app.get("ApplicationName")),
            version_name=text(app.get("Version")),
        )

    return apps_of(document, _LISTING, "ApplicationIdentifier", made)


READER = Reader(
    "workspace-one",
    "Workspace ONE device apps",
    _recognises,
    _read,
    "Workspace ONE names neither device nor platform here, and states no certificates.",
)
