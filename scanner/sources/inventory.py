"""Inventories as a source: an export, a dump or a table that names apps without holding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import ScannerError, SourceError
from scanner.model import Value

if TYPE_CHECKING:
    from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Reader

STDIN = "-"
APK_NAMES = (".apk", ".apks", ".xapk", ".apkm", ".aab")
"""What needs no look for an inventory in it."""
SAVED_NAMES = (".json", ".txt", ".gz", ".zst")
"""Endings of the files that a folder of saved results holds: one without any of these is no such folder."""
MAX_LOOKED_AT = 100_000
"""Files of a folder whose names are looked at for that."""
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")


class InventoryChoices(Value, frozen=True):
    """What the user says of the inventories."""

    form: str | None = None
    """The format, where detection is overruled."""
    columns: dict[str, str] | None = None
    """Field → column of a table."""


class InventorySource:
    """One inventory and the reader that is meant for it."""

    def __init__(self, spec: str, data: Document | Bundle, reader: Reader | BundleReader) -> None:
        self.name = spec
        self.title = reader.title
        self.limit = reader.limit
        self._data, self._reader = data, reader

    @property
    def holds_apks(self) -> bool:
        """Whether APKs lie among its files, as AndroidQF copies them: these are to be read besides."""
        names: list[str] = getattr(self._data, "names", list)()
        return any(name.lower().endswith(APK_NAMES) for name in names)

    def entries(self) -> Iterator[Entry]:
        """Everything that the inventory says, in its order. Never raises for what it holds."""
        from scanner.sources.inventories.documents import MAX_NAMES, safely
        from scanner.sources.inventories.reading import Gap

        found = self._reader.read(self._data, self.name)  # type: ignore[arg-type]
        yield from safely(found, self._data.name)
        if getattr(self._data, "cut_short", False):
            yield Gap("", f"more than {MAX_NAMES} files: the rest was not looked at", "listing")


def check_choices(form: str | None, columns: str | None) -> InventoryChoices:
    """What the user says of inventories. Raises `SourceError` or `ValueError` with what would be right."""
    if form is None and columns is None:
        return InventoryChoices()
    from scanner.sources.inventories.detection import formats
    from scanner.sources.inventories.readers.table import parse_columns

    if form is not None and form not in formats():
        raise SourceError(f"--as {form}: there is no such format; there are {', '.join(formats())}")
    return InventoryChoices(form, None if columns is None else parse_columns(columns))


def open_inventory(spec: str, choices: InventoryChoices) -> InventorySource | None:
    """The inventory that a SPEC names, or None where it is none: an APK, an archive, a folder of APKs, or missing.

    Raises `SourceError` for standard input that cannot be read, or is of no known format.
    """
    if spec.lower().endswith(APK_NAMES) and choices.form is None:
        return None
    try:
        found = _opened(spec, choices)
    except (OSError, ValueError, ScannerError) as error:
        if spec == STDIN:
            raise SourceError(f"standard input: {error}") from error
        return None  # whoever opens it as a file says why it cannot be
    if found is None and spec == STDIN:
        hint = "name its format with --as, or its columns with --columns"
        raise SourceError(f"standard input is no inventory of a format that is known; {hint}")
    return found


def _opened(spec: str, choices: InventoryChoices) -> InventorySource | None:
    if spec != STDIN and Path(spec).is_dir() and not _may_hold_results(spec):
        return None
    from scanner.sources.inventories.documents import FileDocument, FolderBundle, StdinDocument, ZipBundle

    if spec == STDIN:
        return _document(StdinDocument(), spec, choices)
    if Path(spec).is_dir():
        return _bundle(FolderBundle(spec), spec, choices)
    with open(spec, "rb", opener=_at_once) as stream:
        begins = stream.read(4)
    if begins.startswith(ZIP_MAGICS):
        return _bundle(ZipBundle(spec), spec, choices)
    return _document(FileDocument(spec), spec, choices)


def _may_hold_results(folder: str) -> bool:
    """Whether any file's name is one that saved results have; an archive of APKs is passed over quickly."""
    seen = 0
    for _, _, files in os.walk(folder):
        if any(file.lower().endswith(SAVED_NAMES) for file in files):
            return True
        seen += len(files)
        if seen > MAX_LOOKED_AT:
            return False
    return False


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _document(document: Document, spec: str, choices: InventoryChoices) -> InventorySource | None:
    from scanner.sources.inventories.detection import reader_for

    reader = reader_for(document, choices.form, choices.columns)
    return InventorySource(spec, document, reader) if reader else None


def _bundle(bundle: Bundle, spec: str, choices: InventoryChoices) -> InventorySource | None:
    from scanner.sources.inventories.detection import bundle_reader_for

    reader = bundle_reader_for(bundle, choices.form, choices.columns)
    return InventorySource(spec, bundle, reader) if reader else None
