"""Spreadsheets through openpyxl."""

from __future__ import annotations

import datetime as dt
import importlib
import os
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.errors import ApkError
from scanner.model import Installed
from scanner.sources.inventories.documents import ZipBundle
from scanner.sources.inventories.readers import spreadsheet
from scanner.sources.inventories.readers.table import TABLE_READERS, table_readers
from scanner.sources.inventories.reading import BundleReader, Entry, Gap, Note
from tests.support.documents import FilesBundle

openpyxl = importlib.import_module("openpyxl") if os.environ.get("CI") else pytest.importorskip("openpyxl")
(XLSX,) = (reader for reader in TABLE_READERS if isinstance(reader, BundleReader))


def book(path: Path, sheets: dict[str, list[list[object]]]) -> ZipBundle:
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets.items():
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    workbook.save(path)
    return ZipBundle(str(path), "b.xlsx")


def read(bundle: ZipBundle, reader: BundleReader = XLSX) -> list[Entry]:
    return list(reader.read(bundle, "SPEC"))


def test_every_sheet_with_apps(tmp_path: Path) -> None:
    bundle = book(
        tmp_path / "b.xlsx",
        {
            "Cover": [["Report"], [dt.datetime(2026, 1, 2, tzinfo=None)]],
            "Apps": [
                ["Exported on", dt.date(2026, 1, 2)],
                [],
                ["Package Name", "Version", "Version code", "Serial number", "Certificate SHA-256"],
                ["com.tencent.mm", 8.5, 2400, "S1", "ab" * 32],
                [None, None, None, None, None],
                ["#N/A", True, 2.0, 123456, "short"],
            ],
            "More": [["package", "device"], ["com.a.b", "N"]],
        },
    )
    assert XLSX.recognises(bundle)
    entries = read(bundle)
    apps = [entry for entry in entries if isinstance(entry, Installed)]
    assert [(app.package_name, app.where, app.device and app.device.serial) for app in apps] == [
        ("com.tencent.mm", "b.xlsx!/Apps:4", "S1"),
        ("com.a.b", "b.xlsx!/More:2", "N"),
    ]
    assert (apps[0].version_name, apps[0].version_code, apps[0].source) == ("8.5", 2400, "SPEC")
    assert [entry.where for entry in entries if isinstance(entry, Gap)] == ["sheet Apps, line 6"]
    notes = [entry.text for entry in entries if isinstance(entry, Note)]
    assert len(notes) == 3
    assert "Cover" in notes[-1]


def test_columns_by_the_user(tmp_path: Path) -> None:
    bundle = book(tmp_path / "b.xlsx", {"S": [["Foo", "Bar"], [1, "com.a.b"]]})
    (*_, reader) = table_readers({"package": "Bar", "serial": "Baz"})
    assert isinstance(reader, BundleReader)
    gap, app = read(bundle, reader)
    assert isinstance(gap, Gap)
    assert isinstance(app, Installed)


def test_nothing_to_read_is_a_hole(tmp_path: Path) -> None:
    (gap,) = read(book(tmp_path / "b.xlsx", {"S": [["a", "b"], [1, 2]]}))
    assert isinstance(gap, Gap)
    assert "--columns" in gap.reason


def test_without_openpyxl_the_user_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = book(tmp_path / "b.xlsx", {"S": [["package"], ["com.a.b"]]})
    monkeypatch.setitem(sys.modules, "openpyxl.reader.excel", None)
    (gap,) = read(bundle)
    assert isinstance(gap, Gap)
    assert "[xlsx]" in gap.reason


def test_a_bomb_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = book(tmp_path / "b.xlsx", {"S": [["package"], ["com.a.b"]]})
    monkeypatch.setattr(spreadsheet, "MAX_OTHER", 100)
    (gap,) = read(bundle)
    assert isinstance(gap, Gap)
    assert "bytes" in gap.reason


def test_only_the_zip_of_a_workbook_is_recognised(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("a.txt", "x")
    assert not XLSX.recognises(ZipBundle(str(tmp_path / "a.zip")))
    assert not XLSX.recognises(FilesBundle("x", {"xl/workbook.xml": ""}))
    assert [type(entry) for entry in XLSX.read(FilesBundle("x", {}), "S")] == [Gap]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, dict[str, bytes]]:
    path = tmp_path_factory.mktemp("xlsx") / "b.xlsx"
    book(path, {"S": [["package", "version"], ["com.a.b", 1.5], ["com.a.c", dt.date(2026, 1, 1)]]})
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return path, path.read_bytes(), members


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_damage_raises(whole: tuple[Path, bytes, dict[str, bytes]], data: st.DataObject) -> None:
    path, _, members = whole
    name = data.draw(st.sampled_from(sorted(members)))
    content = members[name]
    at = data.draw(st.integers(0, len(content)))
    end = min(len(content), at + data.draw(st.integers(0, 60)))
    odd = data.draw(st.sampled_from([b"", b"<", b'"', b"-1", b"999999999999", b"&x;", b"\0", b"</row>", b"e"]))
    damaged = path.with_name("damaged.xlsx")
    with zipfile.ZipFile(damaged, "w") as archive:
        for member, whole_content in members.items():
            archive.writestr(member, content[:at] + odd + content[end:] if member == name else whole_content)
    assert all(isinstance(entry, Installed | Gap | Note) for entry in read(ZipBundle(str(damaged))))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_no_damage_of_the_zip_raises(whole: tuple[Path, bytes, dict[str, bytes]], data: st.DataObject) -> None:
    path, content, _ = whole
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.with_name("zip.xlsx").write_bytes(damaged)
    try:
        bundle = ZipBundle(str(path.with_name("zip.xlsx")))
    except ApkError:
        return
    read(bundle)


ENTITIES = "".join(f'<!ENTITY a{number} "{f"&a{number - 1};" * 10}">' for number in range(1, 10))
HOSTILE_HEADS = {
    "a bomb": f'<!DOCTYPE x [<!ENTITY a0 "0123456789">{ENTITIES}]>',
    "a file of this machine": '<!DOCTYPE x [<!ENTITY a9 SYSTEM "file:///etc/passwd">]>',
    "another machine": '<!DOCTYPE x [<!ENTITY a9 SYSTEM "http://127.0.0.1:9/x">]>',
}
PLACES = {
    "xl/worksheets/sheet1.xml": ("</row>", '<c t="inlineStr"><is><t>&a9;</t></is></c></row>'),
    "[Content_Types].xml": ("</Types>", "&a9;</Types>"),
    "xl/styles.xml": ("<fonts", "&a9;<fonts"),
    "docProps/core.xml": ("</cp:", "&a9;</cp:"),
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("kind", HOSTILE_HEADS)
def test_entities_of_xml_neither_explode_nor_read_anything(tmp_path: Path, kind: str, place: str) -> None:
    good = tmp_path / "good.xlsx"
    book(good, {"S": [["Package Name"], ["com.a.b"]]})
    old, new = PLACES[place]
    with zipfile.ZipFile(good) as archive, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as made:
        for name in archive.namelist():
            text = archive.read(name).decode()
            if name == place:
                head, mark, body = text.partition("?>") if text.startswith("<?xml") else ("", "", text)
                assert old in body
                text = head + mark + HOSTILE_HEADS[kind] + body.replace(old, new, 1)
            made.writestr(name, text)
    entries = read(ZipBundle(str(tmp_path / "b.xlsx")))
    assert "root:" not in str(entries)
    assert "0123456789" * 100 not in str(entries)
    damaged = any(isinstance(entry, Gap) and "damaged" in entry.reason for entry in entries)
    if kind == "a bomb" or place.startswith("xl/worksheets"):
        assert damaged
    assert damaged or [entry.package_name for entry in entries if isinstance(entry, Installed)] == ["com.a.b"]
