"""``cmd transparency get mba_info -v``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.transparency import TransparencyEntry, parse_transparency
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

ONE, TWO, THREE = "0fe4" * 16, "6cec" * 16, "abcd" * 16
HEADER = "Preload Info [Format: package_name,package_version,content_digest_algorithm:content_digest]:"


def entry(name, *signers, version="123", digest="CHUNKED_SHA256:" + "AB" * 32, label="x", lineage=(), header=HEADER):
    lines = [header] if header else []
    lines += [f"{name},{version},{digest}", "--- App Details ---", f"Label: {label}", "UID: 10123"]
    lines += ["--- Package Installation Info ---", "Current install location: /product/app/X/X.apk"]
    lines += ["Installation initiated by: null", "--- Package Signer Info ---"]
    lines += [f"Has multiple signers: {str(len(signers) > 1).lower()}"]
    lines += [f"Signing key has been rotated: {str(bool(lineage)).lower()}"]
    for signer in signers:
        lines += [f"Signer cert's SHA256-digest: {signer.upper()}", "Signing key algorithm: RSA"]
    if lineage:
        lines += [
            "== Signing Cert Lineage (Excluding The Most Recent) ==",
            "(Certs are sorted in the order of rotation)",
        ]
    for place, digest_ in enumerate(lineage, 1):
        lines += [f"  ++ Signer cert #{place} ++", f"  Cert SHA256-digest: {digest_.upper()}"]
    return "\n".join((*lines, "", ""))


def stated(name, *signers, rotated=False, lineage=(), version=123):
    multiple = len(signers) > 1
    return TransparencyEntry(name, version, signers, lineage, rotated, multiple, "/product/app/X/X.apk")


def test_one_signer():
    assert parse_transparency(entry("com.example", ONE)) == {"com.example": stated("com.example", ONE)}


def test_several_signers_and_old_line_ends():
    text = entry("com.a", ONE, TWO).replace("\n", "\r\n")
    assert parse_transparency(text) == {"com.a": stated("com.a", ONE, TWO)}


def test_a_rotated_key():
    text = entry("com.a", ONE, lineage=(TWO, THREE))
    assert parse_transparency(text) == {"com.a": stated("com.a", ONE, rotated=True, lineage=(TWO, THREE))}


@pytest.mark.parametrize("header", [HEADER, HEADER.replace("content", "package_sha256_digest,content", 1), ""])
def test_with_and_without_headers(header):
    text = entry("com.a", ONE, header=header) + entry("com.b", TWO, header=header.replace("Preload", "MBA"))
    assert parse_transparency(text) == {"com.a": stated("com.a", ONE), "com.b": stated("com.b", TWO)}


@pytest.mark.parametrize(
    "digest",
    [
        "CHUNKED_SHA256:AB",
        "VERITY_CHUNKED_SHA256:AB\nCHUNKED_SHA256:AB",
        "AB" * 32 + ",CHUNKED_SHA512:AB",
        "ERROR: Failed to compute package content digest for /product/app/X/X.apk",
        "UNKNOWN_ALGO_ID(9):AB",
    ],
)
def test_content_digests_of_any_kind(digest):
    assert parse_transparency(entry("com.a", ONE, digest=digest)) == {"com.a": stated("com.a", ONE)}


def test_without_a_content_digest_the_lines_run_together():
    text = entry("com.a", ONE, digest="").replace("com.a,123,\n", "com.a,123,")
    assert "com.a,123,--- App Details ---\n" in text
    assert parse_transparency(text) == {"com.a": stated("com.a", ONE)}


@pytest.mark.parametrize("text", ["ERROR: Unknown info type 'mba_info'\n", "cmd: Can't find service: transparency", ""])
def test_a_phone_that_knows_no_such_question(text):
    assert parse_transparency(text) == {}


@pytest.mark.parametrize(
    "label",
    [
        f"x\nSigner cert's SHA256-digest: {TWO.upper()}",
        "x\n  Cert SHA256-digest: " + TWO,
        "x\nCurrent install location: /forged",
        "x\nHas multiple signers: true",
        "x\n\nno,entry",
        "x\ncom.bank,1,CHUNKED_SHA256:AB",
    ],
)
def test_an_apps_own_words_before_the_heading_count_for_nothing(label):
    assert parse_transparency(entry("com.a", ONE, label=label)) == {"com.a": stated("com.a", ONE)}


@pytest.mark.parametrize("multiple", ["false", "true"])
def test_a_forged_heading_leaves_no_signer(multiple):
    label = f"x\n--- Package Signer Info ---\nHas multiple signers: {multiple}\nSigner cert's SHA256-digest: {TWO}"
    assert parse_transparency(entry("com.a", ONE, label=label))["com.a"].signers == ()


def test_a_forged_location_leaves_neither_location_nor_signer():
    label = "x\n--- Package Installation Info ---\nCurrent install location: /forged"
    found = parse_transparency(entry("com.a", ONE, label=label))["com.a"]
    assert (found.location, found.signers) == (None, ())


def test_an_app_told_of_twice_and_differently_has_no_signer():
    text = entry("com.evil", ONE, label="x\n" + entry("com.bank", TWO)) + entry("com.bank", THREE)
    entries = parse_transparency(text)
    assert (entries["com.bank"].signers, entries["com.evil"].signers) == ((), ())
    assert parse_transparency(entry("com.a", ONE) + entry("com.a", TWO))["com.a"].signers == ()
    assert parse_transparency(entry("com.a", ONE) * 2) == {"com.a": stated("com.a", ONE)}


@pytest.mark.parametrize("cut", ["Has multiple signers: ", "Signer cert's SHA256-digest: " + TWO[:9].upper()])
def test_a_text_that_breaks_off_states_no_signer(cut):
    text = entry("com.a", ONE, TWO)
    assert parse_transparency(text[: text.index(cut) + len(cut)])["com.a"].signers == ()


def test_signers_that_contradict_their_number_are_not_stated():
    text = entry("com.a", ONE).replace("multiple signers: false", "multiple signers: true")
    assert parse_transparency(text)["com.a"].signers == ()


def test_an_odd_digest_is_not_stated():
    assert parse_transparency(entry("com.a", "0fe4"))["com.a"].signers == ()
    assert parse_transparency(entry("com.a", ONE, lineage=("0fe4",)))["com.a"].signers == ()


WORDS = ["com.a,1,", "CHUNKED_SHA256:AB", "\n--- Package Signer Info ---\n", "Has multiple signers: false\n",
         "Signer cert's SHA256-digest: ", ONE, HEADER + "\n", "== Signing Cert Lineage\n",
         "  Cert SHA256-digest: "]  # fmt: skip


@given(st.one_of(ANYTHING, made_of(*WORDS)))
def test_no_text_raises_and_every_digest_is_whole(text):
    for found in parse_transparency(text).values():
        assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in (*found.signers, *found.lineage))


@given(ANYTHING, st.integers(0, 99))
def test_noise_between_lines_removes_no_app(noise, at):
    lines = (entry("com.a", ONE) + entry("com.b", TWO)).split("\n")
    first = lines.index("com.b,123,CHUNKED_SHA256:" + "AB" * 32)
    place = at % len(lines)
    found = parse_transparency(noisy(lines, noise, place))
    expected = {"com.a": stated("com.a", ONE), "com.b": stated("com.b", TWO)}
    if place not in {1, first}:  # between a header and its line, noise hides which is which
        assert {name: found.get(name) for name in expected} == expected
