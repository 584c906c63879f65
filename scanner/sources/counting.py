"""How many files there are to read, for who shows how far a scan has come. No file is opened."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from scanner.errors import SourceError
from scanner.sources.addresses import path_of
from scanner.sources.files import FolderSource


def files_in(specs: Iterable[str]) -> int | None:
    """Files that the SPECs name, those below folders among them; nothing where one is neither file nor folder.

    An archive is one file, whatever it holds.
    """
    total = 0
    for spec in specs:
        try:
            path = path_of(spec)
        except SourceError:
            return None
        if FolderSource.accepts(path):
            total += sum(len(files) for _, _, files in os.walk(path, followlinks=False))
        elif Path(path).is_file():
            total += 1
        else:
            return None
    return total
