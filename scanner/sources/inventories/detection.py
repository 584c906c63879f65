"""Which reader an inventory is for: told by its content, or by the user's word.

The table's order is that of certainty: formats that say who they are come before tables, which anything may be.
"""

from __future__ import annotations

from collections.abc import Mapping

from scanner.sources.inventories.readers.mdm_formats import MDM_READERS
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.readers.phone_formats import PHONE_BUNDLES, PHONE_READERS
from scanner.sources.inventories.readers.table import TABLE_READERS, table_readers
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Reader

AnyReader = Reader | BundleReader
KNOWN: tuple[AnyReader, ...] = (*OWN_READERS, *PHONE_READERS, *PHONE_BUNDLES, *MDM_READERS)
Columns = Mapping[str, str] | None


def formats() -> tuple[str, ...]:
    """Every name that ``--as`` takes."""
    return tuple(dict.fromkeys(reader.name for reader in (*KNOWN, *TABLE_READERS)))


def reader_for(document: Document, form: str | None = None, columns: Columns = None) -> Reader | None:
    """The reader for one file, or None where it is of no format that is known, or ``form`` is one of folders.

    Where the user names ``columns``, what is text and of no other format is a table.
    """
    readers = [one for one in (*KNOWN, *_tables(columns)) if isinstance(one, Reader)]
    if form is not None:
        return next((one for one in readers if one.name == form), None)
    head = document.head
    found = next((one for one in readers if one.recognises(head)), None)
    if found is None and columns and head and "\0" not in head:
        kind = {"[": "json", "{": "ndjson"}.get(head.lstrip()[:1], "csv")
        found = next(one for one in readers if one.name == kind)
    return found


def bundle_reader_for(bundle: Bundle, form: str | None = None, columns: Columns = None) -> BundleReader | None:
    """The reader for a folder or a zip, or None."""
    readers = [one for one in (*KNOWN, *_tables(columns)) if isinstance(one, BundleReader)]
    if form is not None:
        return next((one for one in readers if one.name == form), None)
    return next((one for one in readers if one.recognises(bundle)), None)


def _tables(columns: Columns) -> tuple[AnyReader, ...]:
    return table_readers(columns) if columns else TABLE_READERS
