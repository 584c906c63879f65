"""Results of MVT's ``mvt-android``: a folder with ``info.json`` and one JSON array for each module.

``aqf_packages.json`` (check-androidqf) repeats AndroidQF's entries, ``packages.json`` (check-adb, up to version 2) has
``package_name``, ``installer``, ``disabled``, ``system``, ``third_party`` and ``files`` without certificates, and
``dumpsys_packages.json`` (check-bugreport, check-androidqf; ``packages.json`` in old versions) ``package_name``,
``version_name`` and ``version_code``, which is the rest of the dump's line, so that ``minSdk=`` and ``targetSdk=``
stand in it. ``getprop.json``, ``aqf_get_prop.json`` and ``dumpsys_get_prop.json`` are lists of ``name`` and ``value``,
or an object in old versions. MVT drops the hashes of certificates and the states of users, and writes no file for a
module that found nothing.

Sources: https://github.com/mvt-project/mvt ``src/mvt/common/module.py`` (``get_slug``, ``save_to_json``),
``src/mvt/common/command.py`` (``info.json``), ``src/mvt/android/artifacts/dumpsys_packages.py`` and ``getprop.py``,
``src/mvt/android/modules/adb/packages.py``, ``src/mvt/android/modules/androidqf/aqf_packages.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import msgspec

from scanner.model import Device, Installed, counted
from scanner.sources.inventories.lines import MAX_SHOWN, number
from scanner.sources.inventories.readers.acquired import AcquiredApps
from scanner.sources.inventories.readers.androidqf import recognises_packages
from scanner.sources.inventories.readers.folders import Folder, Objects, claimed_by, folders_with
from scanner.sources.inventories.readers.jsonfields import text
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Gap

MAX_PROPERTIES = 4 << 20
"""Characters of the system properties."""
AQF, OWN, DUMPED = "aqf_packages.json", "packages.json", "dumpsys_packages.json"
PROPERTIES = ("getprop.json", "aqf_get_prop.json", "aqf_getprop.json", "dumpsys_get_prop.json")
_START = re.compile(r"\s*\[\s*\{")
_NAME = re.compile(r'"package_name"\s*:')
_DETAIL = re.compile(r'"(?:requested_permissions|first_install_time|last_update_time)"\s*:')
_VERSION = re.compile(r"(-?[0-9]{1,19})(?: minSdk=([0-9]{1,9}))?(?: targetSdk=([0-9]{1,9}))?(?:\s.*)?")


def _recognises_own(head: str) -> bool:
    return all((_START.match(head), _NAME.search(head), _DETAIL.search(head)))


_MEMBERS = {AQF: recognises_packages, OWN: _recognises_own, DUMPED: _recognises_own}


def _recognises(bundle: Bundle) -> bool:
    return next(folders_with(bundle, _MEMBERS), None) is not None


def _read(bundle: Bundle, spec: str) -> Iterator[Entry]:
    for folder in folders_with(bundle, _MEMBERS):
        yield from _entries(folder, spec)


def _entries(folder: Folder, spec: str) -> Iterator[Entry]:
    device = _device(folder)
    gathered: dict[str, Installed] = {}
    for name, recognised in _MEMBERS.items():
        document = folder.document(name)
        if document is None:
            continue
        if not recognised(document.head):
            yield Gap(name, "not the list of packages that MVT writes", "listing")
            continue
        apps = AcquiredApps(
            blank_app(device, spec, document.name), f"mvt {name}", "name" if name == AQF else "package_name"
        )
        details: dict[str, Installed] = {}
        problem = _take(document, apps, details)
        for package, app in apps.by_name().items():
            known = _detailed(app, details.get(package))
            gathered[package] = _joined(gathered[package], known) if package in gathered else known
        yield from gaps_of(apps.problems, name)
        if problem:
            yield Gap(name, problem, "listing")
    yield from gathered.values()
    if not gathered:
        yield nothing_in(folder.name)


def _take(document: Document, apps: AcquiredApps, details: dict[str, Installed]) -> str | None:
    """Every entry of a file; what is wrong with the file."""
    with document.text() as stream:
        array = Objects(stream)
        for place, item in array:
            apps.add(place, item)
            name = item.get("package_name")
            if isinstance(name, str) and name in apps.by_name():
                details.setdefault(name, _versions(item, apps.by_name()[name]))
    if array.problem is None and array.others:
        return counted(array.others, "entry is no object", "entries are no objects")
    return array.problem


def _versions(item: dict[str, object], app: Installed) -> Installed:
    match = _VERSION.fullmatch((text(item.get("version_code")) or "")[:MAX_SHOWN])
    code, lowest, target = match.groups() if match else (None, None, None)
    return msgspec.structs.replace(
        app,
        version_code=number(code),
        version_name=text(item.get("version_name")),
        min_sdk=number(lowest),
        target_sdk=number(target),
        updated=text(item.get("last_update_time")),
    )


def _detailed(app: Installed, details: Installed | None) -> Installed:
    if details is None:
        return app
    return msgspec.structs.replace(
        app,
        version_code=details.version_code,
        version_name=details.version_name,
        min_sdk=details.min_sdk,
        target_sdk=details.target_sdk,
        updated=details.updated,
    )


def _joined(one: Installed, other: Installed) -> Installed:
    """The first with what only the second says."""
    mine, theirs = msgspec.structs.asdict(one), msgspec.structs.asdict(other)
    missing = {key: theirs[key] for key, value in mine.items() if value is None or value == ()}
    return msgspec.structs.replace(one, **missing)


def _device(folder: Folder) -> Device:
    properties: dict[str, str] = {}
    for document in map(folder.document, PROPERTIES):
        if document is not None and not properties:
            properties = _properties(document)
    return device_of(properties, folder.name)


def _properties(document: Document) -> dict[str, str]:
    with document.text() as stream:
        written = stream.read(MAX_PROPERTIES)
    try:
        said = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    if isinstance(said, dict):
        return {name: value for name, value in said.items() if isinstance(value, str)}
    items = [item for item in said if isinstance(item, dict)] if isinstance(said, list) else []
    pairs = ((text(item.get("name")), text(item.get("value"))) for item in items)
    return {name: value for name, value in pairs if name and value}


READER = BundleReader(
    name="mvt",
    title="results of MVT for Android",
    recognises=_recognises,
    read=_read,
    limit="MVT's results name certificates only where they repeat AndroidQF's, and no states of users",
    claims=lambda bundle: claimed_by(bundle, _MEMBERS),
)
