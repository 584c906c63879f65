"""Identities that were established before, so that a second look at an unchanged app reads none of its bytes.

An SQLite file in the user's cache folder, shared by as many processes as like. It only ever saves work: whatever goes
wrong with it, the app is read as if there were none. What it holds is keyed on all that changes when an app does, and
what it gives back must still agree with what the phone states today.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from scanner import __version__
from scanner.model import ApkIdentity

FILE = "identities.sqlite"
WAIT_SECONDS = 5.0
MAX_ROWS, KEPT_ROWS = 200_000, 150_000
"""With so many entries none is added any more; at the end all but the newest are forgotten. So a large archive does
not push itself out: of more than fit, the first ones are there the next time."""
COUNT_EVERY = 1000
"""Entries that one process adds between two looks at how many there are."""
_TABLE = "CREATE TABLE IF NOT EXISTS identities (key BLOB PRIMARY KEY, identity BLOB NOT NULL, used INTEGER NOT NULL)"
_TRIM = "DELETE FROM identities WHERE key IN (SELECT key FROM identities ORDER BY used DESC LIMIT -1 OFFSET ?)"

log = logging.getLogger(__name__)


def default_file() -> Path:
    """Where the cache of this user lies."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("app-scanner", appauthor=False)) / FILE


class IdentityCache:
    """See the module. Safe to share between threads; several processes may have the same file open."""

    def __init__(self, file: Path, *, make: bool = True) -> None:
        """``make`` says whether the file may be made where there is none."""
        self._file, self._make = file, make
        self._lock = threading.Lock()
        self._decode = msgspec.msgpack.Decoder(ApkIdentity).decode
        self._connection: sqlite3.Connection | None = None
        self._is_open = self._full = False
        self._put = 0
        self.problem: str | None = None
        """Why there is no cache; null where there is one, or nobody has asked yet."""

    def __reduce__(self) -> tuple[Callable[[Path], IdentityCache], tuple[Path]]:
        """Another process opens the file itself, if there is one: on another machine this path means nothing."""
        return partial(IdentityCache, make=False), (self._file,)

    def open(self) -> None:
        """Open the file, as the first question would."""
        with self._lock:
            if not self._is_open:
                self._is_open = True
                self._connection = self._opened(self._file)

    def get(self, *key: object) -> ApkIdentity | None:
        """The identity under a key, or None."""
        row = self._do("SELECT identity FROM identities WHERE key = ?", (_digest(key),))
        try:
            return self._decode(row[0]) if row else None
        except (msgspec.DecodeError, TypeError) as error:
            log.debug("cache: an entry is of no use: %s", error)
            return None

    def put(self, identity: ApkIdentity, *key: object) -> None:
        """Remember an identity under a key, while there is room: `close` makes some."""
        if self._put % COUNT_EVERY == 0:
            counted = self._do("SELECT count(*) FROM identities", ())
            self._full = counted is not None and int(counted[0]) >= MAX_ROWS
        self._put += 1
        if self._full:
            return
        values = (_digest(key), msgspec.msgpack.encode(identity))
        self._do("INSERT OR REPLACE INTO identities VALUES (?, ?, strftime('%s', 'now'))", values)

    def close(self) -> None:
        """Write what is left, and let go of the file."""
        with self._lock:
            if self._connection is not None:
                try:
                    if self._put:
                        self._connection.execute(_TRIM, (KEPT_ROWS,))
                    self._connection.commit()
                    self._connection.close()
                except sqlite3.Error as error:
                    log.debug("cache: %s", error)
                self._connection = None

    def _opened(self, file: Path) -> sqlite3.Connection | None:
        if not (self._make or file.exists()):
            return None
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            file.touch(mode=0o600)  # before SQLite makes it readable for others, if only for a moment
            connection = sqlite3.connect(file, WAIT_SECONDS, check_same_thread=False, isolation_level=None)
            file.chmod(0o600)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_TABLE)
            return connection
        except (OSError, sqlite3.Error) as error:
            log.debug("cache: %s: %s", file, error)
            why = getattr(error, "strerror", None) or str(error)
            self.problem = f"no cache of identities, everything is read: {file}: {why}"
            return None

    def _do(self, statement: str, values: tuple[object, ...]) -> tuple[Any, ...] | None:
        self.open()
        with self._lock:
            if self._connection is None:
                return None
            try:
                found: tuple[Any, ...] | None = self._connection.execute(statement, values).fetchone()
                return found
            except sqlite3.Error as error:
                log.debug("cache: %s", error)
                return None


def _digest(key: tuple[object, ...]) -> bytes:
    """The key's parts, each with its length, and the version that wrote the entry: none runs into the next."""
    digest = hashlib.sha256()
    for part in (__version__, *key):
        data = repr(part).encode("utf-8", "backslashreplace")
        digest.update(len(data).to_bytes(8, "big") + data)
    return digest.digest()
