"""Exports made for the benchmark, the same bytes every time: one fleet as our own rows, as tables, as AMAPI pages.

Each app is made once, as text with a mark where its device is named, so that a million rows take seconds.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from scanner.database import load_database
from scanner.model import SCHEMA_VERSION, AppRow, Assurance, Certificate, Device, Installed, Stated, SummaryRow
from scanner.model import UserState as State
from scanner.phones.installed import InstalledJudge

CATALOGUE, PUBLISHERS = 400, 120
"""Different apps of the fleet, and who signs them."""
EACH = 100
"""Apps of a device."""
STEP = 7
"""Devices next to each other have as many apps that the other has not."""
LISTED = 50
"""One device in so many has a listed app, by turns genuine and an impostor."""
SYSTEM, HINTED, ROTATED = 3, 10, 17
"""One app in so many is of the system, is known by a 32-bit hash alone, has changed its signer."""
SERIAL = "@SERIAL@"
SCANNED = "2026-01-15T08:00:00Z"
_GENUINE = frozenset({"complete"})


class Apps(NamedTuple):
    """The apps of the fleet in one layout, each as text that ends its line, `SERIAL` where its device is named."""

    ordinary: Sequence[str]
    listed: Sequence[str]

    def of_device(self, number: int) -> str:
        """All apps of that device."""
        first = number * STEP % len(self.ordinary)
        chosen = [self.ordinary[(first + more) % len(self.ordinary)] for more in range(EACH)]
        if number % LISTED == 0 and self.listed:
            chosen[EACH // 2] = self.listed[number // LISTED % len(self.listed)]
        return "".join(chosen).replace(SERIAL, f"R58M{number:07X}")


def own_rows(path: Path, devices: range) -> None:
    """What ``scan -o jsonl`` wrote of these phones."""
    judge, encode = InstalledJudge(load_database(), SCANNED), msgspec.json.Encoder().encode
    apps = [[encode(_scanned(judge, app)).decode() + "\n" for app in group] for group in (_ordinary(), _listed())]
    counts = {"apps": len(devices) * EACH}
    summary = SummaryRow(SCHEMA_VERSION, "app-scanner", "", counts, (), False, 0, (), (), ())  # noqa: FBT003
    _write(path, "", Apps(*apps), devices, encode(summary).decode() + "\n")


def ndjson(path: Path, devices: range) -> None:
    """A table of these apps, one JSON object a line."""
    apps = [[json.dumps(_cells(app)) + "\n" for app in group] for group in (_ordinary(), _listed())]
    _write(path, "", Apps(*apps), devices, "")


def csv_table(path: Path, devices: range) -> None:
    """The same table as CSV."""
    apps = [[_line(_cells(app).values()) for app in group] for group in (_ordinary(), _listed())]
    _write(path, _line(_cells(_ordinary()[0])), Apps(*apps), devices, "")


def amapi(path: Path, size: int) -> int:
    """One ``{"devices": […]}`` of at least so many bytes; the apps in it."""
    apps = Apps(*([json.dumps(_report(app)) + "," for app in group] for group in (_ordinary(), _listed())))
    written, devices = 0, 0
    with path.open("w", encoding="ascii") as out:
        written += out.write('{"devices": [')
        while written < size:
            head = json.dumps(_amapi_device(devices))[:-1]
            reports = apps.of_device(devices).rstrip(",")
            written += out.write(f'{"," * (devices > 0)}\n{head}, "applicationReports": [{reports}]}}')
            devices += 1
        out.write("\n]}\n")
    return devices * EACH


def _write(path: Path, before: str, apps: Apps, devices: range, after: str) -> None:
    with path.open("w", encoding="ascii", newline="") as out:
        out.write(before)
        out.writelines(map(apps.of_device, devices))
        out.write(after)


def _ordinary() -> list[Installed]:
    return [_app(number, f"org.benchmark.publisher{number % PUBLISHERS}.app{number}") for number in range(CATALOGUE)]


def _listed() -> list[Installed]:
    """For each signature with a certificate that is known in full: the genuine app, and an impostor of it."""
    found: list[Installed] = []
    for signature in load_database().signatures:
        for package in signature.packages:
            pinned = [pin.sha256 for pin in signature.signers_of(package) if pin.sha256]
            if package.pins in _GENUINE and pinned:
                genuine = Stated((Certificate(sha256=pinned[0]),), (), "apk", Assurance.PLATFORM)
                app = msgspec.structs.replace(_app(len(found), package.name), hashes=(), past_hashes=())
                found += [msgspec.structs.replace(app, stated=genuine), _app(1, package.name)]
    return found


def _app(number: int, name: str) -> Installed:
    system = number % SYSTEM == 0
    current, past = _certificate(number % PUBLISHERS), _certificate(number % PUBLISHERS + PUBLISHERS)
    history = (past,) if number % ROTATED == 0 else ()
    app = Installed(
        Device(SERIAL, "SM-A525F", "13", None),
        f"adb:{SERIAL}",
        name,
        users=(State(0, "installed"),),
        where=f"/data/app/~~{_digest(name)[:22]}==/{name}/base.apk",
        title=f"Benchmark {number}",
        version_code=10_000 + number * 37,
        version_name=f"{number % 20}.{number % 7}.{number}",
        min_sdk=21 + number % 8,
        target_sdk=30 + number % 5,
        installer=None if system else "com.android.vending",
        system=system,
        splits=() if number % 2 else ("config.arm64_v8a", "config.en", "config.xxhdpi"),
        stated=Stated((current,), history, "apk", Assurance.PLATFORM),
    )
    if number % HINTED == 0:
        return msgspec.structs.replace(app, stated=None, hashes=(_digest(name)[:8],))
    return app


def _certificate(publisher: int) -> Certificate:
    name = f"publisher {publisher}"
    sha1, md5 = (hashlib.new(kind, name.encode()).hexdigest() for kind in ("sha1", "md5"))
    return Certificate(_digest(name), sha1, md5, f"CN=Publisher {publisher},O=Benchmark Apps Ltd,L=Bonn,C=DE")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _scanned(judge: InstalledJudge, app: Installed) -> AppRow:
    """The row of a scan that read the APK's signing block."""
    return msgspec.structs.replace(judge.row(app, None, None), schemes=("v2", "v3") if app.stated else ())


def _cells(app: Installed) -> dict[str, str]:
    """A row of a table as an inventory system exports it."""
    return {
        "Serial number": SERIAL,
        "Device model": "SM-A525F",
        "User principal name": f"user.{SERIAL}@example.org",
        "Platform": "Android",
        "App name": app.title or "",
        "Package name": app.package_name,
        "App version": app.version_name or "",
        "Version code": str(app.version_code),
        "Installer": app.installer or "",
        "Certificate SHA-256": _sha256(app) or "",
    }


def _sha256(app: Installed) -> str | None:
    return app.stated.signers[0].sha256 if app.stated else None


def _line(cells: Iterator[str] | Any) -> str:  # noqa: ANN401 - keys or values of a dict
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


def _report(app: Installed) -> dict[str, object]:
    """An ``ApplicationReport``."""
    sha256 = _sha256(app)
    certificate = base64.b64encode(bytes.fromhex(sha256)).decode() if sha256 else None
    return {
        "packageName": app.package_name,
        "versionName": app.version_name,
        "versionCode": app.version_code,
        "displayName": app.title,
        "packageSha256Hash": base64.b64encode(bytes.fromhex(_digest(app.package_name))).decode(),
        "signingKeyCerts": [{"signingKeyCertFingerprintSha256": certificate}] if certificate else [],
        "installerPackageName": app.installer or "",
        "applicationSource": "SYSTEM_APP_FACTORY_VERSION" if app.system else "INSTALLED_FROM_PLAY_STORE",
        "state": "INSTALLED",
        "userFacingType": "USER_FACING",
    }


def _amapi_device(number: int) -> dict[str, object]:
    serial = f"R58M{number:07X}"
    return {
        "name": f"enterprises/LC00benchmark/devices/{number:016x}",
        "managementMode": "DEVICE_OWNER",
        "state": "ACTIVE",
        "enrollmentTime": SCANNED,
        "userName": f"enterprises/LC00benchmark/users/{number}",
        "hardwareInfo": {"brand": "samsung", "model": "SM-A525F", "serialNumber": serial},
        "softwareInfo": {"androidVersion": "13", "securityPatchLevel": "2025-12-01"},
    }
