"""What the package manager of a phone knows, as the rows that ``bin/pm`` prints from."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.phone.profile import InstalledApp, PhoneProfile

FIELD = "\x1f"
PER_USER = 100_000
LISTED = {"installed", "disabled", "suspended"}
"""States that a listing without ``-u`` shows."""
FIRST_APP, FIRST_SYSTEM = 10_150, 10_010


@dataclass(frozen=True)
class Placed:
    """An app with the place and the number that the phone gave it."""

    app: InstalledApp
    path: str
    app_id: int

    @property
    def folder(self) -> str:
        """Where its files lie."""
        return self.path.rpartition("/")[0]

    def split_path(self, name: str) -> str:
        """Where a split lies."""
        return f"{self.folder}/split_{name}.apk"


def place(profile: PhoneProfile) -> tuple[Placed, ...]:
    """The apps in the order in which the phone lists them: by hash, which is none that a reader may rely on."""
    placed = []
    for number, app in enumerate(profile.packages):
        app_id = app.app_id or (FIRST_SYSTEM if app.system else FIRST_APP) + number
        placed.append(Placed(app, app.path or _usual_path(profile, app), app_id))
    return tuple(sorted(placed, key=lambda one: _digest(one.app.package)))


def _usual_path(profile: PhoneProfile, app: InstalledApp) -> str:
    if app.system and app.factory is None:
        name = app.package.rpartition(".")[2].capitalize()
        return f"/system/app/{name}/{name}.apk"
    if profile.release < 8:
        return f"/data/app/{app.package}-1/base.apk"
    suffix = _random(app.package)
    if profile.release < 11:
        return f"/data/app/{app.package}-{suffix}/base.apk"
    return f"/data/app/~~{_random(app.package + '~')}/{app.package}-{suffix}/base.apk"


def _random(text: str) -> str:
    """22 characters and two ``=``, as the phone draws them."""
    return base64.urlsafe_b64encode(_digest(text)[:16]).decode()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def escaped(text: str) -> str:
    """As mksh's ``print`` gives it back: backslashes doubled, control characters in octal."""
    return "".join(
        "\\\\" if character == "\\" else f"\\0{ord(character):03o}" if ord(character) < 32 else character
        for character in text
    )


def tables(profile: PhoneProfile, placed: tuple[Placed, ...]) -> dict[str, str]:
    """Files below ``/sim`` for the package manager."""
    files = {"users": "".join(f"{line}\n" for line in _users(profile)), "release": _release(profile)}
    for user in profile.users:
        files[f"list/{user.id}"] = _lines(_row(one, [user.id]) for one in placed)
        files[f"paths/{user.id}"] = _lines(_paths(profile, placed, user.id))
    seen = [user.id for user in profile.users if not user.denied]
    files["list/all"] = _lines(_row(one, seen) for one in placed)
    return files


def _lines(rows: Iterator[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _release(profile: PhoneProfile) -> str:
    denied = " ".join(str(user.id) for user in profile.users if user.denied)
    return f"sdk={profile.sdk}\ndenied_users='{denied}'\n"


def _users(profile: PhoneProfile) -> Iterator[str]:
    for user in profile.users:
        yield escaped(f"UserInfo{{{user.id}:{user.name}:{user.flags:x}}} running")


def _row(one: Placed, users: list[int]) -> str:
    """A package as these users have it."""
    app = one.app
    states = {user: app.users.get(user, "uninstalled") for user in users}
    listed = [user for user, state in states.items() if state in LISTED]
    enabled = any(states[user] != "disabled" for user in listed) or not listed
    uids = ",".join(str(user * PER_USER + one.app_id) for user in listed or users)
    factory = (escaped(app.factory.path), str(app.factory.version_code)) if app.factory else ("-", "-")
    fields = ("i" if listed else "u", str(int(app.system)), str(int(enabled)), app.package, escaped(one.path))
    return FIELD.join((*fields, str(app.version_code), app.installer or "null", uids, *factory))


def _paths(profile: PhoneProfile, placed: tuple[Placed, ...], user: int) -> Iterator[str]:
    for one in placed:
        if one.app.users.get(user) in LISTED:
            for path in (one.path, *(one.split_path(name) for name in one.app.splits)):
                yield one.app.package + FIELD + escaped(path)
