"""What detection sees of a head, and how deep a document goes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.readers.mdm_head import Depth, glimpse

TEXTS = st.text(alphabet='[]{}"\\ab', max_size=12)
NESTED = st.recursive(
    TEXTS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3), max_leaves=15
)


def depth_of(value) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth_of, inner), default=0)


@given(value=NESTED, size=st.integers(1, 40))
def test_the_depth_is_exact_however_the_text_is_cut(value, size) -> None:
    data = json.dumps(value).encode()
    depth = Depth()
    assert max(depth.after(data[at : at + size]) for at in range(0, len(data), size)) == depth_of(value)


def test_a_glimpse_names_keys_through_arrays_and_keeps_the_first_text() -> None:
    seen = glimpse('[{"a": [{"b": "one", "c": 1}, {"b": "two"}], "d": {"e": nul')
    assert seen == {"a": "", "a.b": "one", "a.c": "", "d": "", "d.e": ""}


def test_a_glimpse_of_objects_that_follow_each_other() -> None:
    assert glimpse('{"a": 1}\n{"b": "x"}\n{"c') == {"a": "", "b": "x"}
