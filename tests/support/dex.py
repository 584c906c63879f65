"""Writers of DEX files: one that holds nothing but sorted strings and type ids, what a marker search reads; one whole.

Format: https://source.android.com/docs/core/runtime/dex-format.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
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


def class_dex(names: Sequence[str]) -> bytes:
    """A whole DEX file, checksums and map too, that defines these empty classes: what Android's own tools accept."""
    texts = sorted({*names, "Ljava/lang/Object;"})
    ids = {name: number for number, name in enumerate(texts)}  # every string names a type, in the same order
    none, above = 0xFFFFFFFF, ids["Ljava/lang/Object;"]
    types_at = HEADER + 4 * len(texts)
    classes_at = types_at + 4 * len(texts)
    data_at = classes_at + 32 * len(names)
    offsets, data = [], b""
    for text in texts:
        offsets.append(data_at + len(data))
        data += _uleb128(len(text)) + text.encode() + b"\0"
    data += b"\0" * (-(data_at + len(data)) % 4)
    map_at = data_at + len(data)
    runs = [(0, 1, 0), (1, len(texts), HEADER), (2, len(texts), types_at), (6, len(names), classes_at)]
    runs += [(0x2002, len(texts), data_at), (0x1000, 1, map_at)]
    data += struct.pack("<I", len(runs)) + b"".join(struct.pack("<HHII", kind, 0, *run) for kind, *run in runs)
    classes = [struct.pack("<8I", ids[name], 1, above, 0, none, 0, 0, 0) for name in sorted(names)]
    tables = struct.pack(f"<{len(offsets)}I", *offsets) + struct.pack(f"<{len(ids)}I", *range(len(ids)))
    body = tables + b"".join(classes) + data
    size = HEADER + len(body)
    head = [size, HEADER, 0x12345678, 0, 0, map_at, len(texts), HEADER, len(texts), types_at]
    head += [0, 0, 0, 0, 0, 0, len(names), classes_at, size - data_at, data_at]
    rest = struct.pack("<20I", *head) + body
    signed = hashlib.sha1(rest).digest() + rest
    return b"dex\n035\0" + struct.pack("<I", zlib.adler32(signed)) + signed
