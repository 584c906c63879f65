"""Which reader an inventory is for: told by its content, or by the user's word.

The table's order is that of certainty: formats that say who they are come before tables, which anything may be.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.errors import SourceError
from scanner.sources.inventories.documents import safely
from scanner.sources.inventories.readers.mdm_formats import MDM_READERS
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.readers.phone_formats import PHONE_BUNDLES, PHONE_READERS
from scanner.sources.inventories.readers.table import TABLE_READERS
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Reader

EVERY = (*OWN_READERS, *PHONE_READERS, *PHONE_BUNDLES, *MDM_READERS, *TABLE_READERS)
READERS = tuple(one for one in EVERY if isinstance(one, Reader))
BUNDLES = tuple(one for one in EVERY if isinstance(one, BundleReader))


def formats() -> tuple[str, ...]:
    """Every name that ``--as`` takes."""
    return tuple(dict.fromkeys(reader.name for reader in EVERY))


def reader_of(document: Document) -> Reader | None:
    """The reader for one file, or None where it is of no format that is known."""
    head = document.head
    return next((reader for reader in READERS if reader.recognises(head)), None)


def bundle_reader_of(bundle: Bundle) -> BundleReader | None:
    """The reader for a folder or a zip, or None. Where several formats lie in it, one that reads them all."""
    found = [reader for reader in BUNDLES if reader.recognises(bundle)]
    return found[0] if len(found) == 1 else _together(found) if found else None


def _together(readers: list[BundleReader]) -> BundleReader:
    def read(bundle: Bundle, spec: str) -> Iterator[Entry]:
        for reader in readers:
            yield from safely(reader.read(bundle, spec), bundle.name)

    return BundleReader(
        " and ".join(reader.name for reader in readers),
        " and ".join(reader.title for reader in readers),
        lambda bundle: any(reader.recognises(bundle) for reader in readers),
        read,
        "; ".join(reader.limit for reader in readers if reader.limit),
    )


def reader_named(name: str) -> Reader | None:
    """The reader of one file that ``--as`` names. Raises `SourceError` where nothing bears that name."""
    if name not in formats():
        raise SourceError(f"--as {name}: there is no such format; there are {', '.join(formats())}")
    return next((reader for reader in READERS if reader.name == name), None)


def bundle_reader_named(name: str) -> BundleReader | None:
    """The reader of a folder or zip that ``--as`` names, or None where that format is a single file."""
    return next((reader for reader in BUNDLES if reader.name == name), None)
