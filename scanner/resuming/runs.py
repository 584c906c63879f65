"""A file of rows, line by line: which lines belong together, and which are damaged. No row is decoded in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

import msgspec

from scanner.model import SCHEMA_VERSION
from scanner.resuming.stamping import parsed

LONGEST = 64 << 20
"""Largest row that is read, in bytes; a longer line is no row of ours."""
MAX_SOURCES = 1000
"""Sources of which rows without a stamp are counted."""
BEGINS = (b'{"type":"app","schema":', b'{"type":"unread","schema":', b'{"type":"summary","schema":')


class Run(NamedTuple):
    """All rows of one candidate, one behind the other."""

    content: str
    """The part of their stamp that is of what was read."""
    start: int
    """Where the first of them begins, in bytes."""
    length: int
    others: int
    """Files in it that are no APKs."""


class _Line(msgspec.Struct):
    """What must be known of a row to place it."""

    type: str
    schema: int
    source: str = ""
    stamp: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


class Rows:
    """The rows of one file. Iterate `runs` once, then ask for the rest."""

    def __init__(self, file: BinaryIO, choices: str) -> None:
        self._file, self._choices = file, choices
        self.foreign = 0
        """Apps that were read by other signatures or options, by another version, or without a stamp."""
        self.unstamped: Counter[str] = Counter()
        """Of these, those that no stamp can be of, such as apps on phones, by their source."""
        self.damaged = 0
        """Lines that are no rows: torn, or never written."""
        self.newest = 0
        """The newest ``schema`` of a row."""

    def runs(self) -> Iterator[Run]:
        """Each candidate that was read whole by the same choices."""
        content, start, count = "", 0, 0
        for offset, length, line in self._lines():
            stamp = parsed(line.stamp) if line is not None and line.type == "app" else None
            if line is not None and line.type == "app" and (stamp is None or stamp.choices != self._choices):
                self._count_foreign(line)
                stamp = None
            if stamp is None:
                content = ""
                continue
            if stamp.content != content:
                content, start, count = stamp.content, offset, 0
            count += 1
            if stamp.rows:
                if stamp.rows == count:
                    yield Run(content, start, offset + length - start, stamp.others)
                content = ""

    def _count_foreign(self, line: _Line) -> None:
        self.foreign += 1
        if line.stamp is None and (line.source in self.unstamped or len(self.unstamped) < MAX_SOURCES):
            self.unstamped[line.source] += 1

    def _lines(self) -> Iterator[tuple[int, int, _Line | None]]:
        """Offset, length and content of each line; None for one that is no row."""
        self._file.seek(0)
        offset = 0
        while text := self._file.readline(LONGEST):
            said = text.lstrip(b"\0")  # a power cut leaves zeros where rows were on their way to the disk
            line = _line(said)
            self.damaged += len(said) < len(text) or (line is None and bool(said.strip()))
            self.newest = max(self.newest, line.schema if line is not None else 0)
            offset += len(text)
            yield offset - len(said), len(said), line


def _line(text: bytes) -> _Line | None:
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def why_not_ours(head: bytes) -> str | None:
    """Why a file that begins so is not to be continued: another program's, or another form; None where it may be.

    A first row that is torn, and what a power cut leaves of one, are ours.
    """
    begun = head.lstrip(b"\0")
    if not begun.strip():
        return None
    if begun.startswith(b'{"rows": ['):
        return "holds rows as -o json, which cannot be continued: name another file"
    first, newline, _ = begun.partition(b"\n")
    line = _line(first)
    if line is not None and line.type in {"app", "unread", "summary"}:
        if line.schema > SCHEMA_VERSION:
            return f"its rows are of schema {line.schema}, this version writes {SCHEMA_VERSION}: use a newer one"
        return None
    if any(first.startswith(begin[: len(first)]) for begin in BEGINS) or first.startswith(BEGINS):
        return None
    del newline
    return "holds no rows that app-scanner saved with -o jsonl: name another file, or remove it"
