"""Where apps are found. A source yields candidates; it judges none of their bytes.

`open_source` turns a SPEC into a `Source`; `open_location` turns a candidate's location into bytes, and
needs nothing but that value, so it works in this process and in any other.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from scanner.model import App, UnreadRow
from scanner.sources.addresses import path_of
from scanner.sources.files import FileSource, FolderSource
from scanner.sources.objects import ObjectSource
from scanner.sources.opening import open_hop, open_location, resolve

__all__ = [
    "FileSource",
    "FolderSource",
    "ObjectSource",
    "Source",
    "is_phone",
    "open_hop",
    "open_location",
    "open_source",
    "resolve",
]


class Source(Protocol):
    """A place where apps are installed, stored or listed."""

    @property
    def name(self) -> str:
        """The SPEC, as the user wrote it."""
        ...

    def apps(self) -> Iterator[App | UnreadRow]:
        """Every candidate, in an order that does not change; what could not be listed, as a row of its own."""
        ...


def is_phone(spec: str) -> bool:
    """Whether a SPEC names a phone."""
    return spec.startswith("adb:")


def open_source(spec: str) -> Source:
    """The source that a SPEC names: objects at an address, a folder, or a file (an APK or a container of APKs).

    Raises:
        SourceError: it is missing or unreadable.
    """
    if ObjectSource.accepts(spec):
        return ObjectSource(spec)
    path = path_of(spec)
    return FolderSource(path) if FolderSource.accepts(path) else FileSource(path)
