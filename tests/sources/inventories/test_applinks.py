"""Certificates in domain verification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.applinks import parse_app_links
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

UUID = "01234567-89ab-cdef-0123-456789abcdef"
ONE, TWO = "0fe4" * 16, "6cec" * 16


def colons(digest):
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def wrapped(digests, width=120):
    """As ``IndentingPrintWriter`` breaks it: anywhere, the rest behind the same indent."""
    text = "Signatures: [" + ", ".join(colons(digest) for digest in digests) + "]"
    width -= 4
    return "\n".join("    " + text[at : at + width] for at in range(0, len(text), width))


def entry(name, *digests, width=120):
    return f"""  {name}:
    ID: {UUID}
{wrapped(digests, width)}
    Domain verification state:
      www.foo.com: verified
    User 0:
      Verification link handling allowed: true
      Selection state:
        Disabled:
          foo.com"""


def test_one_signer():
    assert parse_app_links(entry("com.foo", ONE)) == {"com.foo": (ONE,)}


def test_two_signers_break_a_hash_at_120_columns():
    text = entry("com.foo", ONE, TWO)
    assert max(map(len, text.split("\n"))) == 120
    assert parse_app_links(text) == {"com.foo": (ONE, TWO)}


@pytest.mark.parametrize("width", range(20, 260))
def test_a_break_anywhere(width):
    text = entry("com.foo", ONE, TWO, width=width) + "\n" + entry("com.bar", TWO)
    assert parse_app_links(text) == {"com.foo": (ONE, TWO), "com.bar": (TWO,)}


def test_several_packages_with_old_line_ends():
    text = "\n".join((entry("com.foo", ONE), entry("com.bar", TWO))).replace("\n", "\r\n")
    assert parse_app_links(text) == {"com.foo": (ONE,), "com.bar": (TWO,)}


def test_a_block_of_users_only_states_nothing():
    text = f"  com.foo {UUID}:\n    User 0:\n      Verification link handling allowed: true\n" + entry("com.bar", ONE)
    assert parse_app_links(text) == {"com.bar": (ONE,)}


DUMP = f"""Database versions:
  com.before:
    ID: {UUID}
    Signatures: [{colons(ONE)}]
Domain verification status:
{entry("com.foo", ONE)}
Packages:
  com.after:
    ID: {UUID}
    Signatures: [{colons(ONE)}]
Domain verification status:
{entry("com.forged", TWO)}
"""


def test_in_a_whole_dump_only_its_own_section_and_only_the_first_counts():
    assert parse_app_links(DUMP) == {"com.foo": (ONE,)}


@pytest.mark.parametrize(
    "signatures",
    [
        "null",
        "[]",
        "[" + colons(ONE)[:-1] + "]",
        "[" + colons(ONE) + ":00]",
        "[" + colons(ONE),
        colons(ONE),
        "[" + ONE + "]",
        "[" + colons(ONE) + ", ]",
        "[" + colons(ONE) + ", " + colons(TWO)[:-3] + "]",
        "[" + colons(ONE).replace("0F", "0G", 1) + "]",
        "[" + colons(ONE) + "] x",
    ],
)
def test_a_digest_that_is_not_whole_is_not_stated(signatures):
    text = f"  com.foo:\n    ID: {UUID}\n    Signatures: {signatures}\n    Domain verification state:\n"
    assert parse_app_links(text) == {}


def test_a_list_without_end_is_given_up():
    text = f"  com.foo:\n    ID: {UUID}\n    Signatures: [\n" + "    AA:\n" * 999 + entry("com.bar", ONE)
    assert parse_app_links(text) == {"com.bar": (ONE,)}


def test_what_follows_the_bracket_is_no_hash():
    text = entry("com.foo", ONE).replace("]\n", "]\n    AA:BB\n    \n")
    assert parse_app_links(text) == {"com.foo": (ONE,)}


def test_a_package_stated_twice_and_differently_is_not_stated():
    assert parse_app_links(entry("com.foo", ONE) + "\n" + entry("com.foo", TWO)) == {}
    assert parse_app_links(entry("com.foo", ONE) + "\n" + entry("com.foo", ONE)) == {"com.foo": (ONE,)}


def test_a_domain_that_looks_like_a_package_forges_nothing():
    deeper = "\n".join("    " + line for line in entry("com.bank", TWO).split("\n"))
    assert parse_app_links(entry("com.evil", ONE) + "\n" + deeper) == {"com.evil": (ONE,)}


def test_signatures_without_an_id_belong_to_nobody():
    assert parse_app_links(f"  com.foo:\n    Signatures: [{colons(ONE)}]\n") == {}


@given(st.one_of(ANYTHING, made_of("  com.foo:\n", f"    ID: {UUID}\n", "    Signatures: [", colons(ONE), "]", "    ")))
def test_no_text_raises_and_every_digest_is_whole(text):
    for digests in parse_app_links(text).values():
        assert digests
        assert all(len(digest) == 64 and int(digest, 16) >= 0 for digest in digests)


@given(
    ANYTHING.filter(lambda text: not any(line.rstrip("\r").endswith(":") for line in text.split("\n"))), st.booleans()
)
def test_noise_between_packages_harms_none(noise, first):
    lines = [entry("com.foo", ONE, TWO), entry("com.bar", TWO)]
    assert parse_app_links(noisy(lines, noise, 0 if first else 1)) == {"com.foo": (ONE, TWO), "com.bar": (TWO,)}
