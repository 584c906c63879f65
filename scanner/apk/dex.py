"""Class names in a DEX file, found by bisection: its strings are sorted, so nothing else is read.

Format: https://source.android.com/docs/core/runtime/dex-format (``header_item``, ``string_id_item``,
``string_data_item``, ``type_id_item``).
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Sequence

from scanner.bytesource import Fields
from scanner.errors import ApkError

MAX_DEX = 128 << 20
"""Largest DEX member that is read, in bytes."""
DEX_MEMBER = re.compile(rb"classes([2-9]|[1-9][0-9]+)?\.dex")
HEADER = 0x70


class DexTypes:
    """The types that a DEX file names. Raises `ApkError` where its header does not hold together."""

    def __init__(self, data: bytes) -> None:
        header = Fields(data[:HEADER], "DEX header")
        if header.take(4, "magic") != b"dex\n":
            raise ApkError("DEX: wrong magic")
        header.take(0x34, "header")
        self._data = data
        strings, strings_at = header.u32("string count"), header.u32("string offset")
        types, types_at = header.u32("type count"), header.u32("type offset")
        self._strings = _Table(data, strings_at, strings, "string ids")
        self._types = _Table(data, types_at, types, "type ids")

    def any_under(self, prefix: str) -> bool:
        """Whether a type's descriptor begins with ``prefix``, such as ``Lcom/tencent/mm/opensdk/``."""
        wanted = prefix.encode()
        texts = _Texts(self._data, self._strings)
        number = bisect.bisect_left(texts, wanted)
        while number < len(texts) and texts[number].startswith(wanted):
            if self._is_type(number):
                return True
            number += 1
        return False

    def _is_type(self, string: int) -> bool:
        at = bisect.bisect_left(self._types, string)
        return at < len(self._types) and self._types[at] == string


class _Table(Sequence[int]):
    """A run of four-byte numbers in the file."""

    def __init__(self, data: bytes, offset: int, count: int, what: str) -> None:
        if offset + 4 * count > len(data):
            raise ApkError(f"DEX: {what} lie outside the file")
        self._data, self._offset, self._count = data, offset, count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN204 - no slices are asked for
        at = self._offset + 4 * number
        return int.from_bytes(self._data[at : at + 4], "little")


class _Texts(Sequence[bytes]):
    """The strings themselves, in their sorted order."""

    def __init__(self, data: bytes, offsets: _Table) -> None:
        self._data, self._offsets = data, offsets

    def __len__(self) -> int:
        return len(self._offsets)

    def __getitem__(self, number):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN204 - no slices are asked for
        at = self._offsets[number]
        data = self._data
        for _ in range(5):  # the length, ULEB128, is skipped: the text ends with a zero byte
            if at >= len(data):
                raise ApkError("DEX: a string lies outside the file")
            at += 1
            if not data[at - 1] & 0x80:
                break
        end = data.find(b"\0", at)
        if end < 0:
            raise ApkError("DEX: a string does not end")
        return data[at:end]
