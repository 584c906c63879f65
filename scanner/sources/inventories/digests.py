"""Digests in whatever way an export writes them."""

from __future__ import annotations

import base64
import binascii
import re

_BETWEEN = re.compile(r"[:\s-]")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")


def digest(text: str, size: int) -> str | None:
    """A digest of ``size`` bytes as lower-case hex, from hex with or without separators, or either base64.

    Null for anything else.
    """
    plain = text if len(text) == 2 * size else _BETWEEN.sub("", text)
    if len(plain) == 2 * size and _HEX.fullmatch(plain):
        return plain.lower()
    if _BASE64.fullmatch(text) is None:
        return None
    unpadded = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        data = base64.b64decode(unpadded + "=" * (-len(unpadded) % 4), validate=True)
    except binascii.Error:
        return None
    return data.hex() if len(data) == size else None
