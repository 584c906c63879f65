"""Several inventories of one fleet: what each says of one app on one device, joined into one value.

Everything goes through a temporary SQLite file, so memory stays flat however large the exports are. The strongest
statement on the certificate counts; where inventories contradict each other, the joined value says so.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import msgspec

from scanner.certificate import same_certificate
from scanner.model import Assurance, Installed, Stated, UserState, first_known

BATCH = 5_000
_TABLE = "CREATE TABLE apps (device TEXT, name TEXT, copy TEXT, number INTEGER, app BLOB)"
_ORDERED = "SELECT device, name, copy, app FROM apps ORDER BY device, name, copy, number"


class Joined:
    """Takes apps in any order, and gives each app of each device once, ordered by device and name."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="app-scanner-")
        self._base = sqlite3.connect(Path(self._folder.name) / "apps.sqlite", isolation_level=None)
        self._base.execute("PRAGMA journal_mode = OFF")
        self._base.execute("PRAGMA synchronous = OFF")
        self._base.execute(_TABLE)
        self._waiting: list[tuple[str, str, str, int, bytes]] = []
        self._number = 0
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(Installed).decode

    def add(self, app: Installed) -> None:
        """Take one app."""
        self._number += 1
        device = app.device.serial if app.device is not None else app.where
        name = app.package_name or f"\0{app.title or ''}"
        self._waiting.append((device, name, app.copy, self._number, self._encode(app)))
        if len(self._waiting) >= BATCH:
            self._flush()

    def apps(self) -> Iterator[Installed]:
        """Each app of each device, once."""
        self._flush()
        for _, rows in groupby(self._base.execute(_ORDERED), itemgetter(0, 1, 2)):
            yield joined([self._decode(row[3]) for row in rows])

    def close(self) -> None:
        """Remove the temporary file."""
        self._base.close()
        self._folder.cleanup()

    def _flush(self) -> None:
        self._base.execute("BEGIN")
        self._base.executemany("INSERT INTO apps VALUES (?, ?, ?, ?, ?)", self._waiting)
        self._base.execute("COMMIT")
        self._waiting.clear()


def joined(apps: list[Installed]) -> Installed:
    """One app as several inventories see it. What the strongest says counts, the others fill what it leaves out."""
    if len(apps) == 1:
        return apps[0]
    ordered = sorted(apps, key=_strength)
    result = ordered[0]
    for other in ordered[1:]:
        result = msgspec.structs.replace(
            result,
            users=_users(result.users, other.users),
            version_code=first_known(result.version_code, other.version_code),
            version_name=first_known(result.version_name, other.version_name),
            min_sdk=first_known(result.min_sdk, other.min_sdk),
            target_sdk=first_known(result.target_sdk, other.target_sdk),
            installer=first_known(result.installer, other.installer),
            system=first_known(result.system, other.system),
            splits=result.splits or other.splits,
            hashes=result.hashes or other.hashes,
            past_hashes=result.past_hashes or other.past_hashes,
            title=first_known(result.title, other.title),
            file_sha256=first_known(result.file_sha256, other.file_sha256),
        )
    also = tuple(dict.fromkeys(one.where or one.source for one in ordered[1:]))
    return msgspec.structs.replace(result, also_in=also, contradictions=tuple(_contradictions(ordered)))


def _strength(app: Installed) -> int:
    """0 for the best evidence of the certificate."""
    order = list(Assurance)
    if app.stated is not None:
        return order.index(app.stated.assurance)
    return order.index(Assurance.HINT) if app.hashes else len(order)


def _users(one: tuple[UserState, ...], other: tuple[UserState, ...]) -> tuple[UserState, ...]:
    known = {user.id: user for user in (*other, *one)}
    return tuple(known[number] for number in sorted(known))


def _contradictions(apps: list[Installed]) -> Iterator[str]:
    """Where two inventories cannot both be right of one moment. They may be of different days: then both were."""
    first = apps[0]
    for other in apps[1:]:
        where = other.where or other.source
        if _differ(first.version_code, other.version_code):
            yield f"version-code: {first.version_code}, but {where} says {other.version_code}"
        if _differ(first.file_sha256, other.file_sha256):
            yield f"file-sha256: {first.file_sha256}, but {where} says {other.file_sha256}"
        if first.stated and other.stated and not _agree(first.stated, other.stated):
            yield f"certificate: {where} states another one ({other.stated.origin})"


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _agree(one: Stated, other: Stated) -> bool:
    """Whether the two can be of one app: a digest of a kind that only one of them has contradicts nothing."""
    kinds = ("sha256", "sha1", "md5")
    common = [kind for kind in kinds if _has(one, kind) and _has(other, kind)]
    return not common or any(same_certificate(a, b) for a in one.signers for b in other.signers)


def _has(stated: Stated, kind: str) -> bool:
    return any(getattr(certificate, kind) for certificate in stated.signers)


def all_joined(apps: Iterable[Installed]) -> Iterator[Installed]:
    """The apps joined, and the temporary file removed behind them."""
    store = Joined()
    try:
        for app in apps:
            store.add(app)
        yield from store.apps()
    finally:
        store.close()
