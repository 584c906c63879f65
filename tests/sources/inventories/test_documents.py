"""Files, standard input, folders and zips: encodings, compression, damage, bombs."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from pathlib import Path
from random import Random

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from scanner.errors import ApkError, LimitExceeded, SourceError
from scanner.sources.inventories import documents, unpacking
from scanner.sources.inventories.documents import (
    FileDocument,
    FolderBundle,
    StdinDocument,
    StreamDocument,
    ZipBundle,
    numbered_lines,
    safely,
)
from scanner.sources.inventories.reading import HEAD, Document, Entry, Gap, Note

TEXT = "package,title\ncom.example,Ä 你好 😀\n"


def file(folder: Path, data: bytes, name: str = "a.csv") -> FileDocument:
    (folder / name).write_bytes(data)
    return FileDocument(str(folder / name))


def text(document: Document) -> str:
    with document.text() as stream:
        return stream.read()


def zipped(folder: Path, members: dict[str, bytes]) -> str:
    path = folder / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return str(path)


def drain(document: Document) -> None:
    with document.binary() as stream:
        while stream.read(1 << 16):
            pass


# Encodings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.replace("\n", "\r").encode(),
        gzip.compress(TEXT.encode("utf-16"), mtime=0),
        gzip.compress(TEXT[:9].encode(), mtime=0) + gzip.compress(TEXT[9:].encode(), mtime=0) + bytes(512),
        zstandard.compress(TEXT.encode()),
        zstandard.compress(TEXT[:9].encode()) + zstandard.compress(TEXT[9:].encode()),
        gzip.compress(zstandard.compress(TEXT.encode()), mtime=0),
    ],
)
def test_the_text_is_the_same_however_it_is_encoded(tmp_path: Path, data: bytes) -> None:
    document = file(tmp_path, data)
    assert document.head == TEXT
    assert text(document) == TEXT
    assert text(document) == TEXT, "a document can be read again"
    assert document.name == str(tmp_path / "a.csv")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark(tmp_path: Path, encoding: str) -> None:
    plain = "package,title\n" * 20 + "x,你好\n"
    assert text(file(tmp_path, plain.encode(encoding))) == plain


def test_stray_bytes_survive(tmp_path: Path) -> None:
    document = file(tmp_path, b"a\xff\x80\n")
    assert text(document) == "a\udcff\udc80\n"
    assert document.head == "a\ufffd\ufffd\n"


def test_the_head_is_bounded(tmp_path: Path) -> None:
    assert len(file(tmp_path, b"a" * (HEAD * 3)).head) == HEAD
    assert file(tmp_path, b"").head == ""


@given(st.binary(max_size=600), st.sampled_from([b"", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", b"\xff\xfe", b"\xfe\xff"]))
def test_no_bytes_raise_but_as_they_are_said_to(tmp_path_factory: pytest.TempPathFactory, data: bytes, front: bytes):
    path = tmp_path_factory.getbasetemp() / "any"
    path.write_bytes(front + data)
    document = FileDocument(str(path))
    assert isinstance(document.head, str)
    assert all(isinstance(entry, Note | Gap) for entry in safely(notes(document), "any"))


def notes(document: Document):
    for _, line in numbered_lines(document):
        yield Note(line)


# Lines ----------------------------------------------------------------------------------------


def test_a_line_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE", 10)
    document = file(tmp_path, b"abc\n" + b"x" * 35 + b"\n" + b"y" * 9 + b"\nlast")
    assert list(numbered_lines(document)) == [(1, "abc\n"), (2, "x" * 10), (3, "y" * 9 + "\n"), (4, "last")]


# Damage ---------------------------------------------------------------------------------------


def listed(document: Document) -> list[Entry]:
    return list(safely(notes(document), document.name))


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compression_cut_short_ends_with_a_hole(tmp_path: Path, pack) -> None:
    packed = pack(Random(1).randbytes(300_000).hex().encode() + b"\n" + TEXT.encode())
    entries = listed(file(tmp_path, packed[:-5]))
    (gap,) = [entry for entry in entries if isinstance(entry, Gap)]
    assert entries[-1] is gap
    assert (gap.what, gap.where) == ("listing", "")
    assert "cut short" in gap.reason or "gzip" in gap.reason
    assert file(tmp_path, packed[:-5]).head


@pytest.mark.parametrize(
    "data", [b"\x1f\x8b\x08junk", b"\x28\xb5\x2f\xfdjunk and more junk", gzip.compress(b"a", mtime=0) + b"junk"]
)
def test_broken_compression_ends_with_a_hole(tmp_path: Path, data: bytes) -> None:
    assert isinstance(listed(file(tmp_path, data))[-1], Gap)


def test_a_checksum_that_does_not_fit(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(TEXT.encode(), mtime=0))
    packed[-6] ^= 1
    assert isinstance(listed(file(tmp_path, bytes(packed)))[-1], Gap)


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_a_bomb_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pack) -> None:
    monkeypatch.setattr(unpacking, "FREE", 1 << 20)
    document = file(tmp_path, pack(bytes(80 << 20)))
    with pytest.raises(LimitExceeded):
        drain(document)


def test_what_is_no_file_is_a_source_error(tmp_path: Path) -> None:
    for path in (tmp_path / "missing", tmp_path):
        with pytest.raises(SourceError):
            _ = FileDocument(str(path)).head
        assert [type(entry) for entry in listed(FileDocument(str(path)))] == [Gap]
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SourceError):
        FileDocument(str(tmp_path / "pipe")).text()


def test_other_errors_are_not_hidden() -> None:
    def crash():
        yield Note("one")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(safely(crash(), "x"))


# Standard input -------------------------------------------------------------------------------


def test_standard_input_can_be_read_twice() -> None:
    document = StdinDocument(io.BytesIO(gzip.compress(TEXT.encode(), mtime=0)))
    assert (document.name, document.head, text(document), text(document)) == ("-", TEXT, TEXT, TEXT)
    document.close()
    with pytest.raises(SourceError):
        document.binary()


# Folders --------------------------------------------------------------------------------------


def test_a_folder_and_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = tmp_path / "in"
    (inside / "sub").mkdir(parents=True)
    for name in ("b.txt", "a.txt", "sub/c.txt"):
        (inside / name).write_text(name)
    (tmp_path / "secret").write_text("no")
    (inside / "out").symlink_to(tmp_path / "secret")
    (inside / "loop").symlink_to("loop")
    (inside / "round").symlink_to(inside)
    (inside / "alias").symlink_to("a.txt")
    os.mkfifo(inside / "pipe")
    bundle = FolderBundle(str(inside))
    assert bundle.names() == ["a.txt", "alias", "b.txt", "sub/c.txt"]
    assert text(bundle.document("sub/c.txt")) == "sub/c.txt"
    assert bundle.document("sub/c.txt").name == f"{inside}/sub/c.txt"
    for name in ("../secret", "out", "/etc/passwd", "sub"):
        with pytest.raises(KeyError):
            bundle.document(name)
    assert not bundle.cut_short
    monkeypatch.setattr(documents, "MAX_NAMES", 2)
    assert FolderBundle(str(inside)).names() == ["a.txt", "alias"]
    assert FolderBundle(str(inside)).cut_short
    with pytest.raises(SourceError):
        FolderBundle(str(tmp_path / "missing"))


# Zips -----------------------------------------------------------------------------------------


def test_a_zip_and_its_members(tmp_path: Path) -> None:
    path = zipped(
        tmp_path,
        {
            "a.csv": TEXT.encode(),
            "sub/b.csv.gz": gzip.compress(TEXT.encode("utf-16"), mtime=0),
            "../../etc/passwd": b"x",
            "/abs.txt": b"abs",
            "C:\\win.txt": b"x",
            "folder/": b"",
            "empty": b"",
        },
    )
    bundle = ZipBundle(path, "given")
    assert bundle.names() == ["a.csv", "sub/b.csv.gz", "abs.txt", "empty"]
    for name in ("a.csv", "sub/b.csv.gz"):
        assert text(bundle.document(name)) == TEXT
        assert bundle.document(name).name == f"given!/{name}"
    assert text(bundle.document("empty")) == ""
    with pytest.raises(KeyError):
        bundle.document("../../etc/passwd")


def test_a_large_member_is_streamed(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"big.txt": (b"com.example,1.0,some text\n" * 1_000_000)})
    with ZipBundle(path).document("big.txt").text() as stream:
        assert sum(1 for _ in stream) == 1_000_000


def test_a_bomb_in_a_zip_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "FREE", 1 << 20)
    path = zipped(tmp_path, {"bomb": bytes(30 << 20)})
    with pytest.raises(LimitExceeded):
        drain(ZipBundle(path).document("bomb"))


def test_damaged_and_locked_members_are_holes(tmp_path: Path) -> None:
    path = zipped(tmp_path, {"a.csv": Random(1).randbytes(5000).hex().encode()})
    data = bytearray(Path(path).read_bytes())
    data[200] ^= 0xFF
    Path(path).write_bytes(data)
    assert isinstance(listed(ZipBundle(path).document("a.csv"))[-1], Gap)
    data[data.index(b"PK\x01\x02") + 8] |= 1
    Path(path).write_bytes(data)
    (gap,) = listed(ZipBundle(path).document("a.csv"))
    assert isinstance(gap, Gap)
    assert "encrypted" in gap.reason


def test_no_zip(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(ApkError):
        ZipBundle(str(tmp_path / "a.zip"))


def test_a_stream_document_holds_to_the_contract() -> None:
    document: Document = StreamDocument("x", lambda: io.BufferedReader(io.BytesIO(b"a\r\nb")))  # type: ignore[arg-type]
    assert text(document) == "a\nb"
