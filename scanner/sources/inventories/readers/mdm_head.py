"""What the beginning of a JSON export tells, and how deep it goes.

``ijson`` spells out the path of every value, which takes time that grows with the square of the depth: therefore the
depth is measured before it sees a byte.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from itertools import accumulate
from typing import Any

import ijson
from ijson.common import JSONError
from ijson.utils import sendable_list

MAX_DEPTH = 256
"""Brackets left open at once."""
MAX_KEY = 200
"""Characters of a key, or of a text, that detection looks at."""
GLIMPSE_DEPTH = 4
"""Objects within objects that detection looks into."""
_BRACKETS = b"[]{}"
_OTHERS = bytes(byte for byte in range(256) if byte not in _BRACKETS)
_STEPS = bytes.maketrans(_BRACKETS, b"\x01\xff\x01\xff")
BLANK = "\ufeff \t\r\n"


@lru_cache(maxsize=2)
def glimpse(head: str) -> dict[str, str]:
    """Keys seen in a head that may be cut anywhere, as dotted paths without arrays, and the first text under each."""
    data = head.lstrip(BLANK).encode("utf-8", "replace")
    if data[:1] not in {b"{", b"["} or Depth().after(data) > MAX_DEPTH:
        return {}
    seen: dict[str, str] = {}
    stack: list[str] = []
    key = ""
    for kind, value in _events(data):
        if kind == "map_key":
            key = ".".join((*stack[-1:], str(value)[:MAX_KEY])).lstrip(".")
            if len(stack) <= 2 * GLIMPSE_DEPTH:
                seen.setdefault(key, "")
        elif kind in {"start_map", "start_array"}:
            stack.append(key)
        elif kind in {"end_map", "end_array"}:
            key = stack.pop()
        elif isinstance(value, str) and not seen.get(key, "-"):
            seen[key] = value[:MAX_KEY]
    return seen


def _events(data: bytes) -> list[tuple[str, Any]]:
    events = sendable_list()
    with suppress(JSONError, ValueError):
        ijson.basic_parse_coro(events, multiple_values=True).send(data)
    return list(events)


class Depth:
    """How deep the brackets outside strings are nested; an app's title may hold any number of them."""

    def __init__(self) -> None:
        self._height = 0
        self._inside = 0
        self._carry = b""

    def after(self, chunk: bytes) -> int:
        """The greatest depth within this chunk, which goes on where the one before ended."""
        plain = (self._carry + chunk).replace(b"\\\\", b"")
        self._carry = plain[-1:] if plain.endswith(b"\\") else b""
        parts = plain.replace(b'\\"', b"").split(b'"')
        outside = b"".join(parts[self._inside :: 2])
        self._inside ^= len(parts) - 1 & 1
        steps = memoryview(outside.translate(_STEPS, _OTHERS)).cast("b")
        heights = list(accumulate(steps, initial=self._height))
        self._height = heights[-1]
        return max(heights)
