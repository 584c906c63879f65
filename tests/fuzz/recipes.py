"""Inputs that are edits of an APK: a mutation of the whole would rarely get past its zip directory.

A recipe is a number for the APK and steps of seven bytes: what to do, from where, at which distance, with what.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

STEP = 7
MOST_STEPS = 24
INTERESTING = (0, 1, 4, 8, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def cooked(recipe: bytes, base: bytes) -> bytes:
    """The APK with the steps of a recipe done to it, one after the other."""
    out = bytearray(base)
    for step in _steps(recipe):
        action, anchor, distance, value = struct.unpack("<BBhHx", step)
        at = _ANCHORS[anchor % len(_ANCHORS)](out) + distance
        if anchor >= 0xC0:  # anywhere
            at = value * len(out) >> 16
        at = max(0, min(at, len(out)))
        _ACTIONS[action % len(_ACTIONS)](out, at, value)
    return bytes(out)


def _steps(recipe: bytes) -> Iterator[bytes]:
    for at in range(0, min(len(recipe) - STEP + 1, STEP * MOST_STEPS), STEP):
        yield recipe[at : at + STEP]


def _end(data: bytearray) -> int:
    return max(0, data.rfind(b"PK\x05\x06"))


def _directory(data: bytearray) -> int:
    end = _end(data)
    return int.from_bytes(data[end + 16 : end + 20], "little")


def _block(data: bytearray) -> int:
    at = _directory(data)
    return max(0, at - 8 - int.from_bytes(data[at - 24 : at - 16], "little")) if at >= 32 else 0


def _manifest(data: bytearray) -> int:
    return max(0, data.find(b"\x03\x00\x08\x00"))


def _signature_file(data: bytearray) -> int:
    return max(0, data.find(b"Signature-Version"))


def _pkcs7(data: bytearray) -> int:
    return max(0, data.find(b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"))


_ANCHORS: tuple[Callable[[bytearray], int], ...] = (
    lambda _: 0,
    _end,
    _directory,
    _block,
    _manifest,
    _signature_file,
    _pkcs7,
    len,
)


def _byte(data: bytearray, at: int, value: int) -> None:
    data[at : at + 1] = bytes([value & 0xFF])


def _short(data: bytearray, at: int, value: int) -> None:
    data[at : at + 2] = struct.pack("<H", value)


def _long(data: bytearray, at: int, value: int) -> None:
    data[at : at + 4] = struct.pack("<I", INTERESTING[value % len(INTERESTING)])


def _wide(data: bytearray, at: int, value: int) -> None:
    data[at : at + 8] = struct.pack("<Q", INTERESTING[value % len(INTERESTING)] << (value >> 8 & 31))


def _flip(data: bytearray, at: int, value: int) -> None:
    if at < len(data):
        data[at] ^= 1 << (value & 7)


def _insert(data: bytearray, at: int, value: int) -> None:
    data[at:at] = bytes([value & 0xFF]) * (value >> 8)


def _remove(data: bytearray, at: int, value: int) -> None:
    del data[at : at + (value & 0x3FF)]


def _cut(data: bytearray, at: int, _value: int) -> None:
    del data[at:]


def _repeat(data: bytearray, at: int, value: int) -> None:
    if len(data) < 1 << 20:
        data[at:at] = data[at : at + (value & 0xFFF)]


def _swap(data: bytearray, at: int, value: int) -> None:
    data[at : at + 4] = data[value : value + 4]


_ACTIONS = (_byte, _short, _long, _wide, _flip, _insert, _remove, _cut, _repeat, _swap, _flip, _byte)


def step(action: int, anchor: int, distance: int, value: int) -> bytes:
    """One step, for seeds."""
    return struct.pack("<BBhHx", action, anchor, distance, value)
