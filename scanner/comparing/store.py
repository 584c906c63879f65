"""Where two saved scans wait to be compared: a temporary SQLite file, ordered by place and app.

A place is a phone, by its serial, or a source of files, by its SPEC.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from scanner.comparing.differing import seen
from scanner.model import AppRow, Device, UnreadRow, Value
from scanner.model.comparison import Seen, Side
from scanner.sources import is_phone

BATCH = 5_000
"""Apps written at once."""
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE apps (side TEXT, place TEXT, key TEXT, scan INTEGER, number INTEGER, known BLOB, said BLOB);
CREATE TABLE places (place TEXT, side TEXT, scan INTEGER, apps INTEGER, PRIMARY KEY (place, side)) WITHOUT ROWID;
CREATE TABLE sources (place TEXT, source TEXT, PRIMARY KEY (place, source)) WITHOUT ROWID;
CREATE TABLE holes (side TEXT, source TEXT, what TEXT, which TEXT, reason TEXT, scan INTEGER);
CREATE INDEX holes_by_source ON holes (side, source);
"""
_MET = """
    INSERT INTO places VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET
    apps = CASE WHEN excluded.scan > scan THEN excluded.apps ELSE apps + excluded.apps END, scan = excluded.scan
"""
_ORDERED = """
    SELECT apps.side, apps.place, apps.key, known, said FROM apps
    JOIN places ON places.side = apps.side AND places.place = apps.place AND places.scan = apps.scan
    ORDER BY apps.place, apps.key, apps.side, apps.number
"""
_HOLES = """
    SELECT what, which, reason, holes.source FROM holes JOIN sources ON sources.source = holes.source
    LEFT JOIN places ON places.side = holes.side AND places.place = sources.place
    WHERE holes.side = ? AND sources.place = ? AND holes.scan >= coalesce(places.scan, 0) ORDER BY holes.rowid
"""
_HARMLESS = frozenset({("listing", "getprop"), ("listing", "dumpsys package")})
"""Holes of a phone that hide no app: what it did not say of apps that it listed."""
_IN_FILES = frozenset({"file", "folder", "archive", "link"})
_NUMBER = re.compile(r"(?:user )?(\d+)\b")


class Known(Value, frozen=True):
    """Which app it is."""

    source: str
    device: Device | None
    package_name: str | None
    copy: Literal["active", "factory"]
    location: str


class App(NamedTuple):
    """One app as one scan saw it."""

    side: Side
    place: str
    key: str
    known: bytes
    """`Known`, encoded."""
    said: bytes
    """`Seen`, encoded: equal bytes say the same."""

    def which(self) -> Known:
        """Which app it is."""
        return _decode_known(self.known)

    def seen(self) -> Seen:
        """What was said of it."""
        return _decode_seen(self.said)


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


class Store:
    """Takes the rows of both scans in any order, and gives them app by app."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="app-scanner-")
        self._base = sqlite3.connect(Path(self._folder.name) / "scans.sqlite", isolation_level=None)
        self._base.executescript(_SCHEMA)
        self._waiting: list[tuple[object, ...]] = []
        self._number = self._met_apps = 0
        self._met: tuple[str, Side, int, str] | None = None
        self._encode = msgspec.msgpack.Encoder().encode

    def close(self) -> None:
        """Remove the temporary file."""
        self._base.close()
        self._folder.cleanup()

    def add(self, side: Side, row: AppRow, scan: int) -> None:
        """Take one app of the ``scan``-th scan of a side."""
        self._number += 1
        place = row.device.serial.casefold() if row.device is not None else f"\n{row.source}"
        if (place, side, scan, row.source) != self._met:
            self._meet()
            self._met = place, side, scan, row.source
        self._met_apps += 1
        known = Known(row.source, row.device, row.package_name, row.copy, row.location)
        said = self._encode(seen(row))
        self._waiting.append((side, place, _key(row), scan, self._number, self._encode(known), said))
        if len(self._waiting) >= BATCH:
            self._flush()

    def add_hole(self, side: Side, row: UnreadRow, scan: int) -> None:
        """Take what a scan could not read."""
        values = (side, row.source, row.what, row.which, row.reason, scan)
        self._base.execute("INSERT INTO holes VALUES (?, ?, ?, ?, ?, ?)", values)

    def apps(self) -> Iterator[App]:
        """The apps of the last scan of each place, ordered by place, app and side."""
        self._meet()
        self._flush()
        return map(App._make, self._base.execute(_ORDERED))

    def sides(self, place: str) -> dict[Side, int]:
        """Which sides saw the place, and how many apps each saw there."""
        return dict(self._base.execute("SELECT side, apps FROM places WHERE place = ?", (place,)))

    def holes(self, side: Side, place: str, broken: str | None) -> Holes:
        """What a side did not see of a place; ``broken`` is why it may miss anything."""
        found = Holes(broken, {}, {})
        on_device = not place.startswith("\n")
        for what, which, reason, source in self._base.execute(_HOLES, (side, place)):
            user = _NUMBER.match(which.removeprefix(f"{source}: ")) if what == "user" else None
            if user is not None:
                found.users.setdefault(int(user[1]), reason)
            elif what in _IN_FILES:
                found.locations.setdefault(which, reason)
            elif found.whole is None and not _is_harmless(what, which, source, on_device=on_device):
                found = found._replace(whole=f"{what} {which}: {reason}")
        return found

    def _meet(self) -> None:
        """Note the place that apps came from until now."""
        if self._met is not None:
            place, side, scan, source = self._met
            self._base.execute(_MET, (place, side, scan, self._met_apps))
            self._base.execute("INSERT OR IGNORE INTO sources VALUES (?, ?)", (place, source))
        self._met, self._met_apps = None, 0

    def _flush(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO apps VALUES (?, ?, ?, ?, ?, ?, ?)", self._waiting)
        self._base.execute("COMMIT")
        self._waiting.clear()


def _key(row: AppRow) -> str:
    """What makes two rows of one place the same app: on a phone its name, in files where it lies as well."""
    if row.device is None:
        return f"{row.location}\n{row.package_name or ''}"
    return f"{row.package_name or chr(10) + (row.label or row.location)}\n{row.copy}"


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


_decode_known = msgspec.msgpack.Decoder(Known).decode
_decode_seen = msgspec.msgpack.Decoder(Seen).decode
