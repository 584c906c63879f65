"""Documents and bundles of an inventory, held in memory."""

from __future__ import annotations

import io
from typing import IO

from scanner.sources.inventories.reading import HEAD, Document


class TextDocument:
    """One file, as `scanner.sources.inventories.reading.Document` has it."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._data = text.encode("utf-8", "surrogatepass")

    @property
    def head(self) -> str:
        return self._data[:HEAD].decode("utf-8", "replace")

    def binary(self) -> IO[bytes]:
        return io.BytesIO(self._data)

    def text(self) -> IO[str]:
        return io.TextIOWrapper(self.binary(), "utf-8", "surrogateescape", newline=None)


class FilesBundle:
    """Several files, as `scanner.sources.inventories.reading.Bundle` has it."""

    def __init__(self, name: str, files: dict[str, str]) -> None:
        self.name = name
        self._files = files

    def names(self) -> list[str]:
        return list(self._files)

    def document(self, name: str) -> Document:
        return TextDocument(f"{self.name}!/{name}", self._files[name])
