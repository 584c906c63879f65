"""What every inventory reader is given, and what it gives back.

A reader is a function from a `Document` (one file) or a `Bundle` (a folder, or the members of a zip) to entries, and a
test that tells by content whether it is meant. It reads as a stream: an export may be larger than memory. It never
raises for what an export holds: what it does not understand is a `Gap`, with where it stands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import IO, Protocol

from scanner.model import Installed, Value

HEAD = 64 * 1024
"""Bytes of a document, decompressed, that detection may look at."""


class Gap(Value, frozen=True):
    """Something in an export that could not be understood, or that the export itself says is missing."""

    where: str
    """Such as ``line 12`` or ``device 7``; the document's name is put in front."""
    reason: str
    what: str = "row"
    """``row``, ``device``, ``user`` or ``listing``."""


class NotAndroid(Value, frozen=True):
    """Apps or devices of another system: counted, and never taken for a clean phone."""

    system: str
    count: int = 1


class Note(Value, frozen=True):
    """Something to tell whoever reads the report, such as how a table was understood. It is no failure."""

    text: str


Entry = Installed | Gap | NotAndroid | Note


class Document(Protocol):
    """One file of an inventory: compression is undone, and the encoding is known."""

    @property
    def name(self) -> str:
        """For people: the SPEC, or ``spec!/member``."""
        ...

    @property
    def head(self) -> str:
        """The first `HEAD` bytes as text; what is no text is replaced."""
        ...

    def binary(self) -> IO[bytes]:
        """A fresh stream of its bytes, decompressed. To be closed by whoever asked."""
        ...

    def text(self) -> IO[str]:
        """A fresh stream of its text: UTF-8 with or without a byte order mark, UTF-16 with one.

        Every kind of line end reads as a line feed; stray bytes survive as surrogates.
        """
        ...


class Bundle(Protocol):
    """Several files that belong together: a folder, or a zip."""

    @property
    def name(self) -> str:
        """The SPEC."""
        ...

    def names(self) -> list[str]:
        """Relative names of its files, ``/`` between folders."""
        ...

    def document(self, name: str) -> Document:
        """One of them. Raises `KeyError` where there is none of that name."""
        ...


class Reader(Value, frozen=True):
    """One format of one file."""

    name: str
    """What ``--as`` calls it."""
    title: str
    """For people."""
    recognises: Callable[[str], bool]
    """Whether the head of a document is of this format. Must be sure: a wrong yes hides the right reader."""
    read: Callable[[Document, str], Iterator[Entry]]
    """From the document, and the SPEC that goes into each `Installed.source`."""
    limit: str | None = None
    """What this kind of source can never show, in one sentence for the summary."""


class BundleReader(Value, frozen=True):
    """One format of several files."""

    name: str
    title: str
    recognises: Callable[[Bundle], bool]
    read: Callable[[Bundle, str], Iterator[Entry]]
    limit: str | None = None
    claims: Callable[[Bundle], Iterator[str]] | None = None
    """The files, and the folders (ending in ``/``, the whole bundle being empty), that belong to it; null for all."""
