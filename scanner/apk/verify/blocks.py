"""One block of scheme v2, v3 or v3.1, verified: who signed, over which content digests.

Every rule is one of Android's or of Google's apksig, whose issue names the codes are. Order matters: a
signature is checked before anything that it covers is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from scanner.apk.schemes import PROOF_OF_ROTATION, TARGETS_DEV_RELEASE
from scanner.apk.verify.algorithms import ALGORITHMS, Content, UnusableKey, load_key, to_verify, verifies_as
from scanner.apk.verify.issues import Issues
from scanner.apk.verify.lineage import BrokenLineage, Level, verified_lineage
from scanner.apk.verify.parsed import ParsedSigner, attribute_number, parse_signer, split_signers
from scanner.apk.verify.remembered import remembered
from scanner.certificate import is_post_quantum, public_key
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits

MAX_V2_SIGNERS = 10
STRIPPING_PROTECTION = 0xBEEFF00D
ROTATION_MIN_SDK = 0x559F8B02
HYBRID_MIN_SDK, HYBRID_MAX_SDK = 0xBF940529, 0x9F06B79C
KNOWN_ATTRIBUTES = frozenset(
    {STRIPPING_PROTECTION, ROTATION_MIN_SDK, PROOF_OF_ROTATION, TARGETS_DEV_RELEASE, HYBRID_MIN_SDK, HYBRID_MAX_SDK}
)


@dataclass
class CheckedSigner:
    """A signer whose own signature was checked; ``digests`` are what it signed of the content."""

    name: str
    parsed: ParsedSigner
    min_sdk: int
    max_sdk: int
    wanted: frozenset[Content]
    lineage: tuple[Level, ...] = ()
    numbers: dict[int, int] = field(default_factory=dict)
    """Attributes that hold a number, such as `ROTATION_MIN_SDK`."""
    targets_dev_release: bool = False
    """Whether a release of its very minimum SDK passes it over."""

    @property
    def certificate(self) -> bytes:
        """The signing certificate."""
        return self.parsed.certificates[0]

    def holds(self, sdk: int) -> bool:
        """Whether release ``sdk`` goes by this signer."""
        return self.min_sdk <= sdk <= self.max_sdk and not (self.targets_dev_release and sdk == self.min_sdk)


class BlockCheck:
    """Checks the signers of one block for releases ``min_sdk`` to ``max_sdk``."""

    def __init__(self, scheme: str, min_sdk: int, max_sdk: int, issues: Issues, limits: Limits = LIMITS) -> None:
        self._scheme, self._min, self._max, self._issues = scheme, min_sdk, max_sdk, issues
        self._limits = limits
        self._prefix = "V2_SIG" if scheme == "v2" else "V3_SIG"

    def signers(self, value: bytes) -> list[CheckedSigner]:
        """The signers that hold; whatever does not is an issue."""
        try:
            runs = split_signers(value, self._scheme)
        except ApkError as error:
            self._error("MALFORMED_SIGNERS", None, error)
            return []
        if not runs:
            self._error("NO_SIGNERS", None)
        if self._scheme == "v2" and len(runs) > MAX_V2_SIGNERS:
            self._error("MAX_SIGNATURES_EXCEEDED", None, MAX_V2_SIGNERS, len(runs))
            return []
        if len(runs) > self._limits.signers:
            over = LimitExceeded.of(f"{self._scheme} block: {len(runs)} signers", "signers", self._limits.signers)
            self._error("MALFORMED_SIGNERS", None, over)
            return []
        checked = []
        for number, run in enumerate(runs):
            signer = self._signer(run, f"signer {number + 1}")
            if signer is not None:
                checked.append(signer)
            elif number >= MAX_V2_SIGNERS:
                break  # a block of thousands of broken signers has said enough
        return checked

    def _signer(self, run: bytes, name: str) -> CheckedSigner | None:
        try:
            parsed = parse_signer(run, self._scheme, self._limits.certificates)
        except ApkError as error:
            self._error("MALFORMED_SIGNER", name, error)
            return None
        low, high = parsed.outer_range or (self._min, self._max)
        if parsed.outer_range and (low > high or high >= 1 << 31):
            self._error("INVALID_SDK_VERSIONS", name, low, high)
            return None
        before = self._issues.errors
        chosen = self._signatures(parsed, name, low, high)
        if self._issues.errors > before:
            return None
        self._record(parsed, name)
        if self._scheme in {"v3", "v3.1"} and parsed.certificates and is_post_quantum(parsed.certificates[0]):
            self._error("PQC_SINGLE_SIGNER", name)
        checked = CheckedSigner(name, parsed, low, high, frozenset(ALGORITHMS[one].content for one in chosen))
        self._attributes(checked)
        return checked if self._issues.errors == before else None

    def _signatures(self, parsed: ParsedSigner, name: str, low: int, high: int) -> list[int]:
        """The algorithms that a release in range would pick, each signature checked."""
        known = [number for number, _ in parsed.signatures if number in ALGORITHMS]
        for number, _ in parsed.signatures:
            if number not in ALGORITHMS:
                self._issues.warning(
                    f"{self._prefix}_UNKNOWN_SIG_ALGORITHM", f"0x{number:x}", scheme=self._scheme, signer=name
                )
        if not parsed.signatures:
            self._error("NO_SIGNATURES", name)
            return []
        chosen = to_verify(known, low, high)
        if not chosen:
            self._error("NO_SUPPORTED_SIGNATURES", name)
        by_number = dict(reversed(parsed.signatures))
        for number in chosen:
            self._one_signature(parsed, name, number, by_number[number])
        return chosen

    def _one_signature(self, parsed: ParsedSigner, name: str, number: int, signature: bytes) -> None:
        algorithm = ALGORITHMS[number]
        try:
            if not verifies_as(algorithm, parsed.public_key, signature, parsed.signed):
                self._error("DID_NOT_VERIFY", name, algorithm.name)
        except UnusableKey as error:
            self._error("VERIFY_EXCEPTION", name, algorithm.name, error)

    def _record(self, parsed: ParsedSigner, name: str) -> None:
        """What the signature covers must agree with what stands beside it."""
        if parsed.outer_range != parsed.signed_range:
            self._issues.error("V3_MIN_MAX_SDK_VERSION_MISMATCH", scheme=self._scheme, signer=name)
        if not parsed.certificates:
            self._error("NO_CERTIFICATES", name)
        elif not holds_key(parsed.certificates[0], parsed.public_key):
            self._error("PUBLIC_KEY_MISMATCH_BETWEEN_CERTIFICATE_AND_SIGNATURES_RECORD", name)
        signed_by = [number for number, _ in parsed.signatures]
        digested_by = [number for number, _ in parsed.digests]
        if signed_by != digested_by:
            self._error("SIG_ALG_MISMATCH_BETWEEN_SIGNATURES_AND_DIGESTS_RECORDS", name, signed_by, digested_by)

    def _attributes(self, checked: CheckedSigner) -> None:
        for number, value in checked.parsed.attributes:
            if number not in KNOWN_ATTRIBUTES:
                self._issues.warning(
                    f"{self._prefix}_UNKNOWN_ADDITIONAL_ATTRIBUTE",
                    f"0x{number:x}",
                    scheme=self._scheme,
                    signer=checked.name,
                )
            elif number == PROOF_OF_ROTATION and self._scheme != "v2":
                self._lineage(checked, value)
            elif number == TARGETS_DEV_RELEASE and self._scheme == "v3":  # where the platform takes no notice of it
                code = "V31_ROTATION_TARGETS_DEV_RELEASE_ATTR_ON_V3_SIGNER"
                self._issues.warning(code, scheme=self._scheme, signer=checked.name)
            elif number == TARGETS_DEV_RELEASE:
                checked.targets_dev_release = True
            elif number in {STRIPPING_PROTECTION, ROTATION_MIN_SDK, HYBRID_MIN_SDK, HYBRID_MAX_SDK}:
                try:
                    checked.numbers[number] = attribute_number(value, "attribute")
                except ApkError as error:
                    self._error("MALFORMED_ADDITIONAL_ATTRIBUTE", checked.name, error)

    def _lineage(self, checked: CheckedSigner, value: bytes) -> None:
        if checked.lineage:
            self._error("MULTIPLE_LINEAGES", checked.name)
            return
        try:
            checked.lineage = verified_lineage(value)
        except BrokenLineage as error:
            self._error("POR_DID_NOT_VERIFY", checked.name, error)
        except ApkError as error:
            self._error("MALFORMED_LINEAGE", checked.name, error)
        else:
            if (
                checked.lineage
                and checked.parsed.certificates
                and checked.lineage[-1].certificate != checked.certificate
            ):
                self._error("POR_CERT_MISMATCH", checked.name)

    def _error(self, code: str, signer: str | None, *params: object) -> None:
        self._issues.error(f"{self._prefix}_{code}", *params, scheme=self._scheme, signer=signer)


@remembered
def holds_key(certificate: bytes, key: bytes) -> bool:
    """Whether the certificate holds this key: byte for byte, or in the form that a platform encodes the key in."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    try:
        held = public_key(certificate)
        if held == key:
            return True
        return key == load_key(held).public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnusableKey):
        return False
