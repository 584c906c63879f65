"""A signature block file (``META-INF/*.RSA|DSA|EC``): whose key signed the signature file beside it?

Format: PKCS#7 SignedData (RFC 2315, RFC 5652), read by asn1crypto; cryptography checks the signatures. Which
algorithms work on which release, and which faults end the verification where others let the next SignerInfo be
tried, are the rules of Google's apksig.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from scanner.apk.jarsigning import _same_name
from scanner.apk.verify.remembered import remembered
from scanner.certificate import ASN1_ERRORS
from scanner.errors import ApkError

MAX_SIGNER_INFOS = 16
MAX_ATTRIBUTES = MAX_EXTENSIONS = 256
MAX_KEY_FILE = 32 << 10
"""Largest encoded public key that is looked at, in bytes."""
MAX_KEY_BITS = 16384
KITKAT, NOUGAT = 19, 24
NEWEST = 0x7FFFFFFF

_DIGESTS = {
    "1.2.840.113549.2.5": "md5",
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.4": "sha224",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
}
_SIGNATURES: dict[str, tuple[str, str | None]] = {
    "1.2.840.113549.1.1.1": ("RSA", None),
    "1.2.840.113549.1.1.4": ("RSA", "md5"),
    "1.2.840.113549.1.1.5": ("RSA", "sha1"),
    "1.2.840.113549.1.1.14": ("RSA", "sha224"),
    "1.2.840.113549.1.1.11": ("RSA", "sha256"),
    "1.2.840.113549.1.1.12": ("RSA", "sha384"),
    "1.2.840.113549.1.1.13": ("RSA", "sha512"),
    "1.2.840.10040.4.1": ("DSA", None),
    "1.2.840.10040.4.3": ("DSA", "sha1"),
    "2.16.840.1.101.3.4.3.1": ("DSA", "sha224"),
    "2.16.840.1.101.3.4.3.2": ("DSA", "sha256"),
    "1.2.840.10045.2.1": ("EC", None),
    "1.2.840.10045.4.1": ("EC", "sha1"),
    "1.2.840.10045.4.3.1": ("EC", "sha224"),
    "1.2.840.10045.4.3.2": ("EC", "sha256"),
    "1.2.840.10045.4.3.3": ("EC", "sha384"),
    "1.2.840.10045.4.3.4": ("EC", "sha512"),
}
"""Key and hash that a signature algorithm names; without a hash the digest algorithm's is meant."""
Levels = tuple[tuple[int, int], ...]
_ALL: Levels = ((0, NEWEST),)
_SINCE_18: Levels = ((18, NEWEST),)
_SINCE_21: Levels = ((21, NEWEST),)
_SINCE_22: Levels = ((22, NEWEST),)
_BUT_9_TO_17: Levels = ((0, 8), (18, NEWEST))
_BUT_9_TO_20: Levels = ((0, 8), (21, NEWEST))
_NO: Levels = ()
_HASHES = ("md5", "sha1", "sha224", "sha256", "sha384", "sha512")
_NAMELESS: dict[str, tuple[Levels, ...]] = {
    "RSA": (_ALL, _ALL, _BUT_9_TO_20, _BUT_9_TO_17, _SINCE_18, _SINCE_18),
    "DSA": (_NO, _ALL, _SINCE_22, _SINCE_22, _NO, _NO),
    "EC": (_NO, _SINCE_18, _SINCE_21, _SINCE_18, _SINCE_18, _SINCE_18),
}
"""Releases that know a key with each of `_HASHES`, where the signature algorithm names no hash."""
_AGREEING: dict[str, tuple[Levels, ...]] = {
    "RSA": (_BUT_9_TO_20, _ALL, _BUT_9_TO_20, _BUT_9_TO_17, _SINCE_21, _SINCE_21),
    "DSA": (_NO, ((9, NEWEST),), _SINCE_21, _SINCE_21, _NO, _NO),
    "EC": (_NO, _SINCE_18, _SINCE_21, _SINCE_21, _SINCE_21, _SINCE_21),
}
"""The same where it names the hash that the digest algorithm is."""
_ONLY_LOLLIPOP = {("RSA", "sha224", "sha256"), ("RSA", "sha256", "sha1"), ("RSA", "sha512", "sha384")}
_CONTENT_TYPE, _MESSAGE_DIGEST, _KEY_USAGE = "1.2.840.113549.1.9.3", "1.2.840.113549.1.9.4", "2.5.29.15"
_KNOWN_EXTENSIONS = frozenset(
    [f"2.5.29.{arc}" for arc in (14, 15, 16, 17, 18, 19, 20, 21, 27, 28, 30, 31, 32, 33, 35, 36, 37, 46, 54)]
    + ["1.3.6.1.5.5.7.1.1", "1.3.6.1.5.5.7.1.11", "1.3.6.1.5.5.7.48.1.5", "2.16.840.1.113730.1.1"]
)
"""Extensions that Java, in which the reference is written, understands; any other must not be critical."""
_BROKEN = (*ASN1_ERRORS, RecursionError)


class BlockProblem(ApkError):  # noqa: N818 - says what it is
    """A fault that ends the verification of the APK, whatever other signatures there are."""

    def __init__(self, code: str, *params: object) -> None:
        super().__init__(f"{code}: {', '.join(map(str, params))}")
        self.code = code
        self.params = params


def _unparsable(why: object) -> BlockProblem:
    return BlockProblem("JAR_SIG_PARSE_EXCEPTION", why)


def _unacceptable(why: object) -> BlockProblem:
    return BlockProblem("JAR_SIG_VERIFY_EXCEPTION", why)


def verified_certificate(block: bytes, signed: bytes, min_sdk: int, max_sdk: int, most: int) -> bytes | None:
    """The DER of the certificate whose key signed the bytes ``signed``; null where nobody's did.

    Every SignerInfo that a release of the range may look at is checked, even behind one that verifies: a fault in
    any of them is a fault. The first that verifies is the signer. The file may hold ``most`` certificates.

    Raises:
        BlockProblem: a fault that is more than a signature that does not match.
    """
    try:
        bag, infos, content_type = _contents(block, most)
    except _BROKEN as error:
        raise _unparsable(f"not a PKCS#7 signature ({type(error).__name__})") from error
    if not infos:
        raise BlockProblem("JAR_SIG_NO_SIGNERS")
    signer: bytes | None = None
    for info in infos[:1] if min_sdk < NOUGAT else infos:
        try:
            found = _SignerInfo(info, bag, content_type).verify(signed, min_sdk, max_sdk)
        except _BROKEN as error:
            raise _unparsable(f"not a readable SignerInfo ({type(error).__name__})") from error
        signer = found if signer is None else signer
    return signer


def _contents(block: bytes, most: int) -> tuple[list[Any], list[Any], str]:
    """Certificates, SignerInfos and the type of the signed content."""
    from asn1crypto import cms

    content = cms.ContentInfo.load(block)
    if content["content_type"].native != "signed_data":
        raise _unparsable("ContentInfo is no SignedData")
    signed = content["content"]
    choices, infos = signed["certificates"], signed["signer_infos"]
    if len(choices) > most or len(infos) > MAX_SIGNER_INFOS:
        raise _unparsable(f"{len(choices)} certificates, {len(infos)} SignerInfos: more than are looked at")
    bag = [choice.chosen for choice in choices if choice.name == "certificate"]
    return bag, list(infos), str(signed["encap_content_info"]["content_type"].dotted)


def supported_levels(digest: str, signature: str) -> Levels:
    """The API levels on which this pair of algorithms, by object identifier, verifies."""
    hashed, (family, own) = _DIGESTS.get(digest), _SIGNATURES.get(signature, ("", None))
    if hashed is None or not family:
        return ()
    if own is None or own == hashed:
        return (_NAMELESS if own is None else _AGREEING)[family][_HASHES.index(hashed)]
    return ((21, 21),) if (family, hashed, own) in _ONLY_LOLLIPOP else ((21, 23),)


def _gaps(levels: Levels, low: int, high: int) -> str:
    """What of ``low`` to ``high`` lies outside the levels, as a person reads it; empty where nothing does."""
    gaps, at = [], low
    for first, last in (*levels, (high + 1, high + 1)):
        if at < first and at <= high:
            gaps.append((at, min(first - 1, high)))
        at = max(at, last + 1)
    return ", ".join(str(a) if a == b else f"{a}+" if b == NEWEST else f"{a}-{b}" for a, b in gaps)


class _SignerInfo:
    """One signature of a block file. Lets asn1crypto's own errors out."""

    def __init__(self, info: Any, bag: list[Any], content_type: str) -> None:  # noqa: ANN401 - asn1crypto has no types
        self._info, self._bag, self._content_type = info, bag, content_type
        self._digest: str = info["digest_algorithm"]["algorithm"].dotted
        self._algorithm: str = info["signature_algorithm"]["algorithm"].dotted

    def verify(self, signed: bytes, min_sdk: int, max_sdk: int) -> bytes | None:
        """The certificate where the signature holds, null where it does not, `BlockProblem` where it is unusable."""
        if missing := _gaps(supported_levels(self._digest, self._algorithm), min_sdk, max_sdk):
            raise BlockProblem("JAR_SIG_UNSUPPORTED_SIG_ALG", self._digest, self._algorithm, missing)
        certificate = bytes(self._certificate().dump())
        key = _key_of(certificate)
        family, own = _SIGNATURES[self._algorithm]
        holds = _check_of(family, key, own or _DIGESTS[self._digest])
        message = self._message(signed, min_sdk, max_sdk)
        if message is None or not holds(bytes(self._info["signature"].native), message):
            return None
        return certificate

    def _certificate(self) -> Any:  # noqa: ANN401 - asn1crypto's values have no types
        """The one in the bag that the SignerInfo names; Android knows no other way than issuer and serial number."""
        if self._info["sid"].name == "issuer_and_serial_number":
            issuer = self._info["sid"].chosen
            for certificate in self._bag:
                body = certificate["tbs_certificate"]
                same_serial = body["serial_number"].native == issuer["serial_number"].native
                if same_serial and _same_name(body["issuer"], issuer["issuer"]):
                    return certificate
        raise _unacceptable("the certificate that the SignerInfo names is not in the block file")

    def _message(self, signed: bytes, min_sdk: int, max_sdk: int) -> bytes | None:
        """What the signature is over; null where the signed attributes are about something else."""
        from asn1crypto import core

        attributes = self._info["signed_attrs"]
        if isinstance(attributes, core.Void):
            return signed
        if min_sdk < KITKAT:
            raise _unacceptable(f"signed attributes do not work below API level {KITKAT}")
        encoded = bytes(attributes.dump())
        values = _attributes(attributes)
        if max_sdk >= NOUGAT and _single(values, _CONTENT_TYPE, "content type").dotted != self._content_type:
            return None
        digest = hashlib.new(_DIGESTS[self._digest], signed, usedforsecurity=False).digest()
        if bytes(_single(values, _MESSAGE_DIGEST, "content digest").native) != digest:
            return None
        # Their tag says "field 0"; what was signed begins as a set does. Nothing else is encoded anew.
        return b"\x31" + encoded[1:]


def _attributes(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - asn1crypto's values have no types
    if len(attributes) > MAX_ATTRIBUTES:
        raise _unparsable(f"{len(attributes)} signed attributes, the limit is {MAX_ATTRIBUTES}")
    values = {attribute["type"].dotted: attribute["values"] for attribute in attributes}
    if len(values) != len(attributes):
        raise _unparsable("a signed attribute is repeated")
    return values


def _single(values: dict[str, Any], kind: str, what: str) -> Any:  # noqa: ANN401 - asn1crypto's values have no types
    found = values.get(kind)
    if found is None or len(found) != 1:
        raise _unacceptable(f"not one {what} in the signed attributes")
    return found[0]


def _check_extensions(extensions: Any) -> None:  # noqa: ANN401 - asn1crypto's values have no types
    if len(extensions) > MAX_EXTENSIONS:
        raise _unparsable(f"a certificate with {len(extensions)} extensions, the limit is {MAX_EXTENSIONS}")
    for extension in extensions:
        kind = extension["extn_id"].dotted
        if extension["critical"].native and kind not in _KNOWN_EXTENSIONS:
            raise _unacceptable(f"the certificate has an unknown critical extension {kind}")
        if kind == _KEY_USAGE and not {"digital_signature", "non_repudiation"} & extension["extn_value"].parsed.native:
            raise _unacceptable("the certificate's key usage does not allow signatures")


@remembered
def _key_of(certificate: bytes) -> Any:  # noqa: ANN401 - any key
    """The key of a certificate that may sign; what it must not have is a `BlockProblem`."""
    from asn1crypto import x509

    from scanner.apk.verify.algorithms import UnusableKey, load_key

    body = x509.Certificate.load(certificate)["tbs_certificate"]
    _check_extensions(body["extensions"])
    info = body["subject_public_key_info"]
    encoded = info.dump()
    if len(encoded) > MAX_KEY_FILE:
        raise _unacceptable(f"a public key of {len(encoded)} bytes, the limit is {MAX_KEY_FILE}")
    try:
        key = load_key(encoded)
    except UnusableKey as error:
        raise _unacceptable(f"unusable public key ({error})") from error
    if getattr(key, "key_size", 0) > MAX_KEY_BITS:
        raise _unacceptable(f"a key of more than {MAX_KEY_BITS} bits")
    return key


def _check_of(family: str, key: Any, digest: str) -> Callable[[bytes, bytes], bool]:  # noqa: ANN401 - any key
    """Whether a signature over a message is this key's."""
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa, utils

    kinds: dict[str, Any] = {"RSA": rsa.RSAPublicKey, "DSA": dsa.DSAPublicKey, "EC": ec.EllipticCurvePublicKey}
    if not isinstance(key, kinds[family]):
        raise _unacceptable(f"the certificate's key is no {family} key")
    algorithm = getattr(hashes, digest.upper())()

    def holds(signature: bytes, message: bytes) -> bool:
        try:
            if isinstance(key, rsa.RSAPublicKey):
                if len(signature) != (key.key_size + 7) // 8:
                    raise _unacceptable(f"a signature of {len(signature)} bytes by a key of {key.key_size} bits")
                key.verify(signature, message, padding.PKCS1v15(), algorithm)
                return True
            utils.decode_dss_signature(signature)
            key.verify(signature, message, ec.ECDSA(algorithm) if family == "EC" else algorithm)
        except InvalidSignature:
            return False
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unacceptable(f"unusable signature ({error})") from error
        return True

    return holds
