"""The order of schemes, what each must agree with, and the verdict.

From the newest scheme to the oldest, as apksig goes: an error in one ends the verification, since the releases
that look at it would refuse the APK. Older schemes are checked as far as some release in the range would look at
them: v2 below API level 28, JAR signatures below 24, or where nothing newer was found.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.apk.identity import MANIFEST, NotAnApk
from scanner.apk.manifest import Manifest, UsesSdk, manifest_bytes, read_manifest
from scanner.apk.release import api_level
from scanner.apk.signingblock import SCHEME_OF_BLOCK, V2, V3, V31, V32, SigningBlock, signing_block_of
from scanner.apk.verify.algorithms import ALGORITHMS, Content
from scanner.apk.verify.answer import answer, stamp_of
from scanner.apk.verify.blocks import (
    HYBRID_MAX_SDK,
    HYBRID_MIN_SDK,
    ROTATION_MIN_SDK,
    STRIPPING_PROTECTION,
    BlockCheck,
    CheckedSigner,
)
from scanner.apk.verify.content import Sections, content_digests
from scanner.apk.verify.issues import Issues
from scanner.apk.verify.jar import verify_jar
from scanner.apk.verify.ranges import check_hybrid, check_ranges, covered, spans_of
from scanner.apk.verify.v4 import V4Check
from scanner.bytesource import ByteSource, ZipDirectory, resident
from scanner.certificate import from_der
from scanner.errors import ApkError
from scanner.model import LIMITS, Limits, Verification

NEWEST_IMAGINABLE = 0x7FFFFFFF
"""The default end of the range: every release there will be, as apksig takes it."""
SCHEME_IDS = {"v2": 2, "v3": 3, "v3.1": 31, "v3.2": 32}
FIRST_SDK = {"v2": 24, "v3": 28, "v3.1": 33, "v3.2": 37}
SANDBOX_SDK, V2_REQUIRED_TARGET = 26, 30
"""Since API level 26 sandbox version 2 wants scheme v2; target SDK 30 and newer wants it everywhere."""


@dataclass
class _Run:
    """One verification under way."""

    source: ByteSource
    directory: ZipDirectory
    manifest: Manifest
    min_sdk: int
    max_sdk: int
    limits: Limits = LIMITS
    issues: Issues = field(default_factory=Issues)
    blocks: dict[str, list[CheckedSigner]] = field(default_factory=dict)
    """Every block that holds, also one that no release in the range goes by."""
    found: dict[str, list[CheckedSigner]] = field(default_factory=dict)
    """The blocks among them that some release in the range goes by."""
    jar: tuple[bytes, ...] = ()
    digests: dict[Content, bytes] = field(default_factory=dict)
    idsig: ByteSource | None = None
    v4: tuple[bytes, ...] | None = None
    """The certificates of the v4 signature, none where it does not hold; None where none was given."""


def verify(
    source: ByteSource,
    min_sdk: int | None = None,
    max_sdk: int = NEWEST_IMAGINABLE,
    idsig: ByteSource | None = None,
    limits: Limits = LIMITS,
) -> Verification:
    """Whether the APK's signatures hold for every release from ``min_sdk`` to ``max_sdk``, and whose they are.

    ``min_sdk`` defaults to the manifest's, which of several ``<uses-sdk>`` is the highest, as apksig has it
    (``ApkUtils.getMinSdkVersionFromBinaryAndroidManifest``): below it no release installs the app. ``idsig`` is the
    file of a v4 signature, which then must hold too.

    Raises:
        ApkError: it is no APK, or its directory or manifest cannot be read: there is nothing to verify.
        ReadError: the transport failed.
    """
    source = resident(source)
    directory = ZipDirectory(source, limits)
    directory.check()  # one that breaks off anywhere is refused, also behind what is looked for
    entries = directory.select(names=(MANIFEST,))
    if not entries:
        raise NotAnApk("no AndroidManifest.xml: a zip, but not an APK", is_zip=True)
    manifest = read_manifest(manifest_bytes(source, entries[0], limits), limits)
    lowest = min_sdk if min_sdk is not None else _lowest(manifest)
    run = _Run(source, directory, manifest, lowest, max_sdk, limits, idsig=idsig, v4=None if idsig is None else ())
    if lowest > max_sdk:
        run.issues.error("MIN_SDK_ABOVE_MAX_SDK", lowest, max_sdk)
    block = signing_block_of(source, directory, limits)
    for note in block.tamper if block else ():
        run.issues.warning("SIGNING_BLOCK", note)
    if not run.issues.errors:
        _schemes(run, block)
    if not (run.issues.errors or run.found or run.jar):
        run.issues.error("NO_SIGNATURE_FOR_THESE_RELEASES", lowest, max_sdk)
    blocks = block.pairs.keys() if block else ()
    return answer(
        run.found, run.jar, run.v4, run.issues, sdks=(lowest, max_sdk), stamp=stamp_of(source, directory, blocks)
    )


def _schemes(run: _Run, block: SigningBlock | None) -> None:
    """Every scheme in its turn, until one has an error."""
    steps = (_v32, _v31, _v3, _v2, _v4, _sandbox, _jar, _agreement, _target)
    for step in steps:
        step(run, block)
        if run.issues.errors and step is not _sandbox:
            return


def _v32(run: _Run, block: SigningBlock | None) -> None:
    if run.max_sdk >= FIRST_SDK["v3.2"]:
        _block(run, block, V32)


def _v31(run: _Run, block: SigningBlock | None) -> None:
    if run.max_sdk >= FIRST_SDK["v3.1"]:
        _block(run, block, V31)
        _hybrid_announced(run, "v3.1")


def _v3(run: _Run, block: SigningBlock | None) -> None:
    if run.max_sdk < FIRST_SDK["v3"]:
        return
    _block(run, block, V3)
    rotated_from = min((signer.min_sdk for signer in run.blocks.get("v3.1", ())), default=None)
    if "v3.1" in run.found and (block is None or V3 not in block.pairs):
        run.issues.error("V31_BLOCK_FOUND_WITHOUT_V3_BLOCK", scheme="v3.1")
    for signer in run.found.get("v3", ()):
        _rotation_announced(run, signer, rotated_from)
    _hybrid_announced(run, "v3")
    if run.issues.errors:
        run.found.pop("v3", None)


def _rotation_announced(run: _Run, signer: CheckedSigner, rotated_from: int | None) -> None:
    """Stripping protection of v3.1: a v3 signer says from which release on another one counts."""
    announced = signer.numbers.get(ROTATION_MIN_SDK)
    if announced is not None and rotated_from is None:
        run.issues.error("V31_BLOCK_MISSING", announced, scheme="v3", signer=signer.name)
    elif announced is None and rotated_from is not None:
        run.issues.warning("V31_ROTATION_MIN_SDK_ATTR_MISSING", rotated_from, scheme="v3", signer=signer.name)
    elif announced != rotated_from:
        run.issues.error("V31_ROTATION_MIN_SDK_MISMATCH", announced, rotated_from, scheme="v3", signer=signer.name)


def _hybrid_announced(run: _Run, scheme: str) -> None:
    """Stripping protection of v3.2: an older block that announces one must find it, with the same range."""
    pair = run.blocks.get("v3.2", [])
    for signer in run.found.get(scheme, ()):
        low, high = signer.numbers.get(HYBRID_MIN_SDK), signer.numbers.get(HYBRID_MAX_SDK)
        if run.max_sdk < FIRST_SDK["v3.2"] or (low is None and high is None):
            continue
        if not pair:
            run.issues.error("V32_BLOCK_MISSING", low, high, scheme=scheme, signer=signer.name)
        elif low != pair[0].min_sdk or (high is not None and high != pair[0].max_sdk):
            run.issues.error("V32_SDK_RANGE_MISMATCH", low, high, scheme=scheme, signer=signer.name)


def _v2(run: _Run, block: SigningBlock | None) -> None:
    if run.max_sdk < FIRST_SDK["v2"] or (run.min_sdk >= FIRST_SDK["v3"] and _newer_decide(run)):
        return
    _block(run, block, V2)
    for signer in run.found.get("v2", ()):
        announced = signer.numbers.get(STRIPPING_PROTECTION)
        if announced == SCHEME_IDS["v3"] and run.max_sdk >= FIRST_SDK["v3"] and not _newer_decide(run):
            run.issues.error("V2_SIG_MISSING_APK_SIG_REFERENCED", "v3", scheme="v2", signer=signer.name)
    if run.issues.errors:
        run.found.pop("v2", None)


def _v4(run: _Run, block: SigningBlock | None) -> None:  # noqa: ARG001 - the steps share one shape
    if run.idsig is not None and run.max_sdk >= FIRST_SDK["v2"]:
        run.v4 = V4Check(run.source, run.idsig, run.found, run.issues).certificates()


def _block(run: _Run, block: SigningBlock | None, identifier: int) -> None:
    """Check the block of one scheme, its digests included, where it is there."""
    if block is None or identifier not in block.pairs:
        return
    name = SCHEME_OF_BLOCK[identifier]
    lowest = max(run.min_sdk, FIRST_SDK[name])
    before = run.issues.errors
    signers = BlockCheck(name, lowest, run.max_sdk, run.issues, run.limits).signers(block.pairs[identifier])
    if run.issues.errors == before and name == "v3.2":
        check_hybrid(signers, run.issues)
    elif run.issues.errors == before and name != "v2":
        check_ranges(name, signers, run.issues)
        if name == "v3" and not covered(spans_of(signers, 0) + _newer_spans(run), lowest, run.max_sdk):
            run.issues.error("V3_MISSING_SDK_VERSIONS", lowest, run.max_sdk, scheme=name)
    if run.issues.errors == before:
        _integrity(run, block, name, signers)
    if run.issues.errors == before:
        run.blocks[name] = signers
        if name in {"v2", "v3"} or any(one.min_sdk <= run.max_sdk and one.max_sdk >= lowest for one in signers):
            run.found[name] = signers


def _newer_spans(run: _Run) -> list[tuple[int, int]]:
    return [span for name in ("v3.1", "v3.2") for span in spans_of(run.found.get(name, []), FIRST_SDK[name])]


def _newer_decide(run: _Run) -> bool:
    """Whether the range reaches to releases from 28 on, and they all go by a scheme newer than v2.

    A v3 block decides for all of them, by its signers or by refusing; a v3.1 or v3.2 block only for the releases
    that one of its signers is for: the others pass it over.
    """
    lowest = max(run.min_sdk, FIRST_SDK["v3"])
    return "v3" in run.found or (lowest <= run.max_sdk and covered(_newer_spans(run), lowest, run.max_sdk))


def _integrity(run: _Run, block: SigningBlock, name: str, signers: list[CheckedSigner]) -> None:
    """Compare what each signer signed of the content with the content."""
    wanted = frozenset(kind for signer in signers for kind in signer.wanted)
    if missing := wanted - run.digests.keys():
        directory = run.directory
        sections = Sections(run.source, block.offset, directory.offset, directory.eocd_offset)
        try:
            run.digests |= content_digests(sections, missing)
        except ApkError as error:
            run.issues.error("CONTENT_DIGEST_FAILED", error, scheme=name)
            return
    prefix = "V2_SIG" if name == "v2" else "V3_SIG"
    for signer in signers:
        for number, digest in signer.parsed.digests:
            algorithm = ALGORITHMS.get(number)
            if algorithm and algorithm.content in wanted and digest != run.digests[algorithm.content]:
                code = f"{prefix}_APK_DIGEST_DID_NOT_VERIFY"
                run.issues.error(code, algorithm.content, digest.hex(), scheme=name, signer=signer.name)


def _sandbox(run: _Run, block: SigningBlock | None) -> None:  # noqa: ARG001 - the steps share one shape
    sandbox = run.manifest.target_sandbox or 1
    if run.max_sdk >= SANDBOX_SDK and sandbox > 1 and not run.found:
        run.issues.error("NO_SIG_FOR_TARGET_SANDBOX_VERSION", sandbox)


def _jar(run: _Run, block: SigningBlock | None) -> None:  # noqa: ARG001 - the steps share one shape
    if run.min_sdk < FIRST_SDK["v2"] or not ("v2" in run.found or _newer_decide(run)):
        found = frozenset(SCHEME_IDS[name] for name in run.found)
        run.jar = verify_jar(run.source, run.directory, found, run.min_sdk, run.max_sdk, run.issues, run.limits)


def _agreement(run: _Run, block: SigningBlock | None) -> None:  # noqa: ARG001 - the steps share one shape
    """Schemes that verified must name the same signers, or the oldest of a rotated key's."""
    v2 = [signer.certificate for signer in run.found.get("v2", ())]
    if run.jar and v2:
        for certificate in set(run.jar) - set(v2):
            run.issues.error("V2_SIG_MISSING", from_der(certificate).sha256, scheme="v1")
        for certificate in set(v2) - set(run.jar):
            run.issues.error("JAR_SIG_MISSING", from_der(certificate).sha256, scheme="v2")
    older = list(run.jar) or v2
    if not run.found.get("v3") or not older:
        return
    if len(older) != 1:
        run.issues.error("V3_SIG_MULTIPLE_PAST_SIGNERS", scheme="v3")
        return
    newest = max(run.found["v3"], key=lambda signer: len(signer.lineage))
    lineage = newest.lineage or max((one.lineage for one in run.found.get("v3.1", ())), key=len, default=())
    if not lineage and len(run.found["v3"]) > 1:
        run.issues.error("V3_SIG_MULTIPLE_SIGNERS", scheme="v3")
    if (lineage[0].certificate if lineage else newest.certificate) != older[0]:
        run.issues.error("V3_SIG_PAST_SIGNERS_MISMATCH", scheme="v3")


def _target(run: _Run, block: SigningBlock | None) -> None:  # noqa: ARG001 - the steps share one shape
    """Scheme v2 is wanted by the target that Android keeps, the last, or by that of apksig, the first there is."""
    kept, named = run.manifest.kept_sdk, [one.target_sdk for one in run.manifest.uses_sdk if one.target_sdk is not None]
    last = _least(kept) if kept.target_sdk is None else kept.target_sdk
    first = named[0] if named else _lowest(run.manifest)
    wanting = [target for target in (first, last) if V2_REQUIRED_TARGET <= target <= run.max_sdk]
    if wanting and not run.found:
        run.issues.error("MIN_SIG_SCHEME_FOR_TARGET_SDK_NOT_MET", wanting[0], "v2")


def _lowest(manifest: Manifest) -> int:
    """The lowest release that installs the app: no ``<uses-sdk>`` may ask for a higher one."""
    return max(map(_least, manifest.uses_sdk), default=1)


def _least(uses_sdk: UsesSdk) -> int:
    return uses_sdk.min_sdk or api_level(uses_sdk.codename)
