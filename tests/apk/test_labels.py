"""Labels from resource tables: every language, every form of index, references, and tables that lie."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.apk.labels import MAX_REFERENCES, MAX_TEXT, texts_of
from scanner.bytesource import Memory
from scanner.errors import ApkError
from tests.support.arsc import table
from tests.support.axml import Reference

SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIRST, SECOND = 0x7F010000, 0x7F010001
APP = {"zh": ["微信", "x"], "": ["WeChat", "y"], "de": [None, "z"]}


@pytest.mark.parametrize("utf8", [True, False])
@pytest.mark.parametrize("form", ["wide", "narrow", "sparse"])
@pytest.mark.parametrize("compact", [True, False])
def test_every_language_is_found_the_default_first(utf8: bool, form: str, compact: bool):
    data = table(APP, utf8=utf8, form=form, compact=compact)
    assert texts_of(Memory(data), FIRST) == ["WeChat", "微信"]
    assert texts_of(Memory(data), SECOND) == ["y", "x", "z"]


def test_androguard_sees_the_same_in_a_table_of_ours():
    axml = pytest.importorskip("androguard.core.axml")
    found = axml.ARSCParser(table(APP, utf8=False)).get_resolved_res_configs(FIRST)
    assert {str(text) for _, text in found} == {"WeChat", "微信"}


def test_references_are_followed_and_rings_end():
    chained = {"": [Reference(SECOND), Reference(0x7F010002), "Alipay"]}
    assert texts_of(Memory(table(chained)), FIRST) == ["Alipay"]
    ring = {"": [Reference(SECOND), Reference(FIRST)]}
    assert texts_of(Memory(table(ring)), FIRST) == []
    far = {"": [*(Reference(FIRST + one + 1) for one in range(MAX_REFERENCES)), "end"]}
    assert texts_of(Memory(table(far)), FIRST) == []


@pytest.mark.parametrize("number", [0x7F010009, 0x7F020000, 0x01010000, 0, 0xFFFFFFFF])
def test_a_resource_that_is_not_there_has_no_text(number: int):
    assert texts_of(Memory(table(APP)), number) == []


def test_a_long_text_is_cut():
    assert texts_of(Memory(table({"": ["ab" * 500]})), FIRST) == ["ab" * (MAX_TEXT // 2)]


@pytest.mark.parametrize(
    "data", [b"", b"\2\0\x0c\0", struct.pack("<HHI", 2, 8, 99), struct.pack("<HHI", 2, 0, 8), table(APP)[:-9]]
)
def test_a_table_that_does_not_hold_together_is_an_apk_error(data: bytes):
    with pytest.raises(ApkError):
        texts_of(Memory(data), FIRST)


@SLOW_MACHINE
@given(st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=12), st.integers(0, 2000))
def test_whatever_bytes_are_changed_there_are_texts_or_an_apk_error(changes: list[tuple[int, int]], length: int):
    data = bytearray(table(APP))[: length or None]
    for at, value in changes:
        if data:
            data[at % len(data)] = value
    with suppress(ApkError):
        assert all(isinstance(text, str) for text in texts_of(Memory(bytes(data)), FIRST))
