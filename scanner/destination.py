"""Where a report of many parts goes: a folder of this machine, or a prefix of a store, through fsspec.

A part appears when it is complete, under its final name: a store shows an object once it is uploaded, and on this
machine it is written beside and renamed. A place that holds parts already is refused, since readers take all of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from scanner.errors import OutputError
from scanner.model import redacted

STORES = {"s3": ("s3fs", "s3"), "gs": ("gcsfs", "gs"), "az": ("adlfs", "az")}
"""Scheme → fsspec's filesystem for it, and the extra that installs it."""
_FOREIGN = {
    "s3": ("botocore.exceptions:BotoCoreError", "botocore.exceptions:ClientError", "aiohttp:ClientError"),
    "gs": ("aiohttp:ClientError", "gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError"),
    "az": ("azure.core.exceptions:AzureError",),
}
"""What is raised besides `OSError`."""
BLOCK = 5 << 20
"""Bytes uploaded at once: the least that S3 takes as a piece of an object."""
UNFINISHED = ".unfinished"


class Destination(Protocol):
    """A place for parts."""

    def part(self, name: str) -> Any:  # noqa: ANN401 - a context manager of a `BinaryIO`
        """A file to write, complete once the context ends without an error. Raises `OutputError`."""
        ...


def is_many_parts(where: str) -> bool:
    """Whether it is a folder or an address, and not a single file."""
    return "://" in where or where.endswith("/") or Path(where).is_dir()


def lacking(where: str) -> str | None:
    """Why nothing can be written there whatever the report, if so."""
    scheme, mark, _ = where.partition("://")
    if not mark:
        return None
    if scheme not in STORES:
        return f"nothing can be written to {scheme}://; there are {', '.join(f'{name}://' for name in STORES)}"
    library, extra = STORES[scheme]
    if importlib.util.find_spec(library) is None:
        return f"to write to {scheme}://, pip install 'app-inventory-scanner[{extra}]'"
    return None


def open_destination(where: str, suffix: str) -> Destination:
    """The place, for parts of that suffix. Raises `OutputError` where it cannot be used or holds some already."""
    made = _Prefix(where) if "://" in where else _Folder(where)
    if made.holds(suffix):
        raise OutputError(
            f"{redacted(where)}: holds {suffix} files already, and readers would take them for one report: name an"
            " empty place"
        )
    return made


class _Folder:
    def __init__(self, where: str) -> None:
        self._path = Path(where)
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{where}: {error.strerror}") from error

    def holds(self, suffix: str) -> bool:
        return any(path.suffix == suffix for path in self._path.iterdir())

    @contextmanager
    def part(self, name: str) -> Iterator[BinaryIO]:
        """See `Destination.part`."""
        unfinished = self._path / (name + UNFINISHED)
        try:
            try:
                with unfinished.open("wb") as stream:
                    yield stream
                unfinished.replace(self._path / name)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{self._path / name}: {error.strerror}") from error


class _Prefix:
    def __init__(self, where: str) -> None:
        self._scheme, self._where = where.partition("://")[0], redacted(where)
        with self._mapped():
            self._files, path = importlib.import_module("fsspec.core").url_to_fs(where)
        self._path = path.rstrip("/")

    def holds(self, suffix: str) -> bool:
        with self._mapped():
            return any(path.endswith(suffix) for path in self._files.find(self._path))

    @contextmanager
    def part(self, name: str) -> Iterator[BinaryIO]:
        """See `Destination.part`."""
        with self._mapped(), self._files.open(f"{self._path}/{name}", "wb", block_size=BLOCK) as stream:
            whole = False
            try:
                yield stream
                whole = True
            finally:
                if not whole:
                    stream.discard()  # an object cut short must not appear
                    stream.closed = True

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        raised: tuple[type[Exception], ...] = (OSError, TimeoutError, *_foreign(self._scheme))
        try:
            yield
        except raised as error:
            why = getattr(error, "strerror", None) or " ".join(str(error).split()) or type(error).__name__
            raise OutputError(f"{self._where}: {why}") from error


def _foreign(scheme: str) -> list[type[Exception]]:
    pairs = [name.split(":") for name in _FOREIGN[scheme]]
    return [getattr(importlib.import_module(module), name) for module, name in pairs]
