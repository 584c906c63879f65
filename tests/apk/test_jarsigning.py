"""JAR signing: who signed, told by the PKCS#7 file's signer and not by the order of its certificates."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from asn1crypto import cms

from scanner.apk import identify, jarsigning
from scanner.apk.jarsigning import read_jar_signers, signature_files, signer_certificate, stripped_schemes
from scanner.bytesource import LocalFile, Memory, ZipDirectory
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits, Scheme
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import jar_files, key

ALICE, BOB, CAROL = key("alice"), key("bob"), key("carol")
CONTENT = {"a": b"1"}
PEERS = Path(__file__).resolve().parents[2].parent / "shared" / "peer-suite" / "apksig" / "apk"


def pairs_in(members: dict[str, bytes]):
    source = Memory(zip_bytes(members))
    return source, signature_files(ZipDirectory(source).entries())


def scheme_in(members: dict[str, bytes]) -> Scheme:
    return read_jar_signers(*pairs_in(members))


def digests(scheme: Scheme) -> list[str | None]:
    return [one.certificate.sha256 for one in scheme.signers]


def block_of(name: str) -> bytes:
    return jar_files(CONTENT, [key(name)])["META-INF/CERT.EC"]


def with_certificates(block: bytes, *certificates: bytes) -> bytes:
    """The PKCS#7 file with these certificates in its bag, in this order."""
    content = cms.ContentInfo.load(block)
    bag = [cms.CertificateChoices.load(certificate) for certificate in certificates]
    content["content"]["certificates"] = cms.CertificateSet(bag)
    # A SET's encoder sorts; a real bag has any order, so the sorted contents are swapped for the wanted ones.
    encoded = content.dump(force=True)
    ordered = b"".join(sorted(certificates))
    canonical = content["content"]["certificates"].contents
    assert canonical is not None
    assert sorted(canonical) == sorted(ordered)
    return encoded.replace(canonical, b"".join(certificates))


def test_one_signer_is_read():
    assert digests(scheme_in(CONTENT | jar_files(CONTENT, [ALICE]))) == [ALICE.sha256]


def test_two_signers_are_read_in_the_order_of_the_directory():
    scheme = scheme_in(CONTENT | jar_files(CONTENT, [BOB, ALICE]))
    assert digests(scheme) == [BOB.sha256, ALICE.sha256]
    assert scheme.problem is None


def test_the_same_signer_twice_is_one():
    assert digests(scheme_in(CONTENT | jar_files(CONTENT, [ALICE, ALICE]))) == [ALICE.sha256]


def test_a_block_file_without_its_signature_file_signs_nothing():
    files = jar_files(CONTENT, [ALICE, BOB])
    del files["META-INF/CERT.SF"]
    assert digests(scheme_in(CONTENT | files)) == [BOB.sha256]


def test_a_signature_file_without_a_block_file_signs_nothing():
    files = jar_files(CONTENT, [ALICE])
    del files["META-INF/CERT.EC"]
    assert pairs_in(CONTENT | files)[1] == []


@pytest.mark.parametrize(
    ("block", "signed", "counts"),
    [
        ("META-INF/CERT.RSA", "META-INF/CERT.SF", True),
        ("META-INF/CERT.DSA", "META-INF/CERT.SF", True),
        ("META-INF/cert.rsa", "META-INF/CERT.SF", True),
        ("meta-inf/CERT.EC", "META-INF/CERT.sf", True),
        ("META-INF/a b.c.RSA", "META-INF/a b.c.SF", True),
        ("META-INF/OTHER.RSA", "META-INF/CERT.SF", False),
        ("META-INF/sub/CERT.RSA", "META-INF/sub/CERT.SF", False),
        ("META-INF/CERT.RSA.bak", "META-INF/CERT.SF", False),
        ("META-INF/CERT.PGP", "META-INF/CERT.SF", False),
        ("x/META-INF/CERT.RSA", "META-INF/CERT.SF", False),
        ("CERT.RSA", "CERT.SF", False),
        ("META-INF/.RSA", "META-INF/.SF", False),
    ],
)
def test_a_block_file_counts_by_its_name(block, signed, counts):
    members = {block: block_of("alice"), signed: b""}
    assert len(pairs_in(members)[1]) == counts


def test_more_signers_than_the_limit_are_a_problem():
    members = {f"META-INF/{n}.{end}": b"" for n in range(LIMITS.signers + 1) for end in ("SF", "RSA")}
    scheme = scheme_in(members)
    assert scheme.signers == ()
    assert "65 signers, the limit is 64 (--limit signers)" in (scheme.problem or "")


def test_more_certificates_than_the_limit_are_refused():
    block = block_of("alice")
    assert signer_certificate(block, "x", Limits(certificates=1)) == ALICE.certificate
    with pytest.raises(LimitExceeded, match=r"x: 2 certificates, the limit is 1 \(--limit certificates\)"):
        signer_certificate(with_certificates(block, BOB.certificate, ALICE.certificate), "x", Limits(certificates=1))


def test_a_broken_block_file_is_a_problem_and_no_other_signer_speaks():
    files = jar_files(CONTENT, [ALICE, BOB])
    files["META-INF/CERT.EC"] = b"garbage"
    scheme = scheme_in(CONTENT | files)
    assert scheme.signers == ()
    assert "META-INF/CERT.EC" in (scheme.problem or "")


def test_a_block_file_larger_than_the_limit_is_a_problem(monkeypatch):
    monkeypatch.setattr(jarsigning, "MAX_BLOCK_FILE", 100)
    scheme = scheme_in(CONTENT | jar_files(CONTENT, [ALICE]))
    assert (scheme.signers, "limit" in (scheme.problem or "")) == ((), True)


# Which certificate of the bag


@pytest.mark.parametrize(
    "bag",
    [("alice",), ("alice", "bob", "carol"), ("bob", "alice", "carol"), ("carol", "bob", "alice"), ("alice", "alice")],
)
def test_the_signer_is_found_wherever_it_lies_in_the_bag(bag):
    block = with_certificates(block_of("alice"), *(key(name).certificate for name in bag))
    assert signer_certificate(block, "x") == ALICE.certificate


def test_a_bag_without_the_signer_is_an_error():
    with pytest.raises(ApkError, match="x: its signer's certificate is not in it"):
        signer_certificate(with_certificates(block_of("alice"), BOB.certificate), "x")


def test_another_certificate_with_the_same_serial_number_is_not_the_signer():
    impostor = cms.CertificateChoices.load(BOB.certificate).chosen.copy()
    impostor["tbs_certificate"]["serial_number"] = cms.CertificateChoices.load(ALICE.certificate).chosen.serial_number
    block = with_certificates(block_of("alice"), impostor.dump(force=True), ALICE.certificate)
    assert signer_certificate(block, "x") == ALICE.certificate


def test_a_certificate_comes_back_byte_for_byte():
    data = jar_files(CONTENT, [ALICE])["META-INF/CERT.EC"]
    assert signer_certificate(data, "x") == ALICE.certificate


@pytest.mark.skipif(not PEERS.is_dir(), reason="the peer suite is not here")
def test_the_reference_agrees_on_the_order_of_the_bag():
    name = "v1-only-pkcs7-cert-bag-first-cert-not-used.apk"
    with LocalFile(str(PEERS / name)) as source:
        signing = identify(source, 0x7FFFFFFF).signing
    assert signing.governing == "v1"
    expected = "fb5dbd3c669af9fc236c6991e6387b7f11ff0590997f22d0f5c74ff40e04fca8"
    assert [one.certificate.sha256 for one in signing.signers] == [expected]


# Spoiled


@pytest.mark.parametrize("data", [b"", b"\x30", b"\x30\x80", b"garbage", b"\x30\x03\x02\x01\x01", b"\xff" * 200])
def test_garbage_is_an_apk_error_that_names_the_file(data):
    with pytest.raises(ApkError, match="the file"):
        signer_certificate(data, "the file")


def test_a_pkcs7_of_another_kind_is_an_apk_error():
    data = cms.ContentInfo({"content_type": "data", "content": b"text"}).dump()
    with pytest.raises(ApkError, match="not a PKCS#7 signature"):
        signer_certificate(data, "x")


def test_a_block_file_truncated_at_any_length_is_an_apk_error():
    data = block_of("alice")
    for length in range(len(data)):
        with pytest.raises(ApkError):
            signer_certificate(data[:length], "x")


def test_any_byte_of_a_block_file_may_be_flipped():
    data, chance = block_of("alice"), random.Random(20261123)
    outcomes = set()
    for _ in range(3):
        for at in range(len(data)):
            spoiled = bytearray(data)
            spoiled[at] ^= chance.randrange(1, 256)
            try:
                outcomes.add(bool(signer_certificate(bytes(spoiled), "x")))
            except ApkError as error:
                outcomes.add(bool(str(error)) and None)
    assert outcomes == {True, None}


def test_nesting_without_end_is_an_apk_error():
    with pytest.raises(ApkError):
        signer_certificate(b"\x30\x80" * 20_000, "x")


# Stripping


@pytest.mark.parametrize(
    ("said", "present", "stripped"),
    [
        ("2", (), ["v2"]),
        ("2, 3", (), ["v2", "v3"]),
        ("2,3", ("v2",), ["v3"]),
        ("3", ("v3",), []),
        ("2, 3", ("v2", "v3"), []),
        ("1", (), []),
        ("4, 99", (), []),
        (" , ,2", (), ["v2"]),
        (None, (), []),
    ],
)
def test_schemes_that_were_there_when_v1_was_signed_are_missed(said, present, stripped):
    source, pairs = pairs_in(CONTENT | jar_files(CONTENT, [ALICE], apk_signed=said))
    assert stripped_schemes(source, pairs, frozenset(present)) == stripped


def test_the_attribute_counts_only_at_the_beginning_of_a_line():
    members = {"META-INF/A.RSA": b"", "META-INF/A.SF": b"Name: X-Android-APK-Signed: 2\r\n\r\n"}
    source, pairs = pairs_in(members)
    assert stripped_schemes(source, pairs, frozenset()) == []


def test_a_stripped_apk_bears_a_note():
    identity = identify(Memory(build_apk(v1=[ALICE], apk_signed="2, 3")))
    assert identity.signing.governing == "v1"
    assert identity.tamper == (
        "signature-stripped: v2 was there when v1 was signed",
        "signature-stripped: v3 was there when v1 was signed",
    )


def test_an_apk_with_all_it_was_signed_with_bears_no_note():
    apk = Memory(build_apk(v1=[ALICE], v2=[ALICE], apk_signed="2"))
    assert identify(apk).tamper == ()
    assert identify(apk, sdk=23).tamper == ()
    assert identify(apk, every_scheme=True).tamper == ()
