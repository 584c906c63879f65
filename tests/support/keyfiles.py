"""Private keys and self-signed certificates as files, as apksigner takes them."""

from __future__ import annotations

import datetime as dt
from hashlib import sha256
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | dsa.DSAPrivateKey


def write_key(folder: Path, name: str, private: PrivateKey) -> str:
    """Write ``NAME.pk8`` and ``NAME.cer``; the certificate's SHA-256."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(dt.datetime(2020, 1, 1))
    der = builder.not_valid_after(dt.datetime(2049, 1, 1)).sign(private, hashes.SHA256()).public_bytes(Encoding.DER)
    (folder / f"{name}.pk8").write_bytes(private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    (folder / f"{name}.cer").write_bytes(der)
    return sha256(der).hexdigest()
