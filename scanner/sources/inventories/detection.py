"""Which reader an inventory is for: told by its content, or by the user's word.

The table's order is that of certainty: formats that say who they are come before tables, which anything may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain

from scanner.model import Value, counted
from scanner.sources.inventories.collection import Collection
from scanner.sources.inventories.documents import safely
from scanner.sources.inventories.readers.mdm_formats import MDM_READERS
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.readers.phone_formats import PHONE_BUNDLES, PHONE_READERS
from scanner.sources.inventories.readers.table import TABLE_READERS, table_readers
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Note, Reader

AnyReader = Reader | BundleReader
KNOWN: tuple[AnyReader, ...] = (*OWN_READERS, *PHONE_READERS, *PHONE_BUNDLES, *MDM_READERS)


class InventoryChoices(Value, frozen=True):
    """What the user says of the inventories."""

    form: str | None = None
    """The format, where detection is overruled."""
    columns: Mapping[str, str] | None = None
    """Field → column of a table."""

    @property
    def readers(self) -> tuple[AnyReader, ...]:
        """Every reader, with the columns that the user named."""
        return (*KNOWN, *(table_readers(self.columns) if self.columns else TABLE_READERS))


def formats() -> tuple[str, ...]:
    """Every name that ``--as`` takes."""
    return tuple(dict.fromkeys(reader.name for reader in (*KNOWN, *TABLE_READERS)))


def reader_for(document: Document, choices: InventoryChoices) -> Reader | None:
    """The reader for one file; None where it is of no format that is known, or ``--as`` names one of folders.

    Where the user names columns, what is text and of no other format is a table.
    """
    readers = [one for one in choices.readers if isinstance(one, Reader)]
    if choices.form is not None:
        return next((one for one in readers if one.name == choices.form), None)
    head = document.head
    found = next((one for one in readers if one.recognises(head)), None)
    if found is None and choices.columns and head and "\0" not in head:
        kind = {"[": "json", "{": "ndjson"}.get(head.lstrip()[:1], "csv")
        found = next(one for one in readers if one.name == kind)
    return found


def bundle_reader_for(bundle: Bundle, choices: InventoryChoices) -> BundleReader | None:
    """The reader for a folder or a zip, or None. Where several formats lie in it, one that reads them all."""
    readers = [one for one in choices.readers if isinstance(one, BundleReader)]
    if choices.form is not None:
        return next((one for one in readers if one.name == choices.form), None)
    found = [one for one in readers if one.recognises(bundle)]
    return found[0] if len(found) == 1 else _together(found) if found else None


def collection_reader(bundle: Bundle, choices: InventoryChoices) -> BundleReader | None:
    """A reader for a zip of exports, each with a reader of its own; None where there is no export in it."""
    return _collection(choices).reader(bundle)


def _collection(choices: InventoryChoices) -> Collection:
    return Collection(lambda document: reader_for(document, choices), lambda inner: bundle_reader_for(inner, choices))


def with_the_rest(
    reader: BundleReader, bundle: Bundle, choices: InventoryChoices, looked_at: Callable[[str], bool]
) -> BundleReader:
    """A reader that also reads what lies beside what the first one is meant for, such as another phone's listing.

    Of that, the files whose names are to be looked at: there may be very many others.
    """
    if reader.claims is None or choices.form is not None:
        return reader
    claimed = tuple(reader.claims(bundle))
    beside = [name for name in bundle.names() if not name.startswith(claimed)]
    rest = list(filter(looked_at, beside))
    if not rest:
        return reader

    def read(bundle: Bundle, spec: str) -> Iterator[Entry]:
        yield from safely(reader.read(bundle, spec), bundle.name)
        yield from _collection(choices).read(bundle, spec, rest)
        if len(beside) > len(rest):
            more = counted(len(beside) - len(rest), "more file lies beside that", "more files lie beside that")
            yield Note(f"{more}, not named like exports: not looked at as inventories")

    return BundleReader(reader.name, f"{reader.title}, and what lies beside it", reader.recognises, read, reader.limit)


def _together(readers: list[BundleReader]) -> BundleReader:
    claims = [reader.claims for reader in readers if reader.claims is not None]

    def read(bundle: Bundle, spec: str) -> Iterator[Entry]:
        for reader in readers:
            yield from safely(reader.read(bundle, spec), bundle.name)

    return BundleReader(
        " and ".join(reader.name for reader in readers),
        " and ".join(reader.title for reader in readers),
        lambda bundle: any(reader.recognises(bundle) for reader in readers),
        read,
        "; ".join(reader.limit for reader in readers if reader.limit),
        (lambda bundle: chain.from_iterable(one(bundle) for one in claims)) if len(claims) == len(readers) else None,
    )
