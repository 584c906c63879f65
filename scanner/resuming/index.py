"""Where the rows of each candidate stand: a temporary SQLite file, so memory stays flat however many there are."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from itertools import islice

import msgspec

from scanner.model import AppRow
from scanner.resuming.runs import Run
from scanner.tables import Tables

BATCH = 5_000
"""Candidates written at once."""
PIECE = 1 << 20
"""Bytes of rows read at once."""
_SCHEMA = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
CREATE TABLE runs (number INTEGER PRIMARY KEY, content BLOB UNIQUE, start INTEGER, length INTEGER, others INTEGER);
"""
_INSERT = "INSERT OR IGNORE INTO runs (content, start, length, others) VALUES (?, ?, ?, ?)"
_COLUMNS = "SELECT number, content, start, length, others FROM runs"


class Index:
    """The candidates whose rows an earlier scan wrote, by the part of their stamps that is of what was read."""

    def __init__(self) -> None:
        self._base = Tables(_SCHEMA)
        self._taken = bytearray()

    def close(self) -> None:
        """Remove the temporary file."""
        self._base.close()

    def add(self, runs: Iterable[Run]) -> None:
        """Take candidates; of one that is known already the first stays."""
        ahead = iter(runs)
        while batch := [(bytes.fromhex(one.content), *one[1:]) for one in islice(ahead, BATCH)]:
            self._base.execute("BEGIN")
            self._base.executemany(_INSERT, batch)
            self._base.execute("COMMIT")
        self._taken.extend(bytes(self._last() + 1 - len(self._taken)))

    def __len__(self) -> int:
        found: tuple[int] = self._base.execute("SELECT count(*) FROM runs").fetchone()
        return found[0]

    def __contains__(self, content: str) -> bool:
        return self.number(content) is not None

    def number(self, content: str) -> int | None:
        """The number of a candidate, where there is one."""
        found = self._base.execute("SELECT number FROM runs WHERE content = ?", (bytes.fromhex(content),)).fetchone()
        return None if found is None else int(found[0])

    def take(self, number: int) -> Run:
        """The candidate of that number, which counts as listed from now on."""
        self._taken[number] = 1
        return _run(self._base.execute(f"{_COLUMNS} WHERE number = ?", (number,)).fetchone()[1:])

    def not_taken(self) -> Iterator[Run]:
        """Candidates that no source listed this time, in the order of the file."""
        for number, *run in self._base.execute(f"{_COLUMNS} ORDER BY start"):
            if not self._taken[number]:
                yield _run(run)

    def _last(self) -> int:
        found: tuple[int | None] = self._base.execute("SELECT max(number) FROM runs").fetchone()
        return found[0] or 0


def _run(row: Iterable[object]) -> Run:
    content, start, length, others = row
    return Run(content.hex(), start, length, others)  # type: ignore[attr-defined,arg-type]


_decode = msgspec.json.Decoder(AppRow).decode


def rows_of(file: int, run: Run) -> Iterator[AppRow]:
    """The rows of a candidate, out of an open file. Raises `msgspec.MsgspecError` or `OSError`."""
    at, end, rest = run.start, run.start + run.length, b""
    while at < end:
        data = os.pread(file, min(PIECE, end - at), at)
        if not data:
            raise OSError("it became shorter")
        at += len(data)
        *lines, rest = (rest + data).split(b"\n")
        yield from map(_decode, lines)
    if rest:
        yield _decode(rest)
