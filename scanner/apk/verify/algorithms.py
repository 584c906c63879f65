"""The signature algorithms of schemes v2 and newer, and the mathematics, done by ``cryptography``.

Identifiers: https://source.android.com/docs/security/features/apksigning/v2#signature-algorithm-ids; the verity
ones and ML-DSA (Android 17, in v3.2 blocks alone) from AOSP ``android.util.apk.ApkSigningBlockUtils``.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_public_key

from scanner.apk.verify.remembered import remembered
from scanner.certificate import ASN1_ERRORS

Content = Literal["sha256", "sha512", "verity"]
STRENGTH: dict[Content, int] = {"sha256": 0, "verity": 1, "sha512": 2}
"""Android prefers the stronger content digest where a signer offers several."""
ML_DSA_KEYS = (mldsa.MLDSA65PublicKey, mldsa.MLDSA87PublicKey)
"""The parameter sets that Android knows; ML-DSA-44 is not one of them."""
HASHES: dict[str, hashes.HashAlgorithm] = {
    "md5": hashes.MD5(),  # noqa: S303 - what an old JAR signature names is what must be checked
    "sha1": hashes.SHA1(),  # noqa: S303
    "sha224": hashes.SHA224(),
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}


class Algorithm(NamedTuple):
    """How a signed-data block is signed, and how the content it covers is digested."""

    name: str
    key: Literal["RSA", "EC", "DSA", "ML-DSA"]
    hash: str
    content: Content
    min_sdk: int
    pss: bool = False


ALGORITHMS = {
    0x0101: Algorithm("RSA_PSS_WITH_SHA256", "RSA", "sha256", "sha256", 24, pss=True),
    0x0102: Algorithm("RSA_PSS_WITH_SHA512", "RSA", "sha512", "sha512", 24, pss=True),
    0x0103: Algorithm("RSA_PKCS1_V1_5_WITH_SHA256", "RSA", "sha256", "sha256", 24),
    0x0104: Algorithm("RSA_PKCS1_V1_5_WITH_SHA512", "RSA", "sha512", "sha512", 24),
    0x0201: Algorithm("ECDSA_WITH_SHA256", "EC", "sha256", "sha256", 24),
    0x0202: Algorithm("ECDSA_WITH_SHA512", "EC", "sha512", "sha512", 24),
    0x0301: Algorithm("DSA_WITH_SHA256", "DSA", "sha256", "sha256", 24),
    0x0421: Algorithm("VERITY_RSA_PKCS1_V1_5_WITH_SHA256", "RSA", "sha256", "verity", 28),
    0x0423: Algorithm("VERITY_ECDSA_WITH_SHA256", "EC", "sha256", "verity", 28),
    0x0425: Algorithm("VERITY_DSA_WITH_SHA256", "DSA", "sha256", "verity", 28),
    0x0501: Algorithm("ML_DSA", "ML-DSA", "", "sha512", 37),
}


class UnusableKey(Exception):  # noqa: N818 - says what it is
    """A public key that cannot be loaded, or is not of the kind its algorithm wants."""


@remembered
def load_key(spki: bytes) -> PublicKeyTypes:
    """The key in a SubjectPublicKeyInfo. Raises `UnusableKey`."""
    try:
        return load_der_public_key(spki)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        unsigned = _unsigned_rsa(spki)
        if unsigned is not None:
            return unsigned
        raise UnusableKey(str(error) or type(error).__name__) from error


def _unsigned_rsa(spki: bytes) -> rsa.RSAPublicKey | None:
    """An RSA key that lacks the zero which keeps its modulus positive: Android takes it as positive all the same."""
    from asn1crypto import keys

    try:
        info = keys.PublicKeyInfo.load(spki)
        if info["algorithm"]["algorithm"].native != "rsa":
            return None
        numbers = info["public_key"].parsed
        modulus = int.from_bytes(numbers["modulus"].contents, "big")
        return rsa.RSAPublicNumbers(numbers["public_exponent"].native, modulus).public_key()
    except ASN1_ERRORS:
        return None


def verifies(key: PublicKeyTypes, signature: bytes, data: bytes, digest: str, *, pss: bool = False) -> bool:
    """Whether ``signature`` over ``data`` is by ``key``; the kind of key decides the algorithm.

    Raises `UnusableKey` where the key cannot do this.
    """
    try:
        if isinstance(key, ML_DSA_KEYS):
            key.verify(signature, data)
            return True
        algorithm = HASHES[digest]
        if isinstance(key, rsa.RSAPublicKey):
            scheme = padding.PSS(padding.MGF1(algorithm), algorithm.digest_size) if pss else padding.PKCS1v15()
            key.verify(signature, data, scheme, algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(algorithm))
        elif isinstance(key, dsa.DSAPublicKey):
            key.verify(signature, data, algorithm)
        else:
            raise UnusableKey(f"a key of kind {type(key).__name__}")
    except InvalidSignature:
        return False
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UnusableKey(str(error) or type(error).__name__) from error
    return True


KINDS: dict[str, type | tuple[type, ...]] = {
    "RSA": rsa.RSAPublicKey,
    "EC": ec.EllipticCurvePublicKey,
    "DSA": dsa.DSAPublicKey,
    "ML-DSA": ML_DSA_KEYS,
}


def verifies_as(algorithm: Algorithm, spki: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature holds by this very algorithm. Raises `UnusableKey`."""
    key = load_key(spki)
    if not isinstance(key, KINDS[algorithm.key]):
        raise UnusableKey(f"{algorithm.name} wants a key of kind {algorithm.key}, not {type(key).__name__}")
    return verifies(key, signature, data, algorithm.hash, pss=algorithm.pss)


def to_verify(offered: list[int], min_sdk: int, max_sdk: int) -> list[int]:
    """The algorithms that some release in the range would pick: the strongest it knows of those offered.

    Empty where the oldest release of the range knows none of them.
    """
    best: dict[int, int] = {}
    for identifier in offered:
        algorithm = ALGORITHMS[identifier]
        if algorithm.min_sdk <= max_sdk:
            known = best.get(algorithm.min_sdk)
            if known is None or STRENGTH[algorithm.content] > STRENGTH[ALGORITHMS[known].content]:
                best[algorithm.min_sdk] = identifier
    if not best or min_sdk < min(best):
        return []
    return sorted(best.values())
