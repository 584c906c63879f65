"""What a scan did not see of a phone or source, and which apps that may hide."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from scanner.comparing.apps import App
from scanner.sources import is_phone

_HARMLESS = frozenset({("listing", "getprop"), ("listing", "dumpsys package")})
"""Holes of a phone that hide no app: what it did not say of apps that it listed."""
_IN_FILES = frozenset({"file", "folder", "archive", "link"})
_NUMBER = re.compile(r"(?:user )?(\d+)\b")


class Holes(NamedTuple):
    """What one scan did not see of one place, each with its reason."""

    whole: str | None
    """Why any app of the place may be missing."""
    users: dict[int, str]
    locations: dict[str, str]

    def over(self, app: App) -> str | None:
        """Why this app may be there, unseen; null where it is not."""
        if self.whole is not None:
            return self.whole
        if self.users:
            users = {user.id for user in app.seen().users}
            if users <= set(self.users):
                return next(why for number, why in self.users.items() if not users or number in users)
        if self.locations:
            return next((self.locations[at] for at in _above(app.which().location) if at in self.locations), None)
        return None


def holes_of(place: str, rows: Iterable[tuple[str, str, str, str]], broken: str | None) -> Holes:
    """The holes of a place: what, which, reason and source of each; ``broken`` is why any app may be missing."""
    found = Holes(broken, {}, {})
    on_device = not place.startswith("\n")
    for what, which, reason, source in rows:
        user = _NUMBER.match(which.removeprefix(f"{source}: ")) if what == "user" else None
        if user is not None:
            found.users.setdefault(int(user[1]), reason)
        elif what in _IN_FILES:
            found.locations.setdefault(which, reason)
        elif found.whole is None and not _is_harmless(what, which, source, on_device=on_device):
            found = found._replace(whole=f"{what} {which}: {reason}")
    return found


def _above(location: str) -> Iterator[str]:
    """The place itself, then every folder and archive around it: ``a/b.zip!/c`` lies in ``a/b.zip`` and in ``a``."""
    yield location
    for slash in reversed([number for number, character in enumerate(location) if character == "/"]):
        yield location[:slash].removesuffix("!")


def _is_harmless(what: str, which: str, source: str, *, on_device: bool) -> bool:
    """Whether a hole hides no app of a place of which apps were read.

    An export in which one device has no apps still lists those of the others; a phone that is lost lists no more.
    """
    if what == "device":
        return not is_phone(source)
    return what == "certificate" or (on_device and is_phone(source) and (what, which) in _HARMLESS)
