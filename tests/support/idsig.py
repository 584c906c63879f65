"""A maker of v4 signatures, honest or not: the ``.idsig`` file beside an APK.

Layout: https://source.android.com/docs/security/features/apksigning/v4.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass

from tests.support.signer import Key, content_digest, key, run

A = key("a")
BLOCK = 4096


def reference_tree(data: bytes, salt: bytes = b"") -> tuple[bytes, bytes]:
    """Root and tree, the slow and plain way."""
    tree, level = b"", data
    while True:
        blocks = [level[at : at + BLOCK].ljust(BLOCK, b"\0") for at in range(0, len(level), BLOCK)]
        digests = b"".join(hashlib.sha256(salt + block).digest() for block in blocks)
        level = digests.ljust(-(-len(digests) // BLOCK) * BLOCK, b"\0")
        tree = level + tree
        if len(level) == BLOCK:
            return hashlib.sha256(salt + level).digest(), tree


def signed_content(apk: bytes, kind: str = "sha256") -> bytes:
    """The chunked digest that the blocks of a signed APK hold."""
    end = apk.rindex(b"PK\x05\x06")
    directory = struct.unpack_from("<I", apk, end + 16)[0]
    block = directory - struct.unpack_from("<Q", apk, directory - 24)[0] - 8
    tail = apk[end : end + 16] + struct.pack("<I", block) + apk[end + 20 :]
    return content_digest([apk[:block], apk[directory:end], tail], kind)


@dataclass(frozen=True)
class Idsig:
    """A v4 signature to be, honest unless told otherwise."""

    apk: bytes
    key: Key = A
    digest: bytes | None = None
    salt: bytes = b""
    root: bytes | None = None
    tree: bytes | None = None
    with_tree: bool = True
    version: int = 2
    hash_algorithm: int = 1
    log2_block: int = 12
    additional: bytes = b""
    public: bytes | None = None
    algorithm: int | None = None
    size: int | None = None
    further: tuple[tuple[int, Key], ...] = ()

    def info(self, signing: Key, root: bytes) -> bytes:
        digest = signed_content(self.apk, signing.content) if self.digest is None else self.digest
        size = len(self.apk) if self.size is None else self.size
        body = struct.pack("<QIB", size, self.hash_algorithm, self.log2_block) + run(self.salt) + run(root)
        body += run(digest) + run(signing.certificate) + run(self.additional)
        signature = signing.sign(struct.pack("<I", len(body) + 4) + body)
        public = signing.public if self.public is None else self.public
        algorithm = signing.algorithm if self.algorithm is None else self.algorithm
        head = run(digest) + run(signing.certificate) + run(self.additional) + run(public)
        return head + struct.pack("<I", algorithm) + run(signature)

    def file(self) -> bytes:
        root, tree = reference_tree(self.apk, self.salt)
        root = root if self.root is None else self.root
        hashing = struct.pack("<IB", self.hash_algorithm, self.log2_block) + run(self.salt) + run(root)
        infos = self.info(self.key, root)
        for block, one in self.further:
            infos += struct.pack("<I", block) + run(self.info(one, root))
        tail = run(tree if self.tree is None else self.tree) if self.with_tree else b""
        return struct.pack("<I", self.version) + run(hashing) + run(infos) + tail
