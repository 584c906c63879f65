"""A signer of scheme v2 or newer with everything that its verification compares. Layouts: see `scanner.apk.schemes`."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.apk.schemes import MAX_ATTRIBUTES
from scanner.bytesource import Fields
from scanner.errors import ApkError
from scanner.model import LIMITS

MAX_SIGNATURES = 64
MAX_BLOCK_SIGNERS = 10_000
"""Signers that are walked at all; more than Android allows are an issue, not a reason to stop counting."""


@dataclass(frozen=True)
class ParsedSigner:
    """One signer, taken apart."""

    signed: bytes
    """What the signatures are over."""
    signatures: tuple[tuple[int, bytes], ...]
    """Algorithm and signature, in the order of the record."""
    public_key: bytes
    """SubjectPublicKeyInfo."""
    digests: tuple[tuple[int, bytes], ...]
    """Algorithm and content digest, in the order of the record."""
    certificates: tuple[bytes, ...]
    attributes: tuple[tuple[int, bytes], ...]
    outer_range: tuple[int, int] | None = None
    """Minimum and maximum SDK beside the signed data (v3)."""
    signed_range: tuple[int, int] | None = None
    """The same within it."""


def split_signers(value: bytes, scheme: str) -> list[bytes]:
    """Each signer of a block, unparsed. Raises `ApkError`."""
    signers = Fields(Fields(value, f"{scheme} block").run("signers"), f"{scheme} signers")
    return list(signers.runs("signers", MAX_BLOCK_SIGNERS))


def parse_signer(data: bytes, scheme: str, most: int = LIMITS.certificates) -> ParsedSigner:
    """One signer with at most that many certificates. Raises `ApkError` where a field does not fit."""
    ranged = scheme != "v2"
    signer = Fields(data, f"{scheme} signer")
    signed = signer.run("signed data")
    outer = (signer.u32("minimum SDK"), signer.u32("maximum SDK")) if ranged else None
    signatures = _pairs(signer.run("signatures"), f"{scheme} signatures", "signature", prefixed=True)
    public_key = signer.run("public key")
    inner = Fields(signed, f"{scheme} signed data")
    digests = _pairs(inner.run("digests"), f"{scheme} digests", "digest", prefixed=True)
    certificates = Fields(inner.run("certificates"), f"{scheme} certificates")
    listed = tuple(certificates.runs("certificates", most, "certificates"))
    span = (inner.u32("minimum SDK"), inner.u32("maximum SDK")) if ranged else None
    attributes = _pairs(inner.run("attributes"), f"{scheme} attributes", "attribute", prefixed=False)
    return ParsedSigner(signed, signatures, public_key, digests, listed, attributes, outer, span)


def _pairs(data: bytes, what: str, field: str, *, prefixed: bool) -> tuple[tuple[int, bytes], ...]:
    """Records of a number and its data, the data with a length of its own or reaching to the record's end."""
    found = []
    for run in Fields(data, what).runs(f"{field}s", max(MAX_SIGNATURES, MAX_ATTRIBUTES)):
        record = Fields(run, f"{what} record")
        number = record.u32("id")
        found.append((number, record.run(field) if prefixed else record.take(record.left, field)))
    return tuple(found)


def attribute_number(data: bytes, what: str) -> int:
    """The four bytes of an attribute that holds a number. Raises `ApkError`."""
    if len(data) < 4:
        raise ApkError(f"{what}: wants 4 bytes, has {len(data)}")
    return Fields(data, what).u32("value")
