"""Integers and length-prefixed runs, each checked against what is left."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.bytesource import Fields
from scanner.errors import ApkError


def test_numbers_are_little_endian_and_unsigned():
    fields = Fields(b"\x01\xff" + b"\x02\x00\x00\xff" + b"\x03" + bytes(6) + b"\xff", "test")
    assert fields.u16("a") == 0xFF01
    assert fields.u32("b") == 0xFF000002
    assert fields.u64("c") == 0xFF00000000000003
    assert fields.left == 0


@pytest.mark.parametrize(("read", "size"), [("u16", 2), ("u32", 4), ("u64", 8)])
def test_a_number_that_does_not_fit_is_an_error_that_names_it(read, size):
    for length in range(size):
        fields = Fields(bytes(length), "the block")
        with pytest.raises(ApkError, match=rf"the block: the field wants {size} bytes, {length} are left"):
            getattr(fields, read)("the field")
        assert fields.left == length


@pytest.mark.parametrize("length", [4, 5, 0xFFFF, 0xFFFFFFFF])
def test_a_run_longer_than_what_is_left_is_an_error(length):
    fields = Fields(struct.pack("<I", length) + b"abc", "the block")
    with pytest.raises(ApkError, match=rf"value wants {length} bytes, 3 are left"):
        fields.run("value")


def test_a_run_takes_exactly_its_bytes():
    fields = Fields(b"\x02\0\0\0abc", "test")
    assert fields.run("value") == b"ab"
    assert fields.left == 1


def test_taking_more_than_is_left_takes_nothing():
    fields = Fields(b"abc", "test")
    with pytest.raises(ApkError):
        fields.take(4, "value")
    assert fields.take(3, "value") == b"abc"
    assert fields.take(0, "value") == b""


def test_a_length_of_64_bits_does_not_overflow():
    fields = Fields(b"\xff" * 8 + b"abc", "test")
    with pytest.raises(ApkError, match="18446744073709551615"):
        fields.take(fields.u64("length"), "value")


def test_runs_end_with_the_data():
    data = b"".join(struct.pack("<I", len(part)) + part for part in (b"a", b"", b"ccc"))
    assert list(Fields(data, "test").runs("parts", 3)) == [b"a", b"", b"ccc"]
    assert list(Fields(b"", "test").runs("parts", 0)) == []


def test_more_runs_than_allowed_are_an_error():
    with pytest.raises(ApkError, match="more than 2 of parts"):
        list(Fields(bytes(12), "test").runs("parts", 2))


def test_a_cut_run_is_an_error_where_it_is_reached():
    runs = Fields(b"\x01\0\0\0a\x02\0", "test").runs("parts", 9)
    assert next(runs) == b"a"
    with pytest.raises(ApkError):
        next(runs)


@given(st.binary(max_size=64), st.lists(st.sampled_from(["u16", "u32", "u64", "run"]), max_size=12))
def test_whatever_the_bytes_a_field_is_a_value_or_an_apk_error(data, reads):
    fields = Fields(data, "test")
    for read in reads:
        left = fields.left
        try:
            getattr(fields, read)("field")
        except ApkError:
            return
        assert 0 <= fields.left < left
