"""A bug report: ``bugreport.zip``, the folder it was unpacked to, or its text; also a whole ``dumpsys``.

The archive holds ``version.txt``, ``main_entry.txt`` with the name of the text, and the text, called
``bugreport-*.txt``, before Android 7 ``dumpstate-*.txt``, by Samsung ``dumpState_*.log``. The text may have hundreds of
megabytes: its lines go by, and only what tells of packages is kept. Where no serial is told, and newer releases hide
it, the document's name stands for it. Apps that only the short check-in names are added: the long dump may have run
out of time.

Sources: AOSP ``dumpstate.cpp``, ``frameworks/native/cmds/dumpstate/bugreport-format.md``; names of the text in
https://github.com/mvt-project/mvt ``src/mvt/android/modules/bugreport/base.py``.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from scanner.sources.inventories.readers.dumpjoin import apps_in_dump
from scanner.sources.inventories.readers.package_checkin import apps_in_checkin
from scanner.sources.inventories.readers.phonetext import Lines, blank_app, device_of, gaps_of, nothing_in
from scanner.sources.inventories.readers.sections import Sections
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Gap, Reader

MAX_MAIN_NAME = 1000
"""Characters of ``main_entry.txt`` that are looked at."""
_PACKED = ("main_entry.txt", "version.txt")
_PATTERNS = ("bugreport-*.txt", "dumpstate-*.txt", "dumpState_*.log")
_DUMPSTATE = re.compile(r"={20,}\r?\n== dumpstate: \d{4}-\d\d-\d\d ")
_DUMPSYS = re.compile(r"^(?:Currently running services:\r?$|-{60,}\r?\nDUMP OF SERVICE [^\n]*:\r?$)", re.MULTILINE)
_WHERE = "package service"
_LIMIT = "a bug report has 32-bit hashes of certificates since Android 9, and SHA-256 of apps with a verifiable domain"


def _recognises_text(head: str) -> bool:
    start = head.lstrip("\r\n")
    return _DUMPSTATE.match(start) is not None or _DUMPSYS.match(start) is not None


def _read_text(document: Document, spec: str) -> Iterator[Entry]:
    yield from _read_named(document, spec, document.name)


def _read_named(document: Document, spec: str, name: str) -> Iterator[Entry]:
    with document.text() as stream:
        sections = Sections(Lines(stream))
    device = device_of(sections.properties, name, sections.fingerprint)
    blank = blank_app(device, spec, document.name)
    dump, links = sections.dump()
    named: set[str] = set()
    for app in apps_in_dump(dump, links, blank):
        named.add(app.package_name)
        yield app
    checkin = sections.checkin()
    for app in apps_in_checkin(checkin, blank):
        if app.package_name not in named and app.package_name not in dump.active:
            yield app
    yield from gaps_of(dump.problems, _WHERE)
    yield from gaps_of((f"not understood in the check-in: {line}" for line in checkin.problems), _WHERE)
    yield from sections.gaps(_WHERE)
    if not dump.active and not checkin.active:
        yield nothing_in(_WHERE)
    elif not dump.active:
        yield Gap(_WHERE, "its long listing is missing: hashes of certificates are unknown", "listing")


def _texts(bundle: Bundle) -> Iterator[str]:
    """The names of the texts, those that ``main_entry.txt`` names first."""
    names = bundle.names()
    present = set(names)
    found: dict[str, None] = {}
    for name in names:
        if posixpath.basename(name) == "main_entry.txt":
            main = bundle.document(name).head[:MAX_MAIN_NAME].strip()
            main = posixpath.join(posixpath.dirname(name), main)
            if main in present:
                found[main] = None
    mains = {posixpath.dirname(name) for name in found}
    for name in names:
        folder, base = posixpath.split(name)
        if folder not in mains and any(fnmatchcase(base, pattern) for pattern in _PATTERNS):
            found[name] = None
    yield from (name for name in found if _recognises_text(bundle.document(name).head))


def _recognises_bundle(bundle: Bundle) -> bool:
    return next(_texts(bundle), None) is not None


def _claims(bundle: Bundle) -> Iterator[str]:
    """The text, and where it lies as ``dumpstate`` packed it, all that came with it."""
    names = set(bundle.names())
    for name in _texts(bundle):
        folder = posixpath.dirname(name)
        packed = any(posixpath.join(folder, mark) in names for mark in _PACKED)
        yield (f"{folder}/" if folder else "") if packed else name


def _read_bundle(bundle: Bundle, spec: str) -> Iterator[Entry]:
    texts = list(_texts(bundle))
    for name in texts:
        document = bundle.document(name)
        yield from _read_named(document, spec, bundle.name if len(texts) == 1 else document.name)


READER = Reader("bugreport", "text of a bug report", _recognises_text, _read_text, _LIMIT)
BUNDLE_READER = BundleReader("bugreport", "bug report", _recognises_bundle, _read_bundle, _LIMIT, _claims)
