"""Stamps: what tells that a file or object is still the one that was read, and was read by the same choices.

A row's stamp is ``CHOICES-CONTENT``, both of them digests. The last row of a candidate of which nothing was left
unread ends its stamp with ``+ROWS+OTHERS``: how many rows the candidate has, and how many files in it are no APKs. Only
a candidate whose last row is there was read whole. For everybody but `scanner.resuming` a stamp is opaque.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, Protocol

import msgspec

from scanner import __version__
from scanner.model import LIMITS, SCHEMA_VERSION, App, AppRow, Limits, Location, Outcome, Passed, Search, redacted

CHOICES_BYTES, CONTENT_BYTES = 6, 16
FRESH, FRESH_COARSE = 50_000_000, 2_000_000_000
"""A file that changed so many nanoseconds ago could change again within the same tick of its file system's clock, and
nobody would see it: it gets no stamp. The second is for file systems that know whole seconds alone."""
SECOND = 1_000_000_000


class Stamp(NamedTuple):
    """A stamp in its parts."""

    choices: str
    content: str
    rows: int
    """0 where it does not end its candidate."""
    others: int


class Stamper:
    """Stamps candidates that are read by one set of choices: all that decides what a row of the same bytes says."""

    def __init__(
        self,
        signatures: str,
        sdk: int,
        *,
        verify_all: bool = False,
        search: Search | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        """``signatures`` is the digest of the database."""
        seen = search or Search()
        patient = msgspec.structs.replace(limits, item_seconds=LIMITS.item_seconds)  # what took longer is unread anyway
        said = (__version__, SCHEMA_VERSION, signatures, sdk, verify_all, seen, patient)
        self.choices = _digest(said, CHOICES_BYTES)

    def stamp(self, app: App) -> str | None:
        """The stamp of a candidate as it is now, to be taken before it is read; None where nothing tells.

        Of a file count its size and both its times: anybody can set back the time of modification, but not that of the
        change of status. Of an object its size and ETag count.
        """
        parts = []
        for location in (app.location, *app.splits):
            state = _state(location)
            if state is None:
                return None
            parts.append((redacted(location.path), state, location.hops))
        return f"{self.choices}-{_digest(parts, CONTENT_BYTES)}"


def parsed(stamp: str | None) -> Stamp | None:
    """A stamp in its parts; None for what is none."""
    found = _STAMP.fullmatch(stamp or "")
    return None if found is None else Stamp(found[1], found[2], int(found[3] or 0), int(found[4] or 0))


_STAMP = re.compile(
    rf"([0-9a-f]{{{2 * CHOICES_BYTES}}})-([0-9a-f]{{{2 * CONTENT_BYTES}}})(?:\+([0-9]{{1,7}})\+([0-9]{{1,7}}))?"
)
"""Of a candidate with ten million rows or more the end is not told, so it is read again."""


def stamped(stamp: str | None, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
    """The outcomes of one candidate, their rows stamped. The last row waits until it is known to be the last."""
    if stamp is None:
        yield from outcomes
        return
    last: AppRow | None = None
    rows = others = 0
    whole = True
    for outcome in outcomes:
        if isinstance(outcome, Passed):
            others += 1
            yield outcome
            continue
        if last is not None:
            yield msgspec.structs.replace(last, stamp=stamp)
            last = None
        if isinstance(outcome, AppRow):
            last = outcome
            rows += 1
        else:
            whole = False  # unread, or to be read in pieces that are candidates themselves
            yield outcome
    if last is not None:
        yield msgspec.structs.replace(last, stamp=f"{stamp}+{rows}+{others}" if whole else stamp)


def _state(location: Location) -> tuple[object, ...] | None:
    """What changes when the file or object does."""
    if location.phone is not None:
        return None
    if location.remote:
        return None if location.etag is None else (location.size, location.etag)
    try:
        status = os.stat(location.path)  # noqa: PTH116 - once for each file: a Path takes as long again
    except (OSError, ValueError):
        return None
    fresh = FRESH if status.st_ctime_ns % SECOND else FRESH_COARSE
    if time.time_ns() - status.st_ctime_ns < fresh:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _digest(value: object, size: int) -> str:
    text = repr(value)  # a path may hold bytes that are no text, which no encoding for exchange lets pass
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=size).hexdigest()


class Reads(Protocol):
    """What reads one candidate: a value that can be sent to another process."""

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of it."""
        ...

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one at a time."""
        ...


class StampingReader:
    """A reader whose rows bear stamps. What is to be read of the candidates inside a container, ``again`` says."""

    def __init__(
        self, reader: Reads, stamper: Stamper, again: Callable[[Iterable[App]], Iterable[App | Outcome]] | None = None
    ) -> None:
        self._reader, self._stamper, self._again = reader, stamper, again

    def __reduce__(self) -> tuple[type[StampingReader], tuple[Reads, Stamper]]:
        """Another process reads what it is given: what is known already only this one can tell."""
        return StampingReader, (self._reader, self._stamper)

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of one candidate."""
        return list(self.stream(app, inline=False))

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one outcome at a time."""
        return stamped(self._stamper.stamp(app), self._reader.stream(app, inline=inline))

    def again(self, apps: Iterable[App]) -> Iterable[App | Outcome]:
        """What is to be done of candidates found inside a container, asked where the results are gathered."""
        return apps if self._again is None else self._again(apps)
