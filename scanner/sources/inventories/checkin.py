"""``dumpsys package --checkin``, and the ``CHECKIN PACKAGE`` part of bug reports: names and states, no signatures.

::

    vers,1
    pkg,<name>,<uid>,<version>,<first install>,<last update>,<installer>          up to Android 12
    pkg,<name>,<uid>,<version>,<last update>,<installer, uid, owner>,<source>     later, at the latest since 14
    pkg-splt,<split>,<revision>
    pkg-usr,<id>,<letters>,<enabled>,<who disabled it>[,<first install>,...]

Times are milliseconds since 1970. ``dis`` in place of ``pkg`` is the factory copy. The newer form prints the
installer's name, uid and the update owner without a separator, so that no name can be told from it with certainty:
it is not stated. Letters, capital where it is so: ``I`` installed, ``B`` hidden, ``SU`` suspended, ``S`` stopped; what
newer releases add stands behind these.

Source: AOSP ``Settings.dumpPackageLPr`` with a check-in tag, of Android 6, 10 and 16.
"""

from __future__ import annotations

import re

import msgspec

from scanner.model import Value
from scanner.sources.inventories.dumped import DumpedUser
from scanner.sources.inventories.lines import Noted, is_package_name, lines_of, number, unless_null

MAX_PARTS = 1000
"""Splits kept of one package, and users."""
_LETTERS = re.compile(r"([iI])([bB])(su|SU)?([sS])")
_LEAST_OF_PACKAGE, _LEAST_OF_USER = 5, 3
"""Fields that every release prints."""


class CheckinPackage(Value, frozen=True):
    """One package of a check-in. Times are in milliseconds since 1970."""

    name: str
    version_code: int | None
    first_install: int | None
    """Null in the newer form, which tells it of each user."""
    last_update: int | None
    installer: str | None
    splits: tuple[str, ...] = ()
    users: tuple[DumpedUser, ...] = ()


class Checkin(Value, frozen=True):
    """What a check-in told, by package name."""

    active: dict[str, CheckinPackage]
    factory: dict[str, CheckinPackage]
    problems: tuple[str, ...]


def parse_checkin(text: str) -> Checkin:
    """The packages of a check-in; lines of other tags are passed over."""
    sections: dict[str, dict[str, CheckinPackage]] = {"pkg": {}, "dis": {}}
    problems = Noted()
    at: dict[str, CheckinPackage] = {}
    for line in lines_of(text):
        tag, *fields = line.split(",")
        section, _, part = tag.partition("-")
        packages = sections.get(section)
        if packages is None:
            continue
        package = _with(at.get(section), part, fields) if part else _package(fields)
        if package is None or (not part and package.name in packages):
            problems.add(line)
            at = at if part else {}
        else:
            packages[package.name] = package
            at = {section: package}
    return Checkin(sections["pkg"], sections["dis"], problems.told())


def _package(fields: list[str]) -> CheckinPackage | None:
    if len(fields) < _LEAST_OF_PACKAGE or not is_package_name(fields[0]) or number(fields[1]) is None:
        return None
    name, _, version, first, second, *rest = fields
    if number(second) is None:
        return CheckinPackage(name, number(version), None, number(first), None)
    installer = rest[0] if rest and is_package_name(rest[0]) else ""
    return CheckinPackage(name, number(version), number(first), number(second), unless_null(installer))


def _with(package: CheckinPackage | None, part: str, fields: list[str]) -> CheckinPackage | None:
    """The package with what another line adds; null where there is none to add to, or nothing to add."""
    if package is None:
        return None
    if part == "splt" and fields and fields[0] and len(package.splits) < MAX_PARTS:
        splits = package.splits if fields[0] == "base" else (*package.splits, fields[0])
        return msgspec.structs.replace(package, splits=splits)
    user = _user(fields) if part == "usr" else None
    if user is None or len(package.users) >= MAX_PARTS or user.id in {other.id for other in package.users}:
        return None
    return msgspec.structs.replace(package, users=(*package.users, user))


def _user(fields: list[str]) -> DumpedUser | None:
    if len(fields) < _LEAST_OF_USER:
        return None
    id_, letters = number(fields[0]), _LETTERS.match(fields[1])
    if id_ is None or id_ < 0 or letters is None:
        return None
    return DumpedUser(
        id_,
        installed=letters[1].isupper(),
        hidden=letters[2].isupper(),
        suspended=letters[3].isupper() if letters[3] else None,
        stopped=letters[4].isupper(),
        enabled=number(fields[2]),
    )
