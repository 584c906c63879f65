"""The words: verdicts, assurance, and the base of every value."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TypeVar

import msgspec

Known = TypeVar("Known")
SCHEMA_VERSION = 1
"""The ``schema`` of every row; it changes only when a key is removed or changes its meaning."""
NEWEST_SDK = 37
"""The newest Android release known here, as an API level (Android 17)."""


class Verdict(StrEnum):
    """What is said of one app against one signature, strongest first."""

    CONFIRMED = "confirmed"
    LIKELY = "likely"
    NAME_ONLY = "name-only"
    IMPOSTOR = "impostor"
    PAST_SIGNER = "past-signer"
    SAME_SIGNER = "same-signer"
    EMBEDDED_SDK = "embedded-sdk"
    DISPLAY_NAME = "display-name"
    LOOK_ALIKE = "look-alike"
    CLEAR = "clear"
    UNREAD = "unread"

    @property
    def strength(self) -> int:
        """0 for the strongest verdict."""
        return list(Verdict).index(self)


class Assurance(StrEnum):
    """How strongly a certificate is known, strongest first."""

    VERIFIED = "verified"
    PLATFORM = "platform"
    REPORTED = "reported"
    DECLARED = "declared"
    HINT = "hint"

    def reaches(self, other: Assurance) -> bool:
        """Whether this is as strong as ``other`` or stronger."""
        order = list(Assurance)
        return order.index(self) <= order.index(other)


class Value(msgspec.Struct, frozen=True):
    """Base of the values: immutable and hashable."""


def first_known(one: Known | None, other: Known | None) -> Known | None:
    """The first of two where it is known, else the other."""
    return one if one is not None else other


def plural(number: int, one: str, many: str = "") -> str:
    """The word that a count takes: ``one`` of 1, else ``many``, which is ``one`` with an s where nothing is given."""
    return one if number == 1 else many or f"{one}s"


def counted(number: int, one: str, many: str = "") -> str:
    """A count as people read it: ``1 app``, ``2 apps``; ``many`` as in `plural`."""
    return f"{number} {plural(number, one, many)}"


def printable(text: str) -> str:
    """The text as valid Unicode: stray bytes of a file name and lone surrogates are spelled out in hex."""
    if text.isascii():
        return text
    return "".join(_escaped(character) if "\ud800" <= character <= "\udfff" else character for character in text)


_USER = re.compile(r"^(https?://)[^/?#]*@")
_VALUE = re.compile(r"([?&][^=&#]*=)([^&#]+)")
_HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,15}")
_SECRET = re.compile(r"sig|tok|key|pass|pwd|secret|cred|auth|code", re.IGNORECASE)


def redacted(text: str) -> str:
    """An address without what may be a secret: name and password, and values that sign or identify; else as it is.

    Short values of harmless names stay, so that addresses which differ in them can be told apart.
    """
    if not text.startswith(("http://", "https://")):
        return text
    return _VALUE.sub(_shortened, _USER.sub(r"\1", text, count=1))


def _shortened(parameter: re.Match[str]) -> str:
    harmless = _HARMLESS.fullmatch(parameter[2]) and not _SECRET.search(parameter[1])
    return parameter[0] if harmless else parameter[1] + "…"


def _escaped(surrogate: str) -> str:
    code = ord(surrogate)
    return f"\\x{code - 0xDC00:02x}" if 0xDC80 <= code <= 0xDCFF else f"\\u{code:04x}"
