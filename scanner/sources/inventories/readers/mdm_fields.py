"""Values out of management exports: cut, checked, and null for anything that is not what its key promises."""

from __future__ import annotations

import base64
import binascii
import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from scanner.model import Assurance, Certificate, Device, Stated, printable
from scanner.sources.inventories.lines import is_package_name, number
from scanner.sources.inventories.reading import Document, Gap, NotAndroid

MAX_TEXT = 1000
"""Characters kept of a title, a version or a name."""
MAX_ID = 255
"""Characters kept of a serial number, or of whatever stands for one."""
REMEMBERED = 16384
"""Digests that are kept, because the same apps are on many devices."""
MAX_SYSTEMS = 20
"""Other systems counted by name; the rest are counted together."""
MAX_NUMBER = 1 << 63
SIZES = {"sha1": 20, "sha256": 32}
_SEPARATORS = re.compile(r"[:\s-]")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_RELEASE = re.compile(r"Android\s+(\S+)", re.IGNORECASE)


def field(value: object, *path: str) -> object:
    """What lies under the keys; null where one of them is missing."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def text(value: object, limit: int = MAX_TEXT) -> str | None:
    """The text, or a number as text, cut; null for anything else and for nothing."""
    if type(value) is str and len(value) <= limit and value.isascii():
        return value.strip() or None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value) if abs(value) < MAX_NUMBER else None
    if not isinstance(value, str):
        return None
    return printable(value[:limit].strip()) or None


def first_text(*values: object, limit: int = MAX_TEXT) -> str | None:
    """The first that is a text."""
    return next((said for said in (text(value, limit) for value in values) if said), None)


def whole(value: object) -> int | None:
    """A whole number, also one written as text; null for anything else."""
    if isinstance(value, str):
        return number(value.strip()[:MAX_ID])
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_NUMBER else None


def package(value: object) -> str | None:
    """The package name; null where Android could not have installed it."""
    return value if isinstance(value, str) and is_package_name(value) else None


def no_package(where: str, key: str, value: object) -> Gap:
    """The gap for a row that names no package."""
    said = text(value, 100)
    return Gap(where, f"{key} is no package name: {said!r}" if said else f"without {key}")


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of a list; nothing for anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def release(value: object) -> str | None:
    """``14`` of ``Android 14``; null for other systems."""
    found = _RELEASE.match(text(value) or "")
    return found[1] if found else None


def digest(value: object, kind: str) -> str | None:
    """A digest as lower-case hex, from hex with separators or either base64; null where it has another length."""
    return _digest(value, kind) if isinstance(value, str) and len(value) <= MAX_ID else None


@lru_cache(maxsize=REMEMBERED)
def _digest(value: str, kind: str) -> str | None:
    size = SIZES[kind]
    compact = value if len(value) == 2 * size else _SEPARATORS.sub("", value)
    if len(compact) == 2 * size and _HEX.fullmatch(compact):
        return compact.lower()
    coded = value.strip()
    if not _BASE64.fullmatch(coded):
        return None
    try:
        raw = base64.urlsafe_b64decode(coded.rstrip("=").replace("+", "-").replace("/", "_") + "==")
    except binascii.Error:
        return None
    return raw.hex() if len(raw) == size else None


def stated(values: object, kind: str, origin: str) -> Stated | None:
    """The certificates of a list of digests; null where any of them is not one, since half a truth would mislead."""
    if not isinstance(values, list) or not values:
        return None
    digests = tuple(found for value in values if (found := digest(value, kind)))
    return _stated(digests, kind, origin) if len(digests) == len(values) else None


@lru_cache(maxsize=REMEMBERED)
def _stated(digests: tuple[str, ...], kind: str, origin: str) -> Stated:
    signers = (Certificate(sha1=one) if kind == "sha1" else Certificate(sha256=one) for one in dict.fromkeys(digests))
    return Stated(tuple(signers), origin=origin, assurance=Assurance.REPORTED)


def unnamed(document: Document) -> Device:
    """The one device of a document that does not name it."""
    return Device(text(document.name, MAX_ID) or "", None, None, None)


class Others:
    """Apps or devices of other systems, counted."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, system: object, count: int = 1) -> None:
        """Count some of one system."""
        name = text(system, MAX_ID) or "unknown"
        self._counts[name if name in self._counts or len(self._counts) < MAX_SYSTEMS else "other"] += count

    def entries(self) -> Iterator[NotAndroid]:
        """What was counted."""
        return (NotAndroid(system, count) for system, count in self._counts.items())
