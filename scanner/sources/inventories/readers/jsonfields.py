"""Values out of decoded JSON: null, or nothing, for anything that is not what its key promises."""

from __future__ import annotations

from typing import Any

from scanner.model import printable
from scanner.sources.inventories.lines import is_package_name, unless_null

MAX_NUMBER = 1 << 63
"""What a number stays below, as in Java."""


def text(value: object) -> str | None:
    """A text that says something."""
    return unless_null(printable(value.strip())) if isinstance(value, str) else None


def whole(value: object) -> int | None:
    """A number that is no truth value."""
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < MAX_NUMBER else None


def truth(value: object) -> bool | None:
    """A truth value."""
    return value if isinstance(value, bool) else None


def objects(value: object) -> list[dict[str, Any]]:
    """The objects of an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def package(value: object) -> str | None:
    """A name that Android could have installed a package under."""
    return value if isinstance(value, str) and is_package_name(value) else None


def hex_digest(value: object, digits: int) -> str | None:
    """A digest of so many hex digits, in lower case; null where it is none, or all zeros."""
    if not isinstance(value, str) or len(value) != digits:
        return None
    lower = value.lower()
    return lower if not lower.strip("0123456789abcdef") and lower.strip("0") else None
