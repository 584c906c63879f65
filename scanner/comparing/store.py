"""Where two saved scans wait to be compared: a temporary SQLite file, ordered by place and app.

See `scanner.comparing.apps` for what a place is.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from scanner.comparing.apps import App, key_of, known_of, place_of
from scanner.comparing.differing import seen
from scanner.comparing.unseen import Holes, holes_of
from scanner.model import AppRow, UnreadRow
from scanner.model.comparison import Side
from scanner.tables import Tables

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


class Store:
    """Takes the rows of both scans in any order, and gives them app by app."""

    def __init__(self) -> None:
        self._base = Tables(_SCHEMA)
        self._waiting: list[tuple[object, ...]] = []
        self._number = self._met_apps = 0
        self._met: tuple[str, Side, int, str] | None = None
        self._encode = msgspec.msgpack.Encoder().encode

    def close(self) -> None:
        """Remove the temporary file."""
        self._base.close()

    def add(self, side: Side, row: AppRow, scan: int) -> None:
        """Take one app of the ``scan``-th scan of a side."""
        self._number += 1
        place = place_of(row)
        if (place, side, scan, row.source) != self._met:
            self._meet()
            self._met = place, side, scan, row.source
        self._met_apps += 1
        said = self._encode(seen(row))
        self._waiting.append((side, place, key_of(row), scan, self._number, self._encode(known_of(row)), said))
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
        return holes_of(place, self._base.execute(_HOLES, (side, place)), broken)

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
