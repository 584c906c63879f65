"""Inventories as a source: an export, a dump or a table that names apps without holding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from scanner.errors import ScannerError, SourceError
from scanner.model import Value
from scanner.sources.inventories.detection import (
    bundle_reader_named,
    bundle_reader_of,
    reader_named,
    reader_of,
)
from scanner.sources.inventories.documents import FileDocument, FolderBundle, StdinDocument, ZipBundle, safely
from scanner.sources.inventories.readers.table import table_reader
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Reader

STDIN = "-"
APK_NAMES = (".apk", ".apks", ".xapk", ".apkm", ".aab")
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

    def entries(self) -> Iterator[Entry]:
        """Everything that the inventory says, in its order. Never raises for what it holds."""
        found = self._reader.read(self._data, self.name)  # type: ignore[arg-type]
        return safely(found, self._data.name)


def open_inventory(spec: str, choices: InventoryChoices) -> InventorySource | None:
    """The inventory that a SPEC names, or None where it is none: an APK, an archive, a folder of APKs, or missing.

    Raises:
        SourceError: the format that the user names does not exist, or standard input is of none that is known.
    """
    if spec == STDIN:
        return _document(StdinDocument(), spec, choices) or _unknown()
    try:
        if Path(spec).is_dir():
            return _bundle(FolderBundle(spec), spec, choices)
        with open(spec, "rb", opener=_at_once) as stream:
            begins = stream.read(4)
        if begins.startswith(ZIP_MAGICS):
            meant = choices.form is not None or not spec.lower().endswith(APK_NAMES)
            return _bundle(ZipBundle(spec), spec, choices) if meant else None
        return _document(FileDocument(spec), spec, choices)
    except SourceError:
        if choices.form is not None:
            raise
        return None  # whoever opens it as a file says why it cannot be
    except (OSError, ValueError, ScannerError):
        return None


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _unknown() -> InventorySource:
    raise SourceError("not an inventory of a format that is known; name it with --as, or its columns with --columns")


def _document(document: Document, spec: str, choices: InventoryChoices) -> InventorySource | None:
    if choices.columns is not None and choices.form is None:
        return InventorySource(spec, document, table_reader(choices.columns))
    reader = reader_named(choices.form) if choices.form else reader_of(document)
    return InventorySource(spec, document, reader) if reader else None


def _bundle(bundle: Bundle, spec: str, choices: InventoryChoices) -> InventorySource | None:
    if choices.form and reader_named(choices.form) is None and bundle_reader_named(choices.form) is None:
        return None
    reader = bundle_reader_named(choices.form) if choices.form else bundle_reader_of(bundle)
    return InventorySource(spec, bundle, reader) if reader else None
