"""``dumpsys package`` saved as a text, whole or ``dumpsys package packages``, of Android 4.4 to 17.

It names no phone: the document's name stands for the serial. The copies under ``Hidden system packages:`` are those
of the system image. Since Android 9 it has a 32-bit hash of each certificate, since Android 12, when it is whole, the
SHA-256 of apps with a verifiable domain. Code paths are kept out of the location, because a path without a phone
would mean a file of this machine.

Sources: AOSP ``DumpHelper`` (the order of the sections) and ``Settings.dumpPackagesLPr``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.dumpjoin import apps_in_dump, relevant
from scanner.sources.inventories.readers.phonetext import (
    Lines,
    Pile,
    blank_app,
    device_of,
    gaps_of,
    nothing_in,
)
from scanner.sources.inventories.readers.sections import FAILED
from scanner.sources.inventories.reading import Document, Entry, Reader

_WHERE = "dumpsys package"
_LIST = re.compile(r"^(?:Packages|Hidden system packages):\r?\n+  Package \[", re.MULTILINE)
_TITLE = re.compile(
    r"^(Database versions|Known Packages|Verifiers|Domain Verifier|Intent Filter Verifier|Libraries|Features"
    r"|Activity Resolver Table|Receiver Resolver Table|Service Resolver Table|Provider Resolver Table"
    r"|Preferred Activities User \d+|Domain verification status|Permissions|AppOp Permissions"
    r"|Registered ContentProviders|ContentProvider Authorities|Key Set Manager|Packages|Queries):\r?$",
    re.MULTILINE,
)
_WANTED_TITLES = 2
_OTHERS = re.compile(r"^(== dumpstate: |DUMP OF SERVICE )", re.MULTILINE)


def _recognises(head: str) -> bool:
    """The list of packages; or, since it may lie far behind the head, the titles that come before it."""
    if _OTHERS.search(head):
        return False
    if _LIST.search(head):
        return True
    first = head.lstrip("\r\n").partition("\n")[0]
    titles = {match[1] for match in _TITLE.finditer(head)}
    return _TITLE.match(first) is not None and len(titles) >= _WANTED_TITLES


def _read(document: Document, spec: str) -> Iterator[Entry]:
    pile, failures = Pile(), Noted()
    with document.text() as stream:
        lines = Lines(stream)
        for line in relevant(lines):
            pile.add(line)
            if FAILED.match(line):
                failures.add(line)
            if pile.cut:
                break
    pile.ended = lines.ended
    text = pile.text
    dump = parse_dump(text)
    blank = blank_app(device_of({}, document.name), spec, document.name)
    yield from apps_in_dump(dump, parse_app_links(text), blank)
    yield from gaps_of(dump.problems, _WHERE)
    if dump.active and not dump.factory and not next(reversed(dump.active.values())).users:
        failures.add("its last package has no line of a user: it may be cut short")
    yield from gaps_of(failures, _WHERE, "listing")
    yield from pile.gaps(_WHERE)
    if not dump.active:
        yield nothing_in(_WHERE)


READER = Reader(
    name="dumpsys",
    title="dumpsys package",
    recognises=_recognises,
    read=_read,
    limit="dumpsys package has 32-bit hashes of certificates since Android 9, and none that count before",
)
