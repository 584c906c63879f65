"""APKs built in memory: a manifest, a few members, and any signatures, honest or not."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Sequence

from tests.support import axml, signer
from tests.support.signer import Key, V3Signer

EOCD = 22


def zip_bytes(members: dict[str, bytes], *, stored: bool = False, comment: bytes = b"") -> bytes:
    """A zip of these members, the same bytes every time."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            info = zipfile.ZipInfo(name, (1981, 1, 1, 1, 1, 2))
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
        archive.comment = comment
    return out.getvalue()


def build_apk(
    package: str | axml.Element = "com.example.app",
    *,
    v1: Sequence[Key] = (),
    v2: Sequence[Key] = (),
    v3: Sequence[V3Signer | Key] = (),
    v31: Sequence[V3Signer] = (),
    v32: Sequence[V3Signer] = (),
    members: dict[str, bytes] | None = None,
    comment: bytes = b"",
    apk_signed: str | None = None,
    stored: bool = False,
    **manifest: object,
) -> bytes:
    """An APK. Without any signer it is unsigned; ``manifest`` goes to `axml.manifest`."""
    root = axml.manifest(package, **manifest) if isinstance(package, str) else package  # type: ignore[arg-type]
    content = {
        "AndroidManifest.xml": axml.encode(root),
        "res/raw/note.txt": b"made for a test\n",
        **(members or {}),
    }
    if v1:
        content |= signer.jar_files(content, list(v1), apk_signed=apk_signed)
    return sign(zip_bytes(content, comment=comment, stored=stored), v2=v2, v3=v3, v31=v31, v32=v32)


def sign(
    apk: bytes,
    *,
    v2: Sequence[Key] = (),
    v3: Sequence[V3Signer | Key] = (),
    v31: Sequence[V3Signer] = (),
    v32: Sequence[V3Signer] = (),
    more: Sequence[tuple[int, bytes]] = (),
    eocd: int | None = None,
) -> bytes:
    """The APK with a signing block of these signers and pairs; ``eocd``: its end record, if not the last."""
    eocd = apk.rindex(b"PK\x05\x06") if eocd is None else eocd
    directory = directory_offset(apk, eocd)
    sections = [apk[:directory], apk[directory:eocd], apk[eocd:]]
    digests = {kind: signer.content_digest(sections, kind) for kind in ("sha256", "sha512")}
    pairs = [(signer.V2, signer.block_of([signer.v2_signer(key, digests[key.content]) for key in v2]))] if v2 else []
    for number, signers in ((signer.V3, v3), (signer.V31, v31), (signer.V32, v32)):
        ranged = [one if isinstance(one, V3Signer) else V3Signer(one) for one in signers]
        if ranged:
            pairs.append((number, signer.block_of([signer.v3_signer(one, digests[one.key.content]) for one in ranged])))
    pairs += list(more)
    return with_block(apk, signer.signing_block(pairs), eocd) if pairs else apk


def with_block(apk: bytes, block: bytes, eocd: int | None = None) -> bytes:
    """The APK with these bytes between its members and its directory."""
    eocd = apk.rindex(b"PK\x05\x06") if eocd is None else eocd
    directory = directory_offset(apk, eocd)
    end = apk[eocd : eocd + 16] + struct.pack("<I", directory + len(block)) + apk[eocd + 20 :]
    return apk[:directory] + block + apk[directory:eocd] + end


def directory_offset(apk: bytes, eocd: int | None = None) -> int:
    """Where the zip directory begins."""
    return int(struct.unpack_from("<I", apk, (apk.rindex(b"PK\x05\x06") if eocd is None else eocd) + 16)[0])
