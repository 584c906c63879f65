"""The directory at the end of a zip, honest and not."""

from __future__ import annotations

import io
import struct
import warnings
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner.bytesource import BlockCache, Memory, NoEndRecord, ZipDirectory, member_bytes
from scanner.bytesource.zipdirectory import ZipEntry
from scanner.errors import ApkError, LimitExceeded
from scanner.model import Limits
from tests.bytesource.test_contract import CountingSource
from tests.support.apk_builder import directory_offset, zip_bytes

MAGIC = b"PK\x01\x02"
MEMBERS = {"AndroidManifest.xml": b"manifest", "META-INF/A.SF": b"sf", "META-INF/A.RSA": b"rsa", "z": b"z" * 500}


def record(name: bytes, *, extra: bytes = b"", comment: bytes = b"", compressed=3, size=3, offset=0) -> bytes:
    head = struct.pack(
        "<4s6H3I5H2I", MAGIC, 20, 20, 0, 0, 0, 0, 7, compressed, size,
        len(name), len(extra), len(comment), 0, 0, 0, offset,
    )  # fmt: skip
    return head + name + extra + comment


def directory_of(records: list[bytes], *, count: int | None = None, before: bytes = b"", **end) -> bytes:
    """``before``, the records and an end record; ``end`` overrides what the end record says."""
    body = b"".join(records)
    number = len(records) if count is None else count
    said = {"size": len(body), "offset": len(before), "disk": 0, "first_disk": 0, "comment": b""} | end
    return before + body + struct.pack(
        "<4s4H2IH", b"PK\x05\x06", said["disk"], said["first_disk"], number & 0xFFFF, number & 0xFFFF,
        said["size"], said["offset"], len(said["comment"]),
    ) + said["comment"]  # fmt: skip


def names(data: bytes) -> list[bytes]:
    return [entry.name for entry in ZipDirectory(Memory(data)).entries()]


def test_every_member_is_found_in_the_order_of_the_directory():
    directory = ZipDirectory(Memory(zip_bytes(MEMBERS)))
    assert [entry.text_name for entry in directory.entries()] == list(MEMBERS)
    assert directory.count == len(MEMBERS)
    assert not directory.zip64


def test_an_entry_says_what_zipfile_says():
    data = zip_bytes(MEMBERS)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        theirs = [
            (i.filename, i.compress_type, i.flag_bits, i.CRC, i.compress_size, i.file_size, i.header_offset)
            for i in archive.infolist()
        ]
    ours = [
        (e.text_name, e.method, e.flags, e.crc, e.compressed, e.size, e.header_offset)
        for e in ZipDirectory(Memory(data)).entries()
    ]
    assert ours == theirs


def test_an_empty_zip_has_no_members():
    assert names(zip_bytes({})) == []


@pytest.mark.parametrize("size", [0, 1, 22, 1000, 16 * 1024 - 22, 16 * 1024 - 21, 16 * 1024, 65534, 65535])
def test_a_comment_of_any_length_is_passed_over(size):
    assert names(zip_bytes(MEMBERS, comment=b"c" * size)) == [name.encode() for name in MEMBERS]


@pytest.mark.parametrize("rest", [b"", b"x", b"x" * 17, b"x" * 18, b"x" * 30, b"\xff" * 40, b"\0" * 40, b"x" * 60000])
def test_an_end_magic_inside_the_comment_is_passed_over(rest):
    data = zip_bytes(MEMBERS, comment=b"before PK\x05\x06" + rest)
    assert names(data) == [name.encode() for name in MEMBERS]


def test_many_end_magics_inside_the_comment_are_passed_over():
    assert len(names(zip_bytes(MEMBERS, comment=b"PK\x05\x06" * 16000))) == len(MEMBERS)


@pytest.mark.parametrize("appended", [b"\0", b"\n", b"x" * 100, b"x" * 70000])
def test_bytes_appended_behind_the_zip_are_noticed(appended):
    with pytest.raises(NoEndRecord):
        ZipDirectory(Memory(zip_bytes(MEMBERS) + appended))


def test_a_zip_cut_anywhere_has_no_directory():
    data = zip_bytes(MEMBERS, comment=b"a comment")
    for length in range(len(data)):
        with pytest.raises(ApkError):
            ZipDirectory(Memory(data[:length]))


@pytest.mark.parametrize("data", [b"", b"P", b"PK\x05\x06", b"PK\x05\x06" + bytes(17), b"x" * 100, bytes(200_000)])
def test_what_is_no_zip_has_no_end_record(data):
    with pytest.raises(NoEndRecord):
        ZipDirectory(Memory(data))


def test_a_member_behind_a_prefix_is_found_where_the_directory_says():
    data = directory_of([record(b"a")], before=b"prefix")
    directory = ZipDirectory(Memory(data))
    assert directory.offset == 6
    assert [entry.name for entry in directory.entries()] == [b"a"]


@pytest.mark.parametrize(
    "end",
    [{"offset": 7}, {"size": 100}, {"offset": 0xFFFFFFFE}, {"size": 0xFFFFFFFE}],
)
def test_a_directory_that_does_not_lie_before_its_end_record_is_refused(end):
    with pytest.raises(ApkError):
        ZipDirectory(Memory(directory_of([record(b"a")], before=b"before", **end)))


@pytest.mark.parametrize("end", [{"disk": 1}, {"first_disk": 1}, {"disk": 3, "first_disk": 3}])
def test_disk_numbers_are_told_and_not_asked_as_on_android(end):
    directory = ZipDirectory(Memory(directory_of([record(b"a")], **end)))
    assert (directory.odd_disks, [entry.name for entry in directory.entries()]) == (True, [b"a"])


@pytest.mark.parametrize("count", [3, 4, 0xFFFE, 0xFFFF])
def test_fewer_records_than_announced_are_refused(count):
    directory = ZipDirectory(Memory(directory_of([record(b"a"), record(b"b")], count=count)))
    with pytest.raises(ApkError, match="2 records found"):
        list(directory.entries())
    with pytest.raises(ApkError):
        directory.select([b"a"])


@pytest.mark.parametrize("count", [0, 1])
def test_records_behind_the_announced_ones_are_not_there_as_on_android(count):
    directory = ZipDirectory(Memory(directory_of([record(b"a"), record(b"b")], count=count)))
    assert [entry.name for entry in directory.entries()] == [b"a"][:count]
    assert [entry.name for entry in directory.select([b"a", b"b"])] == [b"a"][:count]
    assert directory.unannounced() == 47 * (2 - count)
    with pytest.raises(ApkError, match="2 records found"):
        list(directory.entries(whole=True))


@pytest.mark.parametrize(
    "body", [record(b"a") + b"x", record(b"a")[:-1], record(b"a") + MAGIC, b"x" * 46, record(b"a") + b"x" * 46]
)
def test_a_directory_that_does_not_hold_together_is_refused(body):
    with pytest.raises(ApkError):
        list(ZipDirectory(Memory(directory_of([body]))).entries(whole=True))


@pytest.mark.parametrize("at", [28, 30, 32])
def test_a_name_extra_or_comment_longer_than_the_directory_is_refused(at):
    broken = bytearray(record(b"a"))
    struct.pack_into("<H", broken, at, 0xFFFF)
    directory = ZipDirectory(Memory(directory_of([bytes(broken)])))
    with pytest.raises(ApkError):
        list(directory.entries())


def test_a_directory_larger_than_the_limit_is_refused():
    limits = Limits(directory_size=46)
    ZipDirectory(Memory(directory_of([record(b"")])), limits)
    with pytest.raises(LimitExceeded, match=r"47 bytes, the limit is 46 \(--limit directory-size\)"):
        ZipDirectory(Memory(directory_of([record(b"a")])), limits)


def test_more_members_than_the_limit_are_refused_whether_announced_or_walked():
    body = [record(b"%d" % number) for number in range(3)]
    assert len(list(ZipDirectory(Memory(directory_of(body)), Limits(entries=3)).entries())) == 3
    with pytest.raises(LimitExceeded, match=r"the limit is 2 \(--limit entries\)"):
        ZipDirectory(Memory(directory_of(body)), Limits(entries=2))
    lying = directory_of([record(b"x")] * (1 + 65536), count=1)
    with pytest.raises(LimitExceeded, match="65001 members or more"):
        list(ZipDirectory(Memory(lying), Limits(entries=65000)).entries(whole=True))


# Names


@pytest.mark.parametrize(
    ("raw", "text"), [(b"a/b.txt", "a/b.txt"), ("日本".encode(), "日本"), (b"\x81\xff", "ü\xa0"), (b"", "")]
)
def test_a_name_is_utf8_or_else_code_page_437(raw, text):
    assert ZipEntry(raw, 0, 0, 0, 0, 0, 0).text_name == text


def test_the_encryption_flag_is_told():
    assert ZipEntry(b"", 0, 1, 0, 0, 0, 0).encrypted
    assert not ZipEntry(b"", 0, 0x800, 0, 0, 0, 0).encrypted


# zip64


def test_more_members_than_two_bytes_count_are_found():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for number in range(65_537):
            archive.writestr(zipfile.ZipInfo(f"m/{number}"), b"")
        archive.writestr(zipfile.ZipInfo("wanted"), b"found")
    source = Memory(out.getvalue())
    directory = ZipDirectory(source)
    assert directory.zip64
    assert directory.count == 65_538
    (entry,) = directory.select([b"wanted"])
    assert member_bytes(source, entry, 100) == b"found"
    assert sum(1 for _ in directory.entries()) == 65_538


def test_exactly_as_many_members_as_two_bytes_hold_need_no_zip64():
    data = directory_of([record(b"%d" % number) for number in range(0xFFFF)])
    directory = ZipDirectory(Memory(data))
    assert not directory.zip64
    assert [entry.name for entry in directory.select([b"65534"])] == [b"65534"]


def test_a_member_written_as_zip64_is_read():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("wide", "w", force_zip64=True) as member:
            member.write(b"content" * 100)
        archive.writestr("narrow", b"n")
    source = Memory(out.getvalue())
    wide, narrow = ZipDirectory(source).entries()
    assert member_bytes(source, wide, 1000) == b"content" * 100
    assert member_bytes(source, narrow, 1000) == b"n"


def test_only_the_sizes_that_overflowed_are_taken_from_the_zip64_field():
    extra = struct.pack("<HHI", 0xCAFE, 4, 1) + struct.pack("<HHQQ", 1, 16, 1 << 33, 1 << 34)
    data = directory_of([record(b"a", extra=extra, compressed=5, size=0xFFFFFFFF, offset=0xFFFFFFFF)])
    (entry,) = ZipDirectory(Memory(data)).entries()
    assert (entry.size, entry.compressed, entry.header_offset) == (1 << 33, 5, 1 << 34)


@pytest.mark.parametrize("disk", [b"", bytes(4)])
def test_a_zip64_field_that_holds_all_three_values_is_taken_whole(disk):
    extra = struct.pack("<HHQQQ", 1, 24 + len(disk), 7, 5, 1 << 34) + disk
    data = directory_of([record(b"a", extra=extra, compressed=5, size=7, offset=0xFFFFFFFF)])
    (entry,) = ZipDirectory(Memory(data)).entries()
    assert (entry.size, entry.compressed, entry.header_offset, entry.zip64) == (7, 5, 1 << 34, True)


@pytest.mark.parametrize(
    "extra", [struct.pack("<HHI", 1, 4, 0), struct.pack("<HH", 1, 0), struct.pack("<HH", 1, 99), b"\1\0\xff\xff"]
)
def test_a_zip64_field_too_short_for_what_it_must_hold_is_refused(extra):
    data = directory_of([record(b"a", extra=extra, size=0xFFFFFFFF)])
    with pytest.raises(ApkError):
        list(ZipDirectory(Memory(data)).entries())
    with pytest.raises(ApkError):
        ZipDirectory(Memory(data)).select([b"a"])


def zip64_end(*, offset: int, count: int, size: int, begins: int, at: int | None = None, magic=b"PK\x06\x06") -> bytes:
    end = struct.pack("<4sQHHIIQQQQ", magic, 44, 45, 45, 0, 0, count, count, size, offset)
    return end + struct.pack("<4sIQI", b"PK\x06\x07", 0, begins if at is None else at, 1)


def with_zip64_end(body: bytes, **changes) -> bytes:
    said = {"offset": 0, "count": 1, "size": len(body), "begins": len(body)} | changes
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    return body + zip64_end(**said) + end


def test_count_size_and_offset_come_from_the_zip64_end_record():
    directory = ZipDirectory(Memory(with_zip64_end(record(b"a"))))
    assert (directory.zip64, directory.count, directory.offset) == (True, 1, 0)
    assert [entry.name for entry in directory.select([b"a"])] == [b"a"]


@pytest.mark.parametrize(
    "changes",
    [
        {"offset": 1 << 40}, {"size": 1 << 63}, {"offset": (1 << 64) - 1}, {"at": 0}, {"at": 1 << 63}, {"at": 9999},
        {"magic": b"PK\x06\x07"}, {"size": 10_000},
    ],
)  # fmt: skip
def test_a_zip64_end_record_that_lies_is_refused(changes):
    with pytest.raises(ApkError):
        list(ZipDirectory(Memory(with_zip64_end(record(b"a"), **changes))).entries())


@pytest.mark.parametrize("full", ["here", "count", "comment"])
@pytest.mark.parametrize("same", [True, False])
def test_a_number_of_16_bits_that_is_full_leads_to_the_zip64_record_which_must_say_the_same(full, same):
    listed, hidden = record(b"a") * (0xFFFF if full == "count" else 1), record(b"b")
    here = count = 0xFFFF if full == "count" else 1
    comment = bytes(0xFFFF) if full == "comment" else b""
    said = (len(listed), 0, count) if same else (len(hidden), len(listed), 1)
    body = listed + hidden
    body += zip64_end(size=said[0], offset=said[1], count=said[2], begins=len(body))
    here = 0xFFFF if full == "here" else here
    body += struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, here, count, len(listed), 0, len(comment)) + comment
    if same:
        assert {entry.name for entry in ZipDirectory(Memory(body)).entries()} == {b"a"}
    else:
        with pytest.raises(ApkError, match="another directory"):
            ZipDirectory(Memory(body))


@pytest.mark.parametrize("count", [0, 2, 1 << 63, 65537])
def test_a_count_in_the_zip64_end_record_that_lies_is_refused(count):
    with pytest.raises(ApkError):
        list(ZipDirectory(Memory(with_zip64_end(record(b"a"), count=count))).entries(whole=True))


# Selecting


def exact(data: bytes, wanted: list[bytes], under: list[bytes]) -> list[ZipEntry]:
    return [
        entry
        for entry in ZipDirectory(Memory(data)).entries()
        if entry.name in wanted or any(entry.name.startswith(prefix) for prefix in under)
    ]


def test_names_and_folders_are_selected_in_the_order_of_the_directory():
    directory = ZipDirectory(Memory(zip_bytes(MEMBERS)))
    found = directory.select([b"z", b"AndroidManifest.xml", b"none"], [b"META-INF/"])
    assert [entry.text_name for entry in found] == list(MEMBERS)
    assert directory.select() == []
    assert directory.select([b"META-INF/"]) == []
    assert [entry.name for entry in directory.select([], [b"META-INF/A.S"])] == [b"META-INF/A.SF"]


def test_a_name_twice_is_selected_twice():
    data = directory_of([record(b"a", offset=1), record(b"b"), record(b"a", offset=2)])
    found = ZipDirectory(Memory(data)).select([b"a", b"a"], [b"a"])
    assert [entry.header_offset for entry in found] == [1, 2]


@pytest.mark.parametrize("field", ["name", "extra", "comment"])
@pytest.mark.parametrize("first", [True, False])
def test_a_record_imitated_inside_another_is_not_taken_for_a_member(field, first):
    imitation = record(b"AndroidManifest.xml", offset=666)
    bearer = record(imitation) if field == "name" else record(b"bearer", **{field: imitation})
    records = [bearer, record(b"AndroidManifest.xml", offset=1)]
    data = directory_of(records if first else records[::-1])
    found = ZipDirectory(Memory(data)).select([b"AndroidManifest.xml"])
    assert [entry.header_offset for entry in found] == [1]


def test_a_bare_record_magic_in_a_comment_hides_nothing():
    data = directory_of([record(b"x", comment=MAGIC * 3), record(b"wanted")])
    assert [entry.name for entry in ZipDirectory(Memory(data)).select([b"wanted"])] == [b"wanted"]


PART = st.sampled_from([MAGIC, b"a", b"META-INF/", b"PK", b"\x01\x02", record(b"a"), record(b"META-INF/x"), b"x" * 46])
PARTS = st.lists(PART, max_size=4).map(b"".join) | st.binary(max_size=6)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(PARTS, PARTS, PARTS), max_size=6),
    st.lists(PARTS, max_size=3),
    st.lists(PARTS, max_size=2),
)
@example([(b"a", b"", b""), (b"", b"", b"")], [b"", b"a"], [b""])
@example([(MAGIC, b"", MAGIC)], [MAGIC], [b"PK"])
def test_selecting_equals_filtering_every_entry(parts, wanted, under):
    wanted = [*wanted, *(name for name, _, _ in parts[:1])]
    records = [record(name, extra=x, comment=c, offset=at) for at, (name, x, c) in enumerate(parts)]
    data = directory_of(records)
    assert ZipDirectory(Memory(data)).select(wanted, under) == exact(data, wanted, under)


NAME = st.text(st.sampled_from("aM/\x01\x02PK"), min_size=1, max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(NAME, st.binary(max_size=30), max_size=8), st.binary(max_size=40))
def test_selecting_in_a_real_zip_equals_filtering_every_entry(members, comment):
    data = zip_bytes(members, comment=comment)
    wanted = [name.encode() for name in list(members)[:3]]
    source = Memory(data)
    found = ZipDirectory(source).select(wanted, [b"PK\x01\x02", b"a"])
    assert found == exact(data, wanted, [b"PK\x01\x02", b"a"])
    for entry in found:
        assert member_bytes(source, entry, 30) == members[entry.text_name]


# Cost and robustness


def test_a_small_zip_costs_one_read():
    source = CountingSource(zip_bytes(MEMBERS))
    list(ZipDirectory(source).entries())
    assert len(source.reads) == 1


def test_a_large_directory_costs_two_reads():
    source = CountingSource(directory_of([record(b"n" * 100) for _ in range(200)]))
    assert len(list(ZipDirectory(source).entries())) == 200
    assert len(source.reads) == 2


def test_the_directory_is_the_same_through_a_block_cache():
    data = zip_bytes(MEMBERS, comment=b"c" * 30_000)
    plain = list(ZipDirectory(Memory(data)).entries())
    assert list(ZipDirectory(BlockCache(Memory(data), 512, 1)).entries()) == plain


def test_a_zip_with_the_same_name_twice_yields_both_members():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("a", b"1")
            archive.writestr("a", b"2")
    source = Memory(out.getvalue())
    found = ZipDirectory(source).select([b"a"])
    assert [member_bytes(source, entry, 9) for entry in found] == [b"1", b"2"]


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_spoiled_directory_is_read_or_refused(data):
    whole = bytearray(zip_bytes(MEMBERS, comment=b"c"))
    begins = directory_offset(bytes(whole))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(begins, len(whole) - 1))] = data.draw(st.integers(0, 255))
    source = Memory(bytes(whole))
    try:
        directory = ZipDirectory(source)
        found = [*directory.select([b"z"], [b"META-INF/"]), *directory.entries()]
    except ApkError:
        return
    for entry in found:
        try:
            assert len(member_bytes(source, entry, 1000)) <= len(whole) + 1000
        except ApkError:
            continue
