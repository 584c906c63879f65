"""Rows of CSV and its kin, RFC 4180 and what is made of it: other delimiters, ragged rows, quotes never closed.

A quote that is not closed costs its own row and no more: the lines behind it are read as if it were not there.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from scanner.sources.inventories.columns import SAMPLE, Layout, cell_at, is_dotted, lay_out

DELIMITERS = ("\t", ";", ",", "|")
MAX_ROW_LINES = 20
"""Lines of one row whose quoted cells hold line feeds."""
MAX_ROW = 1 << 20
"""Characters of such a row."""
_UNCLOSED = "unexpected end of data"

Numbered = Iterator[tuple[int, str]]


class Table:
    """How a text is to be read as a table."""

    def __init__(self, delimiter: str, layout: Layout | None, rows: Sequence[Sequence[str]], after: int) -> None:
        self.delimiter = delimiter
        self.layout = layout
        self.width = len(rows[layout.header]) if layout and layout.header is not None else 0
        """Columns that there are titles for; 0 where there are none."""
        place = layout.columns.get("package") if layout else None
        self.shown = place is not None and any(is_dotted(cell_at(row, place)) for row in rows)
        """Whether there are package names where they are expected."""
        below = rows if layout is None or layout.header is None else rows[layout.header + 1 :]
        self.belied = place is not None and not self.shown and any(cell_at(row, place) for row in below)
        """Whether there is something else instead."""
        self.cells = sum(map(len, rows))
        self.after = after
        """The line of the titles, or of whatever else comes before the first row."""


def understand(lines: Sequence[str], wanted: Mapping[str, str] | None) -> Table:
    """The delimiter and columns of a table that begins with these lines."""
    first = lines[0].strip().lower() if lines else ""
    told = first.removeprefix("sep=") if first.startswith("sep=") and len(first) == len("sep=;") else ""
    tables = [_table(lines, delimiter, wanted, bool(told)) for delimiter in (told or DELIMITERS)]
    return max(tables, key=_fit)


def sample_of(lines: Numbered) -> list[str]:
    """The first lines of a table, enough to understand it."""
    return [line for _, line in islice(lines, SAMPLE)]


def rows_of(lines: Numbered, delimiter: str, width: int) -> Iterator[tuple[int, list[str] | str]]:
    """Each row with the number of its first line; what could not be read as one is a reason in its place."""
    waiting: deque[tuple[int, str]] = deque()
    while True:
        number, line = waiting.popleft() if waiting else next(lines, (0, ""))
        if not line:
            return
        if "\0" in line:
            yield number, "it holds a NUL byte"
        elif '"' not in line:
            yield number, line.rstrip("\n").split(delimiter)
        else:
            cells = _cells(line, delimiter)
            yield number, _joined(line, lines, waiting, delimiter, width) if cells == _UNCLOSED else cells


def _joined(line: str, lines: Numbered, waiting: deque[tuple[int, str]], delimiter: str, width: int) -> list[str] | str:
    """The row that goes on behind a line feed; where it never ends well, the lines are put back."""
    whole, taken = line, list[tuple[int, str]]()
    while len(taken) < MAX_ROW_LINES and len(whole) < MAX_ROW:
        one = waiting.popleft() if waiting else next(lines, None)
        if one is None:
            break
        taken.append(one)
        whole += one[1]
        if '"' in one[1] and "\0" not in one[1]:
            cells = _cells(whole, delimiter)
            if isinstance(cells, list) and (not width or len(cells) == width):
                return cells
            if cells != _UNCLOSED:
                break  # no line behind it can mend that
    waiting.extendleft(reversed(taken))
    return "a quote is never closed"


def _cells(text: str, delimiter: str) -> list[str] | str:
    """The cells of one row, or what is wrong with it."""
    try:
        rows = list(csv.reader([text], delimiter=delimiter, strict=True))
    except csv.Error as error:
        return str(error)
    return rows[0] if len(rows) == 1 else "it is more than one row"


def _table(lines: Sequence[str], delimiter: str, wanted: Mapping[str, str] | None, told: bool) -> Table:
    reader = csv.reader(lines[told:], delimiter=delimiter)
    rows, ends = list[list[str]](), list[int]()
    try:
        for row in reader:
            rows.append(row)
            ends.append(reader.line_num + told)
    except csv.Error:
        pass  # the rows before it are enough to tell
    layout = lay_out(rows, wanted)
    header = layout.header if layout else None
    return Table(delimiter, layout, rows, int(told) if header is None else ends[header])


def _fit(table: Table) -> tuple[int, bool, int]:
    return len(table.layout.columns) if table.layout else -1, table.shown, table.cells
