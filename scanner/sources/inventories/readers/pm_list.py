"""``pm list packages`` saved as a text, with any of its flags, of Android 4.4 to 17.

The text names no phone: the document's name stands for the serial. A user is known from the uid (``-U``), of which
Android gives each user 100000; what ``-u`` lists beside the installed apps cannot be told from them. Where a path is
told (``-f``) it says whether an app belongs to the system; it is kept out of the location, because a path without a
phone would mean a file of this machine.

Sources: AOSP ``PackageManagerShellCommand.runListPackages`` and, before Android 8, ``Pm.runListPackages``;
``UserHandle.PER_USER_RANGE``.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from scanner.model import Installed, UserState, counted, printable
from scanner.sources.inventories.paths import is_system
from scanner.sources.inventories.pm import ListedPackage, parse_packages, why_denied
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in, pile_of
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

PER_USER_RANGE = 100_000
MAX_ODD_SHARE = 10
"""A listing has at most one line in so many that is none of its own."""
_NOISE = ("\tat ", "* daemon ", "Users:", "\tUserInfo{", "WARNING: ")
"""Begins lines that may stand beside a listing in any number: adb's own, stack traces, and ``pm list users``."""
_WHERE = "pm list packages"


def users_of_uids(uids: tuple[int, ...]) -> tuple[UserState, ...]:
    """The users that these uids belong to."""
    return tuple(UserState(user, "installed") for user in sorted({uid // PER_USER_RANGE for uid in uids if uid >= 0}))


def _recognises(head: str) -> bool:
    """Nearly all lines are packages; the last one may be cut in two. ``pm path`` names no package and is none."""
    listing = parse_packages("\n".join(line for line in head.split("\n") if not line.startswith(_NOISE)))
    found = len(listing.packages)
    return bool(found) and listing.odd_count <= 1 + found // MAX_ODD_SHARE


def _read(document: Document, spec: str) -> Iterator[Entry]:
    pile = pile_of(document)
    text = pile.text
    listing = parse_packages(text)
    blank = blank_app(device_of({}, document.name), spec, document.name)
    named: dict[str, list[ListedPackage]] = {}
    for package in listing.packages:
        named.setdefault(package.name, []).append(package)
    for name, packages in named.items():
        yield _app(name, packages, blank)
    denied = why_denied(text)
    if denied is not None:
        yield Gap(_WHERE, printable(denied), "user")
    yield from gaps_of((line for line in listing.errors if why_denied(line) is None), _WHERE, "listing")
    yield from gaps_of((f"not understood: {line}" for line in listing.odd), _WHERE)
    if listing.odd_count > len(listing.odd):
        yield Gap(_WHERE, f"and {counted(listing.odd_count - len(listing.odd), 'more line')} not understood")
    yield from pile.gaps(_WHERE)
    if not named:
        yield nothing_in(_WHERE)


def _app(name: str, packages: list[ListedPackage], blank: Installed) -> Installed:
    path = next((package.path for package in packages if package.path), None)
    return msgspec.structs.replace(
        blank,
        package_name=name,
        users=users_of_uids(tuple(uid for package in packages for uid in package.uids)),
        version_code=next((package.version_code for package in packages if package.version_code is not None), None),
        installer=next((package.installer for package in packages if package.installer), None),
        system=is_system(path),
    )


READER = Reader(
    name="pm",
    title="pm list packages",
    recognises=_recognises,
    read=_read,
    limit="a pm listing names no certificates, only the users that it was run for, and with -3, -s, -d or -e some apps",
)
