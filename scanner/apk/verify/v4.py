"""APK Signature Scheme v4: a file beside the APK (``.idsig``) that signs the root of a hash tree over all of it.

Little endian; ``lp`` is a run prefixed by its length in four bytes::

    file           version (2) | lp hashing info | lp signing infos | lp tree, which may be left out
    hashing info   u32 algorithm (1: SHA-256) | u8 log2 of the block size (12) | lp salt | lp root hash
    signing infos  signing info | for each further one, in v4.1: u32 id of its block in the APK | lp signing info
    signing info   lp content digest | lp certificate | lp additional data | lp public key | u32 algorithm
                   | lp signature
    signed         u32 size of all this | u64 size of the APK | hashing info | lp content digest | lp certificate
                   | lp additional data

The tree is of fs-verity's kind: SHA-256 of blocks of 4096 bytes, each after the salt, the last one padded with zeros;
the digests of a level, padded likewise, are hashed in blocks until one block is left, whose hash is the root. In the
file the levels lie from the top down to the digests of the APK's blocks.

Sources: https://source.android.com/docs/security/features/apksigning/v4; AOSP ``V4Signature``, ``V4SchemeVerifier``.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

from scanner.apk.signingblock import V31
from scanner.apk.verify.algorithms import ALGORITHMS, STRENGTH, UnusableKey, load_key, verifies_as
from scanner.apk.verify.blocks import CheckedSigner, holds_key
from scanner.apk.verify.issues import Issues
from scanner.bytesource import ByteSource, Fields
from scanner.certificate import public_key
from scanner.errors import ApkError

VERSION = 2
SHA256, LOG2_BLOCK = 1, 12
BLOCK = 1 << LOG2_BLOCK
PIECE = 1 << 20
"""Bytes read at once, by each thread: memory is flat but for the tree, 1/128 of the APK."""
MAX_INFO = 1 << 16
"""Bytes of hashing info, and of signing infos; Android takes 8 KiB for both (``INCFS_MAX_SIGNATURE_SIZE``)."""
MAX_SALT = 32
MAX_FURTHER = 16
"""Signing infos behind the first; apksig writes one at most."""


class HashingInfo(NamedTuple):
    """How the tree was made, and its root."""

    algorithm: int
    log2_block: int
    salt: bytes
    root: bytes


@dataclass(frozen=True)
class SigningInfo:
    """One signer of the file."""

    digest: bytes
    """What the v3 or v2 signer signed of the content."""
    certificate: bytes
    additional: bytes
    public_key: bytes
    algorithm: int
    signature: bytes
    block: int | None = None
    """Which block of the APK it goes with; None for the first, which goes with v3 or v2."""


class Idsig(NamedTuple):
    """The file, taken apart; the tree stays where it is."""

    version: int
    hashing: HashingInfo
    signers: tuple[SigningInfo, ...]
    tree: tuple[int, int] | None
    """Offset and length of the tree."""
    ignored: int
    """Bytes that no field holds."""


class Tree(NamedTuple):
    """A hash tree."""

    root: bytes
    levels: tuple[bytes, ...]
    """From the top to the digests of the data, each padded to whole blocks."""


def parse_idsig(source: ByteSource) -> Idsig:
    """The file at ``source``. Raises `ApkError` where a field does not fit, or is larger than it can be."""
    head = Fields(source.read_at(0, min(source.size, 12 + 2 * MAX_INFO)), "v4 signature")
    begin = head.left
    version = head.u32("version")
    if version != VERSION:  # what follows may have any layout
        return Idsig(version, HashingInfo(0, 0, b"", b""), (), None, 0)
    hashing = Fields(_limited(head, "hashing info"), "v4 hashing info")
    signing = Fields(_limited(head, "signing infos"), "v4 signing infos")
    info = HashingInfo(
        hashing.u32("hash algorithm"), hashing.take(1, "block size")[0], hashing.run("salt"), hashing.run("root hash")
    )
    at = begin - head.left
    tree = None
    if at < source.size:
        length = Fields(source.read_at(at, min(4, source.size - at)), "v4 tree").u32("length")
        tree = (at + 4, length)
    end = sum(tree) if tree else at
    return Idsig(version, info, tuple(_signing_infos(signing)), tree, hashing.left + max(0, source.size - end))


def _limited(fields: Fields, name: str) -> bytes:
    length = fields.u32(name)
    if length > MAX_INFO:
        raise ApkError(f"v4 signature: {name} of {length} bytes, more than {MAX_INFO}")
    return fields.take(length, name)


def _signing_infos(fields: Fields) -> list[SigningInfo]:
    found = [_signing_info(fields)]
    while fields.left:
        if len(found) > MAX_FURTHER:
            raise ApkError(f"v4 signing infos: more than {MAX_FURTHER} behind the first")
        block = fields.u32("block id")
        found.append(_signing_info(Fields(fields.run("signing info"), "v4 signing info"), block))
    return found


def _signing_info(fields: Fields, block: int | None = None) -> SigningInfo:
    return SigningInfo(
        fields.run("content digest"),
        fields.run("certificate"),
        fields.run("additional data"),
        fields.run("public key"),
        fields.u32("signature algorithm"),
        fields.run("signature"),
        block,
    )


def signed_data(size: int, hashing: HashingInfo, signer: SigningInfo) -> bytes:
    """What the signature is over, for an APK of ``size`` bytes."""
    body = struct.pack("<QIB", size, hashing.algorithm, hashing.log2_block)
    for data in (hashing.salt, hashing.root, signer.digest, signer.certificate, signer.additional):
        body += struct.pack("<I", len(data)) + data
    return struct.pack("<I", 4 + len(body)) + body


def merkle_tree(source: ByteSource, salt: bytes = b"") -> Tree:
    """The tree over all the bytes, hashed in threads."""

    def digests(offset: int) -> bytes:
        return _digests(source.read_at(offset, min(PIECE, source.size - offset)), salt)

    with ThreadPoolExecutor(os.cpu_count() or 1) as threads:
        levels = [_padded(b"".join(threads.map(digests, range(0, source.size, PIECE))))]
    while len(levels[0]) > BLOCK:
        levels.insert(0, _padded(_digests(levels[0], salt)))
    return Tree(_digests(levels[0], salt), tuple(levels))


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % BLOCK)


def _digests(data: bytes, salt: bytes) -> bytes:
    """The digest of each block."""
    view = memoryview(_padded(data))
    start = hashlib.sha256(salt)
    found = []
    for at in range(0, len(view), BLOCK):
        digest = start.copy()
        digest.update(view[at : at + BLOCK])
        found.append(digest.digest())
    return b"".join(found)


class V4Check:
    """Checks one file for one APK, whose blocks of other schemes were ``found`` to hold."""

    def __init__(
        self, apk: ByteSource, idsig: ByteSource, found: Mapping[str, Sequence[CheckedSigner]], issues: Issues
    ) -> None:
        self._apk, self._idsig, self._found, self._issues = apk, idsig, found, issues

    def certificates(self) -> tuple[bytes, ...]:
        """Whose signatures hold; none where anything does not, which is an issue."""
        before = self._issues.errors
        try:
            parsed = parse_idsig(self._idsig)
        except ApkError as error:
            self._error("MALFORMED_SIGNERS", None, error)
            return ()
        if parsed.version != VERSION:
            self._error("VERSION_NOT_CURRENT", None, parsed.version, VERSION)
            return ()
        if parsed.ignored:
            self._issues.warning("V4_SIG_IGNORED_BYTES", parsed.ignored, scheme="v4")
        self._hashing(parsed.hashing)
        for step in (self._signatures, self._content, self._agreement):
            if self._issues.errors == before:
                step(parsed)
        return tuple(signer.certificate for signer in parsed.signers) if self._issues.errors == before else ()

    def _hashing(self, info: HashingInfo) -> None:
        """Android knows one way to make the tree."""
        if (info.algorithm, info.log2_block) != (SHA256, LOG2_BLOCK):
            self._error("MALFORMED_HASHING_INFO", None, info.algorithm, info.log2_block)
        if len(info.salt) > MAX_SALT:
            self._error("MALFORMED_HASHING_INFO", None, f"salt of {len(info.salt)} bytes")

    def _signatures(self, parsed: Idsig) -> None:
        for number, signer in enumerate(parsed.signers, 1):
            self._signature(signer, f"signer {number}", signed_data(self._apk.size, parsed.hashing, signer))

    def _signature(self, signer: SigningInfo, name: str, signed: bytes) -> None:
        algorithm = ALGORITHMS.get(signer.algorithm)
        if algorithm is None:
            self._error("UNKNOWN_SIG_ALGORITHM", name, f"0x{signer.algorithm:x}")
            return
        try:
            load_key(signer.public_key)
        except UnusableKey as error:
            self._error("MALFORMED_PUBLIC_KEY", name, error)
            return
        try:
            if not verifies_as(algorithm, signer.public_key, signer.signature, signed):
                self._error("DID_NOT_VERIFY", name, algorithm.name)
                return
        except UnusableKey as error:
            self._error("VERIFY_EXCEPTION", name, algorithm.name, error)
            return
        try:
            load_key(public_key(signer.certificate))
            if not holds_key(signer.certificate, signer.public_key):
                self._error("PUBLIC_KEY_MISMATCH_BETWEEN_CERTIFICATE_AND_SIGNATURES_RECORD", name)
        except (ValueError, UnusableKey) as error:
            self._error("MALFORMED_CERTIFICATE", name, error)

    def _content(self, parsed: Idsig) -> None:
        tree = merkle_tree(self._apk, parsed.hashing.salt)
        if tree.root != parsed.hashing.root:
            self._error("APK_ROOT_DID_NOT_VERIFY", None, parsed.hashing.root.hex(), tree.root.hex())
        elif parsed.tree is not None and not self._same_tree(*parsed.tree, tree.levels):
            self._error("APK_TREE_DID_NOT_VERIFY", None)

    def _same_tree(self, at: int, length: int, levels: tuple[bytes, ...]) -> bool:
        if length != sum(map(len, levels)) or at + length > self._idsig.size:
            return False
        for level in levels:
            for start in range(0, len(level), PIECE):
                piece = level[start : start + PIECE]
                if self._idsig.read_at(at + start, len(piece)) != piece:
                    return False
            at += len(level)
        return True

    def _agreement(self, parsed: Idsig) -> None:
        """The first signer goes with v3, or without v3 with v2; where there is v3.1, the second one goes with that."""
        older = next((name for name in ("v3", "v2") if self._found.get(name)), None)
        if older is None:
            self._error("V2_V3_DIGESTS_MISMATCH", None, "verified with neither v2 nor v3")
            return
        names = [older, "v3.1"] if older == "v3" and self._found.get("v3.1") else [older]
        if len(parsed.signers) != len(names):
            code = "V41_SIG_NEEDS_TWO_SIGNERS" if len(names) > 1 else "V4_SIG_MULTIPLE_SIGNERS"
            self._issues.error(code, len(parsed.signers), scheme="v4")
            return
        for name, signer in zip(names, parsed.signers, strict=True):
            self._agrees(name, signer)
            if name == "v3.1" and signer.block != V31:
                self._error("V2_V3_SIGNERS_MISMATCH", None, name, f"block 0x{signer.block or 0:x}")

    def _agrees(self, name: str, signer: SigningInfo) -> None:
        theirs = self._found[name]
        if len(theirs) != 1:
            self._error("MULTIPLE_SIGNERS", None, name, len(theirs))
            return
        if theirs[0].certificate != signer.certificate:
            self._error("V2_V3_SIGNERS_MISMATCH", None, name)
        signed = best_digest(theirs[0])
        if signed != signer.digest:
            self._error("V2_V3_DIGESTS_MISMATCH", None, name, signed.hex(), signer.digest.hex())

    def _error(self, code: str, signer: str | None, *params: object) -> None:
        self._issues.error(f"V4_SIG_{code}", *params, scheme="v4", signer=signer)


def best_digest(signer: CheckedSigner) -> bytes:
    """The content digest that v4 signs: the strongest one that the signer signed."""
    known = {ALGORITHMS[number].content: digest for number, digest in signer.parsed.digests if number in ALGORITHMS}
    return known[max(known, key=STRENGTH.__getitem__)] if known else b""
