"""Values out of management exports: cut, checked, and null for anything that is not what its key promises."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from scanner.model import Assurance, Certificate, Device, Stated, counted
from scanner.sources.inventories import digests
from scanner.sources.inventories.lines import number
from scanner.sources.inventories.readers import jsonfields
from scanner.sources.inventories.reading import Document, Gap, NotAndroid

MAX_TEXT = 1000
"""Characters kept of a title, a version or a name."""
MAX_ID = 255
"""Characters kept of a serial number, or of whatever stands for one."""
REMEMBERED = 16384
"""Digests that are kept, because the same apps are on many devices."""
MAX_SYSTEMS = 20
"""Other systems counted by name; the rest are counted together."""
SIZES = {"sha1": 20, "sha256": 32}
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
    if not isinstance(value, str):
        said = jsonfields.whole(value)
        return None if said is None else str(said)[:limit]
    return replaced(value[:limit].strip()) or None


def replaced(text: str) -> str:
    """The text, with a question mark for each stray byte and half character."""
    return text.encode("utf-8", "replace").decode()


def first_text(*values: object, limit: int = MAX_TEXT) -> str | None:
    """The first that is a text."""
    return next((said for said in (text(value, limit) for value in values) if said), None)


def whole(value: object) -> int | None:
    """A whole number, also one written as text; null for anything else."""
    if isinstance(value, str):
        return number(value.strip()[:MAX_ID])
    return jsonfields.whole(value)


def no_package(where: str, key: str, value: object) -> Gap:
    """The gap for a row that names no package."""
    said = text(value, 100)
    return Gap(where, f"{key} is no package name: {said!r}" if said else f"without {key}")


def strays(value: object, objects: list[dict[str, Any]], where: str) -> Iterator[Gap]:
    """The gap for what stands in a list of objects and is none."""
    if isinstance(value, list) and len(value) > len(objects):
        yield Gap(
            where,
            counted(len(value) - len(objects), "entry of its list is no object", "entries of its list are no objects"),
        )


def release(value: object) -> str | None:
    """``14`` of ``Android 14``; null for other systems."""
    found = _RELEASE.match(text(value) or "")
    return found[1] if found else None


def digest(value: object, kind: str) -> str | None:
    """A digest as lower-case hex, from hex with separators or either base64; null where it has another length."""
    return _digest(value, kind) if isinstance(value, str) and len(value) <= MAX_ID else None


@lru_cache(maxsize=REMEMBERED)
def _digest(value: str, kind: str) -> str | None:
    return digests.digest(value.strip(), SIZES[kind])


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
