"""What detection sees of a head."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.readers.mdm_head import MAX_DEPTH, MAX_KEY, glimpse

TEXTS = st.text(alphabet='[]{}"\\,:ab\n\u00e9', max_size=8)
NESTED = st.recursive(
    TEXTS | st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS.map("k{}".format), inner, max_size=3),
    max_leaves=10,
)


@given(value=st.dictionaries(st.sampled_from("abc"), TEXTS | st.none() | st.integers(), max_size=3), indent=st.none())
def test_a_glimpse_of_a_whole_object_names_every_key(value, indent) -> None:
    seen = {key: said if isinstance(said, str) else "" for key, said in value.items()}
    assert glimpse(json.dumps(value, indent=indent)) == seen


@given(value=st.lists(NESTED, max_size=3), ascii_only=st.booleans())
def test_no_cut_makes_a_glimpse_see_what_is_not_there(value, ascii_only) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    whole = glimpse(text)
    for cut in range(len(text)):
        seen = glimpse(text[:cut])
        assert all(said in {"", whole[key]} for key, said in seen.items())


def test_a_glimpse_names_keys_through_arrays_and_keeps_the_first_text() -> None:
    seen = glimpse('[{"a": [{"b": "one", "c": 1}, {"b": "two"}], "d": {"e": nul')
    assert seen == {"a": "", "a.b": "one", "a.c": "", "d": "", "d.e": ""}


def test_a_glimpse_of_objects_that_follow_each_other() -> None:
    assert glimpse('{"a": 1}\n{"b": "x"}\n{"c') == {"a": "", "b": "x"}


def test_a_key_is_seen_before_its_colon() -> None:
    assert glimpse('{"a": 1, "b"') == {"a": "", "b": ""}


@pytest.mark.parametrize(
    ("head", "seen"),
    [
        (r'{"\u0061\n": "\ud83d\ude00\ud800"}', {"a\n": "\U0001f600?"}),
        ('{"a": 01, "b": 1}', {"a": ""}),
        ('{"a": "b\n", "c": 1}', {"a": ""}),
        ('{"a" 1, "b": 2}', {"a": ""}),
        ('{"a": 1 "b": 2}', {"a": ""}),
        ('{"a": 1], "b": 2}', {"a": ""}),
        ('{"a": [1}, "b": 2}', {"a": ""}),
        ('{"a": 1, 2: 3, "b": 2}', {"a": ""}),
        ('["a": 1]', {}),
        ('"a"', {}),
    ],
)
def test_a_glimpse_ends_where_the_json_breaks(head, seen) -> None:
    assert glimpse(head) == seen


def test_a_head_that_is_nested_deep_tells_what_came_before() -> None:
    def beyond(depth):
        return glimpse('{"a": ' + "[" * depth + "]" * depth + ', "b": 1}')

    assert beyond(MAX_DEPTH - 1) == {"a": "", "b": ""}
    assert beyond(MAX_DEPTH) == {"a": ""}
    assert glimpse('{"a": "' + "[" * MAX_DEPTH + '", "b": 1}') == {"a": "[" * MAX_KEY, "b": ""}
