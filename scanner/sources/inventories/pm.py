"""What ``pm list packages``, ``pm list users`` and ``pm path`` print, on Android 4.4 to 17.

A package is one line; each part but the name stands only where a flag asked for it::

    package:<path>=<name> versionCode:<number> stopped=<bool>  installer=<name> uid:<number>[,<number>...]

The path may hold ``=`` and blanks, the name neither, so the tails are cut off from the right before the last ``=``
is looked for. A path that holds a line feed costs its package: the first piece has no name and the last one no
``package:``, so both are among the lines not understood. A user is ``UserInfo{<id>:<name>:<flags in hex>}``
and ``running``; its name may hold anything, so it is read from both ends.

Sources: AOSP ``PackageManagerShellCommand``, ``Pm`` of Android 7 and older, ``UserManagerServiceShellCommand``,
``UserInfo.toString``; lines of phones in https://github.com/mvt-project/mvt/issues/211 and /102.
"""

from __future__ import annotations

import re

from scanner.model import Value
from scanner.sources.inventories.lines import (
    MAX_LINE,
    MAX_SHOWN,
    Noted,
    is_package_name,
    lines_of,
    number,
    unless_null,
)

FLAG_MANAGED_PROFILE = 0x20
_PACKAGE = "package:"
_USER = "UserInfo{"
_TAILS = {
    "versionCode:": re.compile(r"-?[0-9]{1,19}"),
    "stopped=": re.compile(r"true|false"),
    "installer=": re.compile(r"([A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*)?"),
    "uid:": re.compile(r"-?[0-9]{1,10}(,-?[0-9]{1,10})*"),
}
"""What may follow the name, each after a blank (two before ``installer=``), and the values that it may have."""
_ERROR = re.compile(
    r"Error\b|Exception occurred|Security exception|Unknown option|Unknown command|Failure\b|Failed\b|Bad |cmd: "
    r"|Can't find service|[A-Za-z0-9_.$]+(Exception|Error)\b"
)
_FLAGS = re.compile(r"[0-9a-f]{1,8}")
_ID = re.compile(r"[0-9]{1,9}")
_AFTER_USER = re.compile(r"[ a-z()]*")
_DENIALS = ("SecurityException", "Security exception")


class ListedPackage(Value, frozen=True):
    """One line of ``pm list packages``."""

    name: str
    path: str | None
    version_code: int | None
    installer: str | None
    uids: tuple[int, ...]
    """One per user that has the package, where several users were asked for at once."""


class PackageListing(Value, frozen=True):
    """All that ``pm list packages`` printed."""

    packages: tuple[ListedPackage, ...]
    errors: tuple[str, ...]
    """Lines in which the phone says that it failed, or refused."""
    odd: tuple[str, ...]
    """Lines not understood, the first of them, each cut short."""
    odd_count: int
    """How many lines were not understood."""


class User(Value, frozen=True):
    """One user of a phone, or one of their profiles."""

    id: int
    name: str
    flags: int
    running: bool

    @property
    def managed_profile(self) -> bool:
        """Whether it is a work profile (or one that acts as such, as Samsung's Secure Folder does)."""
        return bool(self.flags & FLAG_MANAGED_PROFILE)


class UserListing(Value, frozen=True):
    """All that ``pm list users`` printed."""

    users: tuple[User, ...]
    errors: tuple[str, ...]
    odd: tuple[str, ...]
    odd_count: int


def parse_packages(text: str) -> PackageListing:
    """The packages, errors and other lines that ``pm list packages`` printed, whatever its flags were."""
    packages, errors, odd = [], Noted(), Noted()
    for line in lines_of(text):
        if line.startswith(_PACKAGE):
            package = _package(line[len(_PACKAGE) :]) if len(line) < MAX_LINE else None
            if package is not None:
                packages.append(package)
            else:
                odd.add(line)
        else:
            _note(line, errors, odd)
    return PackageListing(tuple(packages), errors.kept(), odd.kept(), odd.count)


def parse_users(text: str) -> UserListing:
    """The users that ``pm list users`` printed; of two with one id, the first."""
    users: dict[int, User] = {}
    errors, odd = Noted(), Noted()
    for line in lines_of(text):
        entry = line.strip()
        if entry.startswith(_USER):
            user = _user(entry[len(_USER) :])
            if user is not None and user.id not in users:
                users[user.id] = user
            else:
                odd.add(line)
        elif entry != "Users:":
            _note(line, errors, odd)
    return UserListing(tuple(users.values()), errors.kept(), odd.kept(), odd.count)


def why_denied(text: str) -> str | None:
    """What the phone said when it refused to list a user, without Java's class names; null where it did not refuse."""
    for line in lines_of(text):
        if line.startswith(_PACKAGE):
            continue
        for denial in _DENIALS:
            at = line.find(denial)
            if at >= 0:
                return line[at + len(denial) :].strip(" :\t")[:MAX_SHOWN] or denial
    return None


def _note(line: str, errors: Noted, odd: Noted) -> None:
    if _ERROR.match(line[:MAX_SHOWN].lstrip()) and not errors.full:
        errors.add(line)
    elif line.strip():
        odd.add(line)


def _package(rest: str) -> ListedPackage | None:
    tails, rest = _cut_tails(rest)
    path, equals, name = rest.rpartition("=")
    if not is_package_name(name) or (equals and path not in {"", "null"} and not path.startswith("/")):
        return None
    return ListedPackage(
        name,
        unless_null(path),
        number(tails.get("versionCode:")),
        unless_null(tails.get("installer=", "")),
        tuple(int(uid) for uid in tails.get("uid:", "").split(",") if uid),
    )


def _cut_tails(rest: str) -> tuple[dict[str, str], str]:
    """What follows the name, and what is left; each tail once, so a look-alike inside the path stays there."""
    tails: dict[str, str] = {}
    while True:
        head, _, token = rest.rpartition(" ")
        for key, values in _TAILS.items():
            if token.startswith(key) and key not in tails and values.fullmatch(token, len(key)):
                tails[key] = token[len(key) :]
                break
        else:
            return tails, rest
        rest = head.removesuffix(" ") if key == "installer=" else head


def _user(entry: str) -> User | None:
    number_text, _, rest = entry.partition(":")
    inside, brace, after = rest.rpartition("}")
    name, colon, flags = inside.rpartition(":")
    if not (brace and colon and _ID.fullmatch(number_text) and _FLAGS.fullmatch(flags)):
        return None
    if not _AFTER_USER.fullmatch(after):
        return None
    return User(int(number_text), name, int(flags, 16), "running" in after.split())
