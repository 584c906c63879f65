"""``MANIFEST.MF`` and the signature files of JAR signing, cut into sections.

Format: the JAR File Specification, "JAR Manifest" and "Signed JAR File".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from operator import attrgetter

from scanner.errors import LimitExceeded
from scanner.model import Value

MAX_LISTING = 16 << 20
"""Largest manifest or signature file that is read, in bytes."""
MAX_SECTIONS = 1 << 18
MAX_SECTION = 1 << 20
"""Largest section of either, in bytes: one describes a single member."""
MAX_NAME, MAX_ATTRIBUTE, MAX_VALUE = 0xFFFF, 64, 255
"""Longest name, attribute and value of a plain section, in bytes: longer ones are folded, or not what signers write."""
_LINE_END, _BLANK_LINE, _NAMED = b"\r\n", b"\r\n\r\n", b"Name: "
_CONTENT = re.compile(rb"[^\r\n]")
_SECTION_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r|\n)")
_FOLD = re.compile(rb"(?:\r\n|\r|\n) ")


class Section(Value, frozen=True, gc=False):
    """One section, with the blank line behind it: that is what its digest covers."""

    raw: bytes
    name: bytes | None
    """The member it describes. Only a first attribute names: later ones are passed over, as apksig does."""

    def attributes(self) -> dict[bytes, bytes]:
        """The values by the name of the attribute in lower case; of a repeated one the first. Not kept: it is large."""
        pairs = map(bytes.partition, reversed(_lines(self.raw)), repeat(b": "))
        return {attribute.lower(): value for attribute, _, value in pairs}


class PlainSection(Value, frozen=True, gc=False):
    """A section of a name and one attribute, as nearly all are: the same as a `Section`, cheaper by the thousand."""

    name: bytes
    attribute: bytes
    value: bytes

    @property
    def raw(self) -> bytes:
        """See `Section`."""
        return b"Name: %b\r\n%b: %b\r\n\r\n" % (self.name, self.attribute, self.value)

    def attributes(self) -> dict[bytes, bytes]:
        """See `Section`."""
        return {self.attribute.lower(): self.value, b"name": self.name}


def section(raw: bytes) -> Section:
    """A section from its bytes."""
    lines = _lines(raw)
    attribute, _, value = lines[0].partition(b": ") if lines else (b"", b"", b"")
    return Section(raw, value if attribute == b"Name" or attribute.lower() == b"name" else None)


def _lines(raw: bytes) -> list[bytes]:
    folded = b"\n " in raw or b"\r " in raw
    return (_FOLD.sub(b"", raw) if folded else raw).splitlines()


NAME = attrgetter("name")


@dataclass(frozen=True)
class Listing:
    """A manifest or signature file in its sections."""

    raw: bytes
    main: Section
    sections: tuple[Section | PlainSection, ...]


def parse_listing(data: bytes) -> Listing:
    """Cut into sections at blank lines; several of them separate as one does. Raises `LimitExceeded`."""
    end = data.find(_BLANK_LINE) + len(_BLANK_LINE)
    plain = _plain_sections(data, end)
    if plain:
        cut = list(islice(_cut_anywhere(data[:end]), 2))
        if len(cut) == 1:
            return Listing(data, section(cut[0]), plain)
    cut = list(islice(_cut_anywhere(data), MAX_SECTIONS + 2))
    if len(cut) > MAX_SECTIONS + 1 or max(map(len, cut), default=0) > MAX_SECTION:
        raise LimitExceeded(f"more than {MAX_SECTIONS} sections, or one of more than {MAX_SECTION} bytes")
    main, *sections = map(section, cut or [b""])
    return Listing(data, main, tuple(sections))


def _plain_sections(data: bytes, begin: int) -> tuple[PlainSection, ...]:
    """All sections from ``begin`` on, found many times faster than by cutting; none where any is not plain.

    Line by line they are a name, an attribute and nothing, again and again, and there is nothing behind the last.
    """
    if begin > MAX_SECTION or data.count(_BLANK_LINE) > MAX_SECTIONS:
        return ()
    whole = data[begin:]
    lines = whole.split(_LINE_END)
    if len(lines) % 3 != 1 or lines.pop() or any(lines[2::3]):
        return ()
    if len(whole) - len(whole.translate(None, _LINE_END)) != len(lines) * len(_LINE_END):
        return ()  # some line ends otherwise
    named = lines[::3]
    if {line[: len(_NAMED)] for line in named} != {_NAMED}:
        return ()
    names = [line[len(_NAMED) :] for line in named]
    attributes, separators, values = zip(*[line.partition(b": ") for line in lines[1::3]], strict=True)
    if b"" in separators or not (_fit(names, MAX_NAME) and _fit(values, MAX_VALUE)):
        return ()
    if any(b":" in one or b" " in one or not 1 < len(one) <= MAX_ATTRIBUTE for one in set(attributes)):
        return ()
    return tuple(map(PlainSection, names, attributes, values))


def _fit(values: Sequence[bytes], most: int) -> bool:
    """Whether none of them is empty, nor longer."""
    lengths = set(map(len, values))
    return min(lengths) > 0 and max(lengths) <= most


def _cut_anywhere(data: bytes) -> Iterator[bytes]:
    """The sections of a file whose lines end in any of the three ways, in turns if it likes."""
    begin = _CONTENT.search(data)
    while begin:
        end = _SECTION_END.search(data, begin.start())
        stop = end.end() if end else len(data)
        yield data[begin.start() : stop]
        begin = _CONTENT.search(data, stop)
