"""X.509 bytes → digests, names, keys; odd certificates and garbage included."""

from __future__ import annotations

import datetime as dt
import hashlib
import random

import pytest
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.certificate import LARGEST, complete, details, from_der, hash32, modulus_digest
from scanner.database import load_database
from scanner.database.signaturefile import PINNED
from scanner.model import Certificate
from tests.support.signer import key

ALICE = key("alice").certificate
PINNED_DERS = [
    (signature.id, signer)
    for signature in load_database().signatures
    for signer in signature.signers
    if signer.der is not None
]


def self_signed(private, *names: tuple[x509.ObjectIdentifier, str], algorithm=hashes.SHA256()) -> bytes:  # noqa: B008
    name = x509.Name([x509.NameAttribute(kind, text) for kind, text in names])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(0xBEEF).not_valid_before(dt.datetime(2001, 2, 3))
    built = builder.not_valid_after(dt.datetime(2051, 6, 7)).sign(private, algorithm)
    return built.public_bytes(Encoding.DER)


# The certificates that came with this program


def test_six_signers_have_their_whole_certificate():
    assert sorted(signature for signature, _ in PINNED_DERS) == [
        "alipay", "camscanner", "qq-wallet", "shareit", "tencent-qq", "wechat-pay",
    ]  # fmt: skip


@pytest.mark.parametrize(("signature", "signer"), PINNED_DERS, ids=[one for one, _ in PINNED_DERS])
def test_a_shipped_certificate_gives_what_its_file_states(signature, signer):
    der = bytes.fromhex(signer.der)
    certificate = complete(from_der(der))
    for kind in PINNED:
        assert getattr(signer, kind) == getattr(certificate, kind), kind
    assert signer.hash32 == hash32(der)
    found = details(der)
    assert (found.subject, found.not_before, found.not_after) == (signer.subject, signer.not_before, signer.not_after)


def test_the_32_bit_hash_of_wechat_is_the_one_that_phones_print():
    (der,) = [bytes.fromhex(signer.der) for signature, signer in PINNED_DERS if signature == "wechat-pay"]
    assert hash32(der) == "0962f5b7"


@pytest.mark.parametrize(
    ("data", "expected"),
    [(b"", 1), (b"\x00", 31), (b"\x01", 32), (b"\x7f", 158), (b"\x80", -97), (b"\xff", 30), (b"\x01\x02", 994)],
)
def test_the_32_bit_hash_is_javas(data, expected):
    assert hash32(data) == f"{expected & 0xFFFFFFFF:08x}"


def java_hash(data: bytes) -> int:
    value = 1
    for byte in data:
        value = 31 * value + (byte - 256 if byte > 127 else byte)
        value = (value + 2**31) % 2**32 - 2**31
    return value


@given(st.binary(max_size=200))
def test_the_32_bit_hash_equals_signed_arithmetic(data):
    assert int(hash32(data), 16) == java_hash(data) % 2**32
    assert len(hash32(data)) == 8


# Kinds of keys and names


def test_an_rsa_certificate_has_a_modulus_digest():
    private = rsa.generate_private_key(65537, 1024)
    found = details(self_signed(private, (NameOID.COMMON_NAME, "r"), (NameOID.ORGANIZATION_NAME, "o")))
    modulus = private.public_key().public_numbers().n
    assert found.rsa_modulus_sha256 == hashlib.sha256(modulus.to_bytes(128, "big")).hexdigest()
    assert (found.key, found.serial, found.subject, found.issuer) == ("RSA 1024", "beef", "O=o,CN=r", "O=o,CN=r")
    assert (found.not_before, found.not_after) == ("2001-02-03", "2051-06-07")
    assert found.signature_algorithm == "sha256WithRSAEncryption"


def test_keys_of_other_kinds_have_none():
    assert details(ALICE).rsa_modulus_sha256 is None
    assert details(ALICE).key == "EC 256"
    found = details(self_signed(ed25519.Ed25519PrivateKey.generate(), (NameOID.COMMON_NAME, "e"), algorithm=None))
    assert (found.key, found.rsa_modulus_sha256) == ("Ed25519", None)
    found = details(self_signed(dsa.generate_private_key(1024), (NameOID.COMMON_NAME, "d")))
    assert (found.key, found.rsa_modulus_sha256) == ("DSA 1024", None)


def test_a_modulus_is_hashed_without_leading_zeros():
    assert modulus_digest(0x00FF01) == hashlib.sha256(b"\xff\x01").hexdigest()


def test_digests_are_those_of_the_bytes():
    found = from_der(ALICE)
    assert found.sha256 == hashlib.sha256(ALICE).hexdigest()
    assert found.sha1 == hashlib.sha1(ALICE).hexdigest()
    assert found.md5 == hashlib.md5(ALICE).hexdigest()
    assert found.der == ALICE
    assert (found.subject, found.spki_sha256) == (None, None)


def test_completing_keeps_the_digests_and_adds_the_rest():
    found = complete(from_der(ALICE))
    assert found.subject == "CN=alice"
    assert found.spki_sha256 == hashlib.sha256(key("alice").public).hexdigest()
    assert (found.sha256, found.der) == (from_der(ALICE).sha256, ALICE)


def test_a_certificate_known_only_by_digest_stays_as_it_is():
    known = Certificate(md5="0" * 32)
    assert complete(known) is known


# Certificates that cryptography refuses


def altered(**fields: object) -> bytes:
    """Alice's certificate with fields that no strict reader accepts."""
    parsed = asn1.Certificate.load(ALICE)
    for name, value in fields.items():
        parsed["tbs_certificate"][name] = value
    return parsed.dump(force=True)


def version(number: int) -> bytes:
    at = ALICE.index(b"\xa0\x03\x02\x01\x02")
    return ALICE[: at + 4] + bytes([number]) + ALICE[at + 5 :]


def long_length() -> bytes:
    """The certificate with the length of its outer sequence written in one byte more than DER allows."""
    assert ALICE[:2] == b"\x30\x82"
    return b"\x30\x83\0" + ALICE[2:]


def refused(der: bytes) -> bool:
    try:
        x509.load_der_x509_certificate(der).public_key()
    except (ValueError, x509.InvalidVersion):
        return True
    return False


@pytest.mark.parametrize("der", [long_length(), ALICE + b"\0\0", version(1), version(3), version(127)])
def test_a_certificate_that_cryptography_refuses_is_read_leniently(der):
    assert refused(der), "this certificate would not test the other reader"
    found = details(der)
    assert found.subject == found.issuer == "CN=alice"
    assert found.key == "EC 256"
    assert found.spki_sha256 == details(ALICE).spki_sha256
    assert (found.not_before, found.not_after) == ("2020-01-01", "2050-01-01")
    assert found.serial == details(ALICE).serial
    assert complete(from_der(der)).sha256 == hashlib.sha256(der).hexdigest()


@pytest.mark.parametrize("serial", [-5, 0, 1 << 200])
def test_an_odd_serial_number_is_read(serial):
    der = altered(serial_number=serial)
    found = details(der)
    assert found.serial == f"{serial:x}"
    assert found.subject == "CN=alice"


def test_a_lenient_rsa_certificate_has_the_same_digests():
    der = self_signed(rsa.generate_private_key(65537, 1024), (NameOID.COMMON_NAME, "r"), (NameOID.COUNTRY_NAME, "DE"))
    strict = details(der)
    lenient = details(der + b"\0")
    assert refused(der + b"\0")
    assert lenient.rsa_modulus_sha256 == strict.rsa_modulus_sha256
    assert lenient.spki_sha256 == strict.spki_sha256
    assert (lenient.subject, lenient.key) == (strict.subject, strict.key) == ("C=DE,CN=r", "RSA 1024")


# Garbage


@pytest.mark.parametrize(
    "data", [b"", b"\x30", b"\x30\x80", b"garbage", bytes(100), b"\xff" * 1000, b"\x30\x80" * 5000]
)
def test_garbage_has_digests_and_no_details(data):
    certificate = complete(from_der(data))
    assert certificate.sha256 == hashlib.sha256(data).hexdigest()
    assert (certificate.subject, certificate.spki_sha256, certificate.rsa_modulus_sha256) == (None, None, None)
    found = details(data)
    assert all(getattr(found, field) is None for field in found.__struct_fields__)


def test_a_certificate_truncated_at_any_length_has_details_or_none():
    for length in range(len(ALICE)):
        found = details(ALICE[:length])
        assert found.subject in (None, "CN=alice")


def test_a_public_key_whose_bits_are_missing_does_not_raise():
    der = bytearray(self_signed(rsa.generate_private_key(65537, 1024), (NameOID.COMMON_NAME, "r")))
    at = der.index(bytes.fromhex("03818d00308189"))  # the BIT STRING of the key and the SEQUENCE in it
    der[at + 1 : at + 3] = b"\x80\x8d"
    other = bytearray(der)
    other[at + 1 : at + 3] = b"\0\x8d"
    for spoiled in (bytes(der), bytes(other)):
        assert refused(spoiled)
        details(spoiled)


def test_an_elliptic_curve_key_of_an_unknown_field_does_not_raise():
    identifier = bytes.fromhex("06082a8648ce3d030107")
    unknown = ALICE.replace(bytes.fromhex("06072a8648ce3d0201"), bytes.fromhex("06072a8648ce3e0201"))
    assert identifier in unknown
    assert unknown != ALICE
    assert details(unknown).subject == "CN=alice"


def test_any_byte_of_a_certificate_may_be_flipped():
    private = rsa.generate_private_key(65537, 1024)
    chance, seen = random.Random(20261123), set()
    for der in (ALICE, self_signed(private, (NameOID.COMMON_NAME, "r"))):
        for at in range(len(der)):
            for _ in range(3):
                spoiled = bytearray(der)
                spoiled[at] ^= chance.randrange(1, 256)
                seen.add(details(bytes(spoiled)).subject is None)
    assert seen == {True, False}


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_bytes_make_it_raise(data):
    der = bytearray(ALICE)
    for _ in range(data.draw(st.integers(1, 8))):
        der[data.draw(st.integers(0, len(der) - 1))] = data.draw(st.integers(0, 255))
    certificate = complete(from_der(bytes(der)))
    assert certificate.sha256 == hashlib.sha256(der).hexdigest()


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=80))
def test_no_short_bytes_make_it_raise(data):
    assert complete(from_der(data)).md5 == hashlib.md5(data).hexdigest()


def test_a_certificate_of_absurd_size_has_digests_and_is_kept_nowhere():
    small, large = ALICE, ALICE + bytes(LARGEST)
    assert from_der(small) is from_der(bytes(bytearray(small)))
    certificate = complete(from_der(large))
    assert (certificate.sha256, certificate.der, certificate.subject) == (hashlib.sha256(large).hexdigest(), None, None)
    assert from_der(large) is not from_der(large)
