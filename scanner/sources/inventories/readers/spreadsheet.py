"""Spreadsheets: ``.xlsx`` through openpyxl, which is an extra. Every sheet that has a column of apps is read.

What unzips to more than a limit is not read: openpyxl holds the shared texts in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from typing import Any
from zipfile import BadZipFile  # which openpyxl lets out; nothing of ours reads through zipfile

from scanner.model import printable
from scanner.sources.inventories.columns import SAMPLE, Layout, lay_out
from scanner.sources.inventories.documents import UNREADABLE, ZipBundle
from scanner.sources.inventories.reading import Bundle, BundleReader, Entry, Gap, Note
from scanner.sources.inventories.tablerows import entries_of

WORKBOOK, CONTENTS = "xl/workbook.xml", "[Content_Types].xml"
SHEETS = "xl/worksheets/"
MAX_SHEET, MAX_OTHER = 4 << 30, 128 << 20
"""Bytes that the sheets and all else may unzip to. `zipfile` reads no more of a member than its directory says."""
MAX_COLUMNS = 1000
"""Columns of a sheet that are looked at."""
BATCH = 500
"""Rows taken at once, so that openpyxl's warnings are silenced while it runs and not elsewhere."""
MISSING = "reading .xlsx needs openpyxl: pip install 'app-inventory-scanner[xlsx]', or save the sheet as CSV"
NO_COLUMN = "no sheet has a column of package names: say which it is with --columns, such as package=2"

Row = tuple[int, list[str]]


def sheet_reader(columns: Mapping[str, str] | None, limit: str) -> BundleReader:
    """The reader of spreadsheets, with columns as named by the user, or guessing them."""
    return BundleReader("xlsx", "a spreadsheet", _is_workbook, lambda bundle, spec: _read(bundle, spec, columns), limit)


def _is_workbook(bundle: Bundle) -> bool:
    return isinstance(bundle, ZipBundle) and set(bundle.names()) >= {WORKBOOK, CONTENTS}


def _read(bundle: Bundle, spec: str, columns: Mapping[str, str] | None) -> Iterator[Entry]:
    if not isinstance(bundle, ZipBundle):
        yield Gap("", "not one file: a spreadsheet is read from its zip", "listing")
        return
    try:
        from openpyxl.reader.excel import load_workbook
    except ImportError:
        yield Gap("", MISSING, "listing")
        return
    sizes = [0, 0]
    for name in bundle.names():
        sizes[name.startswith(SHEETS)] += bundle.size(name)
    if sizes[0] > MAX_OTHER or sizes[1] > MAX_SHEET:
        yield Gap("", f"a spreadsheet of {sum(sizes)} bytes, more than is read: save it as CSV", "listing")
        return
    try:
        with bundle.whole() as stream:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                workbook = load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            yield from _sheets(workbook, bundle.name, spec, columns)
    except (*BROKEN, BadZipFile) as error:
        yield Gap("", f"the spreadsheet is damaged: {printable(str(error)) or type(error).__name__}", "listing")


BROKEN = (
    *UNREADABLE, ValueError, TypeError, KeyError, IndexError, AttributeError, ArithmeticError, AssertionError,
    RuntimeError, SyntaxError,
)  # fmt: skip
"""What openpyxl, `zipfile` and the XML parser let out on broken input."""


def _sheets(workbook: Any, name: str, spec: str, columns: Mapping[str, str] | None) -> Iterator[Entry]:  # noqa: ANN401
    read, passed = 0, list[str]()
    for sheet in workbook.worksheets:
        rows = _rows(sheet)
        sample = list(islice(rows, SAMPLE))
        layout = lay_out([cells for _, cells in sample], columns)
        if layout is None:
            passed += [printable(sheet.title)] if any(any(cells) for _, cells in sample) else []
            continue
        read += 1
        yield from _told(layout, sheet.title)
        for number, cells in chain(sample[layout.first :], rows):
            if any(cells):
                values = {field: cells[place] for field, place in layout.columns.items() if place < len(cells)}
                where = f"{name}!/{printable(sheet.title)}"
                entries = entries_of(values, layout.titles, name=where, spec=spec, line=number)
                yield from (_placed(entry, sheet.title) for entry in entries)
    if not read:
        yield Gap("", NO_COLUMN, "listing")
    elif passed:
        yield Note(f"sheets without a column of package names were not read: {', '.join(passed)}")


def _told(layout: Layout, sheet: str) -> Iterator[Entry]:
    if layout.guessed:
        yield Note(f"sheet {printable(sheet)}: {layout.told()}")
    for title in layout.missing:
        yield Gap(f"sheet {printable(sheet)}", f"there is no column {title!r}", "listing")


def _placed(entry: Entry, sheet: str) -> Entry:
    return (
        Gap(f"sheet {printable(sheet)}, {entry.where}", entry.reason, entry.what) if isinstance(entry, Gap) else entry
    )


def _rows(sheet: Any) -> Iterator[Row]:  # noqa: ANN401 - openpyxl has no types
    """The rows of a sheet as text, whatever its stated dimensions are: other programs write wrong ones."""
    sheet.reset_dimensions()
    rows = enumerate(sheet.iter_rows(values_only=True, max_col=MAX_COLUMNS), 1)
    while True:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            batch = list(islice(rows, BATCH))
        if not batch:
            return
        for number, row in batch:
            yield number, [_text(cell) for cell in row]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e18:
        return str(int(cell))
    return str(cell).strip()
