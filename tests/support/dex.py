"""A writer of DEX files that hold nothing but sorted strings and type ids: what a marker search reads.

Format: https://source.android.com/docs/core/runtime/dex-format.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

HEADER = 0x70


def dex_bytes(types: Sequence[str], *, strings: Sequence[str] = ()) -> bytes:
    """A DEX file that names these types; ``strings`` stand in its string table and are no types."""
    texts = sorted({*types, *strings})
    numbers = {text: number for number, text in enumerate(texts)}
    type_ids = [numbers[name] for name in sorted(types)]
    data_at = HEADER + 4 * len(texts) + 4 * len(type_ids)
    offsets, data = [], b""
    for text in texts:
        offsets.append(data_at + len(data))
        data += _uleb128(len(text)) + text.encode() + b"\0"
    header = b"dex\n039\0" + bytes(0x30) + struct.pack("<II", len(texts), HEADER)
    header += struct.pack("<II", len(type_ids), HEADER + 4 * len(texts))
    body = struct.pack(f"<{len(offsets)}I", *offsets) + struct.pack(f"<{len(type_ids)}I", *type_ids)
    return header.ljust(HEADER, b"\0") + body + data


def _uleb128(value: int) -> bytes:
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
