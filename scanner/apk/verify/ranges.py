"""The SDK ranges of a v3 or v3.1 block's signers: together they must cover what they are asked for, without overlap."""

from __future__ import annotations

from itertools import pairwise

from scanner.apk.verify.blocks import CheckedSigner
from scanner.apk.verify.issues import Issues
from scanner.certificate import is_post_quantum


def check_ranges(
    scheme: str, signers: list[CheckedSigner], min_sdk: int, max_sdk: int, rotated: int | None, issues: Issues
) -> None:
    """Check the signers of one block against each other and against the range that is verified.

    ``rotated`` is where a v3.1 block takes over: a v3 block need not reach further. A v3.1 block may begin anywhere.
    """
    ordered = sorted(signers, key=lambda signer: signer.max_sdk)
    for before, signer in pairwise(ordered):
        adjoins = signer.min_sdk == before.max_sdk + 1
        if not adjoins and not (signer.targets_dev_release and signer.min_sdk == before.max_sdk):
            issues.error("V3_INCONSISTENT_SDK_VERSIONS", scheme=scheme, signer=signer.name)
        if not _extends(before, signer):
            issues.error("V3_INCONSISTENT_LINEAGES", scheme=scheme, signer=signer.name)
    if scheme == "v3" and ordered:
        first, last = ordered[0].min_sdk, ordered[-1].max_sdk
        needed = max_sdk if rotated is None else min(max_sdk, rotated - 1)
        if first > min_sdk or last < needed:
            issues.error("V3_MISSING_SDK_VERSIONS", first, last, scheme=scheme)


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
