"""JSON out of a stream, value by value."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories import jsonstream
from scanner.sources.inventories.jsonstream import JsonStream

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=10,
)


def stream_of(text, *, strict=True):
    return JsonStream(io.StringIO(text), strict=strict)


def walked(stream):
    """The next value, gone into wherever that is possible."""
    if stream.next() == "[":
        return [walked(stream) for _ in stream.array()]
    if stream.next() == "{":
        return {key: walked(stream) for key in stream.members()}
    return stream.value()


@given(value=VALUES, indent=st.sampled_from([None, 1]), ascii_only=st.booleans(), chunk=st.integers(1, 40))
def test_a_value_is_the_same_however_the_text_is_cut(value, indent, ascii_only, chunk):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonstream, "CHUNK", chunk)
        for read in (JsonStream.value, walked):
            stream = stream_of(text)
            assert read(stream) == value
            stream.end()


@given(values=st.lists(VALUES, max_size=5), chunk=st.integers(1, 40))
def test_values_one_after_another(values, chunk):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonstream, "CHUNK", chunk)
        stream = stream_of("\n".join(map(json.dumps, values)))
        found = []
        while stream.next():
            found.append(stream.value())
        assert found == values


@given(items=st.lists(VALUES.map(lambda value: [value]), max_size=8), data=st.data(), chunk=st.integers(1, 40))
def test_what_came_before_a_cut_is_kept(items, data, chunk):
    text = json.dumps(items)
    cut = data.draw(st.integers(0, len(text) - 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonstream, "CHUNK", chunk)
        found: list[object] = []
        with pytest.raises(ValueError, match="cut short"):
            found.extend(stream_of(text[:cut]).items())
    assert found == items[: len(found)]
    assert cut <= len(json.dumps(items[: len(found) + 1]))


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_an_array_inside_an_object_comes_item_by_item(monkeypatch, chunk):
    monkeypatch.setattr(jsonstream, "CHUNK", chunk)
    stream = stream_of('{"version": 12, "other": [{"a": 1}], "wanted": [{"b": 2}, 7], "more": 1}')
    assert {key: list(stream.items()) if key == "wanted" else stream.value() for key in stream.members()} == {
        "version": 12,
        "other": [{"a": 1}],
        "wanted": [{"b": 2}, 7],
        "more": 1,
    }


def test_a_key_that_stands_twice_comes_twice():
    stream = stream_of('{"a": [1], "a": [2]}')
    assert [(key, stream.value()) for key in stream.members()] == [("a", [1]), ("a", [2])]


BROKEN = [
    "", " ", "{", "[", "[{}", "[{},", "[{} {}]", "[{'a': 1}]", "[1,]", "[,1]", "[1 2]", "[nul]", "[nulx]", "]", "{]",
    '{"a"', '{"a" 1}', '{"a": 1,}', '{"a": 1 "b": 2}', '{"a": [1}', "{1: 2}", "{[]: 2}", '["\\x"]', '["\\u12', "[01]",
    '["a\nb"]', "\ufeff[]", "-", '"', "x",
]  # fmt: skip


@pytest.mark.parametrize("chunk", [1, 10, 1000])
@pytest.mark.parametrize("text", BROKEN, ids=range(len(BROKEN)))
def test_what_is_no_json_is_told_of(monkeypatch, text, chunk):
    monkeypatch.setattr(jsonstream, "CHUNK", chunk)
    for read in (JsonStream.value, walked):
        stream = stream_of(text)
        with pytest.raises(ValueError, match=r"\w"):
            read(stream)


def test_words_for_what_is_wrong():
    def problem(text):
        with pytest.raises(ValueError, match=r"\w") as caught:
            walked(stream_of(text))
        return str(caught.value)

    assert problem("[1") == "cut short"
    assert problem('["a') == "cut short, or not JSON: Unterminated string starting at"
    assert problem("[1 2]") == ", expected, not '2'"
    assert problem("[x" + " " * 100) == "not JSON: Expecting value"
    assert problem("[" + "9" * 5000 + "]") == "a number has too many digits"


def test_a_broken_place_is_found_without_reading_to_the_end():
    text = io.StringIO('[{"a": 1 "b"' + " " * 10_000_000)
    with pytest.raises(ValueError, match="not JSON: Expecting ',' delimiter"):
        JsonStream(text).value()
    assert text.tell() == jsonstream.CHUNK


def test_depth_and_digits_of_a_value_are_bounded():
    for deep in ("[" * 100_000, '{"a":' * 100_000, '{"a": [' * 3000 + "1" + "]}" * 3000):
        with pytest.raises(ValueError, match="nested too deep"):
            stream_of(deep).value()
    with pytest.raises(ValueError, match="too many digits"):
        stream_of("9" * 5000).value()


def test_what_python_reads_beyond_json_is_read():
    found = stream_of('[NaN, -Infinity, "\\ud800", "\udcff"]').value()
    assert found[0] != found[0]
    assert found[1:] == [float("-inf"), "\ud800", "\udcff"]


def test_control_characters_only_where_they_are_allowed():
    assert stream_of('["a\tb\n"]', strict=False).value() == ["a\tb\n"]
    with pytest.raises(ValueError, match="control character"):
        stream_of('["a\tb\n"]').value()


def test_what_follows_the_end_is_told_of():
    stream = stream_of("[1] \n x")
    assert list(stream.items()) == [1]
    with pytest.raises(ValueError, match="'x' follows its end"):
        stream.end()


def test_a_value_without_end_is_given_up(monkeypatch):
    monkeypatch.setattr(jsonstream, "MAX_VALUE", 100)
    monkeypatch.setattr(jsonstream, "CHUNK", 10)
    text = io.StringIO('[{"a": "' + "x" * 10_000)
    with pytest.raises(ValueError, match="no whole value in 100 characters"):
        next(JsonStream(text).items())
    assert text.tell() < 500


def test_a_large_value_is_decoded_anew_a_few_times_only(monkeypatch):
    monkeypatch.setattr(jsonstream, "CHUNK", 10)
    calls = []
    stream = stream_of(json.dumps(["x" * 8] * 10_000))
    decode = stream._decode
    monkeypatch.setattr(stream, "_decode", lambda *args: calls.append(args) or decode(*args))
    assert len(stream.value()) == 10_000
    assert len(calls) < 20
