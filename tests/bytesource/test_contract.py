"""The contract of the byte seam, once for every implementation; then what each adds to it."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.bytesource import (
    BlockCache,
    ByteSource,
    FileLike,
    LocalFile,
    Memory,
    ReadsByOffset,
    Slice,
    Span,
    ZipDirectory,
    open_member,
)
from scanner.bytesource.base import HASH_PIECE
from scanner.errors import ApkError, OutOfRange, ReadError, SourceError

DATA = bytes(index * 7919 % 251 for index in range(1000))
Maker = Callable[[bytes, Path, ExitStack], ByteSource]


class CountingSource(ReadsByOffset):
    """Memory that notes every read that reaches it."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self.data = data
        self.reads: list[tuple[int, int]] = []

    def _read(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        return self.data[offset : offset + length]


def local_file(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    path = folder / "data.bin"
    path.write_bytes(data)
    return stack.enter_context(LocalFile(str(path)))


def memory(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    return Memory(data)


def slice_of_memory(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    return Slice(Memory(b"before" + data + b"behind"), 6, len(data))


def slice_of_slice(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    return Slice(slice_of_memory(b"12" + data + b"3", folder, stack), 2, len(data))


def cache(block: int, kept: int) -> Maker:
    return lambda data, folder, stack: BlockCache(Memory(data), block, kept)


def usual_cache(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    return BlockCache(Memory(data))


def slice_of_cache_of_file(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
    file = local_file(b"before" + data + b"behind", folder, stack)
    return Slice(BlockCache(file, 64, 3), 6, len(data))


def member(method: int) -> Maker:
    def make(data: bytes, folder: Path, stack: ExitStack) -> ByteSource:
        source = Memory(zip_of({"first": b"1", "wanted": data, "last": b"2"}, method))
        return open_member(source, next(e for e in ZipDirectory(source).entries() if e.name == b"wanted"))

    return make


def zip_of(members: dict[str, bytes], method: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


IMPLEMENTATIONS: dict[str, Maker] = {
    "local file": local_file,
    "memory": memory,
    "slice": slice_of_memory,
    "slice of slice": slice_of_slice,
    "cache 1x1": cache(1, 1),
    "cache 7x1": cache(7, 1),
    "cache 7x4": cache(7, 4),
    "cache 64x2": cache(64, 2),
    "cache 4096x1": cache(4096, 1),
    "cache as usual": usual_cache,
    "stored member": member(zipfile.ZIP_STORED),
    "deflated member": member(zipfile.ZIP_DEFLATED),
    "slice of cache of file": slice_of_cache_of_file,
}
every_implementation = pytest.mark.parametrize("make", IMPLEMENTATIONS.values(), ids=IMPLEMENTATIONS)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing:
        yield closing


@every_implementation
def test_a_read_gives_exactly_the_bytes_asked_for(make, tmp_path, stack):
    source = make(DATA, tmp_path, stack)
    assert source.size == len(DATA)
    for offset in (0, 1, 63, 64, 500, 999):
        for length in (1, 2, 63, 64, 65, 300, 1000):
            if offset + length <= len(DATA):
                assert source.read_at(offset, length) == DATA[offset : offset + length]


@every_implementation
def test_a_zero_length_is_allowed_anywhere_up_to_the_size(make, tmp_path, stack):
    source = make(DATA, tmp_path, stack)
    for offset in range(len(DATA) + 1):
        assert source.read_at(offset, 0) == b""


@every_implementation
@pytest.mark.parametrize(
    ("offset", "length"),
    [
        (-1, 1), (-1, 0), (0, -1), (5, -5), (0, 1001), (1000, 1), (999, 2), (1001, 0), (1001, -1), (500, -500),
        (-1000, 1000), (1 << 63, 1), (1, 1 << 63), (1 << 64, 0), (-(1 << 64), 1 << 64), ((1 << 64) - 1, 2),
    ],
)  # fmt: skip
def test_a_range_outside_is_out_of_range(make, tmp_path, stack, offset, length):
    source = make(DATA, tmp_path, stack)
    with pytest.raises(OutOfRange) as caught:
        source.read_at(offset, length)
    assert isinstance(caught.value, ApkError)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value)


@every_implementation
def test_no_bytes_at_all_are_a_source_too(make, tmp_path, stack):
    source = make(b"", tmp_path, stack)
    assert source.size == 0
    assert source.read_at(0, 0) == b""
    with pytest.raises(OutOfRange):
        source.read_at(0, 1)
    assert source.hash_ranges([Span(0, 0)], "sha256") == [hashlib.sha256(b"").digest()]


@every_implementation
def test_the_order_of_reads_does_not_matter(make, tmp_path, stack):
    source = make(DATA, tmp_path, stack)
    ranges = [(offset, min(37, len(DATA) - offset)) for offset in range(0, len(DATA), 13)]
    forwards = {one: source.read_at(*one) for one in ranges}
    backwards = {one: source.read_at(*one) for one in reversed(ranges)}
    assert forwards == backwards == {(at, n): DATA[at : at + n] for at, n in ranges}


@every_implementation
@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha1", "md5"])
def test_hashing_ranges_equals_hashlib(make, tmp_path, stack, algorithm):
    source = make(DATA, tmp_path, stack)
    ranges = [(0, 1000), (999, 1), (0, 0), (1000, 0), (10, 300), (10, 300), (5, 7)]
    spans = [Span(*one) for one in ranges] + [Span(*one, prefix=b"\xa5\0%d'") for one in ranges]
    assert source.hash_ranges(spans, algorithm) == [
        hashlib.new(algorithm, prefix + DATA[offset : offset + length]).digest() for offset, length, prefix in spans
    ]
    assert source.hash_ranges([], algorithm) == []
    assert source.hash_ranges(iter([Span(1, 2)]), algorithm) == [hashlib.new(algorithm, DATA[1:3]).digest()]


@every_implementation
@pytest.mark.parametrize(("offset", "length"), [(0, 1001), (1000, 1), (-1, 1), (0, -1), (1001, 0), (10, -5), (-3, 2)])
def test_hashing_a_range_outside_is_out_of_range(make, tmp_path, stack, offset, length):
    source = make(DATA, tmp_path, stack)
    with pytest.raises(OutOfRange):
        source.hash_ranges([Span(0, 1), Span(offset, length)], "sha256")


@every_implementation
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_reads_agree_with_slicing_the_bytes(make, tmp_path, data):
    content = data.draw(st.binary(max_size=400))
    with ExitStack() as stack:
        source = make(content, tmp_path, stack)
        assert source.size == len(content)
        around = st.integers(-3, len(content) + 3)
        for offset, length in data.draw(st.lists(st.tuples(around, around), max_size=12)):
            if offset < 0 or length < 0 or offset + length > len(content):
                with pytest.raises(OutOfRange):
                    source.read_at(offset, length)
            else:
                assert source.read_at(offset, length) == content[offset : offset + length]


def test_a_long_range_is_hashed_in_pieces():
    data = bytes(HASH_PIECE + 5)
    source = CountingSource(data)
    assert source.hash_ranges([Span(1, HASH_PIECE + 3)], "sha256") == [hashlib.sha256(data[1:-1]).digest()]
    assert source.reads == [(1, HASH_PIECE), (1 + HASH_PIECE, 3)]


@pytest.mark.parametrize(("offset", "size"), [(0, 11), (-1, 2), (5, -1), (11, 0), (10, 1)])
def test_a_slice_that_does_not_fit_is_refused_at_once(offset, size):
    with pytest.raises(OutOfRange):
        Slice(Memory(bytes(10)), offset, size)


# Files


def test_a_missing_path_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        LocalFile(str(tmp_path / "none"))


def test_a_folder_is_a_source_error(tmp_path):
    with pytest.raises(SourceError, match="a folder: name a file in it"):
        LocalFile(str(tmp_path))


def test_a_path_with_a_zero_byte_is_a_source_error():
    with pytest.raises(SourceError):
        LocalFile("a\0b")


def test_a_fifo_is_refused_without_waiting_for_a_writer(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    outcome: list[BaseException] = []

    def attempt() -> None:
        try:
            LocalFile(str(path))
        except SourceError as error:
            outcome.append(error)

    thread = threading.Thread(target=attempt, daemon=True)
    thread.start()
    thread.join(120)
    assert not thread.is_alive()
    assert [str(error) for error in outcome] == ["not a regular file"]


def test_a_refused_path_leaks_no_descriptor(tmp_path):
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names matter, not paths
    for _ in range(20):
        with pytest.raises(SourceError):
            LocalFile(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) < before + 20  # noqa: PTH208 - other threads may open and close some, too


def test_a_file_truncated_after_opening_is_a_read_error(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(DATA)
    with LocalFile(str(path)) as source:
        os.truncate(path, 100)
        assert source.size == len(DATA)
        assert source.read_at(0, 100) == DATA[:100]
        with pytest.raises(ReadError, match="byte 100") as caught:
            source.read_at(50, 100)
        assert not isinstance(caught.value, ApkError)
        with pytest.raises(ReadError):
            source.read_at(500, 1)


def test_a_file_that_grows_keeps_the_size_of_its_opening(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"abc")
    with LocalFile(str(path)) as source:
        path.write_bytes(b"abcdef")
        assert source.size == 3
        with pytest.raises(OutOfRange):
            source.read_at(2, 2)


def test_a_file_can_be_closed_twice_and_not_read_afterwards(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"abc")
    source = LocalFile(str(path))
    source.close()
    source.close()
    with pytest.raises(ReadError):
        source.read_at(0, 1)


def test_closing_twice_does_not_close_the_next_file(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"abc")
    first = LocalFile(str(path))
    first.close()
    with LocalFile(str(path)) as second:
        first.close()
        assert second.read_at(0, 3) == b"abc"


def test_threads_share_one_file(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(DATA * 50)
    wrong: list[int] = []
    with LocalFile(str(path)) as source:

        def read(start: int) -> None:
            expected = DATA * 50
            wrong.extend(at for at in range(start, 900) if source.read_at(at, 100) != expected[at : at + 100])

        threads = [threading.Thread(target=read, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


# The block cache


def test_a_second_read_of_a_block_costs_nothing():
    source = CountingSource(DATA)
    cached = BlockCache(source, 100, 4)
    cached.read_at(10, 5)
    assert source.reads == [(0, 100)]
    cached.read_at(0, 100)
    cached.read_at(99, 1)
    assert source.reads == [(0, 100)]


def test_a_range_missing_altogether_is_one_read_rounded_out_to_blocks():
    source = CountingSource(DATA)
    BlockCache(source, 100, 8).read_at(150, 300)
    assert source.reads == [(100, 400)]


def test_the_last_block_ends_with_the_source():
    source = CountingSource(DATA[:950])
    assert BlockCache(source, 100, 8).read_at(940, 10) == DATA[940:950]
    assert source.reads == [(900, 50)]


def test_a_range_larger_than_the_cache_passes_through_as_it_is():
    source = CountingSource(DATA)
    cached = BlockCache(source, 100, 2)
    cached.read_at(0, 1)
    cached.read_at(150, 300)
    assert source.reads == [(0, 100), (150, 300)]
    cached.read_at(0, 100)
    assert len(source.reads) == 2, "what passed through pushes nothing out"


def test_only_the_missing_blocks_are_fetched():
    source = CountingSource(DATA)
    cached = BlockCache(source, 100, 8)
    cached.read_at(0, 1)
    cached.read_at(50, 250)
    assert source.reads == [(0, 100), (100, 200)]


def test_the_least_recently_used_block_is_forgotten_first():
    source = CountingSource(DATA)
    cached = BlockCache(source, 100, 2)
    cached.read_at(0, 1)
    cached.read_at(100, 1)
    cached.read_at(0, 1)
    cached.read_at(200, 1)
    source.reads.clear()
    cached.read_at(0, 1)
    assert source.reads == []
    cached.read_at(100, 1)
    assert source.reads == [(100, 100)]


@pytest.mark.parametrize("kept", [1, 2, 5])
def test_no_more_blocks_are_kept_than_said(kept):
    source = CountingSource(DATA)
    cached = BlockCache(source, 10, kept)
    for offset in range(0, 990, 3):
        cached.read_at(offset, 10)
    source.reads.clear()
    for block in range(100):
        cached.read_at(block * 10, 1)
    assert len(source.reads) >= 100 - kept
    assert len(cached._blocks) <= kept


def test_a_failed_read_leaves_the_cache_usable():
    class Failing(CountingSource):
        broken = True

        def _read(self, offset: int, length: int) -> bytes:
            if self.broken:
                raise ReadError("unplugged")
            return super()._read(offset, length)

    source = Failing(DATA)
    cached = BlockCache(source, 100, 4)
    with pytest.raises(ReadError):
        cached.read_at(0, 10)
    source.broken = False
    assert cached.read_at(0, 10) == DATA[:10]


# As a file


def test_a_file_like_reads_and_seeks_as_a_file_does():
    file = FileLike(Memory(DATA))
    assert file.readable()
    assert file.seekable()
    assert file.read(10) == DATA[:10]
    assert file.tell() == 10
    assert file.seek(-5, io.SEEK_END) == 995
    assert file.read(100) == DATA[995:]
    assert file.read(1) == b""
    assert file.seek(0) == 0
    assert file.seek(7, io.SEEK_CUR) == 7
    assert file.read() == DATA[7:]


def test_reading_behind_the_end_of_a_file_like_gives_nothing():
    file = FileLike(Memory(b"abc"))
    assert file.seek(10) == 10
    assert file.read(1) == b""


def test_closing_a_file_like_leaves_its_source_open(tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(b"abc")
    with LocalFile(str(path)) as source:
        FileLike(source).close()
        assert source.read_at(0, 3) == b"abc"


def test_zipfile_reads_an_archive_through_a_file_like():
    data = zip_of({"a": DATA, "b": b"2"}, zipfile.ZIP_DEFLATED)
    with zipfile.ZipFile(FileLike(BlockCache(Memory(data), 32, 2))) as archive:
        assert archive.namelist() == ["a", "b"]
        assert archive.read("a") == DATA


@settings(max_examples=80, deadline=None)
@given(
    st.binary(max_size=50),
    st.lists(st.one_of(st.tuples(st.just("read"), st.integers(0, 60)), st.tuples(st.just("seek"), st.integers(0, 60)))),
)
def test_a_file_like_agrees_with_bytesio(data, steps):
    ours, theirs = FileLike(Memory(data)), io.BytesIO(data)
    for step, number in steps:
        assert getattr(ours, step)(number) == getattr(theirs, step)(number)
        assert ours.tell() == theirs.tell()
