"""What a dump of the package manager says, as apps: for live phones see `scanner.sources.adb.listing`.

A dump names packages that nobody has, such as one that a user removed and a profile never had. So an app is yielded
for what some user has, or keeps data of; where no user has it and the release does not tell whether data is kept,
it is yielded as uninstalled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from scanner.model import Certificate, Installed, Stated, UserState
from scanner.sources.inventories.applinks import TITLE
from scanner.sources.inventories.dumped import Dump, DumpedPackage, DumpedUser
from scanner.sources.inventories.paths import is_system

_DETAIL = "      "
_DETAILS = ("      firstInstallTime=", "      archiveTime=")


def relevant(lines: Iterable[str]) -> Iterator[str]:
    """The lines of a dump that its parsers look at: few, where permissions and components are many."""
    whole = False
    for line in lines:
        if line[:1].strip():
            whole = line.rstrip() == TITLE
        elif not whole and line.startswith(_DETAIL) and not line.startswith(_DETAILS):
            continue
        yield line


def user_states(users: tuple[DumpedUser, ...]) -> tuple[UserState, ...]:
    """Each user that has the app or its data; empty where none has."""
    told = tuple(UserState(user.id, user.state) for user in users if user.state != "uninstalled" or user.has_data)
    return told or tuple(UserState(user.id, "uninstalled") for user in users if user.has_data is None)


def apps_in_dump(dump: Dump, links: dict[str, tuple[str, ...]], blank: Installed) -> Iterator[Installed]:
    """Each copy of each app, by name. ``links`` are the certificates that domain verification states."""
    for name in sorted({*dump.active, *dump.factory, *links}):
        dumped, stated = dump.active.get(name), stated_by_links(links.get(name))
        if dumped is None and stated is not None:
            yield msgspec.structs.replace(blank, package_name=name, stated=stated)
        elif dumped is not None and (user_states(dumped.users) or not dumped.users):
            yield joined(dumped, msgspec.structs.replace(blank, package_name=name, stated=stated))
        if name in dump.factory:
            yield factory_copy(dump.factory[name], blank)


def joined(dumped: DumpedPackage, app: Installed) -> Installed:
    """The app with what the dump says of it; what was known before stays where the dump says nothing."""
    known = {
        "users": user_states(dumped.users),
        "version_code": dumped.version_code,
        "version_name": dumped.version_name,
        "min_sdk": dumped.min_sdk,
        "target_sdk": dumped.target_sdk,
        "installer": dumped.installer,
        "system": is_system(dumped.code_path) if dumped.system is None else dumped.system,
        "splits": dumped.splits,
        "hashes": dumped.hashes,
        "past_hashes": dumped.past_hashes,
        "updated": dumped.last_update_time,
    }
    return msgspec.structs.replace(app, **{key: value for key, value in known.items() if value not in {None, ()}})


def factory_copy(dumped: DumpedPackage, blank: Installed) -> Installed:
    """The copy in the system image, which no user has while an update lies over it."""
    app = msgspec.structs.replace(blank, package_name=dumped.name, copy="factory")
    return msgspec.structs.replace(joined(dumped, app), users=(), system=True)


def stated_by_links(digests: tuple[str, ...] | None, origin: str = "dumpsys package") -> Stated | None:
    """What domain verification states, as the platform's word."""
    return Stated(tuple(Certificate(sha256=digest) for digest in digests), origin=origin) if digests else None
