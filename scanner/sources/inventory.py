"""Inventories as a source: an export, a dump or a table that names apps without holding them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.bytesource import open_remote, store_of
from scanner.errors import ApkError, ReadError, ScannerError, SourceError
from scanner.model import REMOTE, Location, counted, printable, redacted

if TYPE_CHECKING:  # what reads inventories is imported when there is one to be read
    from scanner.sources.inventories.detection import InventoryChoices
    from scanner.sources.inventories.documents import StdinDocument
    from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Reader
    from scanner.sources.inventories.unpacking import Place

STDIN = "-"
APK_NAMES = (".apk", ".apks", ".xapk", ".apkm", ".aab")
SAVED_NAMES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".log", ".xlsx", ".zip", ".gz", ".zst")
"""Endings of files that are looked at where nobody named them: those among other files of a folder."""
MAX_LOOKED_AT = 100_000
"""Files of a folder whose names are looked at to tell whether it may hold results."""
MAX_MEMBERS = 100
"""Members of a zip in a store that are looked into to tell whether it is one of exports."""
MAX_AFAR = 4 << 30
"""Largest inventory that is read from a store or a web server, in bytes."""
ZIP_MAGICS = (b"PK\x03\x04", b"PK\x05\x06")
MANIFEST = "AndroidManifest.xml"
EMPTY = "names no app: an inventory that is empty is no clean one"
UNKNOWN = "not an inventory of a format that is known; name it with --as, or its columns with --columns"


class InventorySource:
    """One inventory and the reader that is meant for it."""

    def __init__(self, spec: str, data: Document | Bundle, reader: Reader | BundleReader) -> None:
        self.name = spec
        self.title = reader.title
        self.limit = reader.limit
        self._data, self._reader = data, reader
        self.passes_by = True
        """Whether files of a folder that do not belong to it are passed over."""
        self.kept: StdinDocument | None = None
        """What came through a pipe; it goes when nobody holds it."""

    @property
    def holds_apks(self) -> bool:
        """Whether APKs lie among its files, as AndroidQF copies them: these are to be read besides."""
        return any(name.lower().endswith(APK_NAMES) for name in self._names())

    def entries(self) -> Iterator[Entry]:
        """Everything that the inventory says, in its order. Never raises for what it holds."""
        from scanner.sources.inventories.documents import safely
        from scanner.sources.inventories.readers.own_rows import OWN_READERS
        from scanner.sources.inventories.reading import Gap, Note

        silent = self._reader not in OWN_READERS
        found = self._reader.read(self._data, printable(self.name))  # type: ignore[arg-type]
        for entry in safely(found, self._data.name):
            silent = silent and isinstance(entry, Note)
            yield entry
        if silent:
            yield Gap("", EMPTY, "listing")
        yield from self._left_out()

    def _left_out(self) -> Iterator[Entry]:
        from scanner.sources.inventories.reading import Gap, Note

        names = self._names()
        if getattr(self._data, "cut_short", False):
            yield Gap("", f"more than {counted(len(names), 'file')}: the others were not looked at", "listing")
        if names and self.passes_by and Path(self.name).is_dir():
            yield Note(f"of its {counted(len(names), 'file')}, only what belongs to that and APKs were looked at")

    def _names(self) -> list[str]:
        names: list[str] = getattr(self._data, "names", list)()
        return names


def check_choices(form: str | None, columns: str | None) -> InventoryChoices | None:
    """What the user says of inventories. Raises `SourceError` or `ValueError` with what would be right."""
    if form is None and columns is None:
        return None
    from scanner.sources.inventories.detection import InventoryChoices, formats
    from scanner.sources.inventories.readers.table import parse_columns

    if form is not None and form not in formats():
        raise SourceError(f"--as {form}: there is no such format; there are {', '.join(formats())}")
    return InventoryChoices(form, None if columns is None else parse_columns(columns))


def open_inventory(spec: str, choices: InventoryChoices | None = None) -> InventorySource | None:
    """The inventory that a SPEC names, or None where it is none: an APK, an archive, a folder of APKs, or missing.

    Raises `SourceError` for standard input or another pipe that is no inventory: nobody else can read it again; and
    for an address that cannot be asked.
    """
    if spec.startswith(REMOTE):
        return open_address(spec, choices)
    if spec.lower().endswith(APK_NAMES) and (choices is None or choices.form is None):
        return None
    from scanner.sources.inventories.documents import StdinDocument

    if spec == STDIN:
        return _piped(StdinDocument(), spec, choices)
    try:
        pipe = Path(spec).is_fifo()
    except (OSError, ValueError):  # such as a folder that may not be entered
        return None
    if pipe:
        return _piped(_kept(spec), spec, choices)
    try:
        return _opened(spec, spec, choices)
    except (OSError, ValueError, ScannerError):
        return None  # whoever opens it as a file says why it cannot be


def open_address(address: str, choices: InventoryChoices | None) -> InventorySource | None:
    """The inventory that an object is, or None where it is none, or nobody says that it may be one.

    Looked at is what is named like one, or whatever the user says is one. Raises `SourceError` where it cannot be
    asked, or is too large.
    """
    form, columns = (choices.form, choices.columns) if choices is not None else (None, None)
    ends = ("/",) if form else ("/", *APK_NAMES)
    if not (form or columns or is_promising(address)) or _named(address).endswith(ends):
        return None
    found = next(store_of(address).find(address), None)
    if found is None or found.address != address:
        return None
    try:
        return open_object(partial(open_remote, *found), redacted(address), choices)
    except ReadError:
        return None  # whoever opens it as a file says why it cannot be read


def object_at(location: Location) -> Place:
    """What opens an object that was found, whole: where it lies in an archive does not matter."""
    return partial(open_remote, location.path, location.size, location.etag)


def open_object(place: Place, name: str, choices: InventoryChoices | None) -> InventorySource | None:
    """The inventory that ``place`` opens, read in ranges where it lies, or None where it is none.

    To tell takes its front, of a zip its directory and the fronts of its members. Raises `ReadError` where it cannot be
    read, `SourceError` where it cannot be opened or is one of more than `MAX_AFAR` bytes.
    """
    from scanner.sources.inventories.documents import FileDocument, ZipBundle
    from scanner.sources.inventories.unpacking import opened

    try:
        with closing(opened(place)) as source:
            size, begins = source.size, source.read_at(0, min(4, source.size))
        if not begins.startswith(ZIP_MAGICS):
            found = _document(FileDocument(place, printable(name)), name, choices)
        else:
            bundle = ZipBundle(place, printable(name))
            few = len(bundle.names()) <= MAX_MEMBERS and any(map(is_promising, bundle.names()))
            found = _zip(bundle, name, choices, collected=few)
    except (ApkError, ValueError):
        return None
    except OSError as error:  # of a temporary file
        raise SourceError(error.strerror or str(error)) from error
    if found is not None and size > MAX_AFAR:
        raise SourceError(f"an inventory of {size} bytes: of stores and web servers up to {MAX_AFAR} are read")
    return found


def is_promising(path: str) -> bool:
    """Whether a file that nobody named, one among others in a folder, is worth a look."""
    return _named(path).endswith(SAVED_NAMES)


def _named(path: str) -> str:
    """How a path or an address ends, in lower case; what is asked of a web server besides is no part of a name."""
    return (path.partition("?")[0] if path.startswith(("http://", "https://")) else path).lower()


def why_doubtful(path: str, place: Place | None = None) -> str | None:
    """Why a file that is no inventory may be one that went wrong; null where nothing speaks for that.

    ``place``: what opens it, where it lies elsewhere than on this machine.
    """
    from scanner.sources.inventories.collection import doubt
    from scanner.sources.inventories.documents import FileDocument

    try:
        if place is None and not Path(path).is_file():
            return None
        return doubt(_named(path), FileDocument(place or path, path).head)
    except (OSError, ValueError, ScannerError):
        return None  # whoever opens it as a file says why it cannot be


def _opened(path: str, spec: str, choices: InventoryChoices | None) -> InventorySource | None:
    from scanner.sources.inventories.documents import FileDocument, FolderBundle, ZipBundle

    if Path(path).is_dir():
        return _bundle(FolderBundle(path), spec, choices) if _may_hold_results(path) else None
    with open(path, "rb", opener=_at_once) as stream:
        begins = stream.read(4)
    if begins.startswith(ZIP_MAGICS):
        return _zip(ZipBundle(path, printable(spec)), spec, choices)
    return _document(FileDocument(path, printable(spec)), spec, choices)


def _may_hold_results(folder: str) -> bool:
    """Whether any file's name is one that saved results have; an archive of APKs is passed over quickly."""
    seen = 0
    for _, _, files in os.walk(folder):
        if any(map(is_promising, files)):
            return True
        seen += len(files)
        if seen > MAX_LOOKED_AT:
            return False
    return False


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def _kept(pipe: str) -> StdinDocument:
    """A pipe, such as a shell makes of ``<(command)``: it can be read once, so it is kept like standard input."""
    from scanner.sources.inventories.documents import StdinDocument

    try:
        with open(pipe, "rb", opener=_at_once) as stream:
            os.set_blocking(stream.fileno(), True)
            return StdinDocument(stream, printable(pipe))
    except OSError as error:
        raise SourceError(error.strerror or str(error)) from error


def _piped(kept: StdinDocument, spec: str, choices: InventoryChoices | None) -> InventorySource:
    """The inventory that came through a pipe. Raises `SourceError` where it is none."""
    try:
        with kept.binary() as stream:
            zipped = stream.read(4).startswith(ZIP_MAGICS)
        found = _opened(kept.path, spec, choices) if zipped else _document(kept, spec, choices)
    except (OSError, ValueError, ScannerError) as error:
        raise SourceError(f"cannot be read: {error}") from error
    if found is None:
        raise SourceError(UNKNOWN)
    found.kept = kept
    return found


def _zip(
    bundle: Bundle, spec: str, choices: InventoryChoices | None, *, collected: bool = True
) -> InventorySource | None:
    """The inventory that a zip is. An APK is none, whatever it is called and whatever else lies in it.

    ``collected``: whether one that is of no format as a whole may be a zip of exports; to tell, each is looked into.
    """
    from scanner.sources.inventories.detection import InventoryChoices, collection_reader

    names, told = bundle.names(), choices or InventoryChoices()
    if MANIFEST in names and told.form is None:
        return None
    found = _bundle(bundle, spec, choices)
    if found is None and collected and not any(name.lower().endswith(APK_NAMES) for name in names):
        reader = collection_reader(bundle, told)
        found = InventorySource(spec, bundle, reader) if reader else None
    return found


def _document(document: Document, spec: str, choices: InventoryChoices | None) -> InventorySource | None:
    from scanner.sources.inventories.detection import InventoryChoices, reader_for

    reader = reader_for(document, choices or InventoryChoices())
    return InventorySource(spec, document, reader) if reader else None


def _bundle(bundle: Bundle, spec: str, choices: InventoryChoices | None) -> InventorySource | None:
    from scanner.sources.inventories.detection import InventoryChoices, bundle_reader_for, with_the_rest

    told = choices or InventoryChoices()
    reader = bundle_reader_for(bundle, told)
    if reader is None:
        return None
    source = InventorySource(spec, bundle, with_the_rest(reader, bundle, told, is_promising))
    source.passes_by = source.title == reader.title
    return source
