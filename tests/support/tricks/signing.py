"""Tricks played on signatures."""

from __future__ import annotations

import struct

from tests.support import signer
from tests.support.apk_builder import build_apk, directory_offset, sign, with_block
from tests.support.signer import key
from tests.support.tricks.table import MALLORY, PACKAGE, VERSION, Trick
from tests.support.tricks.zips import REST, ROOT, zipped

VICTIM = key("the publisher")
PLAIN = zipped((ROOT, *REST))
REFUSES = "refuses: "


def _pairs(*more: tuple[int, bytes], front: bytes = b"", behind: bytes = b"") -> bytes:
    """An APK whose signing block holds a v2 signature, and these pairs and bytes besides."""
    honest = sign(PLAIN, v2=[MALLORY])
    begin = directory_offset(PLAIN)
    (size,) = struct.unpack_from("<Q", honest, begin)
    pairs = b"".join(struct.pack("<QI", len(value) + 4, number) + value for number, value in more)
    body = front + honest[begin + 8 : begin + size - 16] + pairs + behind
    total = struct.pack("<Q", len(body) + 24)
    return with_block(PLAIN, total + body + total + signer.MAGIC)


def _other_block() -> bytes:
    return signer.block_of([signer.v2_signer(VICTIM, bytes(32))])


def _not_adjacent() -> bytes:
    apk = sign(PLAIN, v2=[MALLORY])
    begin, end = directory_offset(PLAIN), directory_offset(apk)
    return with_block(PLAIN, apk[begin:end] + bytes(16))


def _sizes_differ() -> bytes:
    apk = bytearray(sign(PLAIN, v2=[MALLORY]))
    apk[directory_offset(PLAIN)] ^= 8
    return bytes(apk)


def _broken_v3() -> bytes:
    value = signer.block_of([signer.v3_signer(signer.V3Signer(MALLORY), bytes(32))])
    return sign(PLAIN, v2=[MALLORY], more=[(signer.V3, value)])


def _stripped() -> bytes:
    return build_apk(PACKAGE, v1=[MALLORY], apk_signed="2, 3", version_code=VERSION, min_sdk=24, target_sdk=29)


def _changed_content() -> bytes:
    apk = bytearray(sign(PLAIN, v2=[MALLORY]))
    apk[apk.rindex(REST[1].packed)] ^= 1
    return bytes(apk)


SIGNING_TRICKS = (
    Trick("pair-beyond-block", "a pair of the signing block claims more bytes than there are, behind the signature",
          "finds the signature before it and installs", lambda: _pairs(behind=struct.pack("<Q", 1 << 40)),
          "signing-block-broken", True),
    Trick("pair-beyond-block-in-front", "such a pair stands before the signature", REFUSES + "it finds no signature",
          lambda: _pairs(front=struct.pack("<Q", 1 << 40)), "signing-block-broken", False),
    Trick("repeated-pair", "the signing block holds two v2 signatures", "goes by the first and installs",
          lambda: _pairs((signer.V2, _other_block())), "signing-block-repeated", True),
    Trick("block-not-adjacent", "bytes stand between the signing block and the directory", REFUSES + "it finds no block",
          _not_adjacent, "unsigned", False),
    Trick("block-sizes-differ", "the two sizes of the signing block differ", REFUSES + "it finds no block",
          _sizes_differ, "unsigned", False),
    Trick("stripped", "the v2 and v3 signatures were taken out, the JAR signature that speaks of them left",
          REFUSES + "the JAR signature names what is missing", _stripped, "signature-stripped", False),
    Trick("pasted-certificate", "the block holds somebody else's certificate, the signature is by another key",
          REFUSES + "the signature does not verify", lambda: sign(PLAIN, v2=[MALLORY.wearing(VICTIM.certificate)]),
          "signature-does-not-verify", False),
    Trick("changed-content", "a member was changed after signing", REFUSES + "the digest differs", _changed_content,
          "signature-does-not-verify", False),
    Trick("torn-v3", "the v3 block is nonsense, the v2 signature holds", REFUSES + "it never falls back to an older scheme",
          lambda: sign(PLAIN, v2=[MALLORY], more=[(signer.V3, b"torn")]), "unsigned: v3", False,
          apksigner="Debian's passes over a v3 block that it cannot parse, where ApkSignatureVerifier fails"),
    Trick("broken-v3", "the v3 signature is over other content, the v2 signature holds",
          REFUSES + "it never falls back to an older scheme", _broken_v3, "signature-does-not-verify", False),
    Trick("eleven-signers", "eleven v2 signers", REFUSES + "ten are the most",
          lambda: sign(PLAIN, v2=[MALLORY] * 11), "unsigned: v2", False,
          apksigner="Debian's is older than the limit"),
    Trick("unsigned", "nobody signed", REFUSES + "somebody must", lambda: PLAIN, "unsigned", False),
)  # fmt: skip
