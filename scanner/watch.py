"""The audit desk: every phone is scanned as it is plugged in, each in a thread of its own, until somebody says stop."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator

from scanner.errors import ReadError, ScannerError, SourceError
from scanner.interruption import next_of
from scanner.model import AppRow, PhoneStatus, SummaryRow, UnreadRow, Value
from scanner.scanning import Scan
from scanner.sources.adb import AdbServer, spec_of

PASSING, PASSING_SECONDS = frozenset({"offline", "connecting", "authorizing"}), 3.0
"""States that a phone passes through while it is plugged in, and how long it may stay in one without a word."""
AGAIN_SECONDS = 2.0
"""Seconds to wait before a server that went away is asked again."""


class Visit(Value, frozen=True):
    """One phone that was plugged in and scanned."""

    spec: str
    rows: tuple[AppRow | UnreadRow, ...]
    summary: SummaryRow


class Arrival(Value, frozen=True):
    """A phone came or changed its state; one that is not ready says what to do about it."""

    status: PhoneStatus


Event = Visit | Arrival


class Desk:
    """Watches one adb server. ``make_scan`` gives the scan of one phone by its SPEC."""

    def __init__(self, server: AdbServer, make_scan: Callable[[str], Scan]) -> None:
        self._server, self._make_scan = server, make_scan
        self._events: queue.SimpleQueue[Event | ScannerError] = queue.SimpleQueue()
        self._scans: dict[str, Scan] = {}
        self._states: dict[str, str] = {}
        self._stopped = threading.Event()

    def events(self) -> Iterator[Event]:
        """What happens, as it happens; for ever, until `stop`. Raises `SourceError` where no server can be had."""
        self._server.ensure()
        threading.Thread(target=self._track, name="track-devices", daemon=True).start()
        while not self._stopped.is_set():
            event = next_of(self._events)
            if isinstance(event, ScannerError):
                raise event
            yield event

    def stop(self) -> None:
        """Stop every scan that is under way."""
        self._stopped.set()
        for scan in list(self._scans.values()):
            scan.stop()

    def _track(self) -> None:
        """Follow the server's list; one that goes away is waited for."""
        while not self._stopped.is_set():
            try:
                for _ in self._server.states():
                    self._look()
                    if self._stopped.is_set():
                        return
            except ReadError:
                self._stopped.wait(AGAIN_SECONDS)
                try:
                    self._server.ensure()
                except SourceError as error:
                    self._events.put(error)
                    return

    def _look(self) -> None:
        """Begin what is new: a phone is scanned each time it becomes ready."""
        phones = self._server.phones()
        states = {spec_of(phone, phones): phone for phone in phones}
        for spec, phone in states.items():
            if self._states.get(spec) == phone.state:
                continue
            self._announce(spec, phone)
            if phone.ready and spec not in self._scans:
                self._scans[spec] = self._make_scan(spec)
                threading.Thread(target=self._visit, args=(spec,), name=spec, daemon=True).start()
        self._states = {spec: phone.state for spec, phone in states.items()}

    def _announce(self, spec: str, phone: PhoneStatus) -> None:
        """Tell of a phone; of one that is only on its way, not before it has stayed so for a while."""
        if phone.state not in PASSING:
            self._events.put(Arrival(phone))
            return
        later = threading.Timer(PASSING_SECONDS, self._still, (spec, phone))
        later.daemon = True
        later.start()

    def _still(self, spec: str, phone: PhoneStatus) -> None:
        if self._states.get(spec) == phone.state:
            self._events.put(Arrival(phone))

    def _visit(self, spec: str) -> None:
        scan = self._scans[spec]
        event: Event | ScannerError
        try:
            rows = tuple(scan.rows())
            event = Visit(spec, rows, scan.summary())
        except ScannerError as error:
            event = error
        finally:
            del self._scans[spec]  # before anybody hears of it, and plugs the phone in again
        self._events.put(event)
