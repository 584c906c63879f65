"""Where many saved scans wait to be told as one history: a temporary SQLite file, ordered by place and moment.

Of what is clear only that its place was looked at is kept, so the file grows with the findings and not with the apps.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from scanner.comparing.apps import App, key_of, known_of, place_of
from scanner.comparing.differing import seen
from scanner.comparing.unseen import Holes, holes_of
from scanner.model import AppRow, UnreadRow
from scanner.tables import Tables

_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE looks (place TEXT, moment TEXT, scan INTEGER, PRIMARY KEY (place, moment)) WITHOUT ROWID;
CREATE TABLE sources (place TEXT, scan INTEGER, source TEXT, PRIMARY KEY (place, scan, source)) WITHOUT ROWID;
CREATE TABLE sightings (place TEXT, key TEXT, moment TEXT, known BLOB, said BLOB,
    PRIMARY KEY (place, key, moment)) WITHOUT ROWID;
CREATE TABLE holes (scan INTEGER, source TEXT, what TEXT, which TEXT, reason TEXT);
CREATE TABLE broken (scan INTEGER PRIMARY KEY, reason TEXT);
CREATE INDEX holes_by_scan ON holes (scan, source);
"""
_HOLES = """
    SELECT what, which, reason, holes.source FROM holes JOIN sources USING (scan, source)
    WHERE sources.place = ? AND scan = ? ORDER BY holes.rowid
"""
_NEVER_READ = """
    SELECT DISTINCT what, which, reason FROM holes
    WHERE what IN ('device', 'source') AND source NOT IN (SELECT source FROM sources) ORDER BY which
"""


class Look(NamedTuple):
    """One scan of one place."""

    moment: str
    scan: int


class Timeline:
    """Takes the rows of any number of scans, and gives them place by place. To be closed."""

    def __init__(self) -> None:
        self._base = Tables(_SCHEMA)
        self._base.execute("BEGIN")
        self._met: tuple[str, str, int, str] | None = None
        self._encode = msgspec.msgpack.Encoder().encode

    def close(self) -> None:
        """Remove the temporary file."""
        self._base.close()

    def add(self, row: AppRow, scan: int) -> None:
        """Take one app of a scan. Two scans of one place at one moment are one look: a file that was copied."""
        place = place_of(row)
        if (place, row.scanned_at, scan, row.source) != self._met:
            self._met = place, row.scanned_at, scan, row.source
            self._base.execute("INSERT OR IGNORE INTO looks VALUES (?, ?, ?)", (place, row.scanned_at, scan))
            self._base.execute("INSERT OR IGNORE INTO sources VALUES (?, ?, ?)", (place, scan, row.source))
        if row.findings:
            values = place, key_of(row), row.scanned_at, self._encode(known_of(row)), self._encode(seen(row))
            self._base.execute("INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)", values)

    def add_hole(self, row: UnreadRow, scan: int) -> None:
        """Take what a scan could not read."""
        values = scan, row.source, row.what, row.which, row.reason
        self._base.execute("INSERT INTO holes VALUES (?, ?, ?, ?, ?)", values)

    def add_broken(self, scans: range, reason: str) -> None:
        """Any app may be missing in these scans."""
        self._base.executemany("INSERT OR IGNORE INTO broken VALUES (?, ?)", ((scan, reason) for scan in scans))

    def places(self) -> Iterator[str]:
        """Every place that was ever read."""
        for (place,) in self._base.execute("SELECT DISTINCT place FROM looks ORDER BY place"):
            yield place

    def looks(self, place: str) -> list[Look]:
        """Every look at a place, the oldest first."""
        found = self._base.execute("SELECT moment, scan FROM looks WHERE place = ? ORDER BY moment", (place,))
        return [Look(*one) for one in found]

    def sightings(self, place: str) -> Iterator[tuple[str, App]]:
        """Moment and app of everything with findings that was seen in a place, ordered by app and moment."""
        order = "SELECT moment, place, key, known, said FROM sightings WHERE place = ? ORDER BY key, moment"
        for moment, *app in self._base.execute(order, (place,)):
            yield moment, App("new", *app)

    def holes(self, place: str, scan: int) -> Holes:
        """What a scan did not see of a place."""
        broken = self._base.execute("SELECT reason FROM broken WHERE scan = ?", (scan,)).fetchone()
        return holes_of(place, self._base.execute(_HOLES, (place, scan)), broken and broken[0])

    def never_read(self) -> Iterator[tuple[str, str, str]]:
        """What, which and why of phones and sources that no scan could read."""
        yield from self._base.execute(_NEVER_READ)
