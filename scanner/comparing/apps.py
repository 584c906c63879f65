"""One app as one saved scan told of it, and where it is: a place, which two scans have in common.

A place is a phone, by its serial, or a source of files, by its SPEC.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import msgspec

from scanner.model import AppRow, Device, Value
from scanner.model.comparison import Seen, Side


class Known(Value, frozen=True):
    """Which app it is."""

    source: str
    device: Device | None
    package_name: str | None
    copy: Literal["active", "factory"]
    location: str


class App(NamedTuple):
    """One app as one scan saw it."""

    side: Side
    place: str
    key: str
    known: bytes
    """`Known`, encoded."""
    said: bytes
    """`Seen`, encoded: equal bytes say the same."""

    def which(self) -> Known:
        """Which app it is."""
        return _decode_known(self.known)

    def seen(self) -> Seen:
        """What was said of it."""
        return _decode_seen(self.said)


def place_of(row: AppRow) -> str:
    """The phone, by its serial, or the source of files, by its SPEC."""
    return row.device.serial.casefold() if row.device is not None else f"\n{row.source}"


def known_of(row: AppRow) -> Known:
    """Which app a row tells of."""
    return Known(row.source, row.device, row.package_name, row.copy, row.location)


def key_of(row: AppRow) -> str:
    """What makes two rows of one place the same app: on a phone its name, in files where it lies as well."""
    if row.device is None:
        return f"{row.location}\n{row.package_name or ''}"
    return f"{row.package_name or chr(10) + (row.label or row.location)}\n{row.copy}"


_decode_known = msgspec.msgpack.Decoder(Known).decode
_decode_seen = msgspec.msgpack.Decoder(Seen).decode
