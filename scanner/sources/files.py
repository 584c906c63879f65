"""Files and folders on this machine."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from scanner.errors import SourceError
from scanner.model import SCHEMA_VERSION, App, Location, UnreadRow, printable
from scanner.sources.splits import group_by_name

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
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            yield self._unread("folder", folder, error.strerror or str(error))
            return
        if depth > MAX_FOLDERS_DEEP:
            yield self._unread("folder", folder, f"nested deeper than {MAX_FOLDERS_DEEP} folders")
            return
        files, folders = [], []
        for entry in found:
            try:
                if entry.is_dir():
                    folders.append(entry.path)
                elif entry.is_file():
                    files.append(entry.path)
                elif entry.is_symlink():
                    yield self._unread("file", entry.path, "a link to nothing")
            except OSError as error:
                yield self._unread("file", entry.path, error.strerror or str(error))
        yield from (App(self.name, base, splits) for base, splits in group_by_name([Location(file) for file in files]))
        for path in folders:
            yield from self._walk(path, walked, depth + 1)

    def _unread(self, what: str, which: str, reason: str) -> UnreadRow:
        return UnreadRow(SCHEMA_VERSION, printable(self.name), what, printable(which), reason)
