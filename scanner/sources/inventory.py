"""Inventories as a source: an export, a dump or a table that names apps without holding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from scanner.errors import ScannerError, SourceError
from scanner.model import Value, printable
from scanner.sources.inventories.detection import (
    bundle_reader_named,
    bundle_reader_of,
    reader_named,
    reader_of,
)
from scanner.sources.inventories.documents import (
    MAX_NAMES,
    FileDocument,
    FolderBundle,
    StdinDocument,
    ZipBundle,
    safely,
)
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.readers.spreadsheet import sheet_reader
from scanner.sources.inventories.readers.table import LIMIT, table_reader
from scanner.sources.inventories.reading import BundleReader, Document, Entry, Gap, Note, Reader

STDIN = "-"
TABLES, SHEET = ("csv", "json", "ndjson"), "xlsx"
"""The formats whose columns the user may name."""
APK_NAMES = (".apk", ".apks", ".xapk", ".apkm", ".aab")
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
MANIFEST = "AndroidManifest.xml"
LISTINGS, PULLED = ("packages.json", "aqf_packages.json"), "apks/"
"""Where AndroidQF and MVT put the APKs that they copy from a phone: a folder beside the list that names these apps."""
EMPTY = "names no app: an inventory that is empty is no clean one"


class InventoryChoices(Value, frozen=True):
    """What the user says of the inventories."""

    form: str | None = None
    """The format, where detection is overruled."""
    columns: dict[str, str] | None = None
    """Field → column of a table."""


class InventorySource:
    """One inventory and the reader that is meant for it."""

    def __init__(self, spec: str, data: Document | FolderBundle | ZipBundle, reader: Reader | BundleReader) -> None:
        self.name = spec
        self.title = reader.title
        self.limit = reader.limit
        self._data, self._reader = data, reader

    def entries(self) -> Iterator[Entry]:
        """Everything that the inventory says, in its order. Never raises for what it holds."""
        found = self._reader.read(self._data, printable(self.name))  # type: ignore[arg-type]
        silent = self._reader not in OWN_READERS
        for entry in chain(safely(found, self._data.name), self._left_out()):
            silent = silent and isinstance(entry, Note)
            yield entry
        if silent:
            yield Gap("", EMPTY, "listing")

    def _left_out(self) -> Iterator[Entry]:
        """What else lies in a folder or zip that is read as an inventory. APKs are not read there."""
        if not isinstance(self._data, FolderBundle | ZipBundle):
            return
        if self._data.cut_short:
            yield Gap("", f"more than {MAX_NAMES} files: the others were not looked at", "listing")
        apks, pulled = _apks_in(self._data.names())
        if pulled:
            yield Note(f"{pulled} APKs that were copied from the phone were not read: scan them by themselves")
        if apks:
            yield Gap("", f"{apks} APKs lie beside the inventory: not read", "archive")


def open_inventory(spec: str, choices: InventoryChoices) -> InventorySource | None:
    """The inventory that a SPEC names, or None where it is none: an APK, an archive, a folder of APKs, or missing.

    Raises:
        SourceError: the format that the user names does not exist, or standard input is of none that is known.
    """
    if spec == STDIN:
        return _piped(StdinDocument(), spec, choices)
    try:
        if Path(spec).is_fifo():
            return _piped(_pipe(spec), spec, choices)
        if Path(spec).is_dir():
            return _bundle(FolderBundle(spec), spec, choices)
        with open(spec, "rb", opener=_at_once) as stream:
            begins = stream.read(4)
        if begins.startswith(ZIP_MAGICS):
            return _zip(ZipBundle(spec), spec, choices)
        return _document(FileDocument(spec), spec, choices)
    except SourceError:
        if choices.form is not None or _is_pipe(spec):
            raise
        return None  # whoever opens it as a file says why it cannot be
    except (OSError, ValueError, ScannerError):
        return None


def _apks_in(names: list[str]) -> tuple[int, int]:
    """How many of these files are APKs: those that nothing names, and those that lie beside a list of them."""
    apks = [name for name in names if name.lower().endswith(APK_NAMES)]
    folders = tuple(
        name.removesuffix(base) + PULLED for name in names for base in LISTINGS if f"/{name}".endswith(f"/{base}")
    )
    pulled = sum(name.startswith(folders) for name in apks)
    return len(apks) - pulled, pulled


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _is_pipe(spec: str) -> bool:
    return "\0" not in spec and Path(spec).is_fifo()


def _pipe(spec: str) -> StdinDocument:
    """A pipe, such as a shell makes of ``<(command)``: it can be read once, so it is kept like standard input."""
    with open(spec, "rb", opener=_at_once) as stream:
        os.set_blocking(stream.fileno(), True)
        return StdinDocument(stream, spec)


def _piped(kept: StdinDocument, spec: str, choices: InventoryChoices) -> InventorySource:
    """The inventory that came through a pipe. Raises `SourceError` where it is none: nobody else can read it again."""
    found = _document(kept, spec, choices)
    if found is None:
        why = "not an inventory of a format that is known; name it with --as, or its columns with --columns"
        raise SourceError(why if spec == STDIN else f"{printable(spec)}: {why}")
    return found


def _zip(bundle: ZipBundle, spec: str, choices: InventoryChoices) -> InventorySource | None:
    """The inventory that a zip is. An APK is none, whatever it is called and whatever else lies in it."""
    apk = spec.lower().endswith(APK_NAMES) or MANIFEST in bundle.names()
    return None if apk and choices.form is None else _bundle(bundle, spec, choices)


def _document(document: Document, spec: str, choices: InventoryChoices) -> InventorySource | None:
    reader = reader_named(choices.form) if choices.form else reader_of(document)
    if choices.columns is not None and (reader is None or reader.name in TABLES):
        reader = table_reader(choices.columns, reader.name if reader else _table_kind(document))
    return InventorySource(spec, document, reader) if reader else None


def _table_kind(document: Document) -> str:
    """What a table is that no guess knew, where the user names its columns."""
    return {"[": "json", "{": "ndjson"}.get(document.head.lstrip()[:1], "csv")


def _bundle(bundle: FolderBundle | ZipBundle, spec: str, choices: InventoryChoices) -> InventorySource | None:
    if choices.form and reader_named(choices.form) is None and bundle_reader_named(choices.form) is None:
        return None
    reader = bundle_reader_named(choices.form) if choices.form else bundle_reader_of(bundle)
    if choices.columns is not None and reader is not None and reader.name == SHEET:
        reader = sheet_reader(choices.columns, LIMIT)
    return InventorySource(spec, bundle, reader) if reader else None
