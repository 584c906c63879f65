"""The APK Signing Block: where it is, and which blocks it holds.

Layout, from https://source.android.com/docs/security/features/apksigning/v2::

    … zip members │ size u64 │ { length u64, id u32, value } … │ size u64 │ "APK Sig Block 42" │ directory …
                             └──────────────────────── size ─────────────────────────────────┘
"""

from __future__ import annotations

from scanner.bytesource import ByteSource, Fields, ZipDirectory
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits

MAX_PAIRS = 65_536
MAGIC = b"APK Sig Block 42"
FOOTER = 24
V2, V3, V31, V32 = 0x7109871A, 0xF05368C0, 0x1B93AD61, 0x70E1C89F
SCHEME_OF_BLOCK = {V2: "v2", V3: "v3", V31: "v3.1", V32: "v3.2"}
"""Block id of each signature scheme. Sources: AOSP ``ApkSignatureSchemeV2Verifier``, ``…V3Verifier``."""


class SigningBlock:
    """The id-value pairs of one signing block; of a repeated id the first counts, as on Android."""

    def __init__(self, offset: int, pairs: dict[int, bytes], tamper: tuple[str, ...]) -> None:
        self.offset = offset
        self.pairs = pairs
        self.tamper = tamper


def signing_block_of(source: ByteSource, directory: ZipDirectory, limits: Limits = LIMITS) -> SigningBlock | None:
    """The signing block of an APK, or None. See `read_signing_block`.

    Where the end record does not follow the directory at once, or a zip64 locator stands before it, there is none:
    Android looks no further.
    """
    if directory.offset + directory.size != directory.eocd_offset or directory.zip64_locator:
        return None
    return read_signing_block(source, directory.offset, limits)


def read_signing_block(source: ByteSource, directory_offset: int, limits: Limits = LIMITS) -> SigningBlock | None:
    """The block in front of a zip directory, or None where there is none.

    Sizes that contradict each other count as no block, since Android finds none there either. Of pairs that
    do not fit, those before count, and ``tamper`` says so.

    Raises `LimitExceeded` where the block is larger than ``limits`` allow.
    """
    if directory_offset < FOOTER + 8:
        return None
    footer = source.read_at(directory_offset - FOOTER, FOOTER)
    if footer[8:] != MAGIC:
        return None
    size = int.from_bytes(footer[:8], "little")
    begin = directory_offset - size - 8
    if size < FOOTER or begin < 0:
        return None
    if size > limits.signing_block:
        raise LimitExceeded.of(f"signing block: {size} bytes", "signing_block", limits.signing_block)
    block = source.read_at(begin, size + 8 - FOOTER)
    if int.from_bytes(block[:8], "little") != size:
        return None
    pairs, tamper = _pairs(block[8:])
    return SigningBlock(begin, pairs, tamper)


def _pairs(data: bytes) -> tuple[dict[int, bytes], tuple[str, ...]]:
    """The pairs up to the end, or up to one that does not fit: Android's search ends there too."""
    fields, pairs, tamper = Fields(data, "signing block"), dict[int, bytes](), list[str]()
    for _ in range(MAX_PAIRS):
        if not fields.left:
            return pairs, tuple(tamper)
        try:
            pair = Fields(fields.take(fields.u64("pair length"), "pair"), "signing block pair")
            identifier = pair.u32("id")
        except ApkError as error:
            tamper.append(f"signing-block-broken: {error}; what stands before counts")
            return pairs, tuple(tamper)
        if identifier not in pairs:
            pairs[identifier] = pair.take(pair.left, "value")
        elif identifier in SCHEME_OF_BLOCK:
            tamper.append(f"signing-block-repeated: {SCHEME_OF_BLOCK[identifier]}; the first counts")
    if fields.left:
        tamper.append(f"signing-block-broken: more than {MAX_PAIRS} pairs; those before count")
    return pairs, tuple(tamper)
