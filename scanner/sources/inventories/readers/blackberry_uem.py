"""BlackBerry UEM: what ``.../userDevices/{guid}/applications`` answers, ``{"deviceApplications": [...]}``.

Each has a ``bundleId``; ``installedVersion`` and ``installedVersionCode`` came with 12.12, before it is ``version``.
The answer names neither its device nor its platform, and the values of ``status`` are not described, so an assigned app
that is not yet installed cannot be told apart.

https://developer.blackberry.com/files/bws/reference/blackberry_uem_12_12_rest/json_UserDeviceApplicationsView.html and
https://developer.blackberry.com/files/bws/reference/blackberry_uem_12_8_rest/json_UserDeviceApplicationView.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from scanner.model import Installed
from scanner.sources.inventories.readers.mdm_fields import first_text, text, unnamed, whole
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Listing, apps_of
from scanner.sources.inventories.reading import Document, Entry, Reader

_LISTING = Listing("app", ("deviceApplications",))


def _recognises(head: str) -> bool:
    return "deviceApplications.bundleId" in glimpse(head)


def _read(document: Document, spec: str) -> Iterator[Entry]:
    device = unnamed(document)

    def made(app: dict[str, Any], name: str, where: str) -> Installed:
        return Installed(
            device,
            spec,
            name,
            where=where,
            title=text(app.get("name")),
            version_code=whole(app.get("installedVersionCode")),
            version_name=first_text(app.get("installedVersion"), app.get("version")),
        )

    return apps_of(document, _LISTING, "bundleId", made)


READER = Reader(
    "blackberry-uem",
    "BlackBerry UEM device applications",
    _recognises,
    _read,
    "BlackBerry UEM names neither device nor platform here, states no certificates, and lists assigned apps too.",
)
