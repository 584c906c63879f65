"""Signers of APK Signature Schemes v2, v3, v3.1 and v3.2, read from their blocks. Nothing is verified here.

Layouts (every ``…[]`` and every value in it is prefixed by its length in four bytes)::

    v2 signer    signed data │ signatures[] │ public key
    v3 signer    signed data │ min SDK u32 │ max SDK u32 │ signatures[] │ public key
    signed data  digests[] │ certificates[] │ (v3: min SDK u32 │ max SDK u32) │ attributes[]
    attribute    id u32 │ value
    lineage      version u32 │ { { certificate, algorithm u32 }, flags u32, algorithm u32, signature }[]

v3.1 and v3.2 blocks are laid out as v3 is. Sources: https://source.android.com/docs/security/features/apksigning/v2
and /v3, AOSP ``ApkSignatureSchemeV3Verifier`` (Android 17); capability flags from ``SigningDetails.CertCapabilities``.
"""

from __future__ import annotations

from scanner.apk.signingblock import SCHEME_OF_BLOCK, V31, V32, SigningBlock
from scanner.bytesource import Fields
from scanner.certificate import from_der
from scanner.errors import ApkError
from scanner.model import LIMITS, Limits, PastSigner, Scheme, Signer

MAX_V2_SIGNERS = 10
"""apksig and Android refuse more; of v3 and newer each stands for a range of releases, and `Limits` bounds them."""
MAX_ATTRIBUTES = 64
MAX_LINEAGE = 64
PROOF_OF_ROTATION = 0x3BA06F8C
TARGETS_DEV_RELEASE = 0xC2A6B3BA
LINEAGE_VERSION = 1
CAPABILITIES = {1: "installed-data", 2: "shared-user-id", 4: "permission", 8: "rollback", 16: "auth"}
"""What a past certificate may still do, by flag bit."""


def read_schemes(block: SigningBlock, limits: Limits = LIMITS) -> tuple[Scheme, ...]:
    """Each scheme in the block with its own signers, oldest scheme first.

    A scheme whose block does not parse has a ``problem`` and no signers: Android would refuse it too, and
    would not fall back to another.
    """
    return tuple(
        _scheme(name, block.pairs[identifier], limits)
        for identifier, name in SCHEME_OF_BLOCK.items()
        if identifier in block.pairs
    )


def _scheme(name: str, value: bytes, limits: Limits) -> Scheme:
    try:
        return Scheme(name, _signers(name, value, limits))
    except ApkError as error:
        return Scheme(name, problem=str(error))


def _signers(name: str, value: bytes, limits: Limits) -> tuple[Signer, ...]:
    signers = Fields(Fields(value, f"{name} block").run("signers"), f"{name} signers")
    read = _v2_signer if name == "v2" else _v3_signer
    most = min(limits.signers, MAX_V2_SIGNERS) if name == "v2" else limits.signers
    limit = "signers" if most == limits.signers else ""
    found = tuple(read(run, name, limits) for run in signers.runs("signers", most, limit))
    if not found:
        raise ApkError(f"{name} block: no signer")
    return found


def _v2_signer(data: bytes, name: str, limits: Limits) -> Signer:
    signed = Fields(Fields(data, f"{name} signer").run("signed data"), f"{name} signed data")
    signed.run("digests")
    return Signer(from_der(_first_certificate(signed.run("certificates"), name, limits)))


def _v3_signer(data: bytes, name: str, limits: Limits) -> Signer:
    signer = Fields(data, f"{name} signer")
    signed = Fields(signer.run("signed data"), f"{name} signed data")
    least, most = signer.u32("minimum SDK"), signer.u32("maximum SDK")
    signed.run("digests")
    certificate = from_der(_first_certificate(signed.run("certificates"), name, limits))
    if (signed.u32("minimum SDK"), signed.u32("maximum SDK")) != (least, most):
        raise ApkError(f"{name} signer: its SDK range differs from the signed one")
    attributes = signed.run("attributes")
    lineage, for_dev_release = _attributes(attributes, name)
    if lineage and lineage[-1].certificate.sha256 != certificate.sha256:
        raise ApkError(f"{name} signer: its lineage ends with another certificate")
    return Signer(certificate, least, most, lineage[:-1], for_dev_release=for_dev_release)


def _first_certificate(data: bytes, name: str, limits: Limits) -> bytes:
    for certificate in Fields(data, f"{name} certificates").runs("certificates", limits.certificates, "certificates"):
        return certificate
    raise ApkError(f"{name} signer: no certificate")


def _attributes(data: bytes, name: str) -> tuple[tuple[PastSigner, ...], bool]:
    """The lineage, and whether the signer is meant for a release still under development."""
    lineage: tuple[PastSigner, ...] = ()
    for_dev_release = False
    for run in Fields(data, f"{name} attributes").runs("attributes", MAX_ATTRIBUTES):
        attribute = Fields(run, f"{name} attribute")
        identifier = attribute.u32("id")
        if identifier == PROOF_OF_ROTATION:
            if lineage:
                raise ApkError(f"{name} signer: more than one lineage")
            lineage = read_lineage(attribute.take(attribute.left, "value"))
        for_dev_release |= identifier == TARGETS_DEV_RELEASE and name != "v3"  # where it means nothing
    return lineage, for_dev_release


def read_lineage(value: bytes) -> tuple[PastSigner, ...]:
    """Every certificate of a proof of rotation, oldest first, the current one last.

    Raises:
        ApkError: it does not parse, or is of a version that nobody has described.
    """
    fields = Fields(value, "lineage")
    version = fields.u32("version")
    if version != LINEAGE_VERSION:
        raise ApkError(f"lineage: version {version} is unknown")
    return tuple(_level(run) for run in fields.runs("levels", MAX_LINEAGE))


def _level(data: bytes) -> PastSigner:
    level = Fields(data, "lineage level")
    certificate = Fields(level.run("signed data"), "lineage signed data").run("certificate")
    flags = level.u32("flags")
    return PastSigner(from_der(certificate), tuple(name for bit, name in CAPABILITIES.items() if flags & bit))


RANGED = frozenset({"v3", SCHEME_OF_BLOCK[V31], SCHEME_OF_BLOCK[V32]})
"""The schemes whose signers hold for a range of releases."""
