"""Noise between the lines of a phone's output."""

from __future__ import annotations

from hypothesis import strategies as st

CHARACTERS = st.characters(exclude_categories=())
"""Any at all, lone surrogates too: a phone's bytes are decoded with ``surrogateescape``."""
ANYTHING = st.text(CHARACTERS, max_size=300)


def noisy(lines, noise, at):
    """The lines with noise behind the one at this place."""
    place = at % (len(lines) + 1)
    return "\n".join((*lines[:place], noise, *lines[place:]))


def made_of(*pieces):
    """Text of a format's own words in any order, and any other characters: nearer to harm than plain noise."""
    word = st.one_of(st.sampled_from(pieces), st.text(CHARACTERS, max_size=8), st.sampled_from([" ", "\n", "=", ":"]))
    return st.lists(word, max_size=60).map("".join)
