"""The phones of one scan, each read in a thread of its own. One that fails takes no other with it."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait

from scanner.containment import Crash, contained
from scanner.database import SignatureDatabase
from scanner.errors import ScannerError, SourceError
from scanner.interruption import next_of
from scanner.model import SCHEMA_VERSION, Outcome, PhoneStep, UnreadRow, printable
from scanner.phones.reader import PhoneOptions, PhoneReader

PHONES_AT_ONCE = 32
GRACE = 3.0
"""Seconds after an interruption in which phones may hand over what they have read."""


class Fleet:
    """The phones of one scan, all read at once."""

    def __init__(self, specs: Iterable[str], database: SignatureDatabase, now: str, options: PhoneOptions) -> None:
        self._options = options
        self._readers = [PhoneReader(spec, database, now, options) for spec in dict.fromkeys(specs)]
        self._rows: dict[str, queue.SimpleQueue[Outcome | SourceError | None]] = {
            reader.spec: queue.SimpleQueue() for reader in self._readers
        }
        self._running: list[Future[None]] = []
        self._claimed: dict[str, str] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(min(PHONES_AT_ONCE, max(1, len(self._readers))), "phone")

    def start(self) -> None:
        """Begin to read every phone."""
        for reader in self._readers:
            self._running.append(self._threads.submit(self._run, reader))

    def outcomes(self, spec: str) -> Iterator[Outcome]:
        """What is said of one phone, as it comes. Raises `SourceError` where the phone cannot be read at all."""
        while (outcome := next_of(self._rows[spec])) is not None:
            if isinstance(outcome, SourceError):
                raise outcome
            yield outcome

    def left_over(self) -> Iterator[Outcome]:
        """Stop; then what was read and not asked for yet: after an interruption it is still written."""
        self.close()
        wait(self._running, GRACE)
        for rows in self._rows.values():
            while not rows.empty():
                outcome = rows.get()
                if outcome is not None and not isinstance(outcome, SourceError):
                    yield outcome

    def close(self) -> None:
        """Stop at once; what was not read stays unread."""
        for reader in self._readers:
            reader.stop()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, reader: PhoneReader) -> None:
        """Read one phone; whatever happens, its end is said."""
        rows = self._rows[reader.spec]
        try:
            for outcome in contained(reader.rows(self._claim)):
                rows.put(self._crashed(reader.spec, outcome) if isinstance(outcome, Crash) else outcome)
        except ScannerError as error:
            rows.put(error if isinstance(error, SourceError) else SourceError(str(error)))
        finally:
            rows.put(None)
            self._options.observer(PhoneStep(reader.spec, "done"))

    def _claim(self, identity: str, spec: str) -> str | None:
        """The SPEC under which this very phone is read already; None where it is not, and from now on it is."""
        with self._lock:
            other = self._claimed.setdefault(identity, spec)
        return None if other == spec else other

    @staticmethod
    def _crashed(spec: str, crash: Crash) -> UnreadRow:
        return UnreadRow(SCHEMA_VERSION, printable(spec), "device", printable(spec), printable(crash.reason))
