"""Tables that are too large for memory: an SQLite file of their own, which goes when they are closed.

It lies where temporary files do (``TMPDIR``). A disk that is full there ends the run with one line: rows that could
not be kept must not be missed in silence.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from scanner.errors import OutputError

FILE = "tables.sqlite"


class Rows(sqlite3.Cursor):
    """The rows of a query. Sorting them may need the disk, too: raises `OutputError` as `Tables` does."""

    def __next__(self) -> Any:  # noqa: ANN401 - sqlite3's rows have no types
        try:
            return super().__next__()
        except sqlite3.Error as error:
            raise _told(error) from error

    def fetchone(self) -> Any:  # noqa: ANN401 - the same
        """See `sqlite3.Cursor.fetchone`."""
        with _mapped():
            return super().fetchone()

    def fetchall(self) -> list[Any]:
        """See `sqlite3.Cursor.fetchall`."""
        with _mapped():
            return super().fetchall()


class Tables:
    """See the module. Not safe to share between threads. Every method raises `OutputError` where the disk fails."""

    def __init__(self, schema: str) -> None:
        with _mapped():
            self._folder = tempfile.TemporaryDirectory(prefix="app-scanner-")
            self._base = sqlite3.connect(Path(self._folder.name) / FILE, isolation_level=None)
            self._base.executescript(schema)

    def execute(self, statement: str, values: Sequence[object] = ()) -> Rows:
        """The rows of one statement."""
        with _mapped():
            return self._base.cursor(Rows).execute(statement, values)

    def executemany(self, statement: str, values: Iterable[Sequence[object]]) -> None:
        """One statement for each of several values."""
        with _mapped():
            self._base.executemany(statement, values)

    def close(self) -> None:
        """Remove the file."""
        self._base.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise _told(error) from error


def _told(error: Exception) -> OutputError:
    why = getattr(error, "strerror", None) or error
    return OutputError(f"the temporary files cannot be written ({why}): is the disk full? Set TMPDIR to another folder")
