"""Android Management API: what ``enterprises.devices.list`` and ``.get`` answer.

A page ``{"devices": [...], "nextPageToken": ...}``, one device, an array of devices, or a device per line. Apps are
in ``applicationReports``, which are there only where the policy has ``applicationReportsEnabled``. A signer is in
``signingKeyCerts[].signingKeyCertFingerprintSha256`` (base64) and in the deprecated ``signingKeyCertFingerprints``
(hex of SHA-1); which belongs to which is not said, so the first is taken where it is there.

https://developers.google.com/android/management/reference/rest/v1/enterprises.devices#applicationreport and
googleapis/google-api-python-client ``googleapiclient/discovery_cache/documents/androidmanagement.v1.json``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from scanner.model import Device, Installed, Stated, UserState
from scanner.sources.inventories.readers.jsonfields import objects, package
from scanner.sources.inventories.readers.mdm_fields import (
    MAX_ID,
    digest,
    field,
    first_text,
    no_package,
    stated,
    strays,
    text,
    whole,
)
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.readers.mdm_json import Listing, records
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_LISTING = Listing("device", ("devices",), more="nextPageToken")
_NAME = re.compile(r"enterprises/[^/]+/devices/[^/]+")
_SYSTEM = {
    "SYSTEM_APP_FACTORY_VERSION": True,
    "SYSTEM_APP_UPDATED_VERSION": True,
    "INSTALLED_FROM_PLAY_STORE": False,
    "CUSTOM": False,
    "APPLICATION_SOURCE_UNSPECIFIED": False,
}


def _recognises(head: str) -> bool:
    seen = glimpse(head)
    return any(
        f"{page}applicationReports.packageName" in seen or _NAME.fullmatch(seen.get(f"{page}name", ""))
        for page in ("", "devices.")
    )


def _read(document: Document, spec: str) -> Iterator[Entry]:
    for found in records(document, _LISTING):
        if isinstance(found, Gap):
            yield found
        elif not (reports := objects(found.value.get("applicationReports"))):
            which = text(found.value.get("name"), MAX_ID) or "a device without a name"
            yield Gap(found.where, f"{which}: application reports are off or not yet sent", "device")
        else:
            device = _device(found.value, f"{document.name}:{found.where}")
            for number, report in enumerate(reports, 1):
                yield from _app(report, device, spec, (document.name, found.where, number))
            yield from strays(found.value.get("applicationReports"), reports, found.where)


def _device(value: dict[str, Any], fallback: str) -> Device:
    return Device(
        first_text(field(value, "hardwareInfo", "serialNumber"), value.get("name"), fallback, limit=MAX_ID) or "",
        text(field(value, "hardwareInfo", "model")),
        text(field(value, "softwareInfo", "androidVersion")),
        text(value.get("userName")),
    )


def _app(report: dict[str, Any], device: Device, spec: str, place: tuple[str, str, int]) -> Iterator[Entry]:
    document, where, number = place
    name = package(report.get("packageName"))
    if name is None:
        yield no_package(f"{where}, app {number}", "packageName", report.get("packageName"))
        return
    signers, problems = _signers(report)
    sha256 = digest(report.get("packageSha256Hash"), "sha256")
    if report.get("packageSha256Hash") and sha256 is None:
        problems = (*problems, "packageSha256Hash")
    yield Installed(
        device,
        spec,
        name,
        users=(UserState(0, "uninstalled"),) if report.get("state") == "REMOVED" else (),
        where=f"{document}:{where}",
        title=text(report.get("displayName")),
        file_sha256=sha256,
        version_code=whole(report.get("versionCode")),
        version_name=text(report.get("versionName")),
        installer=text(report.get("installerPackageName")),
        system=_SYSTEM.get(text(report.get("applicationSource")) or ""),
        stated=signers,
    )
    for key in problems:
        yield Gap(f"{where}, app {number}", f"{name}: {key} holds something that is no such digest")


def _signers(report: dict[str, Any]) -> tuple[Stated | None, tuple[str, ...]]:
    """The certificates, and the keys under which there is something else."""
    newer = older = None
    problems = []
    if certificates := report.get("signingKeyCerts"):
        listed = certificates if isinstance(certificates, list) else []
        newer = stated([field(one, "signingKeyCertFingerprintSha256") for one in listed], "sha256", "signingKeyCerts")
        problems += ["signingKeyCerts"] if newer is None else []
    if fingerprints := report.get("signingKeyCertFingerprints"):
        older = stated(fingerprints, "sha1", "signingKeyCertFingerprints")
        problems += ["signingKeyCertFingerprints"] if older is None else []
    return newer or older, tuple(problems)


READER = Reader(
    "amapi",
    "Android Management API devices",
    _recognises,
    _read,
    "The Android Management API sees no personal apps of a phone that has a work profile.",
)
