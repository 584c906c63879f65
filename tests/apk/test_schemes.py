"""Signers in the signing block: v2, v3, v3.1, lineage; and blocks that lie."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.apk import schemes as module
from scanner.apk import signingblock
from scanner.apk.schemes import read_lineage, read_schemes
from scanner.apk.signingblock import V2, V3, V31, V32, read_signing_block
from scanner.bytesource import Memory
from scanner.errors import ApkError, LimitExceeded
from scanner.model import Limits, Scheme
from tests.support import signer
from tests.support.apk_builder import build_apk, directory_offset, sign, with_block
from tests.support.signer import NEWEST, V3Signer, key, run

ALICE, BOB, CAROL = key("alice"), key("bob"), key("carol")
DIGEST = bytes(32)
UNSIGNED = build_apk()
FULL = build_apk(
    v2=[ALICE],
    v3=[V3Signer(BOB, (ALICE,), max_sdk=32)],
    v31=[V3Signer(CAROL, (ALICE, BOB), min_sdk=33)],
)


def block_in(apk: bytes):
    return read_signing_block(Memory(apk), directory_offset(apk))


def schemes_of(apk: bytes) -> dict[str, Scheme]:
    block = block_in(apk)
    assert block is not None
    return {scheme.name: scheme for scheme in read_schemes(block)}


def scheme_of(number: int, value: bytes) -> Scheme:
    """The scheme read from a block whose value is ``value``."""
    apk = with_block(UNSIGNED, signer.signing_block([(number, value)]))
    (scheme,) = schemes_of(apk).values()
    return scheme


def digests(scheme: Scheme) -> list[str | None]:
    return [one.certificate.sha256 for one in scheme.signers]


# Honest blocks


def test_each_scheme_keeps_its_own_signers_and_the_oldest_scheme_comes_first():
    found = schemes_of(FULL)
    assert list(found) == ["v2", "v3", "v3.1"]
    assert [digests(scheme) for scheme in found.values()] == [[ALICE.sha256], [BOB.sha256], [CAROL.sha256]]
    assert all(scheme.problem is None for scheme in found.values())


def test_a_v2_block_may_have_several_signers():
    scheme = schemes_of(build_apk(v2=[ALICE, BOB, CAROL]))["v2"]
    assert digests(scheme) == [ALICE.sha256, BOB.sha256, CAROL.sha256]
    assert all((one.min_sdk, one.max_sdk, one.history) == (None, None, ()) for one in scheme.signers)


def test_each_v3_signer_has_its_own_sdk_range():
    scheme = schemes_of(build_apk(v3=[V3Signer(ALICE, min_sdk=28, max_sdk=30), V3Signer(BOB, min_sdk=31)]))["v3"]
    assert [(one.min_sdk, one.max_sdk) for one in scheme.signers] == [(28, 30), (31, NEWEST)]


def test_the_lineage_is_the_history_oldest_first_without_the_current_certificate():
    (one,) = schemes_of(FULL)["v3.1"].signers
    assert [past.certificate.sha256 for past in one.history] == [ALICE.sha256, BOB.sha256]
    (one,) = schemes_of(build_apk(v3=[ALICE]))["v3"].signers
    assert one.history == ()


@pytest.mark.parametrize(
    ("flags", "capabilities"),
    [
        (0, ()),
        (1, ("installed-data",)),
        (2, ("shared-user-id",)),
        (4, ("permission",)),
        (8, ("rollback",)),
        (16, ("auth",)),
        (23, ("installed-data", "shared-user-id", "permission", "auth")),
        (0xFFFFFFE0, ()),
        (0xFFFFFFFF, ("installed-data", "shared-user-id", "permission", "rollback", "auth")),
    ],
)
def test_a_past_certificate_has_the_capabilities_of_its_flags(flags, capabilities):
    (one,) = schemes_of(build_apk(v3=[V3Signer(BOB, (ALICE,), flags=flags)]))["v3"].signers
    assert [past.capabilities for past in one.history] == [capabilities]


def test_an_unsigned_apk_has_no_block():
    assert block_in(UNSIGNED) is None


def test_unknown_blocks_around_the_schemes_are_passed_over():
    before = signer.signing_block([(0x42726577, b"padding"), (V2, signer.block_of([signer.v2_signer(ALICE, DIGEST)]))])
    assert list(schemes_of(with_block(UNSIGNED, before))) == ["v2"]
    assert list(schemes_of(sign(UNSIGNED, v2=[ALICE], more=[(0x6DFF800D, b""), (0x1234, b"x" * 100)]))) == ["v2"]


def test_a_block_with_no_scheme_has_no_schemes():
    assert schemes_of(with_block(UNSIGNED, signer.signing_block([(0x42726577, b"padding")]))) == {}
    assert schemes_of(with_block(UNSIGNED, signer.signing_block([]))) == {}


def test_bytes_behind_the_signers_are_ignored_as_on_android():
    value = signer.block_of([signer.v2_signer(ALICE, DIGEST)]) + b"behind"
    assert digests(scheme_of(V2, value)) == [ALICE.sha256]


def test_only_the_first_certificate_of_a_signer_counts():
    signed = run(b"") + run(run(ALICE.certificate) + run(BOB.certificate)) + run(b"")
    assert digests(scheme_of(V2, run(run(run(signed))))) == [ALICE.sha256]


# Of a repeated block the first counts


def test_of_a_repeated_scheme_the_first_counts_and_it_is_noted():
    first, second = (signer.block_of([signer.v2_signer(one, DIGEST)]) for one in (ALICE, BOB))
    apk = with_block(UNSIGNED, signer.signing_block([(V2, first), (V2, second)]))
    assert digests(schemes_of(apk)["v2"]) == [ALICE.sha256]
    assert block_in(apk).tamper == ("signing-block-repeated: v2; the first counts",)


def test_a_repeated_unknown_block_is_not_worth_a_note():
    apk = with_block(UNSIGNED, signer.signing_block([(1, b"a"), (1, b"b")]))
    assert block_in(apk).tamper == ()


# A block that is not found


@pytest.mark.parametrize("at", [0, -16, -1])
def test_a_block_whose_magic_is_spoiled_is_none(at):
    block = bytearray(signer.signing_block([(V2, b"")]))
    block[at - 16 if at == 0 else at] ^= 1
    assert block_in(with_block(UNSIGNED, bytes(block))) is None


@pytest.mark.parametrize("size", [0, 1, 23, 1 << 31, 1 << 63, (1 << 64) - 1])
@pytest.mark.parametrize("where", ["header", "footer"])
def test_sizes_that_contradict_each_other_are_no_block(where, size):
    block = bytearray(signer.signing_block([(V2, b"value")]))
    struct.pack_into("<Q", block, 0 if where == "header" else len(block) - 24, size)
    assert block_in(with_block(UNSIGNED, bytes(block))) is None


def test_a_directory_at_the_very_beginning_has_no_block_before_it():
    for offset in range(32):
        assert read_signing_block(Memory(bytes(100)), offset) is None


def test_a_block_larger_than_the_limit_is_refused():
    block = signer.signing_block([(1, bytes(100))])
    apk = with_block(UNSIGNED, block)
    source, offset = Memory(apk), directory_offset(apk)
    with pytest.raises(LimitExceeded, match=r"\(--limit signing-block\)"):
        read_signing_block(source, offset, Limits(signing_block=len(block) - 9))
    assert read_signing_block(source, offset, Limits(signing_block=len(block) - 8)) is not None


def broken_note(apk: bytes) -> bool:
    return any(note.startswith("signing-block-broken: ") for note in block_in(apk).tamper)


def test_of_more_pairs_than_the_limit_the_first_count_and_it_is_noted():
    many = signer.signing_block([(number, b"") for number in range(signingblock.MAX_PAIRS + 1)])
    apk = with_block(UNSIGNED, many)
    assert len(block_in(apk).pairs) == signingblock.MAX_PAIRS
    assert broken_note(apk)


@pytest.mark.parametrize("short", [0, 1])
def test_as_many_pairs_as_the_limit_are_read(short):
    count = signingblock.MAX_PAIRS - short
    apk = with_block(UNSIGNED, signer.signing_block([(number, b"") for number in range(count)]))
    assert len(block_in(apk).pairs) == count
    assert block_in(apk).tamper == ()


@pytest.mark.parametrize("length", [0, 3, 1 << 32, 1 << 63, (1 << 64) - 1])
def test_a_pair_that_does_not_fit_ends_the_search_and_is_noted(length):
    value = signer.block_of([signer.v2_signer(ALICE, DIGEST)])
    for pairs in ([(V2, value), (V3, b"")], [(V3, b""), (V2, value)]):
        block = bytearray(signer.signing_block(pairs))
        struct.pack_into("<Q", block, 8 + 12 + len(pairs[0][1]), length)
        apk = with_block(UNSIGNED, bytes(block))
        assert list(block_in(apk).pairs) == [pairs[0][0]]
        assert broken_note(apk)
    assert digests(schemes_of(with_block(UNSIGNED, signer.signing_block([(V2, value)])))["v2"]) == [ALICE.sha256]


# A scheme that does not parse has a problem and no signer


def v3_value(one: V3Signer, *, outer: tuple[int, int] | None = None, attributes: bytes | None = None) -> bytes:
    span = struct.pack("<II", one.min_sdk, one.max_sdk)
    told = struct.pack("<II", *outer) if outer else span
    lineage = run(struct.pack("<I", signer.PROOF_OF_ROTATION) + signer.lineage(one)) if one.past else b""
    signed = run(b"") + run(run(one.key.certificate)) + span + run(lineage if attributes is None else attributes)
    return signer.block_of([run(signed) + told + run(b"") + run(one.key.public)])


@pytest.mark.parametrize("number", [V2, V3, V31, V32])
@pytest.mark.parametrize("value", [b"", b"\0", run(b""), run(run(b"")), run(run(run(b""))), b"\xff" * 4, b"\xff" * 60])
def test_a_block_without_a_readable_signer_has_a_problem(number, value):
    scheme = scheme_of(number, value)
    assert scheme.signers == ()
    assert scheme.problem


def test_a_signer_without_certificates_is_a_problem():
    scheme = scheme_of(V2, run(run(run(run(b"") + run(b"") + run(b"")))))
    assert scheme == Scheme("v2", problem="v2 signer: no certificate")


def test_one_broken_signer_spoils_the_scheme_and_no_other():
    good = signer.v2_signer(ALICE, DIGEST)
    v3 = signer.block_of([signer.v3_signer(V3Signer(BOB), DIGEST)])
    block = signer.signing_block([(V2, signer.block_of([good, good[:-1][:20]])), (V3, v3)])
    found = schemes_of(with_block(UNSIGNED, block))
    assert found["v2"].signers == ()
    assert found["v2"].problem
    assert digests(found["v3"]) == [BOB.sha256]


def test_more_signers_than_android_accepts_are_a_problem():
    good = signer.v2_signer(ALICE, DIGEST)
    assert len(scheme_of(V2, signer.block_of([good] * module.MAX_V2_SIGNERS)).signers) == module.MAX_V2_SIGNERS
    assert "more than 10" in (scheme_of(V2, signer.block_of([good] * 11)).problem or "")


@pytest.mark.parametrize("outer", [(24, 30), (25, NEWEST), (0, 0)])
def test_an_sdk_range_that_differs_from_the_signed_one_is_a_problem(outer):
    scheme = scheme_of(V3, v3_value(V3Signer(ALICE), outer=outer))
    assert scheme == Scheme("v3", problem="v3 signer: its SDK range differs from the signed one")


def test_a_lineage_that_ends_with_another_certificate_is_a_problem():
    strange = signer.lineage(V3Signer(CAROL, (ALICE,)))
    attribute = run(struct.pack("<I", signer.PROOF_OF_ROTATION) + strange)
    scheme = scheme_of(V3, v3_value(V3Signer(BOB), attributes=attribute))
    assert scheme == Scheme("v3", problem="v3 signer: its lineage ends with another certificate")


@pytest.mark.parametrize("version", [0, 2, 0xFFFFFFFF])
def test_a_lineage_of_another_version_is_a_problem(version):
    value = struct.pack("<I", version) + signer.lineage(V3Signer(BOB, (ALICE,)))[4:]
    with pytest.raises(ApkError, match=f"version {version} is unknown"):
        read_lineage(value)
    attribute = run(struct.pack("<I", signer.PROOF_OF_ROTATION) + value)
    assert scheme_of(V3, v3_value(V3Signer(BOB), attributes=attribute)).problem


def test_a_lineage_is_read_with_the_current_certificate_last():
    levels = read_lineage(signer.lineage(V3Signer(CAROL, (ALICE, BOB))))
    assert [level.certificate.sha256 for level in levels] == [ALICE.sha256, BOB.sha256, CAROL.sha256]


def test_a_lineage_longer_than_the_limit_is_refused():
    fine = signer.lineage(V3Signer(BOB, (ALICE,) * (module.MAX_LINEAGE - 1)))
    assert len(read_lineage(fine)) == module.MAX_LINEAGE
    with pytest.raises(ApkError):
        read_lineage(signer.lineage(V3Signer(BOB, (ALICE,) * module.MAX_LINEAGE)))


def test_other_attributes_than_the_lineage_are_passed_over():
    lineage = run(struct.pack("<I", signer.PROOF_OF_ROTATION) + signer.lineage(V3Signer(BOB, (ALICE,))))
    attributes = run(struct.pack("<I", 0x559F8B02) + b"\x21\0\0\0") + run(struct.pack("<I", 7)) + lineage
    (one,) = scheme_of(V3, v3_value(V3Signer(BOB), attributes=attributes)).signers
    assert [past.certificate.sha256 for past in one.history] == [ALICE.sha256]


def test_a_v32_block_is_laid_out_as_v3_is():
    value = signer.block_of([signer.v3_signer(V3Signer(one, (CAROL,), min_sdk=37), DIGEST) for one in (ALICE, BOB)])
    scheme = scheme_of(V32, value)
    assert scheme.name == "v3.2"
    assert digests(scheme) == [ALICE.sha256, BOB.sha256]
    assert all([past.certificate.sha256 for past in one.history] == [CAROL.sha256] for one in scheme.signers)


def test_a_signer_may_be_meant_for_a_release_in_development():
    attributes = run(struct.pack("<I", module.TARGETS_DEV_RELEASE))
    (one,) = scheme_of(V31, v3_value(V3Signer(ALICE), attributes=attributes)).signers
    assert one.for_dev_release
    assert not scheme_of(V31, v3_value(V3Signer(ALICE))).signers[0].for_dev_release


def test_two_lineages_in_one_signer_are_a_problem():
    lineage = run(struct.pack("<I", signer.PROOF_OF_ROTATION) + signer.lineage(V3Signer(BOB, (ALICE,))))
    assert scheme_of(V3, v3_value(V3Signer(BOB), attributes=lineage)).problem is None
    scheme = scheme_of(V3, v3_value(V3Signer(BOB), attributes=lineage * 2))
    assert scheme == Scheme("v3", problem="v3 signer: more than one lineage")


# Spoiled blocks give a value or an `ApkError`


def spoiled_outcome(apk: bytes, offset: int) -> str:
    """What reading gives: a test that calls this fails on any exception but `ApkError`."""
    try:
        block = read_signing_block(Memory(apk), offset)
    except ApkError:
        return "error"
    for scheme in read_schemes(block) if block else ():
        assert bool(scheme.signers) != bool(scheme.problem)
    return "none" if block is None else "noted" if block.tamper else "block"


def spans() -> tuple[int, int]:
    return directory_offset(UNSIGNED), directory_offset(FULL)


def test_a_signing_block_truncated_at_any_length_is_a_value_or_an_apk_error():
    begin, end = spans()
    value = FULL[begin:end]
    seen = {
        spoiled_outcome(with_block(UNSIGNED, value[cut:]), begin + len(value) - cut) for cut in range(1, len(value))
    }
    seen |= {spoiled_outcome(with_block(UNSIGNED, value[:cut]), begin + cut) for cut in range(len(value))}
    assert seen == {"none"}, "cut off, its sizes contradict each other or its magic is gone"


def test_pairs_truncated_at_any_length_under_honest_sizes_are_a_value_or_an_apk_error():
    begin, end = spans()
    body = FULL[begin + 8 : end - 24]
    seen = set()
    for cut in range(len(body)):
        size = struct.pack("<Q", cut + 24)
        block = size + body[:cut] + size + signer.MAGIC
        seen.add(spoiled_outcome(with_block(UNSIGNED, block), begin + len(block)))
    assert seen == {"block", "noted"}


@pytest.mark.parametrize("number", [V2, V3, V31])
def test_a_scheme_truncated_at_any_length_has_a_problem(number):
    value = block_in(FULL).pairs[number]
    for cut in range(len(value)):
        scheme = scheme_of(number, value[:cut])
        assert scheme.signers == ()
        assert scheme.problem


def test_any_byte_of_the_signing_block_may_be_flipped():
    begin, end = spans()
    chance = random.Random(20261123)
    seen = set()
    for at in range(begin, end):
        spoiled = bytearray(FULL)
        spoiled[at] ^= chance.randrange(1, 256)
        seen.add(spoiled_outcome(bytes(spoiled), end))
    assert seen == {"block", "none", "noted"}


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([V2, V3, V31]), st.data())
def test_a_scheme_spoiled_in_several_places_has_signers_or_a_problem(number, data):
    value = bytearray(block_in(FULL).pairs[number])
    for _ in range(data.draw(st.integers(1, 6))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.sampled_from([0, 1, 4, 127, 128, 255]))
    scheme = scheme_of(number, bytes(value))
    assert bool(scheme.signers) != bool(scheme.problem)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120))
def test_a_lineage_of_any_bytes_is_levels_or_an_apk_error(data):
    for value in (data, struct.pack("<I", 1) + data):
        try:
            levels = read_lineage(value)
        except ApkError:
            continue
        assert all(level.certificate.sha256 for level in levels)
