"""What a citation links to."""

from __future__ import annotations

import re
from typing import NamedTuple

_LINK = re.compile(r"(https?://[^\s<>\"']+)(.*)", re.DOTALL)


class Cited(NamedTuple):
    """A citation: a link, where it begins with one, and the words."""

    link: str | None
    text: str


def cited(text: str) -> Cited:
    """A citation in parts. Only ``http`` and ``https`` ever become a link."""
    found = _LINK.fullmatch(text)
    return Cited(found[1], found[2].strip()) if found else Cited(None, text)
