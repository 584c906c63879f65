"""``-o FORMAT[=FILE]``: from words to open formats."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Generic, Self, TextIO, TypeVar

import click

from scanner.destination import is_many_parts, lacking, open_destination
from scanner.errors import OutputError
from scanner.formats import BINARY, FORMATS, IN_PARTS, NewPart, Writer, WriterInParts, missing_extra

Item = TypeVar("Item")
Last = TypeVar("Last")
BUFFER = 256 * 1024
"""Bytes written to a file at once."""
CONTINUED = "jsonl"
"""The format that ``--resume`` continues."""
FLUSH_SECONDS, SYNC_SECONDS = 1.0, 15.0
"""How much work may be lost of it when this process is killed, and when the power fails."""


def parse_outputs(words: tuple[str, ...], formats: Collection[str] = tuple(FORMATS)) -> list[tuple[str, str | None]]:
    """Format and file of each ``-o``. Raises `click.UsageError`."""
    wanted = []
    for word in words or ("table",):
        name, equals, file = word.partition("=")
        if name not in formats:
            raise click.UsageError(f"-o {word}: no format {name!r}; there are {', '.join(formats)}")
        if equals and not file:
            raise click.UsageError(f"-o {word}: the file's name is missing")
        if extra := missing_extra(name):
            raise click.UsageError(f"-o {name}: to write it, pip install 'app-inventory-scanner[{extra}]'")
        if name in BINARY and not file and sys.stdout.isatty():
            raise click.UsageError(f"-o {name} is not text: give it a file, as in -o {name}=rows.{name}")
        if "://" in file:
            _check_address(word, name, file)
        wanted.append((name, file or None))
    if sum(file is None for _, file in wanted) > 1:
        raise click.UsageError("only one -o can go to stdout: give the others a file, as in -o jsonl=rows.jsonl")
    if len({file for _, file in wanted}) < len(wanted):
        raise click.UsageError("two -o name the same file")
    return wanted


def _check_address(word: str, name: str, address: str) -> None:
    if name not in IN_PARTS:
        raise click.UsageError(f"-o {word}: only {', '.join(IN_PARTS)} can be written to an address")
    if why := lacking(address):
        raise click.UsageError(f"-o {word}: {why}")


class Outputs(Generic[Item, Last]):
    """Every format that was asked for, as one. Raises `OutputError` where a file cannot be written."""

    def __init__(
        self,
        wanted: list[tuple[str, str | None]],
        new_format: Callable[[str, TextIO], Writer[Item, Last]],
        new_format_in_parts: Callable[[str, NewPart], WriterInParts[Item, Last]] | None = None,
    ) -> None:
        self._wanted = wanted
        self._new_format, self._new_format_in_parts = new_format, new_format_in_parts
        self._stack = ExitStack()
        self._formats: list[tuple[str, str | None, Writer[Item, Last]]] = []
        self._kept: list[tuple[str, TextIO]] = []
        self._flush_at = time.monotonic() + FLUSH_SECONDS
        self._sync_at = time.monotonic() + SYNC_SECONDS

    def __enter__(self) -> Self:
        for name, file in self._wanted:
            if file is not None and self._new_format_in_parts and name in IN_PARTS and is_many_parts(file):
                parts = self._new_format_in_parts(name, open_destination(file, f".{name}").part)
                self._stack.callback(parts.close)
                self._formats.append((name, file, parts))
                continue
            try:
                stream = Path(file).open("w", BUFFER, encoding="utf-8", newline="") if file else sys.stdout
            except OSError as error:
                self._stack.close()
                raise OutputError(f"{file}: {error.strerror}") from error
            if file:
                self._stack.callback(_close, stream, file)
            self._formats.append((name, file, self._new_format(name, stream)))
            if name == CONTINUED and file is not None:
                self._kept.append((file, stream))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stack.close()
        except OSError as error:
            raise OutputError(f"the report could not be written: {error.strerror}") from error

    def row(self, row: Item) -> None:
        """Give every format one row."""
        for _, file, written in self._formats:
            try:
                written.row(row)
            except OSError as error:
                raise _mapped(error, file) from error
        if self._kept and time.monotonic() >= self._flush_at:
            self._flush()

    def _flush(self) -> None:
        """Let what was written outlive this process, and now and then a power cut."""
        now = time.monotonic()
        self._flush_at = now + FLUSH_SECONDS
        sync, self._sync_at = now >= self._sync_at, now + SYNC_SECONDS if now >= self._sync_at else self._sync_at
        for file, stream in self._kept:
            try:
                stream.flush()
                if sync:
                    with suppress(OSError):  # not a pipe, for example
                        os.fsync(stream.fileno())
            except OSError as error:
                raise _mapped(error, file) from error

    def end(self, summary: Last, *, only_documents: bool = False) -> None:
        """Give every format the summary; ``only_documents`` leaves out the table on stdout."""
        for name, file, written in self._formats:
            if only_documents and name == "table" and file is None:
                continue
            try:
                written.end(summary)
                if file is None:
                    sys.stdout.flush()
            except OSError as error:
                raise _mapped(error, file) from error


def _close(stream: TextIO, file: str) -> None:
    try:
        stream.close()  # what is still in its buffer is written now
    except OSError as error:
        raise _mapped(error, file) from error


def _mapped(error: OSError, file: str | None) -> Exception:
    if isinstance(error, BrokenPipeError):
        return error
    return OutputError(f"{file or 'stdout'}: {error.strerror}")
