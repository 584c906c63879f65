"""A test signer: APK Signature Schemes v1, v2, v3 and v3.1 with keys made from a name.

Keys and signatures are deterministic, so a build is the same bytes every time. Layouts:
https://source.android.com/docs/security/features/apksigning/v2 and /v3.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import struct
from dataclasses import dataclass
from functools import lru_cache

from asn1crypto import cms
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import NameOID

ECDSA_SHA256 = 0x0201
RSA_PSS_SHA256, RSA_PSS_SHA512, RSA_PKCS1_SHA256, ML_DSA = 0x0101, 0x0102, 0x0103, 0x0501
CHUNK = 1 << 20
V2, V3, V31, V32 = 0x7109871A, 0xF05368C0, 0x1B93AD61, 0x70E1C89F
PROOF_OF_ROTATION = 0x3BA06F8C
MAGIC = b"APK Sig Block 42"
NEWEST = 0x7FFFFFFF


@dataclass(frozen=True)
class Key:
    """A signing key with its certificate. ``certificate`` may be somebody else's: a pasted one."""

    private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | mldsa.MLDSA65PrivateKey
    certificate: bytes
    algorithm: int = ECDSA_SHA256

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.certificate).hexdigest()

    @property
    def public(self) -> bytes:
        parsed = x509.load_der_x509_certificate(self.certificate)
        return parsed.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)

    @property
    def content(self) -> str:
        """The hash of the content digest that its algorithm signs."""
        return "sha512" if self.algorithm in {ML_DSA, RSA_PSS_SHA512} else "sha256"

    def sign(self, data: bytes) -> bytes:
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(data, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))
        if isinstance(self.private, mldsa.MLDSA65PrivateKey):
            return self.private.sign(data)
        digest = hashes.SHA512() if self.algorithm == RSA_PSS_SHA512 else hashes.SHA256()
        if self.algorithm in {RSA_PSS_SHA256, RSA_PSS_SHA512}:
            return self.private.sign(data, padding.PSS(padding.MGF1(digest), digest.digest_size), digest)
        return self.private.sign(data, padding.PKCS1v15(), digest)

    def wearing(self, certificate: bytes) -> Key:
        """The same key, claiming another's certificate."""
        return Key(self.private, certificate, self.algorithm)


@lru_cache
def key(name: str) -> Key:
    """The P-256 key of that name, self-signed as ``CN=<name>``."""
    secret = int.from_bytes(hashlib.sha256(name.encode()).digest(), "big") >> 1
    private = ec.derive_private_key(secret, ec.SECP256R1())
    return Key(private, _certificate(name, private, secret & 0xFFFFFF | 1))


@lru_cache
def rsa_key(name: str, algorithm: int, bits: int = 2048) -> Key:
    """An RSA key for one signature algorithm; another one in every run."""
    private = rsa.generate_private_key(65537, bits)
    return Key(private, _certificate(name, private, 7), algorithm)


@lru_cache
def post_quantum_key(name: str) -> Key:
    """The ML-DSA-65 key of that name."""
    private = mldsa.MLDSA65PrivateKey.from_seed_bytes(hashlib.sha256(name.encode()).digest())
    return Key(private, _certificate(name, private, 9), ML_DSA)


def _certificate(
    name: str, private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | mldsa.MLDSA65PrivateKey, serial: int
) -> bytes:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(private.public_key())
        .serial_number(serial)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(dt.datetime(2050, 1, 1, tzinfo=dt.UTC))
    )
    if isinstance(private, ec.EllipticCurvePrivateKey):
        return builder.sign(private, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
    digest = None if isinstance(private, mldsa.MLDSA65PrivateKey) else hashes.SHA256()
    return builder.sign(private, digest).public_bytes(Encoding.DER)


@dataclass(frozen=True)
class V3Signer:
    """One v3 or v3.1 signer; ``past`` are the earlier keys, oldest first."""

    key: Key
    past: tuple[Key, ...] = ()
    min_sdk: int = 24
    max_sdk: int = NEWEST
    flags: int = 23
    numbers: tuple[tuple[int, int], ...] = ()
    """Attributes that hold a number, such as the stripping protections."""


def run(data: bytes) -> bytes:
    """Data prefixed by its length."""
    return struct.pack("<I", len(data)) + data


def pair(number: int, data: bytes) -> bytes:
    """A number with data behind it, the whole prefixed by its length."""
    return run(struct.pack("<I", number) + data)


def signing_block(pairs: list[tuple[int, bytes]]) -> bytes:
    """An APK Signing Block of these id-value pairs."""
    body = b"".join(struct.pack("<QI", len(value) + 4, number) + value for number, value in pairs)
    size = len(body) + 24
    return struct.pack("<Q", size) + body + struct.pack("<Q", size) + MAGIC


def content_digest(sections: list[bytes], kind: str = "sha256") -> bytes:
    """The chunked digest of the zip's sections."""
    chunks = [section[at : at + CHUNK] for section in sections for at in range(0, len(section), CHUNK)]
    digests = [hashlib.new(kind, b"\xa5" + struct.pack("<I", len(chunk)) + chunk).digest() for chunk in chunks]
    return hashlib.new(kind, b"\x5a" + struct.pack("<I", len(digests)) + b"".join(digests)).digest()


def v2_signer(signing: Key, digest: bytes) -> bytes:
    """One signer of a v2 block."""
    signed = run(pair(signing.algorithm, run(digest))) + run(run(signing.certificate)) + run(b"")
    return run(signed) + run(pair(signing.algorithm, run(signing.sign(signed)))) + run(signing.public)


def v3_signer(signer: V3Signer, digest: bytes) -> bytes:
    """One signer of a v3 or v3.1 block."""
    attributes = run(struct.pack("<I", PROOF_OF_ROTATION) + lineage(signer)) if signer.past else b""
    span = struct.pack("<II", signer.min_sdk, signer.max_sdk)
    for number, value in signer.numbers:
        attributes += run(struct.pack("<II", number, value))
    used = signer.key.algorithm
    signed = run(pair(used, run(digest))) + run(run(signer.key.certificate)) + span + run(attributes)
    return run(signed) + span + run(pair(used, run(signer.key.sign(signed)))) + run(signer.key.public)


def lineage(signer: V3Signer) -> bytes:
    """A proof of rotation: each level's certificate signed by the key before it."""
    levels, before = b"", None
    for holder in (*signer.past, signer.key):
        signed = run(holder.certificate) + struct.pack("<I", before.algorithm if before else 0)
        signature = before.sign(signed) if before else b""
        # Each level names the algorithm with which its own key signs the next level.
        algorithm = 0 if holder is signer.key else holder.algorithm
        levels += run(run(signed) + struct.pack("<II", signer.flags, algorithm) + run(signature))
        before = holder
    return struct.pack("<I", 1) + levels


def block_of(signers: list[bytes]) -> bytes:
    """The value of a v2, v3 or v3.1 block."""
    return run(b"".join(run(signer) for signer in signers))


def jar_files(members: dict[str, bytes], signers: list[Key], *, apk_signed: str | None = None) -> dict[str, bytes]:
    """The ``META-INF`` files of scheme v1 over these members."""
    sections = [_section(name, data) for name, data in members.items()]
    head = b"Manifest-Version: 1.0\r\n\r\n"
    listing = head + b"".join(sections)
    files = {"META-INF/MANIFEST.MF": listing}
    for number, signing in enumerate(signers):
        text = f"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: {_digest(listing)}\r\n"
        if apk_signed:
            text += f"X-Android-APK-Signed: {apk_signed}\r\n"
        text += "\r\n"
        for name, section in zip(members, sections, strict=True):
            text += f"Name: {name}\r\nSHA-256-Digest: {_digest(section)}\r\n\r\n"
        signature_file = text.encode()
        files[f"META-INF/CERT{number or ''}.SF"] = signature_file
        files[f"META-INF/CERT{number or ''}.EC"] = _pkcs7(signing, signature_file)
    return files


def _section(name: str, data: bytes) -> bytes:
    return f"Name: {name}\r\nSHA-256-Digest: {_digest(data)}\r\n\r\n".encode()


def _digest(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _pkcs7(signing: Key, data: bytes) -> bytes:
    options = [
        pkcs7.PKCS7Options.DetachedSignature,
        pkcs7.PKCS7Options.NoAttributes,
        pkcs7.PKCS7Options.Binary,
    ]
    certificate = x509.load_der_x509_certificate(signing.certificate)
    assert not isinstance(signing.private, mldsa.MLDSA65PrivateKey), "no such key signs a JAR"
    builder = pkcs7.PKCS7SignatureBuilder().set_data(data)
    made = builder.add_signer(certificate, signing.private, hashes.SHA256()).sign(Encoding.DER, options)
    if isinstance(signing.private, rsa.RSAPrivateKey):
        return made
    block = cms.ContentInfo.load(made)  # the builder signs with a random number, another one each time
    block["content"]["signer_infos"][0]["signature"] = signing.sign(data)
    again: bytes = block.dump(force=True)
    return again
