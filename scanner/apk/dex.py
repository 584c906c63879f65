"""Class names in a DEX file, found by bisection: its types are sorted, so little else is read.

Format: https://source.android.com/docs/core/runtime/dex-format (``header_item``, ``string_id_item``,
``string_data_item``, ``type_id_item``). Strings are sorted by their contents and types by their strings; Android runs
no file in which they are not (AOSP ``art/libdexfile/dex/dex_file_verifier.cc``). A deflated file is inflated up to its
last type name and never held whole: what stays are the two tables and the stretch in which the type names lie.
"""

from __future__ import annotations

import bisect
import re
import sys
from array import array

from scanner.bytesource import Fields, Forward
from scanner.errors import ApkError, LimitExceeded

MAX_DEX = 128 << 20
"""Largest DEX member that is read, in bytes."""
MAX_TYPES = 1 << 16
"""A type's number has 16 bits."""
MAX_STRINGS = 1 << 22
"""Strings of one DEX file; real ones stay below 300,000."""
MAX_NAMES = 32 << 20
"""Longest stretch, in bytes, in which the names of all types may lie; in real files it is one or two MB."""
MAX_NAME = 1024
"""Bytes of a type's name that are looked at."""
DEX_MEMBER = re.compile(rb"classes([2-9]|[1-9][0-9]+)?\.dex")
HEADER = 0x78
"""Bytes of the header with what version 041 added: the size of a container of several files."""
SHORT_HEADER = 0x70
CONTAINER = b"041"


class DexTypes:
    """The types that a DEX file names. Raises `ApkError` where it does not hold together as far as it is read."""

    def __init__(self, file: Forward) -> None:
        self.more = False
        """Whether the member is a container, with further DEX files behind this one, which are not read."""
        strings, types = self._tables(file)
        if len(types) and max(types) >= len(strings):
            raise ApkError("DEX: a type is named by a string that is not there")
        self._offsets = [strings[number] for number in types]
        self._begins = min(self._offsets, default=0)
        length = max(self._offsets, default=0) - self._begins
        if length > MAX_NAMES:
            raise LimitExceeded(f"DEX: its type names lie {length} bytes apart, the limit is {MAX_NAMES}")
        self._names = file.part(self._begins, self._begins + length + MAX_NAME) if types else b""

    def first_under(self, prefix: str) -> str | None:
        """The first type whose descriptor begins with ``prefix``, such as ``Lcom/tencent/mm/opensdk/``, if any."""
        wanted = prefix.encode()
        at = bisect.bisect_left(range(len(self._offsets)), wanted, key=self._name)
        if at == len(self._offsets) or not (name := self._name(at)).startswith(wanted):
            return None
        return name.decode("utf-8", "replace")

    def _tables(self, file: Forward) -> tuple[array[int], array[int]]:
        """Where each string lies, and which string names each type."""
        data = file.part(0, HEADER)
        header = Fields(data[:SHORT_HEADER], "DEX header")
        magic = header.take(8, "magic")
        if magic[:4] != b"dex\n":
            raise ApkError("DEX: wrong magic")
        header.take(0x18, "checksums")
        size = header.u32("file size")
        header.take(0x14, "header")
        strings, strings_at = header.u32("string count"), header.u32("string offset")
        types, types_at = header.u32("type count"), header.u32("type offset")
        if strings > MAX_STRINGS or types > MAX_TYPES:
            raise LimitExceeded(f"DEX: {strings} strings and {types} types, the limits are {MAX_STRINGS}, {MAX_TYPES}")
        self.more = magic[4:7] >= CONTAINER and size < int.from_bytes(data[SHORT_HEADER : SHORT_HEADER + 4], "little")
        if not types:
            return array("I"), array("I")
        return _table(file, strings_at, strings, "string ids"), _table(file, types_at, types, "type ids")

    def _name(self, number: int) -> bytes:
        """The descriptor of a type, or its beginning; MUTF-8, which sorts as its bytes do."""
        data, at = self._names, self._offsets[number] - self._begins
        for _ in range(5):  # the length, ULEB128, is skipped: the text ends with a zero byte
            if at >= len(data):
                raise ApkError("DEX: a string lies outside the file")
            at += 1
            if not data[at - 1] & 0x80:
                break
        end = data.find(b"\0", at, at + MAX_NAME)
        return data[at : end if end >= 0 else at + MAX_NAME]


def _table(file: Forward, offset: int, count: int, what: str) -> array[int]:
    """A run of four-byte numbers."""
    data = file.part(offset, offset + 4 * count)
    if len(data) != 4 * count:
        raise ApkError(f"DEX: {what} lie outside the file")
    numbers = array("I", data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
