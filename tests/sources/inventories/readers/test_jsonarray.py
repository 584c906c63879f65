"""JSON arrays, object by object."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.readers import jsonarray
from scanner.sources.inventories.readers.jsonarray import JsonArray

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


@given(items=st.lists(VALUES, max_size=8), indent=st.sampled_from([None, 1]), chunk=st.integers(1, 40))
def test_every_object_comes_out_however_the_text_is_cut(items, indent, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonarray, "CHUNK", chunk)
        array = JsonArray(io.StringIO(json.dumps(items, indent=indent)))
        assert list(array) == [(place, item) for place, item in enumerate(items, 1) if isinstance(item, dict)]
        assert array.problem is None
        assert array.others == sum(not isinstance(item, dict) for item in items)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_a_member_of_an_object(monkeypatch, chunk):
    monkeypatch.setattr(jsonarray, "CHUNK", chunk)
    array = JsonArray(io.StringIO('{"version": 12, "other": [{"a": 1}], "wanted": [{"b": 2}, 7], "more": 1}'), "wanted")
    assert list(array) == [(1, {"b": 2})]
    assert (array.problem, array.others) == (None, 1)


@pytest.mark.parametrize(
    ("text", "key"),
    [("", None), ("{}", None), ("[", None), ("[{}", None), ("[{},", None), ("[{} {}]", None), ("[{'a': 1}]", None),
     ("{}", "a"), ('{"a": 1}', "a"), ('{"b": [1], "c": 2}', "a"), ("[1]", "a"), ('{"a" [1]}', "a"),
     ("[" * 100_000, None), ("[" + "9" * 5000 + "]", None)],
)  # fmt: skip
def test_what_is_no_array_is_told_of(text, key):
    array = JsonArray(io.StringIO(text), key)
    list(array)
    assert array.problem


def test_an_element_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(jsonarray, "MAX_ITEM", 100)
    monkeypatch.setattr(jsonarray, "CHUNK", 10)
    stream = io.StringIO('[{"a": "' + "x" * 10_000)
    array = JsonArray(stream)
    assert list(array) == []
    assert array.problem == "an element is longer than 100 characters, or not JSON"
    assert stream.tell() < 500
