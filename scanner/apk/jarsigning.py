"""JAR signing (scheme v1): the certificates in ``META-INF/*.RSA|DSA|EC``. Nothing is verified here.

Format: the JAR File Specification, "Signed JAR File"; PKCS#7 SignedData (RFC 2315, RFC 5652) is read by
asn1crypto. Stripping protection: the ``X-Android-APK-Signed`` attribute of the signature file,
https://source.android.com/docs/security/features/apksigning/v2#v2-verification.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from scanner.bytesource import ByteSource, ZipEntry, member_bytes
from scanner.certificate import ASN1_ERRORS, from_der
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits, Scheme, Signer

FOLDER = b"META-INF/"
SIGNATURE_FILES = (b".SF", b".RSA", b".DSA", b".EC")
"""Endings of the files in `FOLDER` that sign something."""
MAX_BLOCK_FILE = 4 << 20
"""Largest signature block file that is read, in bytes."""
MAX_NAME = 16 * 1024
"""Longest name that is compared beyond its bytes: preparing one for comparison is slow."""
_BLOCK_FILE = re.compile(rb"META-INF/([^/]+)\.(RSA|DSA|EC)", re.IGNORECASE)
_APK_SIGNED = re.compile(rb"^X-Android-APK-Signed: ([0-9, ]+)", re.MULTILINE | re.IGNORECASE)
_SF_HEAD = 4096


def signature_files(entries: Iterable[ZipEntry]) -> list[tuple[ZipEntry, ZipEntry]]:
    """Each signature block file with the ``.SF`` it belongs to; a block file without one signs nothing."""
    found = {entry.name.upper(): entry for entry in entries}
    pairs = []
    for name, entry in found.items():
        match = _BLOCK_FILE.fullmatch(name)
        signed = found.get(b"META-INF/" + match[1] + b".SF") if match else None
        if signed is not None:
            pairs.append((entry, signed))
    return pairs


def read_jar_signers(source: ByteSource, pairs: list[tuple[ZipEntry, ZipEntry]], limits: Limits = LIMITS) -> Scheme:
    """Scheme v1 with one signer for each block file, in the directory's order."""
    if len(pairs) > limits.signers:
        return Scheme(
            "v1", problem=str(LimitExceeded.of(f"JAR signing: {len(pairs)} signers", "signers", limits.signers))
        )
    try:
        signers = [_signer(source, block, limits) for block, _ in pairs]
    except ApkError as error:
        return Scheme("v1", problem=str(error))
    return Scheme("v1", tuple(dict.fromkeys(signers)))


def stripped_schemes(source: ByteSource, pairs: list[tuple[ZipEntry, ZipEntry]], present: frozenset[str]) -> list[str]:
    """Schemes that a signature file says the APK was signed with, and that are no longer there.

    Raises `ApkError` where a signature file cannot be read.
    """
    said: set[str] = set()
    for _, entry in pairs:
        match = _APK_SIGNED.search(member_bytes(source, entry, MAX_BLOCK_FILE, first=_SF_HEAD, odd_is_deflated=True))
        if match:
            said |= {f"v{number.strip().decode()}" for number in match[1].split(b",") if number.strip()}
    return sorted((said & {"v2", "v3"}) - present)


def _same_name(one: Any, other: Any) -> bool:  # noqa: ANN401 - asn1crypto's values have no types
    """Equal bytes, which is cheap to see, or equal as RFC 5280 compares names of different encodings."""
    ours, theirs = one.dump(), other.dump()
    return bool(ours == theirs or (max(len(ours), len(theirs)) <= MAX_NAME and one == other))


def _signer(source: ByteSource, entry: ZipEntry, limits: Limits) -> Signer:
    data = member_bytes(source, entry, MAX_BLOCK_FILE, odd_is_deflated=True)
    return Signer(from_der(signer_certificate(data, entry.text_name, limits)))


def signer_certificate(data: bytes, what: str, limits: Limits = LIMITS) -> bytes:
    """The DER of the certificate whose key signed: that of the first SignerInfo, wherever it lies in the bag.

    Raises:
        ApkError: the file is no PKCS#7 SignedData, or its signer's certificate is not in it.
        LimitExceeded: it holds more certificates than ``limits`` allow.
    """
    from asn1crypto import cms

    try:
        content = cms.ContentInfo.load(data)
        if content["content_type"].native != "signed_data":
            raise ApkError(f"{what}: not a PKCS#7 signature")
        signed = content["content"]
        if len(signed["certificates"]) > limits.certificates:
            raise LimitExceeded.of(
                f"{what}: {len(signed['certificates'])} certificates", "certificates", limits.certificates
            )
        certificates = [choice.chosen for choice in signed["certificates"] if choice.name == "certificate"]
        for info in signed["signer_infos"]:
            issuer = info["sid"].chosen
            for certificate in certificates:
                body = certificate["tbs_certificate"]
                same_serial = body["serial_number"].native == issuer["serial_number"].native
                if same_serial and _same_name(body["issuer"], issuer["issuer"]):
                    return bytes(certificate.dump())
    except ASN1_ERRORS as error:
        raise ApkError(f"{what}: no readable PKCS#7 signature ({type(error).__name__})") from error
    raise ApkError(f"{what}: its signer's certificate is not in it")
