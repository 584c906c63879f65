"""Text from an app or a phone, made harmless for where it goes."""

from __future__ import annotations

import unicodedata

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet take a cell for a formula. Source: OWASP, "CSV Injection", full-width forms too."""


def clean(text: str) -> str:
    """The text with every control, format, surrogate and separator character spelled out.

    So no escape sequence reaches a terminal, no bidirectional override turns a name around, and no text
    breaks a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if _harmless(character) else _spelled(character) for character in text)


def cell(text: str) -> str:
    """The text for a spreadsheet cell: clean, and never a formula."""
    cleaned = clean(text)
    return "'" + cleaned if cleaned.startswith(FORMULA) else cleaned


def _harmless(character: str) -> bool:
    return character == " " or unicodedata.category(character)[0] not in {"C", "Z"} or character == "\u3000"


def _spelled(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
