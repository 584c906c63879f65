"""Androguard's reading of a binary XML, for one that Android refuses: it may still say who it wants to be."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import cache
from typing import Any

from scanner.apk.binaryxml import NONE, TYPE_STRING, Attributes, Element
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits
from scanner.postponing import postponed

OPENS, CLOSES, ENDS = 2, 3, 1
"""Events of the parser."""
_POOL = struct.Struct("<16xII4xI")
"""Of a document's first 32 bytes: number of strings, number of styles, where the text begins in the pool."""
PARSER_ERRORS = (
    struct.error, ValueError, IndexError, KeyError, TypeError, AttributeError, OverflowError, AssertionError,
)  # fmt: skip
"""What androguard lets out on a broken manifest, beside its own error."""


@cache
def _androguard() -> tuple[Any, type[Exception]]:
    """The parser of androguard and its own error, imported when first needed, its log switched off."""
    # Names for people, where ids are all that is looked at here, and what fetches XML from the web.
    with postponed("androguard.core.resources.public", "urllib.request"):
        from androguard.core.axml import AXMLParser, ResParserError
    from loguru import logger

    logger.disable("androguard")
    return AXMLParser, ResParserError


def lenient_elements(data: bytes, limits: Limits = LIMITS) -> Iterator[Element]:
    """Every element that opens, as far as androguard gets.

    Raises:
        ApkError: it gives up.
        LimitExceeded: there are more strings or elements than ``limits`` allow.
    """
    _check_pool(data, limits.string_pool)
    parser_of, own_error = _androguard()
    try:
        parser = parser_of(data)
        if not parser.is_valid():
            raise ApkError("manifest: not a binary XML that can be parsed")
        yield from _elements(parser, limits.elements)
    except (own_error, *PARSER_ERRORS) as error:
        raise ApkError(f"manifest: cannot be parsed ({type(error).__name__}: {error})") from error


def _check_pool(data: bytes, most: int) -> None:
    """Refuse a pool of too many strings before anything is made of them: by its counts, and by where its text begins.

    No more can be there than fit into the bytes: what announces more is broken, which the parser will say.
    """
    if len(data) >= _POOL.size:
        strings, styles, start = _POOL.unpack_from(data)
        number = min(max(strings, styles, start // 4), len(data) // 4)
        if number > most:
            raise LimitExceeded.of(f"manifest: a pool of {number} strings", "string_pool", most)


def _elements(parser: Any, most: int) -> Iterator[Element]:  # noqa: ANN401 - androguard has no types
    depth = 0
    for _ in range(2 * most):
        event = next(parser)
        if event == ENDS or not parser.is_valid():
            return
        if event == OPENS:
            depth += 1
            yield Element(depth, str(parser.name), _attributes(parser))
        elif event == CLOSES:
            depth -= 1
    raise LimitExceeded.of("manifest: too many elements", "elements", most)


def _attributes(parser: Any) -> Attributes:  # noqa: ANN401
    identifiers, found, raw = parser.m_resourceIDs, Attributes(), parser.m_attributes
    for at in range(0, len(raw) - 4, 5):
        space, name, text, kind, value = raw[at : at + 5]
        key: int | str
        if name < len(identifiers) and identifiers[name]:
            key = identifiers[name]
        else:
            # An attribute of some name space is not the plain one of that name: Android tells them apart.
            key = parser.sb[name] if space == NONE else f"{parser.sb[space]}:{parser.sb[name]}"
        string = parser.sb[text if text != NONE else value] if kind == TYPE_STRING else ""
        found.setdefault(key, (kind, value, string))
    return found
