"""Bytes at an offset, over any transport.

The contract, kept by every implementation and tested once for all of them:

1. ``read_at`` returns exactly ``length`` bytes or raises; never a short read.
2. A range outside ``0..size`` raises `OutOfRange`; a transport failure raises `ReadError`. The two never mix.
3. There is no cursor: the order of calls does not matter.
4. ``size`` is fixed at opening.
5. A zero length is allowed anywhere up to and including ``size``.
"""

from __future__ import annotations

from scanner.bytesource.base import ByteSource, ReadsByOffset, Span
from scanner.bytesource.blockcache import BlockCache
from scanner.bytesource.fields import Fields
from scanner.bytesource.filelike import FileLike
from scanner.bytesource.forward import Forward, open_forward
from scanner.bytesource.local import LocalFile, resident
from scanner.bytesource.memory import Memory, Slice
from scanner.bytesource.phone import BLOCK, Fetches, PhoneFile, Told, first_tail
from scanner.bytesource.remote import RemoteFile, open_remote, store_of
from scanner.bytesource.zipdirectory import NoEndRecord, ZipDirectory, ZipEntry
from scanner.bytesource.zipmember import Member, member_bytes, open_member, read_member

__all__ = [
    "BLOCK",
    "BlockCache",
    "ByteSource",
    "Fetches",
    "Fields",
    "FileLike",
    "Forward",
    "LocalFile",
    "Member",
    "Memory",
    "NoEndRecord",
    "PhoneFile",
    "ReadsByOffset",
    "RemoteFile",
    "Slice",
    "Span",
    "Told",
    "ZipDirectory",
    "ZipEntry",
    "first_tail",
    "member_bytes",
    "open_forward",
    "open_member",
    "open_remote",
    "read_member",
    "resident",
    "store_of",
]
