"""How a report is written: one small file for each format. They print; they compute nothing."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Protocol, TextIO, TypeVar

from scanner.model import AppRow, SummaryRow, UnreadRow
from scanner.model.comparison import ChangeRow, ComparisonRow, PlaceRow
from scanner.model.history import DayRow, HistoryRow, SightingRow

Item_contra = TypeVar("Item_contra", contravariant=True)
Last_contra = TypeVar("Last_contra", contravariant=True)
NewPart = Callable[[int], AbstractContextManager[BinaryIO]]
FORMATS = {
    "table": ("scanner.formats.table", "TableFormat"),
    "json": ("scanner.formats.jsondocument", "JsonFormat"),
    "jsonl": ("scanner.formats.jsonlines", "JsonLinesFormat"),
    "csv": ("scanner.formats.csvtable", "CsvFormat"),
    "html": ("scanner.formats.html", "HtmlFormat"),
    "sarif": ("scanner.formats.sarif", "SarifFormat"),
    "junit": ("scanner.formats.junit", "JunitFormat"),
    "parquet": ("scanner.formats.parquet", "ParquetFormat"),
    "stix": ("scanner.formats.stix", "StixFormat"),
}
"""Name → module and class; a module is imported when its format is asked for."""
COMPARISON_FORMATS = {
    "table": ("scanner.formats.comparison", "ComparisonTable"),
    "json": FORMATS["json"],
    "jsonl": FORMATS["jsonl"],
}
"""The same for what changed between two scans."""
HISTORY_FORMATS = {
    "table": ("scanner.formats.history", "HistoryTable"),
    "json": FORMATS["json"],
    "jsonl": FORMATS["jsonl"],
    "csv": ("scanner.formats.history", "HistoryCsv"),
}
"""The same for a fleet over time."""
EXTRAS = {"parquet": ("pyarrow", "parquet")}
"""Name → the library it needs besides, and the extra of this distribution that installs it."""
IN_PARTS = {"parquet": ("scanner.formats.parquet", "ParquetParts")}
"""Formats whose report may be of many files."""
BINARY = frozenset({"parquet"})
"""Formats that are no text: they write to the bytes beneath the stream."""


class Writer(Protocol[Item_contra, Last_contra]):
    """Writes rows of one kind. They come one by one; the summary comes last, exactly once."""

    def row(self, row: Item_contra, /) -> None:
        """Write, or keep, one row."""
        ...

    def end(self, summary: Last_contra, /) -> None:
        """Write what is left."""
        ...


class WriterInParts(Writer[Item_contra, Last_contra], Protocol[Item_contra, Last_contra]):
    """One whose report is of many files."""

    def close(self) -> None:
        """Leave a report that does not end."""
        ...


class Format(Writer[AppRow | UnreadRow, SummaryRow], Protocol):
    """One way to write the report of a scan."""


def new_format(name: str, out: TextIO) -> Format:
    """The format of that name, writing to ``out``."""
    made: Format = _class_of(FORMATS[name])(out)
    return made


def new_format_in_parts(name: str, new_part: NewPart) -> WriterInParts[AppRow | UnreadRow, SummaryRow]:
    """The format of that name, writing files that ``new_part`` opens by number."""
    made: WriterInParts[AppRow | UnreadRow, SummaryRow] = _class_of(IN_PARTS[name])(new_part)
    return made


def new_comparison_format(name: str, out: TextIO) -> Writer[ChangeRow | PlaceRow, ComparisonRow]:
    """The format of that name for what changed, writing to ``out``."""
    made: Writer[ChangeRow | PlaceRow, ComparisonRow] = _class_of(COMPARISON_FORMATS[name])(out)
    return made


def new_history_format(name: str, out: TextIO) -> Writer[SightingRow | DayRow, HistoryRow]:
    """The format of that name for a fleet over time, writing to ``out``."""
    made: Writer[SightingRow | DayRow, HistoryRow] = _class_of(HISTORY_FORMATS[name])(out)
    return made


def _class_of(place: tuple[str, str]) -> Any:  # noqa: ANN401 - a class, by its module and name
    return getattr(importlib.import_module(place[0]), place[1])


def missing_extra(name: str) -> str | None:
    """The extra that would have to be installed before the format can be written."""
    library, extra = EXTRAS.get(name, (None, None))
    return extra if library is not None and importlib.util.find_spec(library) is None else None
