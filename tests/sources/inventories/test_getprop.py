"""``getprop``."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.getprop import MAX_VALUE_LINES, parse_properties
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

LINES = [
    "[ro.product.model]: [SM-A515F]",
    "[ro.build.version.sdk]: [33]",
    "[ro.build.fingerprint]: [samsung/a51/a51:13/TP1A:user/release-keys]",
    "[sys.empty]: []",
    "[odd]: [a]: [b]",
]


def test_keys_and_values():
    assert parse_properties("\r\n".join(LINES)) == {
        "ro.product.model": "SM-A515F",
        "ro.build.version.sdk": "33",
        "ro.build.fingerprint": "samsung/a51/a51:13/TP1A:user/release-keys",
        "sys.empty": "",
        "odd": "a]: [b",
    }


def test_a_value_over_several_lines_with_a_blank_one():
    text = "[a]: [1]\n[boot.reason]: [x\n\nreboot,1\n]\n[b]: [2]\n"
    assert parse_properties(text) == {"a": "1", "boot.reason": "x\n\nreboot,1\n", "b": "2"}


def test_a_value_that_never_ends_takes_no_other_with_it():
    assert parse_properties("[a]: [1\n[b]: [2]\n[c]: [3\n") == {"b": "2"}


def test_an_endless_value_is_given_up():
    text = "[a]: [1\n" + "x\n" * (MAX_VALUE_LINES + 5) + "]\n[b]: [2]"
    assert parse_properties(text) == {"b": "2"}


def test_the_first_of_two_counts():
    assert parse_properties("[a]: [1]\n[a]: [2]") == {"a": "1"}


@given(st.one_of(ANYTHING, made_of("[", "]", "]: [", "[a]: [", "\r\n")))
def test_no_text_raises(text):
    parse_properties(text)


@given(ANYTHING.filter(lambda text: not text.startswith("[")), st.integers(0, 9))
def test_noise_between_lines_harms_no_property(noise, at):
    expected = parse_properties("\n".join(LINES))
    found = parse_properties(noisy(LINES, noise, at))
    assert {key: found.get(key) for key in expected} == expected
