"""Phones behind an adb server. A SPEC is ``adb:SERIAL`` or ``adb:HOST:PORT``."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable

from scanner.bytesource import PhoneFile
from scanner.errors import ReadError, SourceError
from scanner.model import Installed, Location, PhoneAddress, PhoneStatus
from scanner.sources.adb.channel import Answer
from scanner.sources.adb.listing import Inventory, Properties, inventory_of, properties_of
from scanner.sources.adb.phone import TIMEOUT, Phone, Recorder
from scanner.sources.adb.ranges import PhoneFiles
from scanner.sources.adb.server import AdbServer, ServerGone
from scanner.sources.adb.servers import server_notes
from scanner.sources.adb.states import NOTHING_CONNECTED
from scanner.sources.inventories.transparency import TransparencyEntry, parse_transparency

__all__ = [
    "NOTHING_CONNECTED",
    "PREFIX",
    "TIMEOUT",
    "AdbServer",
    "Answer",
    "Installed",
    "Inventory",
    "PhoneSource",
    "Properties",
    "Recorder",
    "ServerGone",
    "TransparencyEntry",
    "connected",
    "open_on_phone",
    "server_notes",
    "spec_of",
]

PREFIX = "adb:"
_TRANSPORT = re.compile(r"^(.*)@(\d+)$")
_HOST_PORT = re.compile(r"^(\[[^\]]+\]|[^:\s]+):\d{1,5}$")

_phones: dict[PhoneAddress, tuple[Phone, PhoneFiles]] = {}
_lock = threading.Lock()


def connected(server: AdbServer) -> list[str]:
    """A SPEC for each phone that the server lists, whatever its state. Raises `SourceError` without a server."""
    server.ensure()
    return [spec_of(status, phones) for phones in [server.phones()] for status in phones]


def spec_of(status: PhoneStatus, phones: list[PhoneStatus]) -> str:
    """The SPEC of a phone: its serial, with the connection's number where several phones bear that serial."""
    same = [one for one in phones if one.address.serial == status.address.serial]
    number = f"@{status.address.transport}" if len(same) > 1 and status.address.transport is not None else ""
    return f"{PREFIX}{status.address.serial}{number}"


def open_on_phone(location: Location) -> PhoneFile:
    """The bytes of a file on a phone. Raises `ReadError`."""
    if location.phone is None:
        raise SourceError("not a location on a phone")
    _, files = _at(location.phone)
    return PhoneFile(files, location.path)


def _at(address: PhoneAddress, timeout: float = TIMEOUT) -> tuple[Phone, PhoneFiles]:
    with _lock:
        if address not in _phones:
            phone = Phone(address, timeout)
            _phones[address] = phone, PhoneFiles(phone)
        return _phones[address]


class PhoneSource:
    """One phone, found by its SPEC.

    Raises:
        SourceError: no server, no such phone, or one that cannot be read: the text says what to do about it.
    """

    def __init__(
        self, spec: str, server: AdbServer, timeout: float = TIMEOUT, recorder: Recorder | None = None
    ) -> None:
        self.name = spec
        server.ensure()
        try:
            self.status = _find(spec.removeprefix(PREFIX), server)
        except ReadError as error:
            raise SourceError(str(error)) from error
        if not self.status.ready:
            detail = f" {self.status.detail}" if self.status.detail else ""
            raise SourceError(f"{self.status.state}{detail}: {self.status.advice}")
        self._phone = Phone(self.status.address, timeout, recorder)
        with _lock:
            _phones.setdefault(self.status.address, (self._phone, PhoneFiles(self._phone)))

    def properties(self, owners: dict[str, str]) -> Properties:
        """What the phone says of itself. Raises `SourceError` where it says nothing at all."""
        try:
            return properties_of(self._phone, owners)
        except ReadError as error:
            raise SourceError(str(error)) from error

    def inventory(self, properties: Properties, *, names: bool = True) -> Inventory:
        """Everything installed on it, for every user; without ``names`` users are told by number alone.

        From now on its files are opened through this source, whichever other SPEC names the same phone.
        """
        with _lock:
            _phones[self.status.address] = self._phone, PhoneFiles(self._phone)
        return inventory_of(self._phone, self.name, properties, names=names)

    def expect(self, locations: Iterable[Location]) -> None:
        """Say which files will be opened: the phone is asked for all their sizes at once. Raises `ReadError`."""
        _, files = _at(self.status.address)
        files.expect(location.path for location in locations)

    def transparency(self) -> dict[str, TransparencyEntry]:
        """What Android 14 and newer state of preloads. Slow on the phone, which hashes them all: asked once, late."""
        return parse_transparency(self._phone.run("cmd transparency get mba_info -v").text)

    def lost(self) -> str | None:
        """Why the phone answers no more; None where it does."""
        return self._phone.lost()

    def close(self) -> None:
        """Let go of the phone; what is still being read fails soon."""
        self._phone.close()
        with _lock:
            if _phones.get(self.status.address, (None,))[0] is self._phone:
                del _phones[self.status.address]


def _find(wanted: str, server: AdbServer) -> PhoneStatus:
    """The phone that a SPEC names; one at ``HOST:PORT`` is connected to first where it is not yet."""
    phones = server.phones()
    same = [phone for phone in phones if phone.address.serial == wanted]
    if not same and (match := _TRANSPORT.match(wanted)):
        same = [
            phone for phone in phones if phone.address.serial == match[1] and phone.address.transport == int(match[2])
        ]
    elif not same and _HOST_PORT.match(wanted):
        server.connect(wanted)
        same = [phone for phone in server.phones() if phone.address.serial == wanted]
    if not same:
        there = ", ".join(phone.address.serial for phone in phones) or "none"
        raise SourceError(f"no phone of that serial; connected: {there} (see app-scanner devices)")
    if len(same) > 1:
        numbered = " or ".join(spec_of(phone, phones) for phone in same)
        raise SourceError(f"{len(same)} phones bear that serial: say {numbered}")
    return _alone(same[0], phones)


def _alone(status: PhoneStatus, phones: list[PhoneStatus]) -> PhoneStatus:
    """The phone by its serial alone where that is enough: the connection's number changes whenever it reconnects."""
    if sum(phone.address.serial == status.address.serial for phone in phones) > 1:
        return status
    address = PhoneAddress(status.address.serial, status.address.server)
    return PhoneStatus(address, status.state, status.model, status.detail, status.advice)
