"""Which scheme governs which Android release."""

from __future__ import annotations

import pytest

from scanner.apk.release import KNOWN_SINCE, api_level, contradictions, signing_for
from scanner.certificate import from_der
from scanner.model import PastSigner, Scheme, Signer

NEWEST = 0x7FFFFFFF


def signer(name: str, least: int | None = None, most: int | None = None, past: tuple[str, ...] = ()) -> Signer:
    history = tuple(PastSigner(from_der(one.encode())) for one in past)
    return Signer(from_der(name.encode()), least, most, history)


V1 = Scheme("v1", (signer("one"),))
V2 = Scheme("v2", (signer("two"),))
V3 = Scheme("v3", (signer("three", 24, NEWEST),))
V31 = Scheme("v3.1", (signer("three-one", 33, NEWEST),))
POST_QUANTUM = Signer(from_der(b"a key of " + bytes.fromhex("0609608648016503040312")), 37, NEWEST)
"""As much of an ML-DSA certificate as tells what it is: the object identifier of ML-DSA-65."""
V32 = Scheme("v3.2", (signer("three-two", 37, NEWEST), POST_QUANTUM))
EVERY = (V1, V2, V3, V31, V32)


@pytest.mark.parametrize(
    ("schemes", "sdk", "governing"),
    [
        (EVERY, 1, "v1"),
        (EVERY, 23, "v1"),
        (EVERY, 24, "v2"),
        (EVERY, 27, "v2"),
        (EVERY, 28, "v3"),
        (EVERY, 32, "v3"),
        (EVERY, 33, "v3.1"),
        (EVERY, 36, "v3.1"),
        (EVERY, 37, "v3.2"),
        (EVERY, NEWEST, "v3.2"),
        ((V1,), 37, "v1"),
        ((V1,), 19, "v1"),
        ((V1, V2), 37, "v2"),
        ((V1, V2), 23, "v1"),
        ((V1, V3), 27, "v1"),
        ((V1, V3), 28, "v3"),
        ((V1, V2, V3), 26, "v2"),
        ((V2,), 23, None),
        ((V3,), 27, None),
        ((V31,), 32, None),
        ((V3, V31), 30, "v3"),
        ((V2, V31), 34, "v3.1"),
        ((), 37, None),
    ],
)
def test_the_newest_scheme_that_a_release_knows_governs_it(schemes, sdk, governing):
    for order in (schemes, schemes[::-1]):
        signing = signing_for(order, sdk)
        expected = next((scheme for scheme in schemes if scheme.name == governing), None)
        assert signing.governing == governing
        assert signing.signers == (expected.signers[:1] if expected else ())
        assert signing.sdk == sdk
        assert signing.schemes == order
        assert signing.problem is None


def test_each_scheme_begins_with_the_release_of_the_design():
    assert dict(KNOWN_SINCE) == {"v1": 1, "v2": 24, "v3": 28, "v3.1": 33, "v3.2": 37}


@pytest.mark.parametrize(("least", "most"), [(34, NEWEST), (35, 40), (24, 32), (33, 32), (0, 0)])
def test_a_v31_block_without_a_signer_for_the_release_is_passed_over(least, most):
    v31 = Scheme("v3.1", (signer("rotated", least, most),))
    assert signing_for((V2, V3, v31), 33).governing == "v3"
    assert signing_for((V2, v31), 33).governing == "v2"
    assert signing_for((v31,), 33).governing is None


def test_a_v32_block_without_a_signer_for_the_release_is_passed_over():
    v32 = Scheme("v3.2", (signer("hybrid", 38, NEWEST),))
    assert signing_for((V3, V31, v32), 37).governing == "v3.1"


@pytest.mark.parametrize("order", [1, -1])
def test_of_a_v32_pair_the_classical_signer_is_current(order):
    signing = signing_for((V2, V3, Scheme("v3.2", V32.signers[::order])), 37)
    assert (signing.governing, signing.signers, signing.problem) == ("v3.2", V32.signers[:1], None)


@pytest.mark.parametrize(
    "signers",
    [V32.signers[:1], V32.signers[1:], (*V32.signers, signer("third", 37, NEWEST)), (POST_QUANTUM, POST_QUANTUM)],
)
def test_a_v32_block_that_is_no_pair_is_a_problem_and_nothing_older_speaks(signers):
    signing = signing_for((V2, V3, Scheme("v3.2", signers)), 37)
    assert signing.governing == "v3.2"
    assert "one classical and one post-quantum" in (signing.problem or "")
    assert V3.signers[0] not in signing.signers


def test_a_signer_for_a_release_in_development_does_not_hold_for_that_release():
    early = Signer(from_der(b"early"), 33, NEWEST, for_dev_release=True)
    assert signing_for((V3, Scheme("v3.1", (early,))), 33).governing == "v3"
    assert signing_for((V3, Scheme("v3.1", (early,))), 34).signers == (early,)


@pytest.mark.parametrize(("least", "most"), [(31, NEWEST), (24, 29), (0, 0), (31, 29)])
def test_a_v3_block_without_a_signer_for_the_release_is_an_error_and_nothing_older_speaks(least, most):
    signing = signing_for((V1, V2, Scheme("v3", (signer("three", least, most),))), 30)
    assert signing.governing == "v3"
    assert signing.signers == ()
    assert signing.problem == "v3 block: no signer for API level 30"


@pytest.mark.parametrize(("name", "sdk"), [("v2", 24), ("v3", 28), ("v3.1", 33), ("v3.2", 37)])
def test_a_broken_block_never_falls_back_to_an_older_scheme(name, sdk):
    older = tuple(scheme for scheme in EVERY if scheme.name < name)
    signing = signing_for((*older, Scheme(name, problem="torn")), sdk)
    assert (signing.governing, signing.signers, signing.problem) == (name, (), "torn")


@pytest.mark.parametrize(("name", "sdk", "governing"), [("v2", 23, "v1"), ("v3", 27, "v2"), ("v3.1", 32, "v3")])
def test_a_broken_block_that_the_release_does_not_know_is_ignored(name, sdk, governing):
    older = tuple(scheme for scheme in EVERY if scheme.name < name)
    signing = signing_for((*older, Scheme(name, problem="torn")), sdk)
    assert (signing.governing, signing.problem) == (governing, None)


@pytest.mark.parametrize("sdk", [28, 30, 31, 40])
def test_each_release_has_the_v3_signer_whose_range_holds_it(sdk):
    early, late = signer("early", 28, 30), signer("late", 31, NEWEST)
    signing = signing_for((Scheme("v3", (early, late)),), sdk)
    assert signing.signers == ((early,) if sdk <= 30 else (late,))
    assert signing.problem is None


def test_two_v3_signers_for_one_release_are_a_problem():
    signing = signing_for((Scheme("v3", (signer("a", 24, 40), signer("b", 28, 40))),), 30)
    assert signing.problem == "v3 block: 2 signers for API level 30, Android accepts one"


def test_two_v2_signers_are_no_problem():
    signing = signing_for((Scheme("v2", (signer("a"), signer("b"))),), 30)
    assert (len(signing.signers), signing.problem) == (2, None)


def test_the_history_is_that_of_the_governing_signer():
    rotated = signer("new", 24, NEWEST, ("oldest", "old"))
    history = signing_for((V1, V2, Scheme("v3", (rotated,))), 37).history
    assert [past.certificate.der for past in history] == [b"oldest", b"old"]
    assert signing_for((V1, V2), 37).history == ()
    assert signing_for((), 37).history == ()


# Contradictions


def test_schemes_that_agree_do_not_contradict():
    same = signer("same", 24, NEWEST)
    schemes = (Scheme("v1", (same,)), Scheme("v2", (same,)), Scheme("v3", (same,)))
    assert contradictions(signing_for(schemes, 37)) == ()


def test_a_rotated_key_does_not_contradict_its_past():
    rotated = signer("new", 33, NEWEST, ("old",))
    schemes = (Scheme("v1", (signer("old"),)), Scheme("v2", (signer("old"),)), Scheme("v3.1", (rotated,)))
    assert contradictions(signing_for(schemes, 37)) == ()
    assert contradictions(signing_for(schemes, 30)) == (), "seen from the past, the newer key has it in its history"


def test_schemes_that_name_strangers_contradict():
    signing = signing_for((V1, V2), 37)
    (note,) = contradictions(signing)
    assert note == f"v1 names signer {V1.signers[0].certificate.sha256}, v2 does not"


def test_every_stranger_is_noted():
    signing = signing_for((Scheme("v1", (signer("a"), signer("b"), signer("two"))), V2), 30)
    assert len(contradictions(signing)) == 2


def test_without_a_governing_signer_nothing_contradicts():
    assert contradictions(signing_for((), 37)) == ()
    assert contradictions(signing_for((V1, Scheme("v2", problem="torn")), 37)) == ()


@pytest.mark.parametrize(
    ("codename", "level"), [("N", 23), ("O", 25), ("Pie", 26), ("Q", 27), ("Tiramisu", 30), ("Z", 36)]
)
def test_a_codename_stands_for_the_release_before(codename: str, level: int) -> None:
    assert api_level(codename) == level


@pytest.mark.parametrize("codename", [None, "", "A", "B", "q", "7", "\u0130"])
def test_what_is_no_codename_stands_for_every_release(codename: str | None) -> None:
    assert api_level(codename) == 1
