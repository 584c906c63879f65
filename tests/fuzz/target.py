"""One thing to be fuzzed, and the questions that are asked of any reader."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from scanner.errors import ScannerError
from scanner.model import AppRow, SummaryRow, UnreadRow

Result = TypeVar("Result")


@dataclass(frozen=True)
class Refused:
    """A documented error, as a value that can be compared."""

    kind: str
    text: str


@dataclass(frozen=True)
class Target:
    """A reader under test: ``check`` asserts what must hold for any bytes, ``seeds`` are inputs that get far."""

    name: str
    check: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    longest: int = 16 << 10
    """Bytes of the longest input that is tried."""
    words: tuple[bytes, ...] = ()
    """Words of the format, for inputs that would take too long to be found by chance."""


def outcome(call: Callable[[], Result]) -> Result | Refused:
    """What a reader says, or the error that it raises on purpose. Anything else that it raises is a bug."""
    try:
        return call()
    except ScannerError as error:
        return Refused(type(error).__name__, str(error))


def twice(call: Callable[[], Result]) -> Result | Refused:
    """What a reader says: the same when it is asked again."""
    first, second = outcome(call), outcome(call)
    assert first == second, f"not the same twice: {first!r} and {second!r}"
    return first


def check_row(row: AppRow | UnreadRow | SummaryRow) -> None:
    """What holds for every row: it survives its own format, and no bug hides in it as a reason."""
    data = msgspec.json.encode(row)
    assert msgspec.json.decode(data, type=type(row)) == row, "a row that its own format does not give back"
    if isinstance(row, UnreadRow):
        assert row.reason, "unread without a reason"
        assert not row.reason.startswith("crashed:"), row.reason
    elif isinstance(row, SummaryRow):
        unread = row.counts["unread"]
        assert not (unread and row.exit_code == 0), "clean, with something unread"
        assert row.exit_code != 0 or row.counts["apps"], "clean, with nothing read"


def numbered(data: bytes, choices: Iterable[Any]) -> tuple[Any, bytes]:
    """One of several things by the first byte of an input, and the rest of it."""
    known = list(choices)
    return known[data[0] % len(known) if data else 0], data[1:]


def shown(data: bytes) -> str:
    """An input as a line that can be pasted."""
    return base64.b64encode(data).decode()
