"""From what was found to the answer: each scheme with its signers, and who signed for certain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress

from scanner.apk.verify.blocks import CheckedSigner
from scanner.apk.verify.issues import Issues
from scanner.bytesource import ByteSource, ZipDirectory, member_bytes
from scanner.certificate import complete, from_der, is_post_quantum
from scanner.errors import ApkError
from scanner.model import SourceStamp, Verification, VerifiedScheme, VerifiedSigner

STAMP_V1, STAMP_V2 = 0x2B09189E, 0x6DFF800D
MAX_STAMP = 1024
"""Bytes that the member of a source stamp may hold: it is a digest."""


def answer(
    found: Mapping[str, Sequence[CheckedSigner]],
    jar: tuple[bytes, ...],
    v4: tuple[bytes, ...] | None,
    issues: Issues,
    *,
    sdks: tuple[int, int],
    stamp: SourceStamp | None,
) -> Verification:
    """The answer; v4 is in it where a v4 signature was given, and never names the signers: it vouches for theirs."""
    schemes = [_unranged("v1", jar), *(_scheme(name, found.get(name)) for name in ("v2", "v3", "v3.1", "v3.2"))]
    if v4 is not None:
        schemes.append(_unranged("v4", v4))
    signers = () if issues.errors else _current(found, jar, sdks[1])
    return Verification(
        verified=bool(signers),
        min_sdk=sdks[0],
        max_sdk=sdks[1],
        schemes=tuple(schemes),
        signers=signers,
        issues=issues.all(),
        stamp=stamp,
    )


def _current(
    found: Mapping[str, Sequence[CheckedSigner]], jar: tuple[bytes, ...], sdk: int
) -> tuple[VerifiedSigner, ...]:
    """Whom the newest release goes by: of a v3.2 pair the classical signer, as `scanner.apk.release` explains."""
    for name in ("v3.2", "v3.1", "v3"):
        holding = [one for one in found.get(name, ()) if one.holds(sdk) and not is_post_quantum(one.certificate)]
        if holding:
            return tuple(_signer(one, ranged=True) for one in holding)
    if "v2" in found:
        return tuple(_signer(one, ranged=False) for one in found["v2"])
    return tuple(VerifiedSigner(complete(from_der(one))) for one in jar)


def _unranged(name: str, certificates: tuple[bytes, ...]) -> VerifiedScheme:
    return VerifiedScheme(
        name, bool(certificates), tuple(VerifiedSigner(complete(from_der(one))) for one in certificates)
    )


def _scheme(name: str, signers: Sequence[CheckedSigner] | None) -> VerifiedScheme:
    if signers is None:
        return VerifiedScheme(name, verified=False)
    return VerifiedScheme(name, True, tuple(_signer(one, ranged=name != "v2") for one in signers))  # noqa: FBT003


def _signer(checked: CheckedSigner, *, ranged: bool) -> VerifiedSigner:
    return VerifiedSigner(
        complete(from_der(checked.certificate)),
        checked.min_sdk if ranged else None,
        checked.max_sdk if ranged else None,
        tuple(level.past for level in checked.lineage[:-1]),
    )


def stamp_of(source: ByteSource, directory: ZipDirectory, blocks: Collection[int]) -> SourceStamp | None:
    """The source stamp, reported and not judged: its certificate's digest lies in a member of its own.

    A member that cannot be read states nothing, and keeps the APK from nothing.
    """
    present = tuple(name for identifier, name in ((STAMP_V1, "v1"), (STAMP_V2, "v2")) if identifier in blocks)
    digest = directory.select(names=(b"stamp-cert-sha256",))
    if not present and not digest:
        return None
    stated = None
    if digest:
        with suppress(ApkError):
            stated = member_bytes(source, digest[0], MAX_STAMP).hex()
    return SourceStamp(stated, present)
