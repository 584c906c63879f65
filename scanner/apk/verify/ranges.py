"""The SDK ranges of a v3 or v3.1 block's signers: together they must cover what they are asked for, without overlap."""

from __future__ import annotations

from itertools import pairwise

from scanner.apk.verify.blocks import CheckedSigner
from scanner.apk.verify.issues import Issues
from scanner.certificate import is_post_quantum


def check_ranges(scheme: str, signers: list[CheckedSigner], issues: Issues) -> None:
    """Check the signers of one v3 or v3.1 block against each other: no hole, no overlap, one growing lineage."""
    ordered = sorted(signers, key=lambda signer: signer.max_sdk)
    for before, signer in pairwise(ordered):
        adjoins = signer.min_sdk == before.max_sdk + 1
        if not adjoins and not (signer.targets_dev_release and signer.min_sdk == before.max_sdk):
            issues.error("V3_INCONSISTENT_SDK_VERSIONS", scheme=scheme, signer=signer.name)
        if not _extends(before, signer):
            issues.error("V3_INCONSISTENT_LINEAGES", scheme=scheme, signer=signer.name)


def covered(spans: list[tuple[int, int]], low: int, high: int) -> bool:
    """Whether each release from ``low`` to ``high`` lies in one of the spans."""
    for begin, end in sorted(spans):
        if begin <= low:
            low = max(low, end + 1)
    return low > high


def spans_of(signers: list[CheckedSigner], first: int) -> list[tuple[int, int]]:
    """The releases that go by each signer of a scheme that ``first`` was the first to know."""
    return [(max(first, one.min_sdk + one.targets_dev_release), one.max_sdk) for one in signers]


def _extends(before: CheckedSigner, signer: CheckedSigner) -> bool:
    """Whether the later signer's lineage begins as the earlier one's does."""
    old = [level.certificate for level in before.lineage]
    new = [level.certificate for level in signer.lineage]
    return not old or not new or new[: len(old)] == old


def check_hybrid(signers: list[CheckedSigner], issues: Issues) -> None:
    """The rules of a v3.2 pair: two signers of one range and one past, one classical and one post-quantum."""
    if len(signers) != 2:
        issues.error("V32_INVALID_SIGNER_COUNT", len(signers), scheme="v3.2")
        return
    one, other = signers
    if is_post_quantum(one.certificate) == is_post_quantum(other.certificate):
        issues.error("V32_ALGO_TYPE_COLLISION", scheme="v3.2")
    if (one.min_sdk, one.max_sdk) != (other.min_sdk, other.max_sdk):
        issues.error("V32_SDK_RANGE_MISMATCH", scheme="v3.2")
    pasts = [[(level.certificate, level.flags) for level in signer.lineage[:-1]] for signer in signers]
    if pasts[0] != pasts[1] or bool(one.lineage) != bool(other.lineage):
        issues.error("V32_LINEAGE_MISMATCH", scheme="v3.2")
