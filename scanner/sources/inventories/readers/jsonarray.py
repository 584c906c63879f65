"""The objects of a JSON array, one after another, so that an export may be larger than memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO

MAX_ITEM = 8 << 20
"""Characters of one element."""
MAX_MEMBERS = 100
"""Members of an object behind its array."""
CHUNK = 1 << 16
_BLANKS = " \t\r\n"
_DECODER = json.JSONDecoder(strict=False)


class JsonArray:
    """Number and value of each object in the array that a text is, or that is its member ``key``.

    ``problem`` says afterwards why the array could not be read to its end, and ``others`` how many elements were no
    objects.
    """

    def __init__(self, stream: IO[str], key: str | None = None) -> None:
        self._stream, self._key = stream, key
        self._text, self._at = "", 0
        self.problem: str | None = None
        self.others = 0

    def __iter__(self) -> Iterator[tuple[int, dict[str, object]]]:
        try:
            yield from self._objects()
        except _BrokenError as error:
            self.problem = str(error)

    def rest(self) -> dict[str, object]:
        """The members that follow the array in its object, once it was read to its end."""
        members: dict[str, object] = {}
        if self._key is None or self.problem is not None:
            return members
        try:
            self._expect("]")
            while len(members) < MAX_MEMBERS and self._next() == ",":
                self._at += 1
                name = self._value()
                self._expect(":")
                members[str(name)] = self._value()
        except _BrokenError as error:
            self.problem = str(error)
        return members

    def _objects(self) -> Iterator[tuple[int, dict[str, object]]]:
        self._find_array()
        number = 0
        while self._next() != "]":
            if number:
                self._expect(",")
            value = self._value()
            number += 1
            if isinstance(value, dict):
                yield number, value
            else:
                self.others += 1

    def _find_array(self) -> None:
        if self._key is None:
            self._expect("[")
            return
        self._expect("{")
        while True:
            name = self._value()
            self._expect(":")
            if name == self._key:
                self._expect("[")
                return
            self._value()
            self._expect(",")

    def _expect(self, character: str) -> None:
        if self._next() != character:
            raise _BrokenError(f"no {character!r} where the format wants one")
        self._at += 1

    def _next(self) -> str:
        """The next character that is no blank."""
        while True:
            while self._at < len(self._text):
                character = self._text[self._at]
                if character not in _BLANKS:
                    return character
                self._at += 1
            if not self._more():
                raise _BrokenError("cut short")

    def _value(self) -> object:
        self._next()
        while True:
            value: object
            try:
                value, end = _DECODER.raw_decode(self._text, self._at)
            except RecursionError:
                raise _BrokenError("nested too deep") from None
            except ValueError:
                if not self._more():
                    raise _BrokenError("not JSON, or cut short") from None
                continue
            if end < len(self._text):
                self._at = end
                return value
            if not self._more():
                self._at = len(self._text)
                return value

    def _more(self) -> bool:
        """Read on, each time as much again as is pending: what is decoded anew stays in proportion."""
        rest = self._text[self._at :]
        if len(rest) > MAX_ITEM:
            raise _BrokenError(f"an element is longer than {MAX_ITEM} characters, or not JSON")
        chunk = self._stream.read(max(CHUNK, len(rest)))
        self._text, self._at = rest + chunk, 0
        return bool(chunk)


class _BrokenError(Exception):
    pass
