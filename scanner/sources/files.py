"""Files and folders on this machine."""

from __future__ import annotations

import os
import posixpath
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from scanner.errors import SourceError
from scanner.model import SCHEMA_VERSION, App, Location, UnreadRow, printable
from scanner.sources.splits import sets_of_a_folder

MAX_FOLDERS_DEEP = 256


class FileSource:
    """One file that the user named: it must be an APK or a container of APKs, else it is unread."""

    def __init__(self, spec: str) -> None:
        try:
            mode = Path(spec).stat().st_mode
        except (OSError, ValueError) as error:
            raise SourceError(getattr(error, "strerror", None) or str(error)) from error
        if not stat.S_ISREG(mode):
            raise SourceError("neither a regular file nor a folder")
        if not os.access(spec, os.R_OK):
            raise SourceError("Permission denied")
        self.name = spec

    def apps(self) -> Iterator[App | UnreadRow]:
        """See `Source.apps`."""
        yield App(self.name, Location(self.name), named=True)


class FolderSource:
    """A folder and all below it, in order of name.

    Links are followed; a folder that has been walked already, under whatever name, is not walked again,
    so a loop of links ends. FIFOs, sockets and devices are never opened.
    """

    def __init__(self, spec: str) -> None:
        try:
            os.scandir(spec).close()
        except OSError as error:
            raise SourceError(error.strerror or str(error)) from error
        self.name = spec

    @staticmethod
    def accepts(spec: str) -> bool:
        """Whether the SPEC is a folder."""
        return os.path.isdir(spec)  # noqa: PTH112 - a path may hold bytes that are not text

    def apps(self) -> Iterator[App | UnreadRow]:
        """See `Source.apps`."""
        yield from self._walk(self.name, set(), 0)

    def _walk(self, folder: str, walked: set[tuple[int, int]], depth: int) -> Iterator[App | UnreadRow]:
        try:
            status = Path(folder).stat()
            if (status.st_dev, status.st_ino) in walked:
                return
            walked.add((status.st_dev, status.st_ino))
            listed = _listed(folder)
        except OSError as error:
            yield self._unread("folder", folder, error.strerror or str(error))
            return
        if depth > MAX_FOLDERS_DEEP:
            yield self._unread("folder", folder, f"nested deeper than {MAX_FOLDERS_DEEP} folders")
            return
        for name, reason in listed.broken:
            yield self._unread("file", posixpath.join(folder, name), reason)
        for name, splits in sets_of_a_folder(listed.files):
            base, *others = (Location(posixpath.join(folder, one)) for one in (name, *splits))
            yield App(self.name, base, tuple(others))
        listed.files.clear()  # below there may be as many again
        for name in listed.folders:
            yield from self._walk(posixpath.join(folder, name), walked, depth + 1)

    def _unread(self, what: str, which: str, reason: str) -> UnreadRow:
        return UnreadRow(SCHEMA_VERSION, printable(self.name), what, printable(which), reason)


class _Listed(NamedTuple):
    """The names in one folder, in order. Nothing else is kept: there may be a million of them."""

    files: list[str]
    folders: list[str]
    broken: list[tuple[str, str]]
    """Name, and why nobody can tell what it is."""


def _listed(folder: str) -> _Listed:
    """What lies in a folder. Raises `OSError`."""
    found = _Listed([], [], [])
    with os.scandir(folder) as entries:
        for entry in entries:
            try:
                if entry.is_dir():
                    found.folders.append(entry.name)
                elif entry.is_file():
                    found.files.append(entry.name)
                elif entry.is_symlink():
                    found.broken.append((entry.name, "a link to nothing"))
            except OSError as error:
                found.broken.append((entry.name, error.strerror or str(error)))
    for names in found:
        names.sort()
    return found
