"""YAML as data only."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.strictyaml import MAX_DEPTH, load_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("a: 1", {"a": 1}),
        ("a: '1'", {"a": "1"}),
        ("a: true\nb: no\nc: off\nd: 'true'", {"a": True, "b": "no", "c": "off", "d": "true"}),
        ("a: null\nb: ~\nc:", {"a": None, "b": None, "c": None}),
        ("a: 2026-11-23", {"a": "2026-11-23"}),
        ("a: 2026-11-23T18:00:00Z", {"a": "2026-11-23T18:00:00Z"}),
        ("a: 1.5", {"a": "1.5"}),
        ("a: 0x10", {"a": "0x10"}),
        ("a: 0962e57", {"a": "0962e57"}),
        ("- 1\n- [2, x]\n- {}", [1, [2, "x"], {}]),
        ("a: |\n  one\n  two\n", {"a": "one\ntwo\n"}),
        ("a: 北京", {"a": "北京"}),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values_are_plain(text, value):
    assert load_yaml(text.encode()) == value


@pytest.mark.parametrize("text", ["!!python/object/apply:os.system [x]", "!!python/name:os.system x", "!mine {a: 1}"])
def test_a_tag_is_refused(text):
    with pytest.raises(ValueError, match="line 1: tags are not allowed"):
        load_yaml(text.encode())


@pytest.mark.parametrize(
    "text",
    ["a: 1\na: 2", "{a: 1, b: 2, a: 1}", "x:\n  - a: 1\n    a: 1", "'a': 1\n\"a\": 2", "1: a\n1: b"],
)
def test_a_repeated_key_is_refused(text):
    with pytest.raises(ValueError, match="stands twice"):
        load_yaml(text.encode())


def test_the_same_key_in_two_mappings_is_fine():
    assert load_yaml(b"- a: 1\n- a: 1") == [{"a": 1}, {"a": 1}]


@pytest.mark.parametrize(
    "text", ["a: &x [1]\nb: *x", "a: &x 1\nb: *x", "&a [*a]", "&k a: 1\n*k : 2", "a: &x {b: 1}\nc:\n  <<: *x"]
)
def test_an_alias_is_refused(text):
    with pytest.raises(ValueError, match="aliases are not allowed"):
        load_yaml(text.encode())


def test_aliases_cannot_multiply():
    layers = ["a0: &a0 [x, x]"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40)]
    with pytest.raises(ValueError, match="aliases"):
        load_yaml("\n".join(layers).encode())


@pytest.mark.parametrize("text", ["? [a]\n: 1", "? {a: 1}\n: 1", "{[a]: 1}", "a:\n  ? - x\n  : 1"])
def test_a_key_that_is_no_scalar_is_refused(text):
    with pytest.raises(ValueError, match="line"):
        load_yaml(text.encode())


def test_depth_is_bounded():
    assert load_yaml(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH) is not None
    for opening, closing in ((b"[", b"]"), (b"{a: ", b"}")):
        with pytest.raises(ValueError, match="nested deeper than 16"):
            load_yaml(opening * 100 + closing * 100)


@pytest.mark.parametrize("text", ["'[' * 30_000", "'{a: ' * 30_000", "'- ' * 30_000", "'? ' * 30_000"])
def test_absurd_depth_is_refused_and_does_not_kill_the_process(text):
    program = (
        "from scanner.strictyaml import load_yaml\n"
        f"try:\n    load_yaml(({text}).encode())\nexcept ValueError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr[-300:]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"a: [1", "line 2, column 1: did not find"),
        (b"a: 1\n b: 2", "line 2"),
        (b"a: 'x", "line 1"),
        (b"a: *nope", "aliases are not allowed"),
        (b"a: 1\n---\nb: 2", "line 2: a second document"),
        (b"\x00\x01\x02", "not YAML"),
        (b"\x7fELF\x02\x01\x01\x00", "not YAML"),
        (b"a: \x80", "not YAML"),
        (b"\xff\xfe\x00", "not YAML"),
        (b"a:\tb: c", "line 1"),
    ],
)
def test_what_is_not_yaml_is_refused_in_one_line(data, reason):
    with pytest.raises(ValueError, match=reason) as caught:
        load_yaml(data)
    assert "\n" not in str(caught.value)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=40), st.text("ab:-[]{}?&*! \n'\"|>1#", max_size=30).map(str.encode)))
def test_any_bytes_are_a_value_or_a_value_error(data):
    try:
        value = load_yaml(data)
    except ValueError:
        return
    assert isinstance(value, dict | list | str | int | type(None))
