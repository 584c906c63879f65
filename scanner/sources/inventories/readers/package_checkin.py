"""``dumpsys package --checkin`` saved as a text: names, versions and states, no certificates.

It names no phone: the document's name stands for the serial. What it calls ``dis`` is the copy in the system image.

Source: AOSP ``Settings.dumpPackageLPr`` with a check-in tag, and ``DumpHelper`` for the line ``vers,1``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from scanner.model import Installed
from scanner.sources.inventories.checkin import Checkin, CheckinPackage, parse_checkin
from scanner.sources.inventories.readers.dumpjoin import user_states
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in, pile_of
from scanner.sources.inventories.reading import Document, Entry, Reader

_WHERE = "dumpsys package --checkin"
_FIRST = re.compile(r"\s*(?:vers,1\r?\n|(?:pkg|lib|feat|vfy|ifv),)")
_PACKAGE = re.compile(r"^(?:pkg|dis),[A-Za-z0-9_.]{1,255},-?\d+,-?\d+,-?\d+,", re.MULTILINE)


def apps_in_checkin(checkin: Checkin, blank: Installed) -> Iterator[Installed]:
    """Each copy of each app that some user has, as far as is told."""
    for name, package in checkin.active.items():
        users = user_states(package.users)
        if users or not package.users:
            yield msgspec.structs.replace(_app(name, package, blank), users=users)
    for name, package in checkin.factory.items():
        yield msgspec.structs.replace(_app(name, package, blank), copy="factory", system=True)


def _app(name: str, package: CheckinPackage, blank: Installed) -> Installed:
    return msgspec.structs.replace(
        blank,
        package_name=name,
        version_code=package.version_code,
        installer=package.installer,
        splits=package.splits,
        updated=None if package.last_update is None else str(package.last_update),
    )


def _recognises(head: str) -> bool:
    return _FIRST.match(head) is not None and _PACKAGE.search(head) is not None


def _read(document: Document, spec: str) -> Iterator[Entry]:
    pile = pile_of(document)
    checkin = parse_checkin(pile.text)
    yield from apps_in_checkin(checkin, blank_app(device_of({}, document.name), spec, document.name))
    yield from gaps_of((f"not understood: {line}" for line in checkin.problems), _WHERE)
    yield from pile.gaps(_WHERE)
    if not checkin.active:
        yield nothing_in(_WHERE)


READER = Reader(
    name="checkin",
    title="dumpsys package --checkin",
    recognises=_recognises,
    read=_read,
    limit="a package check-in names no certificates",
)
