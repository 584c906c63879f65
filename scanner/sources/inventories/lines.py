"""Lines of a phone's output, and what all its parsers need: package names and lists that stay short.

Package names: https://developer.android.com/build/configure-app-module and AOSP ``FrameworkParsingPackageUtils``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MAX_LINE = 1 << 16
"""Characters of a line that are looked at."""
MAX_KEPT = 20
"""Lines kept of those not understood; the others are counted."""
MAX_SHOWN = 200
"""Characters kept of such a line."""
MAX_NAME = 255
"""Characters of a package name; it must also serve as a file name."""
_NAME = re.compile(r"[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*")
_NUMBER = re.compile(r"-?[0-9]{1,19}")


def lines_of(text: str) -> Iterator[str]:
    """Every line without its end, cut at `MAX_LINE`.

    Only a line feed ends a line: ``str.splitlines`` knows a dozen more ends, any of which may stand in a name.
    Carriage returns go, because the shell of Android 6 and older ends lines with one or two of them.
    """
    for line in text.split("\n"):
        yield line[:MAX_LINE].rstrip("\r")


def is_package_name(text: str) -> bool:
    """Whether Android could have installed a package of this name."""
    return len(text) <= MAX_NAME and _NAME.fullmatch(text) is not None


def number(text: str | None) -> int | None:
    """A decimal number of at most 19 digits; null for anything else."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def unless_null(text: str) -> str | None:
    """The text; null where Java printed a null, or nothing at all."""
    return None if text in {"", "null"} else text


class Noted:
    """Lines worth telling of: the first `MAX_KEPT`, each cut to `MAX_SHOWN`, and how many there were."""

    def __init__(self) -> None:
        self._kept: list[str] = []
        self.count = 0

    def add(self, line: str) -> None:
        """Note one line."""
        self.count += 1
        if len(self._kept) < MAX_KEPT:
            self._kept.append(line[:MAX_SHOWN])

    @property
    def full(self) -> bool:
        """Whether further lines will only be counted."""
        return len(self._kept) >= MAX_KEPT

    def kept(self) -> tuple[str, ...]:
        """The lines that were kept."""
        return tuple(self._kept)

    def told(self) -> tuple[str, ...]:
        """The lines that were kept, and a last one that tells of the others."""
        more = self.count - len(self._kept)
        return (*self._kept, f"and {more} more") if more else tuple(self._kept)
