"""The bytes of a zip member: stored, deflated, lying, cut."""

from __future__ import annotations

import contextlib
import io
import struct
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from scanner.bytesource import Memory, Slice, ZipDirectory, ZipEntry, member_bytes, open_member
from scanner.errors import ApkError, LimitExceeded, OutOfRange
from tests.bytesource.test_contract import CountingSource

TEXT = b"some content, some more content, some other content " * 20


def one_member(data: bytes, *, method: int = zipfile.ZIP_DEFLATED) -> tuple[CountingSource, ZipEntry]:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("first", b"1")
        archive.writestr("wanted", data)
        archive.writestr("last", b"2" * 600)
    source = CountingSource(out.getvalue())
    (entry,) = ZipDirectory(source).select([b"wanted"])
    source.reads.clear()
    return source, entry


def raw_member(
    content: bytes, *, extra: bytes = b"", method: int = 8, size: int = 0
) -> tuple[CountingSource, ZipEntry]:
    """A local header with content behind it, and an entry that describes them."""
    header = struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, method, 0, 0, 0, len(content), size, 1, len(extra))
    return CountingSource(header + b"m" + extra + content), ZipEntry(b"m", method, 0, 0, len(content), size, 0)


def deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("data", [b"", b"a", TEXT, bytes(100_000)])
def test_the_content_comes_back(method, data):
    source, entry = one_member(data, method=method)
    assert member_bytes(source, entry, len(data)) == data
    member = open_member(source, entry)
    assert member.read_at(0, member.size) == data


def test_a_member_costs_one_read():
    source, entry = one_member(TEXT)
    member_bytes(source, entry, 10_000)
    assert len(source.reads) == 1


def test_a_stored_member_is_a_window_and_not_a_copy():
    source, entry = one_member(bytes(50_000), method=zipfile.ZIP_STORED)
    assert isinstance(open_member(source, entry), Slice)
    assert sum(length for _, length in source.reads) < 100


@pytest.mark.parametrize("extra", [0, 1, 255, 256, 257, 1000, 65535])
@pytest.mark.parametrize("method", [0, 8])
def test_a_local_extra_field_of_any_length_is_passed_over(extra, method):
    content = TEXT if method == 0 else deflate(TEXT)
    source, entry = raw_member(content, extra=b"e" * extra, method=method, size=len(TEXT))
    assert member_bytes(source, entry, len(TEXT)) == TEXT
    assert member_bytes(source, entry, 9999, first=7) == TEXT[:7]
    member = open_member(source, entry)
    assert member.read_at(0, member.size) == TEXT


# Limits


def test_a_member_that_says_it_is_too_large_is_refused_unread():
    source, entry = one_member(TEXT)
    with pytest.raises(LimitExceeded, match="the limit is 100"):
        member_bytes(source, entry, 100)
    assert source.reads == []


@pytest.mark.parametrize("limit", [1, 100, 32_768, 65_536, 999_999])
@pytest.mark.parametrize("said", [0, 1])
def test_a_bomb_that_lies_about_its_size_is_refused(limit, said):
    source, entry = one_member(bytes(1_000_000))
    with pytest.raises(LimitExceeded):
        member_bytes(source, replace(entry, size=said), limit)
    with pytest.raises(LimitExceeded):
        open_member(source, replace(entry, size=said), limit)


@pytest.mark.parametrize("size", [1, 258, 259, 32_768, 65_536, 100_000])
def test_a_member_of_exactly_the_limit_is_read(size):
    source, entry = one_member(bytes(size))
    assert member_bytes(source, entry, size) == bytes(size)


def test_stored_content_larger_than_the_limit_is_refused_whatever_size_it_says():
    source, entry = raw_member(b"x" * 5000, method=0, size=10)
    with pytest.raises(LimitExceeded):
        member_bytes(source, entry, 100)


def test_a_member_that_lies_about_its_size_is_not_read_far_beyond_the_limit():
    source, entry = raw_member(deflate(b"ten bytes!") + bytes(5_000_000), size=10)
    with contextlib.suppress(ApkError):
        member_bytes(source, entry, 100)
    assert sum(length for _, length in source.reads) < 10_000


# Only the beginning


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("first", [1, 2, 30, len(TEXT), len(TEXT) + 1])
def test_no_more_of_the_content_than_asked_for_comes_back(method, first):
    source, entry = one_member(TEXT, method=method)
    assert member_bytes(source, entry, 10, first=first) == TEXT[:first]


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_asking_for_no_bytes_of_the_content_gives_none(method):
    source, entry = one_member(TEXT, method=method)
    assert member_bytes(source, entry, 10, first=0) == b""


def test_the_beginning_of_a_large_member_costs_little():
    source, entry = one_member(bytes(range(256)) * 40_000, method=zipfile.ZIP_STORED)
    member_bytes(source, entry, 10, first=16)
    assert sum(length for _, length in source.reads) < 2000


# Broken


def test_deflated_data_cut_anywhere_is_refused():
    whole = deflate(TEXT)
    for length in range(len(whole)):
        source, entry = raw_member(whole[:length], size=len(TEXT))
        with pytest.raises(ApkError) as caught:
            member_bytes(source, entry, len(TEXT))
        assert not isinstance(caught.value, LimitExceeded)


def test_what_does_not_inflate_is_refused_with_the_name():
    source, entry = raw_member(b"\xff" * 50)
    with pytest.raises(ApkError, match="m: does not inflate"):
        member_bytes(source, entry, 1000)
    with pytest.raises(ApkError):
        open_member(source, entry)


@pytest.mark.parametrize("method", [0, 8])
def test_a_missing_local_header_is_refused(method):
    source, entry = raw_member(TEXT, method=method)
    broken = Memory(b"XX" + source.data[2:])
    with pytest.raises(ApkError, match="local header"):
        member_bytes(broken, entry, 9999)
    with pytest.raises(ApkError, match="local header"):
        open_member(broken, entry)


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("at", [1, 1000, 1 << 40, (1 << 64) - 1])
def test_a_local_header_outside_the_file_is_refused(method, at):
    source, entry = raw_member(b"abc", method=method)
    for read in (open_member, lambda s, e: member_bytes(s, e, 9999)):
        with pytest.raises(ApkError):
            read(source, replace(entry, header_offset=at))


@pytest.mark.parametrize("method", [0, 8])
@pytest.mark.parametrize("compressed", [4, 1000, 0xFFFFFFFF, 1 << 60])
def test_content_that_reaches_behind_the_file_is_out_of_range(method, compressed):
    source, entry = raw_member(b"abc", method=method)
    for read in (open_member, lambda s, e: member_bytes(s, e, 1 << 62)):
        with pytest.raises(OutOfRange):
            read(source, replace(entry, compressed=compressed))


# Odd methods


@pytest.mark.parametrize("method", [1, 7, 9, 12, 14, 0x1234, 0xFFFF])
def test_an_odd_method_is_read_as_stored(method):
    source, entry = raw_member(TEXT, method=method, size=len(TEXT))
    assert member_bytes(source, entry, 9999) == TEXT
    member = open_member(source, entry)
    assert member.read_at(0, member.size) == TEXT


@pytest.mark.parametrize("method", [1, 8, 12, 0xFFFF])
def test_an_odd_method_is_inflated_where_java_reads_it(method):
    source, entry = raw_member(deflate(TEXT), method=method, size=len(TEXT))
    assert member_bytes(source, entry, 9999, odd_is_deflated=True) == TEXT


def test_a_stored_member_stays_stored_where_java_reads_it():
    source, entry = raw_member(deflate(TEXT), method=0, size=len(TEXT))
    assert member_bytes(source, entry, 9999, odd_is_deflated=True) == deflate(TEXT)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=60),
    st.integers(0, 70),
    st.integers(0, 70),
    st.integers(0, 9),
    st.one_of(st.none(), st.integers(1, 50)),
)
def test_whatever_the_bytes_a_member_is_content_or_an_apk_error(data, offset, compressed, method, first):
    entry = ZipEntry(b"m", method, 0, 0, compressed, 10, offset)
    source = Memory(b"PK\x03\x04" + bytes(22) + data)
    try:
        content = member_bytes(source, entry, 100, first=first)
    except ApkError:
        return
    assert len(content) <= (100 if first is None else first)
