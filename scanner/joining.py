"""Several inventories of one fleet: what each says of one app on one device, joined into one value.

Everything goes through a temporary SQLite file, so memory stays flat however large the exports are. The strongest
statement on the certificate counts; where inventories contradict each other, the joined value says so.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self, TypeVar

import msgspec

from scanner.certificate import same_certificate
from scanner.model import Assurance, Device, Installed, Stated, UserState, printable
from scanner.tables import Tables

Known = TypeVar("Known")
BATCH = 5_000
"""Apps written at once."""
SHORTEST_SERIAL = 5
"""Characters of a device's name that may be recognised in a file's name."""
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE apps (device TEXT, name TEXT, title TEXT, copy TEXT, number INTEGER, app BLOB);
CREATE TABLE devices (device TEXT PRIMARY KEY, said BLOB) WITHOUT ROWID;
CREATE TABLE unnamed (path TEXT PRIMARY KEY) WITHOUT ROWID;
"""
_INSERT = "INSERT INTO apps VALUES (?, ?, ?, ?, ?, ?)"
_NAMED_AS = """
    UPDATE apps SET name = coalesce((
        SELECT min(other.name) FROM apps AS other
        WHERE other.device = apps.device AND other.title = apps.title AND other.name != ''
        HAVING count(DISTINCT other.name) = 1
    ), '') WHERE name = ''
"""
"""An app of which only the title is known is the one app of that title on that device, where there is one."""
_ORDERED = "SELECT device, name, CASE name WHEN '' THEN title END, copy, app FROM apps ORDER BY 1, 2, 3, 4, number"
_FILLED = ("version_code", "version_name", "min_sdk", "target_sdk", "installer", "system", "title", "file_sha256")
"""What a weaker statement may add where the strongest leaves it out; so may those below, which may be empty."""
_LISTED = ("splits", "hashes", "past_hashes")
_HINT = Assurance.HINT
_ORDER = {assurance: place for place, assurance in enumerate(Assurance)}


class Joining:
    """Takes apps in any order, and gives each app of each device once, ordered by device and name."""

    def __init__(self) -> None:
        self._base = Tables(_SCHEMA)
        self._waiting: list[tuple[str, str, str | None, str, int, bytes]] = []
        self._seen: set[str] = set()
        self._number = 0
        self._untitled = True
        self._told: dict[str, Device] = {}
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Installed).decode

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file."""
        self._base.close()

    def add(self, app: Installed) -> None:
        """Take one app."""
        self._number += 1
        serial = app.device.serial if app.device is not None else app.where
        device = serial.casefold() or f"\n{self._number}"  # of no device that is named: joined with nothing
        if device not in self._seen:
            self._meet(device, app)
        title = app.title.casefold() if app.title else None
        self._untitled = self._untitled and bool(app.package_name)
        self._waiting.append((device, app.package_name, title, app.copy, self._number, self._encode(app)))
        if len(self._waiting) >= BATCH:
            self._flush()

    def name_devices(self) -> Iterator[tuple[str, str]]:
        """Path and serial of each inventory that names no device, but whose own name does, as others name it.

        To be asked once, when all apps were taken; from then on these count as that device.
        """
        self._flush()
        for (path,) in self._base.execute("SELECT path FROM unnamed ORDER BY path").fetchall():
            serials = list(self._serials_in(path))
            if len(serials) == 1:
                device, said = serials[0]
                self._base.execute("UPDATE apps SET device = ? WHERE device = ?", (device, path.casefold()))
                self._told[device] = said
                yield path, said.serial

    def apps(self) -> Iterator[Installed]:
        """Each app of each device, once."""
        self._flush()
        if not self._untitled:
            self._base.execute("CREATE INDEX titles ON apps (device, title)")
            self._base.execute(_NAMED_AS)
        for key, rows in groupby(self._base.execute(_ORDERED), itemgetter(0, 1, 2, 3)):
            yield self._known(key[0], joined([self._decode(row[4]) for row in rows]))

    def _known(self, device: str, app: Installed) -> Installed:
        """The app on the device as others name it, where its own inventory did not."""
        if device not in self._told or not _is_unnamed(app):
            return app
        return msgspec.structs.replace(app, device=self._told[device])

    def _meet(self, device: str, app: Installed) -> None:
        """A device is seen for the first time, or again where there are very many."""
        if len(self._seen) >= BATCH:
            self._seen.clear()
        self._seen.add(device)
        if app.device is None:
            return
        if _is_unnamed(app):
            self._base.execute("INSERT OR IGNORE INTO unnamed VALUES (?)", (app.device.serial,))
        else:
            self._base.execute("INSERT OR IGNORE INTO devices VALUES (?, ?)", (device, self._encode(app.device)))

    def _serials_in(self, path: str) -> Iterator[tuple[str, Device]]:
        """The devices that a path's last two parts name."""
        parts = PurePosixPath(path.casefold().replace("!/", "/")).parts[-2:]
        words = {word for part in parts for word in (part, part.partition(".")[0], *re.split(r"[^0-9a-z]+", part))}
        for word in sorted(words):
            if len(word) >= SHORTEST_SERIAL:
                for device, said in self._base.execute("SELECT device, said FROM devices WHERE device = ?", (word,)):
                    yield device, msgspec.msgpack.decode(said, type=Device)

    def _flush(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany(_INSERT, self._waiting)
        self._base.execute("COMMIT")
        self._waiting.clear()


def _is_unnamed(app: Installed) -> bool:
    """Whether the inventory names no device: readers put its own name in that place, which starts with the SPEC."""
    if app.device is None:
        return False
    source = printable(app.source).rstrip("/")
    return app.device.serial == source or app.device.serial.startswith((f"{source}!/", f"{source}/", f"{source}:"))


def joined(apps: list[Installed]) -> Installed:
    """One app as several inventories see it. What the strongest says counts, the others fill what it leaves out."""
    if len(apps) == 1:
        return apps[0]
    ordered = sorted(apps, key=_strength)
    best = ordered[0]
    also = dict.fromkeys(map(_place, ordered[1:]))
    return msgspec.structs.replace(
        best,
        device=next((one.device for one in ordered if not _is_unnamed(one)), best.device),
        package_name=next((one.package_name for one in ordered if one.package_name), ""),
        users=_users(ordered),
        **{name: _first(ordered, name) for name in _FILLED if getattr(best, name) is None},
        **{name: _first(ordered, name) or () for name in _LISTED if not getattr(best, name)},
        earlier=None,
        also_stated=tuple(_others_stated(ordered)),
        also_in=tuple(also),
        contradictions=tuple(dict.fromkeys(_contradictions(ordered))),
    )


def _others_stated(apps: list[Installed]) -> Iterator[Stated]:
    """What the others state of the certificate, each thing once."""
    said = {apps[0].stated}
    for app in apps[1:]:
        if app.stated is not None and app.stated not in said:
            said.add(app.stated)
            yield app.stated


def _first(apps: list[Installed], name: str) -> object:
    """The first that is known, and is not empty."""
    return next((known for app in apps if (known := getattr(app, name)) not in (None, (), "")), None)


def _strength(app: Installed) -> int:
    """0 for the best evidence of the certificate."""
    if app.stated is not None:
        return _ORDER[app.stated.assurance]
    return _ORDER[_HINT] if app.hashes else len(_ORDER)


def _users(apps: list[Installed]) -> tuple[UserState, ...]:
    known = {user.id: user for app in reversed(apps) for user in app.users}
    return tuple(known[number] for number in sorted(known))


def _contradictions(apps: list[Installed]) -> Iterator[str]:
    """Where inventories cannot all be right of one moment. They may be of different days: then each was."""
    for one, other in _differing(apps, lambda app: app.version_code):
        yield f"version-code: {one.version_code}, but {_place(other)} says {other.version_code}"
    for one, other in _differing(apps, lambda app: app.file_sha256):
        yield f"file-sha256: {one.file_sha256}, but {_place(other)} says {other.file_sha256}"
    for one, other in _differing(apps, lambda app: _presence(app) if app.users else None):
        yield f"state: {_presence(one)}, but {_place(other)} says {_presence(other)}"
    for _, other in _differing(apps, lambda app: app.stated, _agree):
        yield f"certificate: {_place(other)} states another one ({other.stated.origin if other.stated else ''})"
    for one, other in _differing(apps, lambda app: {*app.hashes, *app.past_hashes}, _overlap):
        yield f"certificate-hash: {', '.join(one.hashes)}, but {_place(other)} says {', '.join(other.hashes)}"


def _differing(
    apps: list[Installed], value: Callable[[Installed], Known], same: Callable[[Known, Known], bool] = operator.eq
) -> Iterator[tuple[Installed, Installed]]:
    """The first app of which something is known, with each other one of which something else is."""
    known = [app for app in apps if value(app) not in (None, set())]
    return ((known[0], other) for other in known[1:] if not same(value(known[0]), value(other)))


def _overlap(one: set[str], other: set[str]) -> bool:
    return not one.isdisjoint(other)


def _place(app: Installed) -> str:
    return app.where or app.source


def _presence(app: Installed) -> str:
    return "installed" if app.present else "not installed"


def _agree(one: Stated | None, other: Stated | None) -> bool:
    """Whether the two can be of one app: a digest of a kind that only one of them has contradicts nothing."""
    if one is None or other is None or one.signers == other.signers:
        return True
    kinds = ("sha256", "sha1", "md5")
    common = [kind for kind in kinds if _has(one, kind) and _has(other, kind)]
    return not common or any(same_certificate(a, b) for a in one.signers for b in other.signers)


def _has(stated: Stated, kind: str) -> bool:
    return any(getattr(certificate, kind) for certificate in stated.signers)
