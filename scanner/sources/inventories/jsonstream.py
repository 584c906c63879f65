"""JSON values out of a long text, one after another, each decoded when it is whole.

Not ijson: it keeps the path to every level, so that 40 KB of ``[`` cost it a gigabyte. Here the depth is bounded by
the recursion limit, and the size of a value by `MAX_VALUE`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

MAX_VALUE = 16 << 20
"""Characters of one value."""
_CHUNK = 256 << 10
_BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder().raw_decode


class JsonStream:
    """A cursor over a text that holds JSON. What is no JSON raises `ValueError`."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._text, self._at, self._ended = "", 0, False

    def next(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_CHUNK):
                return ""

    def take(self, mark: str) -> bool:
        """Whether ``mark`` comes next; it is passed then."""
        found = self.next() == mark
        self._at += found
        return found

    def expect(self, mark: str) -> None:
        """Pass ``mark``. Raises `ValueError` where something else comes next."""
        if not self.take(mark):
            raise ValueError(f"{mark} expected, not {self.next()!r}" if self.next() else "cut short")

    def value(self) -> Any:  # noqa: ANN401 - whatever the text holds
        """The next value. Raises `ValueError` where there is none, or it is larger than `MAX_VALUE`, or too deep."""
        if not self.next():
            raise ValueError("cut short")
        while True:
            try:
                found, end = _decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended:
                    raise ValueError(error.msg) from error
            except RecursionError as error:
                raise ValueError("nested too deep") from error
            else:
                if end < len(self._text) or self._ended or not isinstance(found, int | float):
                    self._at = end
                    return found
            pending = len(self._text) - self._at
            if pending > MAX_VALUE:
                raise ValueError(f"no whole value in {MAX_VALUE} characters")
            self._more(max(_CHUNK, pending))

    def items(self) -> Iterator[Any]:
        """The values of the array that comes next; empty ones too. Raises `ValueError` where it breaks off."""
        self.expect("[")
        if self.take("]"):
            return
        while True:
            yield self.value()
            if self.take("]"):
                return
            self.expect(",")

    def _more(self, length: int) -> bool:
        more = self._stream.read(length)
        self._ended = not more
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)
