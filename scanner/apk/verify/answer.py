"""From what was found to the answer: each scheme with its signers, and who signed for certain."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from scanner.apk.verify.blocks import CheckedSigner
from scanner.apk.verify.issues import Issues
from scanner.bytesource import ByteSource, ZipDirectory, member_bytes
from scanner.certificate import complete, from_der, is_post_quantum
from scanner.model import SourceStamp, Verification, VerifiedScheme, VerifiedSigner

STAMP_V1, STAMP_V2 = 0x2B09189E, 0x6DFF800D


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
    newest = next((scheme for scheme in reversed(schemes) if scheme.verified), None)
    if v4 is not None:
        schemes.append(_unranged("v4", v4))
    verified = newest is not None and not issues.errors
    return Verification(
        verified=verified,
        min_sdk=sdks[0],
        max_sdk=sdks[1],
        schemes=tuple(schemes),
        signers=_current(newest) if verified and newest is not None else (),
        issues=issues.all(),
        stamp=stamp,
    )


def _current(scheme: VerifiedScheme) -> tuple[VerifiedSigner, ...]:
    """Whom the scheme names for the newest release: of a v3.2 pair the classical one, as `release` explains."""
    if scheme.name == "v3.2":
        return tuple(one for one in scheme.signers if not is_post_quantum(one.certificate.der or b""))
    return scheme.signers[-1:] if scheme.name in {"v3", "v3.1"} else scheme.signers


def _unranged(name: str, certificates: tuple[bytes, ...]) -> VerifiedScheme:
    return VerifiedScheme(
        name, bool(certificates), tuple(VerifiedSigner(complete(from_der(one))) for one in certificates)
    )


def _scheme(name: str, signers: Sequence[CheckedSigner] | None) -> VerifiedScheme:
    if signers is None:
        return VerifiedScheme(name, verified=False)
    ranged = name != "v2"
    return VerifiedScheme(
        name,
        True,  # noqa: FBT003 - the second field says so
        tuple(
            VerifiedSigner(
                complete(from_der(signer.certificate)),
                signer.min_sdk if ranged else None,
                signer.max_sdk if ranged else None,
                tuple(level.past for level in signer.lineage[:-1]),
            )
            for signer in signers
        ),
    )


def stamp_of(source: ByteSource, directory: ZipDirectory, blocks: Collection[int]) -> SourceStamp | None:
    """The source stamp, reported and not judged: its certificate's digest lies in a member of its own."""
    present = tuple(name for identifier, name in ((STAMP_V1, "v1"), (STAMP_V2, "v2")) if identifier in blocks)
    digest = directory.select(names=(b"stamp-cert-sha256",))
    if not present and not digest:
        return None
    stated = member_bytes(source, digest[0], 1024).hex() if digest else None
    return SourceStamp(stated, present)
