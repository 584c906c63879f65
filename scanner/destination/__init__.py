"""Where a report of many parts goes: a folder of this machine, or a prefix of a store, through fsspec.

A part appears when it is complete, under its final name: a store shows an object once it is uploaded, and on this
machine it is written beside and renamed. A place that holds parts already is refused, since readers take all of them;
so is one that takes none, before anything is read.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import tempfile
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
    "gs": (
        "aiohttp:ClientError", "gcsfs.retry:HttpError", "google.auth.exceptions:GoogleAuthError",
        "builtins:ValueError",  # what gcsfs makes of a bad request
    ),
    "az": (
        "azure.core.exceptions:AzureError",
        "builtins:RuntimeError",  # what adlfs makes of a block that was refused
        "builtins:ValueError",  # of a connection string that is none
    ),
}  # fmt: skip
"""What is raised besides `OSError`."""
_TALKATIVE = ("gcsfs", "google.auth", "azure")
"""They say a second time what is raised anyway."""
BLOCK = 5 << 20
"""Bytes uploaded at once: the least that S3 takes as a piece of an object."""
UNFINISHED = ".unfinished"


class Destination(Protocol):
    """A place for parts."""

    def part(self, number: int) -> Any:  # noqa: ANN401 - a context manager of a `BinaryIO`
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
    """The place, for parts of that suffix.

    Raises `OutputError` where it holds some already, or nothing can be written, which is tried out.
    """
    made = _Prefix(where, suffix) if "://" in where else _Folder(where, suffix)
    made.try_out()  # first: it fails soon, where a listing is asked for again and again
    if made.holds_some():
        raise OutputError(
            f"{redacted(where)}: holds {suffix} files already, and readers would take them for one report: name an"
            " empty place"
        )
    return made


def _name(number: int, suffix: str) -> str:
    return f"part-{number:05}{suffix}"


class _Folder:
    def __init__(self, where: str, suffix: str) -> None:
        self._path, self._suffix = Path(where), suffix
        try:
            self._path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{where}: {error.strerror}") from error

    def holds_some(self) -> bool:
        try:
            return any(path.suffix == self._suffix for path in self._path.iterdir())
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from error

    def try_out(self) -> None:
        try:
            tempfile.TemporaryFile(dir=self._path).close()
        except OSError as error:
            raise OutputError(f"{self._path}: {error.strerror}") from error

    @contextmanager
    def part(self, number: int) -> Iterator[BinaryIO]:
        """See `Destination.part`."""
        path = self._path / _name(number, self._suffix)
        unfinished = path.with_name(path.name + UNFINISHED)
        try:
            try:
                with unfinished.open("wb") as stream:
                    yield stream
                unfinished.replace(path)
            finally:
                unfinished.unlink(missing_ok=True)
        except OSError as error:
            raise OutputError(f"{path}: {error.strerror}") from error


class _Prefix:
    def __init__(self, where: str, suffix: str) -> None:
        self._scheme, self._where, self._suffix = where.partition("://")[0], redacted(where), suffix
        self._raised: tuple[type[Exception], ...] = (OSError, *_foreign(self._scheme))
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        with self._mapped():
            self._files, path = importlib.import_module("fsspec.core").url_to_fs(where, skip_instance_cache=True)
        self._path = path.rstrip("/")
        self._mode = "wb"

    def holds_some(self) -> bool:
        """Whether there are parts; where nobody may look, parts are written so that none can be replaced."""
        with self._mapped():
            try:
                return any(path.endswith(self._suffix) for path in self._files.find(self._path))
            except self._raised as error:
                if not _is_denied(error):
                    raise
                self._mode = "xb"
                return False

    def try_out(self) -> None:
        from scanner.destination.trying import try_out

        with self._mapped("cannot be written to: "):
            try_out(self._scheme, self._files, f"{self._path}/{_name(0, self._suffix)}", self._raised)

    @contextmanager
    def part(self, number: int) -> Iterator[BinaryIO]:
        """See `Destination.part`."""
        name = f"{self._path}/{_name(number, self._suffix)}"
        with self._mapped(), self._files.open(name, self._mode, block_size=BLOCK) as stream:
            whole = False
            try:
                yield stream
                whole = True
            finally:
                if not whole:
                    stream.discard()  # an object cut short must not appear
                    stream.closed = True

    @contextmanager
    def _mapped(self, what: str = "") -> Iterator[None]:
        try:
            yield
        except self._raised as error:
            raise OutputError(f"{self._where}: {what}{_why(error)}") from error


def _is_denied(error: Exception) -> bool:
    """Whether the store refuses: s3fs, gcsfs and adlfs each say so in their own way."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None)
    return isinstance(error, PermissionError) or str(error).startswith("Forbidden: ") or status in {401, 403}


def _why(error: Exception) -> str:
    """The error in one line."""
    if isinstance(error, FileExistsError):
        return "a part of another report is there already, and these credentials may not look: name an empty place"
    said = getattr(error, "strerror", None) or (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"access denied ({said})" if _is_denied(error) else said


def _foreign(scheme: str) -> list[type[Exception]]:
    pairs = [name.split(":") for name in _FOREIGN[scheme]]
    return [getattr(importlib.import_module(module), name) for module, name in pairs]
