"""How a report is written: one small file for each format. They print; they compute nothing."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Protocol, TextIO

from scanner.model import AppRow, SummaryRow, UnreadRow

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
EXTRAS = {"parquet": ("pyarrow", "parquet")}
"""Name → the library it needs besides, and the extra of this distribution that installs it."""
BINARY = frozenset({"parquet"})
"""Formats that are no text: they write to the bytes beneath the stream."""


class Format(Protocol):
    """One way to write a report. Rows come one by one; the summary comes last, exactly once."""

    def row(self, row: AppRow | UnreadRow) -> None:
        """Write, or keep, one row."""
        ...

    def end(self, summary: SummaryRow) -> None:
        """Write what is left."""
        ...


def new_format(name: str, out: TextIO) -> Format:
    """The format of that name, writing to ``out``."""
    module, attribute = FORMATS[name]
    made: Format = getattr(importlib.import_module(module), attribute)(out)
    return made


def missing_extra(name: str) -> str | None:
    """The extra that would have to be installed before the format can be written."""
    library, extra = EXTRAS.get(name, (None, None))
    return extra if library is not None and importlib.util.find_spec(library) is None else None
