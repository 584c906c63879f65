"""JSON out of a long text, value by value, each decoded when it is whole: memory holds one of them.

The size of a value is bounded by `MAX_VALUE`, its depth by the recursion limit of the standard library's decoder.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import IO, Any

MAX_VALUE = 16 << 20
"""Characters of one value."""
CHUNK = 128 << 10
"""Characters read at a time, or as many as are pending: what is decoded anew stays in proportion."""
_LONGEST = 16
"""Characters that a literal or an escape needs at most. An error closer to the end may be a mere cut, and so may the
end of a number: ``1`` of ``1e+5``."""
_BLANK = re.compile(r"[ \t\r\n]*")
_STRICT, _LENIENT = (json.JSONDecoder(strict=strict).raw_decode for strict in (True, False))


class JsonStream:
    """A cursor over a text that holds JSON. What is no JSON raises `ValueError`.

    What `array` and `members` stop at may itself be an array or an object, and be gone through in the same way.
    """

    def __init__(self, stream: IO[str], *, strict: bool = True) -> None:
        """Unless ``strict``, texts may hold control characters."""
        self._stream = stream
        self._decode = _STRICT if strict else _LENIENT
        self._text, self._at, self._ended = "", 0, False

    def next(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(CHUNK):
                return ""

    def take(self, mark: str) -> bool:
        """Whether ``mark`` comes next; it is passed then."""
        found = self.next() == mark
        self._at += found
        return found

    def another(self) -> bool:
        """Whether another document follows the one that ended; ``cat`` leaves the byte order mark of each."""
        while self.take("\ufeff"):
            pass
        return bool(self.next())

    def expect(self, mark: str) -> None:
        """Pass ``mark``. Raises `ValueError` where something else comes next."""
        if not self.take(mark):
            raise ValueError(f"{mark} expected, not {self.next()!a}" if self.next() else "cut short")

    def end(self) -> None:
        """Raises `ValueError` where anything follows."""
        if self.next():
            raise ValueError(f"{self.next()!a} follows its end")

    def value(self) -> Any:  # noqa: ANN401 - whatever the text holds
        """The next value. Raises `ValueError` where there is none, or it is larger than `MAX_VALUE`, or too deep."""
        if not self.next():
            raise ValueError("cut short")
        while (whole := self._decoded()) is None:
            pending = len(self._text) - self._at
            if pending > MAX_VALUE:
                raise ValueError(f"no whole value in {MAX_VALUE} characters")
            self._more(max(CHUNK, pending))
        value, self._at = whole
        return value

    def array(self) -> Iterator[None]:
        """Stops before each value of the array that comes next: whoever asks takes the value. An empty one is fine."""
        return self._parts("[", "]")

    def items(self) -> Iterator[Any]:
        """The values of the array that comes next. Raises `ValueError` where it breaks off."""
        return (self.value() for _ in self._parts("[", "]"))

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next: whoever asks takes the value of each before asking on."""
        for _ in self._parts("{", "}"):
            if self.next() not in {'"', ""}:
                raise ValueError(f"a key expected, not {self.next()!a}")
            key: str = self.value()
            self.expect(":")
            yield key

    def _parts(self, opening: str, closing: str) -> Iterator[None]:
        self.expect(opening)
        if self.take(closing):
            return
        while True:
            yield
            if self.take(closing):
                return
            self.expect(",")

    def _decoded(self) -> tuple[Any, int] | None:
        """The value and where it ends; null where it may go on."""
        try:
            value, end = self._decode(self._text, self._at)
        except json.JSONDecodeError as error:
            if not error.msg.startswith("Unterminated") and error.pos < len(self._text) - _LONGEST:
                raise ValueError(f"not JSON: {error.msg}") from error
            if self._ended:
                raise ValueError(f"cut short, or not JSON: {error.msg}") from error
            return None
        except RecursionError as error:
            raise ValueError("nested too deep") from error
        except ValueError as error:  # Python refuses to read it: the time would grow with the square of the digits
            raise ValueError("a number has too many digits") from error
        may_go_on = isinstance(value, int | float) and end > len(self._text) - _LONGEST and not self._ended
        return None if may_go_on else (value, end)

    def _more(self, length: int) -> bool:
        more = self._stream.read(length)
        self._ended = not more
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)
