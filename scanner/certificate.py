"""X.509 bytes → digests, names, keys and the 32-bit hash. Nothing here checks a signature or a validity.

`from_der` costs three hashes; `complete` parses the certificate and is remembered, since an archive
holds few publishers. Parsing is by ``cryptography``; certificates that are not strict DER, of which
Android accepts many, are parsed by ``asn1crypto``.
"""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from scanner.model import Certificate, CertificateDetails

if TYPE_CHECKING:
    from cryptography import x509

REMEMBERED = 4096
MOST_BYTES = 8192
"""Certificates of more bytes are not remembered: a hostile archive brings thousands of megabytes each."""
LARGEST = 64 << 10
"""Most bytes of a certificate that is kept and taken apart; of a larger one only the digests are known. Real ones have
a few thousand."""
ML_DSA = tuple(bytes.fromhex("06096086480165030403") + bytes([last]) for last in (0x11, 0x12, 0x13))
"""DER of the object identifiers of ML-DSA-44, -65 and -87: 2.16.840.1.101.3.4.3.17 to .19 (NIST's Computer Security
Objects Register). Looked for where the library at hand does not know them."""


_UNKNOWN = CertificateDetails(None, None, None, None, None, None, None, None, None)
Answer = TypeVar("Answer")


def _remembered(function: Callable[[bytes], Answer]) -> Callable[[bytes], Answer]:
    """The function of a certificate's bytes, its latest answers kept where the certificate is small."""
    kept = lru_cache(maxsize=REMEMBERED)(function)

    @wraps(function)
    def answer(der: bytes) -> Answer:
        return kept(der) if len(der) <= MOST_BYTES else function(der)

    return answer


@_remembered
def from_der(der: bytes) -> Certificate:
    """The digests of a certificate; whatever the bytes are, they have digests. It is kept beside, if not too large."""
    return Certificate(
        sha256=hashlib.sha256(der).hexdigest(),
        sha1=hashlib.sha1(der, usedforsecurity=False).hexdigest(),
        md5=hashlib.md5(der, usedforsecurity=False).hexdigest(),
        der=der if len(der) <= LARGEST else None,
    )


def complete(certificate: Certificate) -> Certificate:
    """The same certificate with subject, public-key and modulus digest, where its DER is known and parses."""
    if certificate.der is None:
        return certificate
    found = details(certificate.der)
    return msgspec.structs.replace(
        certificate,
        subject=found.subject,
        spki_sha256=found.spki_sha256,
        rsa_modulus_sha256=found.rsa_modulus_sha256,
    )


@_remembered
def hash32(der: bytes) -> str:
    """Java's ``Arrays.hashCode(byte[])``, which Android prints for a signature, as eight hex digits.

    Source: AOSP ``android.content.pm.Signature.hashCode``. It is linear: anyone can make a certificate
    with a chosen value, so it can rule a certificate out and never in.
    """
    value = 1
    for byte in der:
        value = (31 * value + byte - ((byte & 0x80) << 1)) & 0xFFFFFFFF
    return f"{value:08x}"


def same_certificate(one: Certificate, other: Certificate) -> bool:
    """Whether two are the same, by the strongest digest that both know; false where they know none in common."""
    for kind in ("sha256", "sha1", "md5", "hash32"):
        ours, theirs = getattr(one, kind), getattr(other, kind)
        if ours and theirs:
            return bool(ours == theirs)
    return False


def modulus_digest(modulus: int) -> str:
    """SHA-256 of an RSA modulus, big-endian without leading zeros."""
    return hashlib.sha256(modulus.to_bytes((modulus.bit_length() + 7) // 8, "big")).hexdigest()


def public_key(der: bytes) -> bytes:
    """The SubjectPublicKeyInfo of a certificate, byte for byte. Raises `ValueError` where it has none that parses."""
    from asn1crypto import x509 as asn1

    try:
        return bytes(asn1.Certificate.load(der)["tbs_certificate"]["subject_public_key_info"].dump())
    except ASN1_ERRORS as error:
        raise ValueError(f"no public key in the certificate ({type(error).__name__})") from error


def is_post_quantum(der: bytes) -> bool:
    """Whether the certificate's key is an ML-DSA key (FIPS 204), by its name or object identifier."""
    key = details(der).key
    return key.startswith("MLDSA") if key is not None else any(identifier in der for identifier in ML_DSA)


@_remembered
def details(der: bytes) -> CertificateDetails:
    """Everything that can be read of a certificate; never raises, since an odd certificate is still one."""
    from cryptography import x509
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecations concern who issues certificates, not who reads them
            return _strict(x509.load_der_x509_certificate(der))
    except (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        return _lenient(der)


def _strict(parsed: x509.Certificate) -> CertificateDetails:
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
    from cryptography.x509.oid import NameOID

    key = parsed.public_key()
    spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    names = {NameOID.EMAIL_ADDRESS: "emailAddress"}
    kind = type(key).__name__.removesuffix("PublicKey").lstrip("_").replace("EllipticCurve", "EC")
    bits = getattr(key, "key_size", None)
    return CertificateDetails(
        subject=parsed.subject.rfc4514_string(names),
        issuer=parsed.issuer.rfc4514_string(names),
        serial=f"{parsed.serial_number:x}",
        not_before=parsed.not_valid_before_utc.date().isoformat(),
        not_after=parsed.not_valid_after_utc.date().isoformat(),
        key=f"{kind} {bits}" if bits else kind,
        signature_algorithm=getattr(parsed.signature_algorithm_oid, "_name", None),
        spki_sha256=hashlib.sha256(spki).hexdigest(),
        rsa_modulus_sha256=modulus_digest(key.public_numbers().n) if isinstance(key, rsa.RSAPublicKey) else None,
    )


def _lenient(der: bytes) -> CertificateDetails:
    """As much as asn1crypto can tell, field by field."""
    from asn1crypto import x509 as asn1

    try:
        parsed = asn1.Certificate.load(der)
        body = parsed["tbs_certificate"]
        key = body["subject_public_key_info"]
        algorithm = key["algorithm"]["algorithm"].native
    except ASN1_ERRORS:
        return _UNKNOWN
    return CertificateDetails(
        subject=_try(lambda: _rfc4514(body["subject"])),
        issuer=_try(lambda: _rfc4514(body["issuer"])),
        serial=_try(lambda: f"{body['serial_number'].native:x}"),
        not_before=_try(lambda: body["validity"]["not_before"].native.date().isoformat()),
        not_after=_try(lambda: body["validity"]["not_after"].native.date().isoformat()),
        key=_try(lambda: f"{str(algorithm).upper()} {key.bit_size}"),
        signature_algorithm=_try(lambda: parsed["signature_algorithm"]["algorithm"].native),
        spki_sha256=_try(lambda: hashlib.sha256(key.dump()).hexdigest()),
        rsa_modulus_sha256=_try(
            lambda: modulus_digest(key["public_key"].parsed["modulus"].native) if algorithm == "rsa" else None
        ),
    )


ASN1_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, NameError, OverflowError)
"""What asn1crypto lets out on broken input."""


def _try(read: Any) -> Any:  # noqa: ANN401 - asn1crypto's values have no types
    """What ``read`` gives, or null where the certificate has a hole there."""
    try:
        return read()
    except ASN1_ERRORS:
        return None


_SHORT = {
    "common_name": "CN",
    "organizational_unit_name": "OU",
    "organization_name": "O",
    "locality_name": "L",
    "state_or_province_name": "ST",
    "country_name": "C",
    "email_address": "emailAddress",
}


def _rfc4514(name: Any) -> str:  # noqa: ANN401 - asn1crypto's values have no types
    parts = []
    for relative in reversed(list(name.chosen)):
        for pair in relative:
            kind = pair["type"].native
            value = str(pair["value"].native).replace("\\", "\\\\").replace(",", "\\,")
            parts.append(f"{_SHORT.get(kind, kind)}={value}")
    return ",".join(parts)
