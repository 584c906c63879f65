"""Scans of simulated phones through the command line, for several test files."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scanner.database import load_database
from tests.conftest import Ran
from tests.support import signer
from tests.support.apk_builder import build_apk
from tests.support.phone import AdbServer, InstalledApp, hash32_of, installed


@functools.cache
def pinned(signature: str) -> bytes:
    """The DER of the certificate that a listed app is pinned to."""
    found = next(one for one in load_database().signatures if one.id == signature)
    return bytes.fromhex(next(pin.der for pin in found.signers if pin.der))


def app(folder: Path, package: str, der: bytes | None = None, **more: Any) -> InstalledApp:
    """An installed app, signed by somebody; with ``der`` it wears that certificate, as Android would show it."""
    key = signer.key("somebody")
    worn = key if der is None else key.wearing(der)
    path = folder / f"{package}-{len(list(folder.iterdir()))}.apk"
    path.write_bytes(build_apk(package, v2=[worn], version_code=more.get("version_code", 1)))
    return installed(path, package, **{"hashes": (hash32_of(worn.certificate),), **more})


def phone_environment(adb: AdbServer, folder: Path) -> dict[str, str]:
    """The environment of a scan that asks this adb server, with a cache of its own."""
    return {**os.environ, "ANDROID_ADB_SERVER_PORT": str(adb.port), "XDG_CACHE_HOME": str(folder / "cache")}


def scanner_of(app_scanner: Callable[..., Ran], adb: AdbServer, folder: Path) -> Callable[..., Ran]:
    """The program, asking this adb server."""
    return functools.partial(app_scanner, env=phone_environment(adb, folder))
