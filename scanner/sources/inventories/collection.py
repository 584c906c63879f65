"""A zip of exports: each file with a reader of its own, zips in it too, such as the bug reports of several phones.

A zip in the zip is unpacked to a temporary file while it is read, one at a time. What has the name of an export and is
of no format that is known is a `Gap`: it may be a phone that nobody looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress

from scanner.model import counted
from scanner.sources.inventories.documents import UNREADABLE, StdinDocument, ZipBundle, safely
from scanner.sources.inventories.reading import Bundle, BundleReader, Document, Entry, Gap, Note, Reader

EXPORT_NAMES = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".xlsx", ".zip", ".gz", ".zst")
"""Endings of names that exports have, and other files rarely."""
TEXT_NAMES = (".txt", ".log")
"""Endings of what a command printed, and of much else."""
UNKNOWN = "named like an export, and of no format that is known: name it with --as, or take it out of there"
EMPTY_FILE = "empty, or it cannot be unpacked: what was to be written there is missing"
MAX_NESTED = 2 << 30
"""Bytes of a zip within a zip that are unpacked."""
ZIP_MAGIC = "PK\x03\x04"

ForDocument = Callable[[Document], Reader | None]
ForBundle = Callable[[Bundle], BundleReader | None]


def doubt(name: str, head: str) -> str | None:
    """Why a file that is no inventory may be one that went wrong; null where nothing speaks for that."""
    lower = name.lower()
    if not head and lower.endswith((*EXPORT_NAMES, *TEXT_NAMES)):
        return EMPTY_FILE
    return UNKNOWN if lower.endswith(EXPORT_NAMES) else None


class Collection:
    """The exports in a zip, told by whoever knows the readers."""

    def __init__(self, for_document: ForDocument, for_bundle: ForBundle) -> None:
        self._for_document, self._for_bundle = for_document, for_bundle

    def reader(self, bundle: Bundle) -> BundleReader | None:
        """A reader for the whole zip; null where there is no export in it."""
        if not any(self._is_export(bundle.document(name)) for name in bundle.names()):
            return None
        return BundleReader(
            "files", "a zip of inventories", lambda _: True, lambda one, spec: self.read(one, spec, one.names())
        )

    def _is_export(self, document: Document) -> bool:
        if self._for_document(document) is not None:
            return True
        if not document.head.startswith(ZIP_MAGIC):
            return False
        with suppress(*UNREADABLE), closing(_unpacked(document)) as kept:
            return self._for_bundle(ZipBundle(kept.path, document.name)) is not None
        return False

    def read(self, bundle: Bundle, spec: str, names: Iterable[str]) -> Iterator[Entry]:
        """What these files say, and which of them are no exports."""
        limits: dict[str, None] = {}
        others = 0
        for name in names:
            document = bundle.document(name)
            reader = self._for_document(document)
            if reader is not None:
                limits.update(_limit(reader))
                yield from _placed(reader.read(document, spec), name)
            elif document.head.startswith(ZIP_MAGIC):
                yield from _placed(self._nested(document, spec, limits), name)
            elif why := doubt(name, document.head):
                yield Gap(name, why, "file")
            else:
                others += 1
        yield from map(Note, limits)
        if others:
            files = counted(others, "other file lies in it", "other files lie in it")
            yield Note(f"{files}, of no format that is known: not read")

    def _nested(self, document: Document, spec: str, limits: dict[str, None]) -> Iterator[Entry]:
        with closing(_unpacked(document)) as kept:
            inner = ZipBundle(kept.path, document.name)
            reader = self._for_bundle(inner)
            if reader is None:
                yield Gap("", f"a zip, {UNKNOWN}", "file")
                return
            limits.update(_limit(reader))
            yield from reader.read(inner, spec)


def _placed(entries: Iterator[Entry], name: str) -> Iterator[Entry]:
    """The entries of one file, each gap with the file that it is in."""
    for entry in safely(entries, name):
        if isinstance(entry, Gap):
            where, reason = f"{name}: {entry.where}".removesuffix(": "), entry.reason.removeprefix(f"{name}: ")
            yield Gap(where, reason, entry.what)
        else:
            yield entry


def _limit(reader: Reader | BundleReader) -> dict[str, None]:
    return {f"read as {reader.title}; {reader.limit}": None} if reader.limit else {}


def _unpacked(document: Document) -> StdinDocument:
    with document.binary() as stream:
        return StdinDocument(stream, document.name, MAX_NESTED)
