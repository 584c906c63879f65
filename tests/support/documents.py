"""Documents and bundles in memory, as the readers of saved inventories are given them."""

from __future__ import annotations

import io
from typing import IO

from scanner.sources.inventories.reading import HEAD


class TextDocument:
    """One file with this text."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        try:
            self._bytes = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            self._bytes = text.encode("utf-8", "surrogatepass")

    @property
    def head(self) -> str:
        """See `Document.head`."""
        return self._bytes[:HEAD].decode("utf-8", "replace")

    def binary(self) -> IO[bytes]:
        """See `Document.binary`."""
        return io.BytesIO(self._bytes)

    def text(self) -> IO[str]:
        """See `Document.text`."""
        return io.TextIOWrapper(io.BytesIO(self._bytes), "utf-8-sig", "surrogateescape", newline=None)


class FilesBundle:
    """Several files, by name."""

    def __init__(self, name: str, files: dict[str, str]) -> None:
        self.name = name
        self._files = files

    def names(self) -> list[str]:
        """See `Bundle.names`."""
        return list(self._files)

    def document(self, name: str) -> TextDocument:
        """See `Bundle.document`."""
        return TextDocument(f"{self.name}!/{name}", self._files[name])
