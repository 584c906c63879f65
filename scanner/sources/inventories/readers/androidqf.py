"""An acquisition of AndroidQF, folder or zip: ``packages.json``, and beside it ``getprop.txt`` and ``dumpsys.txt``.

``packages.json`` is an array of ``{name, files, installer, uid, disabled, system, third_party}``, newer ones with
``user_id``, ``installed`` and ``files_error`` and an entry for each user; ``package_users.json`` then says which users
could not be listed. A file has ``path``, ``sha256``, ``certificate`` (``Md5``, ``Sha1``, ``Sha256``, ``Subject``),
``verified_certificate`` and ``certificate_error``; several files are a base APK and its splits. A certificate without
digests is one that AndroidQF did not read, because it did not pull the file.

``verified_certificate: false`` makes the certificate a mere claim. ``trusted_certificate`` is passed over: AndroidQF's
list of trusted certificates holds those of apps that are looked for here. The listing has apps that were uninstalled
with their data kept (``pm list packages -u``); before ``installed`` was told these cannot be told apart.

Hashes, states and factory copies come from the package service in ``dumpsys.txt`` where it is there.

Sources: https://github.com/mvt-project/androidqf ``modules/packages.go``, ``adb/packages.go``,
``adb/package_users.go``, ``modules/dumpsys.go``, ``modules/getprop.go``; ``CertInfo`` in https://github.com/avast/apkverifier.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

from scanner.model import Device, Installed, counted
from scanner.sources.inventories.dumped import Dump
from scanner.sources.inventories.getprop import parse_properties
from scanner.sources.inventories.readers.acquired import AcquiredApps
from scanner.sources.inventories.readers.dumpjoin import apps_in_dump, joined
from scanner.sources.inventories.readers.folders import Folder, Objects, claimed_by, folders_with
from scanner.sources.inventories.readers.jsonfields import text, whole
from scanner.sources.inventories.readers.phonetext import (
    Lines,
    blank_app,
    device_of,
    gaps_of,
    nothing_in,
    pile_of,
)
from scanner.sources.inventories.readers.sections import Sections
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Gap, Reader

PACKAGES = "packages.json"
DUMP = "dumpsys.txt"
MARKS = ("acquisition.json", "getprop.txt")
"""Files that every acquisition has."""
MAX_USERS = 1000
_START = re.compile(r"\s*\[\s*\{")
_NAME, _FILES = re.compile(r'"name"\s*:'), re.compile(r'"files"\s*:')
_OWN = re.compile(r'"(?:third_party|verified_certificate|local_name)"\s*:')
_MVT = re.compile(r'"package_name"\s*:')
_LIMIT = "AndroidQF reads certificates only of the APKs that it was told to copy"


def recognises_packages(head: str) -> bool:
    """Whether this is the list of packages as AndroidQF writes it; MVT's own says ``package_name``."""
    wanted = all(one.search(head) for one in (_NAME, _FILES, _OWN))
    return _START.match(head) is not None and wanted and _MVT.search(head) is None


_MEMBERS = {PACKAGES: recognises_packages}


def _phones(bundle: Bundle) -> Iterator[Folder]:
    return folders_with(bundle, _MEMBERS)


def _claims(bundle: Bundle) -> Iterator[str]:
    """The acquisitions, those that failed too."""
    yield from claimed_by(bundle, _MEMBERS)
    for name in bundle.names():
        folder, mark = posixpath.split(name)
        if mark in MARKS:
            yield f"{folder}/" if folder else ""


def _recognises(bundle: Bundle) -> bool:
    return next(_phones(bundle), None) is not None


def _read_bundle(bundle: Bundle, spec: str) -> Iterator[Entry]:
    for folder in _phones(bundle):
        packages = folder.document(PACKAGES)
        if packages is not None:
            sections = _sections(folder)
            device = _device(folder, sections)
            yield from _entries(packages, blank_app(device, spec, packages.name), sections)
            yield from _denied(folder)
    yield from _failed(bundle)


def _failed(bundle: Bundle) -> Iterator[Entry]:
    """The acquisitions beside others that hold no list of packages: one that failed is no clean phone."""
    names = set(bundle.names())
    for folder in sorted({posixpath.dirname(name) for name in names if posixpath.basename(name) in MARKS}):
        listing = posixpath.join(folder, PACKAGES)
        if listing not in names:
            yield Gap(folder, f"an acquisition without {PACKAGES}", "device")
        elif not recognises_packages(bundle.document(listing).head):
            yield Gap(listing, "not the list of packages that AndroidQF writes, or an empty one", "device")


def _read_document(document: Document, spec: str) -> Iterator[Entry]:
    yield from _entries(document, blank_app(device_of({}, document.name), spec, document.name), None)


def _device(folder: Folder, sections: Sections | None) -> Device:
    document = folder.document("getprop.txt")
    properties = parse_properties(pile_of(document).text) if document is not None else {}
    if not properties and sections is not None:
        properties = sections.properties
    return device_of(properties, folder.name)


def _sections(folder: Folder) -> Sections | None:
    document = folder.document(DUMP)
    if document is None:
        return None
    with document.text() as stream:
        return Sections(Lines(stream))


def _entries(packages: Document, blank: Installed, sections: Sections | None) -> Iterator[Entry]:
    apps = AcquiredApps(blank, f"androidqf {PACKAGES}")
    with packages.text() as stream:
        array = Objects(stream)
        for number, item in array:
            apps.add(number, item)
    dump, links = sections.dump() if sections is not None else (Dump({}, {}, ()), {})
    named = apps.by_name()
    for name, app in named.items():
        known = apps.with_links(app, links.get(name))
        yield joined(dump.active[name], known) if name in dump.active else known
    for app in apps_in_dump(dump, links, blank):
        if app.copy == "factory" or app.package_name not in named:
            yield app
    yield from gaps_of(apps.problems, PACKAGES)
    if array.others:
        yield Gap(PACKAGES, counted(array.others, "entry is no object", "entries are no objects"))
    if array.problem:
        yield Gap(PACKAGES, array.problem, "listing")
    if not named:
        yield nothing_in(PACKAGES)
    yield from gaps_of(dump.problems, DUMP)
    if sections is not None:
        yield from sections.gaps(DUMP)
        if not sections.dumps:
            yield Gap(DUMP, "the package service's dump is missing: hashes of certificates are unknown", "listing")


def _denied(folder: Folder) -> Iterator[Entry]:
    """The users whose apps AndroidQF could not list, or not all of them."""
    document = folder.document("package_users.json")
    if document is None:
        return
    with document.text() as stream:
        array = Objects(stream, "users", "enumeration_error")
        for number, user in array:
            status = text(user.get("inventory_status"))
            if status != "collected" and number <= MAX_USERS:
                reason = text(user.get("error")) or status or "it is not said whether the listing is whole"
                yield Gap(f"user {whole(user.get('id'))}", reason, "user")
    if array.problem:
        yield Gap("package_users.json", array.problem, "listing")
    error = text(array.beside.get("enumeration_error"))
    if error:
        yield Gap("package_users.json", error, "listing")


READER = Reader("androidqf", "packages.json of AndroidQF", recognises_packages, _read_document, _LIMIT)
BUNDLE_READER = BundleReader("androidqf", "acquisition of AndroidQF", _recognises, _read_bundle, _LIMIT, _claims)
