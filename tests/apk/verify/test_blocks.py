"""Schemes v2 to v3.2, verified: what holds, and what must never hold."""

from __future__ import annotations

import random
import struct

import pytest
from asn1crypto import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.apk import identify
from scanner.apk.schemes import TARGETS_DEV_RELEASE
from scanner.apk.verify import verify
from scanner.apk.verify.blocks import ROTATION_MIN_SDK
from scanner.bytesource import Memory, Slice
from scanner.errors import ApkError, ScannerError
from scanner.model import Verification
from tests.support import axml
from tests.support.apk_builder import build_apk, directory_offset, sign, with_block, zip_bytes
from tests.support.signer import (
    ML_DSA,
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    RSA_PSS_SHA512,
    Key,
    V3Signer,
    block_of,
    key,
    post_quantum_key,
    rsa_key,
    signing_block,
)

A, B, C = key("a"), key("b"), key("c")
MANIFEST = axml.encode(axml.manifest("com.example", min_sdk=24))
P = post_quantum_key("p")
WECHAT_LIKE = key("somebody famous")


def check(apk: bytes, min_sdk: int | None = None, max_sdk: int = 0x7FFFFFFF) -> Verification:
    return verify(Memory(apk), min_sdk, max_sdk)


def signers(answer: Verification) -> list[str | None]:
    return [signer.certificate.sha256 for signer in answer.signers]


def codes(answer: Verification) -> set[str]:
    return {issue.code for issue in answer.errors}


HOLDS = {
    "v2": ({"v2": [A], "min_sdk": 24}, [A]),
    "v2 of two": ({"v2": [A, B], "min_sdk": 24}, [A, B]),
    "v3": ({"v3": [A], "min_sdk": 28}, [A]),
    "v3 rotated": ({"v2": [A], "v3": [V3Signer(C, (A, B))], "min_sdk": 24}, [C]),
    "v3.1": ({"v2": [A], "v3": [V3Signer(A, max_sdk=32)], "v31": [V3Signer(B, (A,), 33)], "min_sdk": 24}, [B]),
    "RSA PSS 256": ({"v2": [rsa_key("r", RSA_PSS_SHA256)], "min_sdk": 24}, [rsa_key("r", RSA_PSS_SHA256)]),
    "RSA PSS 512": ({"v3": [rsa_key("r", RSA_PSS_SHA512)], "min_sdk": 28}, [rsa_key("r", RSA_PSS_SHA512)]),
    "RSA PKCS#1": ({"v2": [rsa_key("r", RSA_PKCS1_SHA256)], "min_sdk": 24}, [rsa_key("r", RSA_PKCS1_SHA256)]),
    "v3.2": ({"v3": [V3Signer(A, max_sdk=36)], "v32": [V3Signer(A, (), 37), V3Signer(P, (), 37)], "min_sdk": 28}, None),
}


@pytest.mark.parametrize("name", [name for name in HOLDS if name != "v3.2"])
def test_an_honest_signature_holds_and_names_its_signers(name: str) -> None:
    options, expected = HOLDS[name]
    answer = check(build_apk("com.example", **options))  # type: ignore[arg-type]
    assert answer.errors == ()
    assert answer.verified
    assert signers(answer) == [one.sha256 for one in expected or ()]


@pytest.mark.parametrize("sdk", [24, 28, 32, 33, 37])
def test_one_release_sees_its_own_signer(sdk: int) -> None:
    apk = build_apk("com.example", v2=[A], v3=[V3Signer(A, max_sdk=32)], v31=[V3Signer(B, (A,), 33)], min_sdk=24)
    assert signers(check(apk, sdk, sdk)) == [A.sha256 if sdk < 33 else B.sha256]


def test_a_hybrid_pair_holds_and_its_classical_signer_counts() -> None:
    apk = build_apk("com.example", v3=[V3Signer(A)], v32=[V3Signer(A, (), 37), V3Signer(P, (), 37)], min_sdk=28)
    answer = check(apk, 37, 37)
    assert answer.errors == ()
    assert signers(answer) == [A.sha256]
    (scheme,) = [one for one in answer.schemes if one.name == "v3.2"]
    assert {one.certificate.sha256 for one in scheme.signers} == {A.sha256, P.sha256}


@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ([V3Signer(A, (), 37)], "V32_INVALID_SIGNER_COUNT"),
        ([V3Signer(P, (), 37)], "V32_INVALID_SIGNER_COUNT"),
        ([V3Signer(A, (), 37), V3Signer(B, (), 37)], "V32_ALGO_TYPE_COLLISION"),
        ([V3Signer(A, (), 37), V3Signer(P, (), 38)], "V32_SDK_RANGE_MISMATCH"),
        ([V3Signer(B, (A,), 37), V3Signer(P, (C,), 37)], "V32_LINEAGE_MISMATCH"),
        ([V3Signer(B, (A,), 37), V3Signer(P, (), 37)], "V32_LINEAGE_MISMATCH"),
    ],
)
def test_what_is_no_hybrid_pair_does_not_hold(pair: list[V3Signer], code: str) -> None:
    answer = check(build_apk("com.example", v3=[V3Signer(A)], v32=pair, min_sdk=28), 37, 37)
    assert code in codes(answer)
    assert not answer.verified


def test_a_stripped_hybrid_block_is_noticed_where_releases_look_for_it() -> None:
    announced = V3Signer(A, numbers=((0xBF940529, 37), (0x9F06B79C, 0x7FFFFFFF)))
    apk = build_apk("com.example", v3=[announced], min_sdk=28)
    assert codes(check(apk)) == {"V32_BLOCK_MISSING"}
    assert check(apk, 28, 36).verified
    whole = build_apk("com.example", v3=[announced], v32=[V3Signer(A, (), 37), V3Signer(P, (), 37)], min_sdk=28)
    assert check(whole).errors == ()


def test_a_post_quantum_signer_alone_is_refused() -> None:
    assert "PQC" in " ".join(codes(check(build_apk("com.example", v3=[V3Signer(P, (), 37)]), 37, 37)))
    assert P.algorithm == ML_DSA


def test_a_stripped_v3_block_is_noticed() -> None:
    from tests.support import signer

    whole = build_apk("com.example", min_sdk=24)
    sections = [whole[: directory_offset(whole)], whole[directory_offset(whole) : -22], whole[-22:]]
    digest = signer.content_digest(sections)
    attribute = signer.run(struct.pack("<II", 0xBEEFF00D, 3))
    signed = (
        signer.run(signer.pair(0x0201, signer.run(digest)))
        + signer.run(signer.run(A.certificate))
        + signer.run(attribute)
    )
    one = signer.run(signed) + signer.run(signer.pair(0x0201, signer.run(A.sign(signed)))) + signer.run(A.public)
    apk = with_block(whole, signing_block([(signer.V2, block_of([one]))]))
    answer = check(apk)
    assert codes(answer) == {"V2_SIG_MISSING_APK_SIG_REFERENCED"}
    assert check(apk, 24, 27).verified, "releases that know no v3 cannot miss it"


def test_a_pasted_certificate_never_verifies() -> None:
    pasted = A.wearing(WECHAT_LIKE.certificate)
    for options in ({"v2": [pasted]}, {"v3": [pasted]}, {"v2": [pasted], "v3": [pasted]}, {"v2": [A, pasted]}):
        answer = check(build_apk("com.example", min_sdk=28, **options))  # type: ignore[arg-type]
        assert not answer.verified
        assert signers(answer) == []


def test_a_foreign_block_pasted_in_does_not_verify() -> None:
    theirs = build_apk("com.famous", v2=[WECHAT_LIKE], v3=[WECHAT_LIKE], min_sdk=28)
    start = (
        theirs.index(b"APK Sig Block 42")
        + 16
        - (struct.unpack("<Q", theirs[theirs.index(b"APK Sig Block 42") - 8 :][:8])[0] + 8)
    )
    block = theirs[start : directory_offset(theirs)]
    answer = check(with_block(build_apk("com.evil", min_sdk=28), block))
    assert not answer.verified
    assert "V3_SIG_APK_DIGEST_DID_NOT_VERIFY" in codes(answer)


def test_a_lineage_with_a_forged_link_does_not_verify() -> None:
    forged = A.wearing(WECHAT_LIKE.certificate)
    answer = check(build_apk("com.example", v3=[V3Signer(B, (forged,))], min_sdk=28))
    assert codes(answer) == {"V3_SIG_POR_DID_NOT_VERIFY"}


def test_holes_and_overlaps_between_v3_signers_are_refused() -> None:
    for first, second, code in (
        (V3Signer(A, max_sdk=29), V3Signer(B, (A,), 31), "V3_INCONSISTENT_SDK_VERSIONS"),
        (V3Signer(A, max_sdk=31), V3Signer(B, (A,), 31), "V3_INCONSISTENT_SDK_VERSIONS"),
        (V3Signer(A, max_sdk=29), V3Signer(B, (A,), 30, 35), "V3_MISSING_SDK_VERSIONS"),
    ):
        assert code in codes(check(build_apk("com.example", v3=[first, second], min_sdk=28)))


def test_schemes_that_disagree_on_the_signer_are_refused() -> None:
    assert codes(check(build_apk("com.example", v2=[A], v3=[B], min_sdk=24))) == {"V3_SIG_PAST_SIGNERS_MISMATCH"}
    assert codes(check(build_apk("com.example", v1=[A], v2=[B], apk_signed="2"))) == {
        "V2_SIG_MISSING",
        "JAR_SIG_MISSING",
    }


def test_an_apk_inside_an_archive_verifies_without_being_taken_out() -> None:
    apk = build_apk("com.example", v2=[A], v3=[A], min_sdk=24)
    archive = zip_bytes({"x.apk": apk}, stored=True)
    assert verify(Slice(Memory(archive), archive.index(apk), len(apk))).verified


def test_a_large_apk_is_hashed_across_its_chunk_borders() -> None:
    members = {f"assets/{number}": random.Random(number).randbytes(700_001) for number in range(9)}
    apk = build_apk("com.example", v2=[A], members=members, min_sdk=24, stored=True)
    assert check(apk).verified
    for at in (5000, 1 << 20, (1 << 20) - 1, 3 << 20, directory_offset(apk) - 5000):
        assert not check(_flipped(apk, at)).verified


WHOLE = build_apk("com.example", v2=[A], v3=[V3Signer(B, (A,))], min_sdk=24)
BLOCK = range(WHOLE.index(b"APK Sig Block 42") + 16, 0, -1)
BLOCK_START = directory_offset(WHOLE) - struct.unpack_from("<Q", WHOLE, directory_offset(WHOLE) - 24)[0] - 8


def _flipped(apk: bytes, at: int, bit: int = 0) -> bytes:
    changed = bytearray(apk)
    changed[at] ^= 1 << bit
    return bytes(changed)


def _answer(apk: bytes) -> Verification | None:
    try:
        return check(apk)
    except ScannerError:
        return None


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 7))
def test_no_flipped_bit_outside_the_block_verifies_and_none_inside_names_another_signer(at: int, bit: int) -> None:
    answer = _answer(_flipped(WHOLE, at, bit))
    if answer is None or not answer.verified:
        return
    assert BLOCK_START <= at < directory_offset(WHOLE), f"byte {at} is signed, and its change went unnoticed"
    assert set(signers(answer)) <= {A.sha256, B.sha256}


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(WHOLE) - 1))
def test_no_truncation_verifies(length: int) -> None:
    answer = _answer(WHOLE[:length])
    assert answer is None or not answer.verified


@settings(max_examples=60, deadline=None)
@given(st.binary(min_size=1, max_size=40))
def test_nothing_appended_verifies(more: bytes) -> None:
    answer = _answer(WHOLE + more)
    assert answer is None or not answer.verified


HOSTILE = [
    b"",
    b"\xff\xff\xff\xff",
    struct.pack("<I", 0),
    struct.pack("<I", 0x7FFFFFFF) + b"x",
    struct.pack("<I", 0x80000000) + b"x",
    block_of([b""]),
    block_of([b"\xff" * 200]),
    block_of([struct.pack("<III", 4, 0xFFFFFFFF, 0) * 8]),
    block_of([b"\0" * 12] * 10_000),
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("identifier", [0x7109871A, 0xF05368C0, 0x1B93AD61, 0x70E1C89F])
def test_a_malformed_block_is_an_issue_and_never_an_exception(value: bytes, identifier: int) -> None:
    answer = check(sign(build_apk("com.example", min_sdk=28), more=[(identifier, value)]))
    assert answer.errors
    assert not answer.verified


def test_what_is_no_apk_cannot_be_verified() -> None:
    for data in (b"", b"text", zip_bytes({"a": b"x"}), zip_bytes({"AndroidManifest.xml": b"<manifest/>"})):
        with pytest.raises(ApkError):
            check(data)


# What an adversarial review found, kept found ------------------------------------------------------

T = WECHAT_LIKE


@pytest.mark.parametrize("sdk", [34, 36])
@pytest.mark.parametrize("newer", ["v3.1 from 40", "v3.1 up to 33", "v3.2 from 45"])
def test_a_block_that_the_release_passes_over_covers_up_for_no_older_one(newer: str, sdk: int) -> None:
    pair = [V3Signer(A, (), 45), V3Signer(P, (), 45)]
    blocks = {
        "v3.1 from 40": {"v31": [V3Signer(A, min_sdk=40)]},
        "v3.1 up to 33": {"v31": [V3Signer(A, min_sdk=33, max_sdk=33)]},
        "v3.2 from 45": {"v32": pair},
    }[newer]
    forged = build_apk("com.example", v2=[A.wearing(T.certificate)], min_sdk=28, **blocks)  # type: ignore[arg-type]
    assert not check(forged, sdk, sdk).verified
    unsigned = build_apk("com.example", min_sdk=28, **blocks)  # type: ignore[arg-type]
    assert not check(unsigned, sdk, sdk).verified
    honest = check(build_apk("com.example", v2=[T], min_sdk=28, **blocks), sdk, sdk)  # type: ignore[arg-type]
    assert honest.verified, "nobody can spoil an honest v2 signature by a block that no release goes by"
    assert signers(honest) == [T.sha256]


def test_releases_that_no_signer_covers_are_refused() -> None:
    apk = build_apk("com.example", v3=[V3Signer(T, max_sdk=32)], v31=[V3Signer(A, (T,), 33, 33)], min_sdk=28)
    assert check(apk, 28, 33).verified
    assert codes(check(apk, 34, 34)) == {"V3_MISSING_SDK_VERSIONS"}
    assert "V3_MISSING_SDK_VERSIONS" in codes(check(apk))


def test_the_signer_of_the_newest_release_is_named_whatever_the_order_in_the_block() -> None:
    apk = build_apk("com.example", v3=[V3Signer(A, (T,), 33), V3Signer(T, max_sdk=32)], min_sdk=28)
    assert signers(check(apk, 36, 36)) == signers(check(apk)) == [A.sha256]
    assert signers(check(apk, 30, 30)) == [T.sha256]
    future = build_apk("com.example", v3=[V3Signer(T, max_sdk=39)], v31=[V3Signer(A, (T,), 40)], min_sdk=28)
    assert signers(check(future, 36, 36)) == [T.sha256]


def test_a_zip64_locator_leaves_no_signing_block() -> None:
    import zipfile
    from io import BytesIO

    apk = build_apk("com.example", v2=[A], min_sdk=24)
    eocd = apk.rindex(b"PK\x05\x06")
    located = apk[:eocd] + b"PK\x06\x07" + bytes(16) + apk[eocd:]
    assert not check(located).verified
    assert zipfile.is_zipfile(BytesIO(located))


@pytest.mark.parametrize(("low", "high"), [(21, 23), (24, 24), (24, 27), (26, 26), (28, 28), (37, 37), (21, 37)])
def test_a_jar_signature_alone_holds_for_every_release(low: int, high: int) -> None:
    answer = check(build_apk("com.example", v1=[A], target_sdk=28), low, high)
    assert answer.errors == ()
    assert signers(answer) == [A.sha256]


def test_a_v31_block_decides_nothing_for_releases_that_do_not_know_it() -> None:
    apk = build_apk("com.example", v31=[V3Signer(A, min_sdk=28)], min_sdk=28)
    assert not check(apk, 30, 30).verified
    assert not check(apk, 28, 40).verified


@pytest.mark.parametrize("member", [bytes(3000), None])
def test_a_source_stamp_that_cannot_be_read_keeps_nobody_from_verifying(member: bytes | None) -> None:
    """Else a member of that name would hide a listed app behind a file that cannot be read."""
    name = "stamp-cert-sha256"
    apk = bytearray(zip_bytes({"AndroidManifest.xml": MANIFEST, name: b"x" if member is None else member}, stored=True))
    if member is None:
        at = apk.index(name.encode()) - 30
        apk[at : at + 4] = b"none"
    answer = check(sign(bytes(apk), v2=[A]), 24)
    assert signers(answer) == [A.sha256]
    assert answer.stamp is not None
    assert answer.stamp.certificate_sha256 is None


def warnings(answer: Verification) -> set[str]:
    return {issue.code for issue in answer.issues if issue.level == "warning"}


def test_a_rotated_block_without_the_one_it_rotates_from_is_refused() -> None:
    apk = build_apk("com.example", v2=[A], v31=[V3Signer(B, (A,), 33)], min_sdk=24)
    assert codes(check(apk)) == codes(check(apk, 33)) == {"V31_BLOCK_FOUND_WITHOUT_V3_BLOCK"}
    assert signers(check(apk, 24, 32)) == [A.sha256]


@pytest.mark.parametrize("announced", [True, False])
def test_a_rotation_that_v3_does_not_announce_is_a_warning(announced: bool) -> None:
    old = V3Signer(A, max_sdk=32, numbers=((ROTATION_MIN_SDK, 33),) if announced else ())
    answer = check(build_apk("com.example", v2=[A], v3=[old], v31=[V3Signer(B, (A,), 33)], min_sdk=24))
    assert signers(answer) == [B.sha256]
    assert ("V31_ROTATION_MIN_SDK_ATTR_MISSING" in warnings(answer)) is not announced


def test_v3_takes_no_notice_of_what_targets_a_release_under_development() -> None:
    apk = build_apk("com.example", v3=[V3Signer(A, (), 28, numbers=((TARGETS_DEV_RELEASE, 1),))], min_sdk=28)
    assert signers(check(apk)) == signers(check(apk, 28, 28)) == [A.sha256]
    assert "V31_ROTATION_TARGETS_DEV_RELEASE_ATTR_ON_V3_SIGNER" in warnings(check(apk))
    assert [one.certificate.sha256 for one in identify(Memory(apk), 28).signing.signers] == [A.sha256]


def test_several_v3_signers_without_a_history_need_the_same_older_one() -> None:
    pair = [V3Signer(A, (), 28, 32), V3Signer(B, (), 33)]
    assert codes(check(build_apk("com.example", v2=[A], v3=pair, min_sdk=24))) == {"V3_SIG_MULTIPLE_SIGNERS"}


def test_the_history_of_v31_begins_with_whom_older_schemes_name() -> None:
    apk = build_apk("com.example", v2=[A], v3=[V3Signer(A, max_sdk=32)], v31=[V3Signer(B, (C,), 33)], min_sdk=24)
    assert codes(check(apk)) == {"V3_SIG_PAST_SIGNERS_MISMATCH"}


def test_a_directory_that_breaks_off_behind_the_manifest_is_no_apk() -> None:
    whole = zip_bytes({"AndroidManifest.xml": MANIFEST, "res/x": b"x"})
    end = whole.rindex(b"PK\x05\x06")
    size = end - 1 - directory_offset(whole)
    apk = whole[: end - 1] + whole[end : end + 12] + struct.pack("<I", size) + whole[end + 16 :]
    with pytest.raises(ApkError, match="beyond its end"):
        check(sign(apk, v2=[A]), 24)


@pytest.mark.parametrize("scheme", ["v2", "v3"])
@pytest.mark.parametrize("of_the_block", [True, False])
def test_a_modulus_without_its_leading_zero_is_positive(scheme: str, of_the_block: bool) -> None:
    """As some encoders wrote it, into the certificate and perhaps into the block; ``of_the_block``: into that too."""
    honest = rsa_key("r", RSA_PKCS1_SHA256)
    info = x509.Certificate.load(honest.certificate)["tbs_certificate"]["subject_public_key_info"]
    modulus = info["public_key"].parsed["modulus"].contents
    assert modulus[0] == 0
    odd = x509.Certificate.load(honest.certificate)
    body = odd["tbs_certificate"]
    key_bytes = der(0x30, der(0x02, modulus[1:]) + der(0x02, b"\1\0\1"))
    spki = der(0x30, info["algorithm"].dump() + der(0x03, b"\0" + key_bytes))
    tbs = der(0x30, body.contents.replace(info.dump(), spki))
    certificate = der(0x30, tbs + odd["signature_algorithm"].dump() + odd["signature_value"].dump())

    class Odd(Key):
        @property
        def public(self) -> bytes:
            return spki if of_the_block else honest.public

    one = Odd(honest.private, certificate, honest.algorithm)
    answer = check(build_apk("com.example", **{scheme: [one]}, min_sdk=28))  # type: ignore[arg-type]
    assert signers(answer) == [one.sha256]


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    long = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + (bytes([size]) if size < 0x80 else bytes([0x80 | len(long)]) + long) + content


@pytest.mark.parametrize(("codename", "holds"), [("M", False), ("Q", True), ("Tiramisu", True), ("q", False)])
def test_a_minimum_that_is_a_codename_counts(codename: str, holds: bool) -> None:
    """An app for a release under development needs no JAR signature; compared with apksigner 31."""
    apk = build_apk("com.example", v2=[A], min_sdk=codename, target_sdk=None)
    assert check(apk).verified is holds


def uses_sdk(least: int | str | None, target: int | None = None) -> axml.Element:
    said = {"android:minSdkVersion": least, "android:targetSdkVersion": target}
    return axml.Element("uses-sdk", {name: value for name, value in said.items() if value is not None})


@pytest.mark.parametrize(("first", "second"), [(23, 24), (24, 23), (24, None), (None, 24), ("O", 21), (21, "O")])
def test_of_several_minimums_the_highest_is_where_the_releases_begin(first: int | str, second: int | str) -> None:
    """Android asks of each that the release is not below it, so scheme v2 alone is enough."""
    children = [uses_sdk(first), uses_sdk(second, 29)]
    answer = check(build_apk(axml.manifest("com.example", children=children, min_sdk=None, target_sdk=None), v2=[A]))
    assert (answer.verified, answer.min_sdk) == (True, 25 if "O" in (first, second) else 24)


@pytest.mark.parametrize(
    ("elements", "holds"),
    [
        ([(21, 29), (21, 29)], True),
        ([(21, 33), (21, 29)], False),  # apksig goes by the first target there is
        ([(21, 29), (21, 33)], False),  # Android keeps the last
        ([(21, 29), (30, None)], False),  # which then targets its minimum
        ([(30, None), (21, 29)], True),
        ([(21, None), (30, None), (21, None)], False),
    ],
)
def test_of_several_targets_that_of_android_and_that_of_apksig_may_want_scheme_v2(elements, holds: bool) -> None:
    children = [uses_sdk(*one) for one in elements]
    apk = build_apk(axml.manifest("com.example", children=children, min_sdk=None, target_sdk=None), v1=[A])
    assert check(apk).verified is holds
