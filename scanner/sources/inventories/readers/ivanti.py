"""Ivanti EPMM (MobileIron Core) and Neurons for MDM: the application inventory of the Common Platform Services.

``POST /msa/v1/cps/device/application`` answers an array with an object per device, each with ``applications`` that have
``identifier``, ``name``, ``version`` and ``managed``. Under which key a device is named is not described.

https://help.ivanti.com/mi/help/en_us/CPS/11x/api/ServiceConnectAPI/ServiceConnectAppinventory.htm and
https://help.ivanti.com/mi/help/en_us/CPS/8x/api/ServiceConnectAPI/Object_models.htm
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model import Device, Installed
from scanner.sources.inventories.readers.jsonfields import objects, package
from scanner.sources.inventories.readers.mdm_fields import MAX_ID, no_package, strays, text
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Listing, records
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_LISTING = Listing("device")
_KEYS = {"applications.identifier", "applications.name", "applications.version", "applications.managed"}


def _recognises(head: str) -> bool:
    seen = glimpse(head)
    return seen.keys() >= _KEYS and "applications.packageName" not in seen


def _read(document: Document, spec: str) -> Iterator[Entry]:
    for found in records(document, _LISTING):
        if isinstance(found, Gap):
            yield found
        elif not (apps := objects(found.value.get("applications"))):
            yield Gap(found.where, "without applications", "device")
        else:
            where = f"{document.name}:{found.where}"
            device = Device(text(where[-MAX_ID:]) or "", None, None, None)
            for number, app in enumerate(apps, 1):
                name = package(app.get("identifier"))
                if name is None:
                    yield no_package(f"{found.where}, app {number}", "identifier", app.get("identifier"))
                else:
                    version, title = text(app.get("version")), text(app.get("name"))
                    yield Installed(device, spec, name, where=where, title=title, version_name=version)
            yield from strays(found.value.get("applications"), apps, found.where)


READER = Reader(
    "ivanti",
    "Ivanti application inventory",
    _recognises,
    _read,
    "What Ivanti lists depends on the mode of the device; neither device, platform nor certificates are named here.",
)
