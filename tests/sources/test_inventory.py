"""What a SPEC is taken for, and what an inventory leaves out."""

from __future__ import annotations

import fcntl
import io
import os
import shutil
import struct
import termios
import threading
import time
import zipfile
from pathlib import Path

import pytest

from scanner.errors import SourceError
from scanner.model import Installed
from scanner.sources.inventories.detection import InventoryChoices
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.reading import Gap, Note
from scanner.sources.inventory import EMPTY, check_choices, open_inventory
from tests.sources.inventories.readers.samples import AQF, DUMPSTATE

LISTING = "package:com.shop\npackage:com.tencent.mm\n"
CHOICES = InventoryChoices()


def written(path: Path, text: str | bytes) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def zipped(path: Path, **members: str | bytes) -> str:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/"), text)
    return str(path)


def entries(spec: str, choices: InventoryChoices = CHOICES) -> list[object]:
    source = open_inventory(spec, choices)
    assert source is not None
    return list(source.entries())


def gaps(found: list[object]) -> list[str]:
    return [entry.reason for entry in found if isinstance(entry, Gap)]


@pytest.mark.parametrize("name", ["renamed", "renamed.zip", "a.xlsx"])
def test_an_apk_is_no_inventory_whatever_it_holds_and_is_called(tmp_path, name):
    members = {"AndroidManifest.xml": "", "xl__workbook.xml": "", "a__bugreport-1.txt": DUMPSTATE}
    assert open_inventory(zipped(tmp_path / name, **members), CHOICES) is None


def test_the_users_word_overrules_that(tmp_path):
    spec = zipped(tmp_path / "a.apk", **{"AndroidManifest.xml": "", "bugreport-1.txt": DUMPSTATE})
    assert any(isinstance(entry, Installed) for entry in entries(spec, InventoryChoices(form="bugreport")))


def test_apks_beside_an_inventory_are_to_be_read_too(tmp_path):
    written(tmp_path / "old" / "bugreport-1.txt", DUMPSTATE)
    alone = open_inventory(str(tmp_path))
    assert alone is not None
    assert not alone.holds_apks
    written(tmp_path / "b.APK", b"PK")
    spec = zipped(tmp_path / "all.zip", **{"bugreport-1.txt": DUMPSTATE, "a.apk": ""})
    for source in (open_inventory(str(tmp_path)), open_inventory(spec)):
        assert source is not None
        assert source.holds_apks


def test_more_files_than_are_looked_at_are_a_gap(tmp_path, monkeypatch):
    written(tmp_path / "a" / "bugreport-1.txt", DUMPSTATE)
    written(tmp_path / "b" / "bugreport-2.txt", DUMPSTATE)
    monkeypatch.setattr("scanner.sources.inventories.documents.MAX_NAMES", 1)
    assert any("the others were not looked at" in reason for reason in gaps(entries(str(tmp_path))))


@pytest.mark.parametrize("text", ["Package Name,Serial\n", '"ApplicationName","ApplicationKey","DeviceName"\n'])
def test_an_inventory_without_an_app_is_no_clean_one(tmp_path, text):
    assert EMPTY in gaps(entries(written(tmp_path / "a.csv", text)))


def test_an_earlier_scan_may_have_found_no_app(tmp_path):
    text = '{"rows": [], "summary": {"type": "summary", "schema": 1, "tool": "t", "signatures": "", "counts": {}, "coverage": [], "exit_code": 4, "interrupted": false}}'  # noqa: E501
    source = open_inventory(written(tmp_path / "a.json", text), CHOICES)
    assert source is not None
    assert source.title == OWN_READERS[0].title
    assert EMPTY not in gaps(list(source.entries()))


def test_a_pipe_is_read(tmp_path):
    spec = piped(tmp_path / "pipe", LISTING)
    found = entries(spec)
    assert [entry.package_name for entry in found if isinstance(entry, Installed)] == ["com.shop", "com.tencent.mm"]
    assert found[0].device.serial == spec  # type: ignore[attr-defined]


def test_a_pipe_that_is_no_inventory_is_told_of(tmp_path):
    with pytest.raises(SourceError, match="not an inventory"):
        open_inventory(piped(tmp_path / "pipe", "hello"), CHOICES)


def piped(path: Path, text: str) -> str:
    """A pipe that holds a text, and ends once that was read."""
    os.mkfifo(path)
    handle = os.open(path, os.O_RDWR)
    os.write(handle, text.encode())

    def close() -> None:
        while struct.unpack("i", fcntl.ioctl(handle, termios.FIONREAD, bytes(4)))[0]:
            time.sleep(0.01)
        os.close(handle)

    threading.Thread(target=close, daemon=True).start()
    return str(path)


def test_names_that_are_no_unicode_are_spelled_out(tmp_path):
    spec = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.txt")
    written(Path(spec), LISTING)
    app = entries(spec)[0]
    assert isinstance(app, Installed)
    assert all("\\xff" in text for text in (app.source, app.where, app.device.serial))  # type: ignore[union-attr]


def test_a_folder_of_several_formats_loses_none(tmp_path):
    for name, text in AQF.items():
        written(tmp_path / "a" / name, text)
    written(tmp_path / "b" / "bugreport-1.txt", DUMPSTATE)
    found = [entry for entry in entries(str(tmp_path)) if isinstance(entry, Installed)]
    assert {app.where.rpartition("/")[2] for app in found} == {"packages.json", "bugreport-1.txt"}


def named(spec: str, columns: dict[str, str]) -> list[str]:
    found = entries(spec, InventoryChoices(columns=columns))
    return [entry.package_name for entry in found if isinstance(entry, Installed)]


def test_the_users_columns_go_for_every_kind_of_table(tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Appli", "Foo"], ["com.shop", "S1"]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    texts = {"csv": "Appli,Foo\ncom.shop,S1\n", "json": '[{"Appli": "com.shop"}]', "jsonl": '{"Appli": "com.shop"}\n'}
    specs = [written(tmp_path / f"a.{kind}", text) for kind, text in texts.items()]
    for spec in (str(tmp_path / "a.xlsx"), *specs):
        assert named(spec, {"package": "Appli"}) == ["com.shop"]


def test_the_users_columns_are_not_for_formats_that_say_who_they_are(tmp_path):
    spec = written(tmp_path / "a.txt", LISTING)
    assert named(spec, {"package": "Appli"}) == ["com.shop", "com.tencent.mm"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 100,
        b"plain words\n",
        b"{}",
        b"[]",
        b"<html><body>Sign in</body></html>",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
    ],
    ids=["empty", "zeros", "words", "object", "array", "html", "cut zip", "cut gzip"],
)
def test_what_is_none(tmp_path, data):
    assert open_inventory(written(tmp_path / "packages.json", data)) is None
    assert open_inventory(str(tmp_path)) is None


def test_what_cannot_be_opened_is_left_to_who_opens_files(tmp_path):
    assert open_inventory(str(tmp_path / "missing")) is None
    assert open_inventory("no\0name") is None


def test_the_name_of_a_file_says_nothing(tmp_path):
    assert entries(written(tmp_path / "holiday.jpg", LISTING))


def test_an_archive_of_apks_is_none(tmp_path):
    assert open_inventory(zipped(tmp_path / "x.zip", **{"a.apk": "PK", "list.txt": LISTING})) is None


def test_a_zip_of_exports_is_read_file_by_file(tmp_path):
    spec = zipped(tmp_path / "x.zip", **{"a.csv": "Serial,App ID\nR1,com.a\n", "b.txt": LISTING, "readme": "Hello."})
    found = entries(spec)
    apps = [entry for entry in found if isinstance(entry, Installed)]
    assert [app.package_name for app in apps] == ["com.a", "com.shop", "com.tencent.mm"]
    assert apps[1].device is not None
    assert apps[1].device.serial == f"{spec}!/b.txt"
    assert any(isinstance(entry, Note) and entry.text.startswith("1 other file lies in it") for entry in found)
    assert gaps(found) == []
    assert open_inventory(zipped(tmp_path / "y.zip", readme="Hello.")) is None


@pytest.mark.parametrize("form", ["folder", "zip"])
@pytest.mark.parametrize("mark", ["a/bugreport-1.txt", "bugreport-1.txt", "a/packages.json"])
def test_what_lies_beside_a_result_is_read_too(tmp_path, form, mark):
    """A listing of another phone beside a bug report: it may be the one with the app."""
    folder = tmp_path / "exports"
    result = AQF["packages.json"] if mark.endswith(".json") else DUMPSTATE
    for name, text in {mark: result, "R2.txt": LISTING, "R3.csv": "", "b/x.apk": "PK"}.items():
        written(folder / name, text)
    spec = str(folder) if form == "folder" else shutil.make_archive(str(tmp_path / "x"), "zip", folder)
    found = entries(spec)
    places = {entry.where.rpartition("/")[2] for entry in found if isinstance(entry, Installed)}
    assert places == {mark.rpartition("/")[2], "R2.txt"}
    assert [entry.where for entry in found if isinstance(entry, Gap) and entry.what == "file"] == ["R3.csv"]
    assert not any("other file" in entry.text for entry in found if isinstance(entry, Note))
    assert any("1 more file lies beside that" in entry.text for entry in found if isinstance(entry, Note))


def test_all_that_came_with_a_bug_report_belongs_to_it(tmp_path):
    packed = {
        "main_entry.txt": "bugreport-1.txt",
        "bugreport-1.txt": DUMPSTATE,
        "FS__data__list.csv": "Package\ncom.a.b\n",
    }
    found = entries(zipped(tmp_path / "x.zip", **packed))
    assert "com.a.b" not in {entry.package_name for entry in found if isinstance(entry, Installed)}
    assert gaps(found) == []


def bug_report() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("bugreport-a.txt", DUMPSTATE)
    return held.getvalue()


@pytest.mark.parametrize("beside", [{}, {"b.txt": LISTING}], ids=["alone", "beside another"])
def test_zips_in_a_zip_are_read_too(tmp_path, beside):
    spec = zipped(
        tmp_path / "x.zip", **{"R1__bugreport.zip": bug_report(), "R2__bugreport.zip": bug_report(), **beside}
    )
    found = entries(spec)
    devices = {entry.device.serial for entry in found if isinstance(entry, Installed) and entry.device}
    assert len([entry for entry in found if isinstance(entry, Installed)]) > 2
    assert bool(beside) == any(serial.endswith("b.txt") for serial in devices)
    assert gaps(found) == []


def test_what_went_wrong_in_a_zip_of_exports_is_a_gap_with_its_name(tmp_path):
    whole = bug_report()
    bad = {
        "cut.zip": whole[:-30],
        "page.json": "<html>",
        "R9.txt": "",
        "holiday.zip": zip_of_photos(),
        "a.csv": "a,b\n",
    }
    found = entries(zipped(tmp_path / "x.zip", **{"b.txt": LISTING, "readme": "Hello.", "notes.txt": "Hello.", **bad}))
    assert {entry.where for entry in found if isinstance(entry, Gap)} == set(bad)
    assert any(isinstance(entry, Note) and entry.text.startswith("2 other files") for entry in found)


def test_a_gap_in_a_zip_of_exports_says_in_which_file(tmp_path):
    found = entries(zipped(tmp_path / "x.zip", **{"deep__a.csv": "Serial,App ID\nR1,com.a\nR2,WeChat\n"}))
    assert [entry.where for entry in found if isinstance(entry, Gap)] == ["deep/a.csv: line 3"]


def test_a_zip_in_a_zip_that_is_too_large_is_a_gap(tmp_path, monkeypatch):
    monkeypatch.setattr("scanner.sources.inventories.collection.MAX_NESTED", 20)
    found = entries(zipped(tmp_path / "x.zip", **{"b.txt": LISTING, "R1.zip": bug_report()}))
    assert ["more than 20 bytes" in reason for reason in gaps(found)] == [True]


def zip_of_photos() -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("a.jpg", b"\xff\xd8")
    return held.getvalue()


def test_columns_make_any_text_a_table_and_nothing_else(tmp_path):
    choices = check_choices(None, "package=1")
    odd = open_inventory(written(tmp_path / "odd", "com.example.a\n"), choices)
    assert odd is not None
    assert odd.title == "a table (CSV, TSV)"
    assert open_inventory(written(tmp_path / "binary", b"\x7fELF\0\0\0"), choices) is None


@pytest.mark.parametrize(("form", "columns"), [("nothing", None), (None, "x=1"), (None, ""), (None, "version=1")])
def test_a_wrong_choice_says_what_would_be_right(form, columns):
    with pytest.raises((SourceError, ValueError), match=r"there are|title|expected"):
        check_choices(form, columns)


def test_the_schema_of_rows_is_no_row():
    assert open_inventory(str(Path(__file__).parents[2] / "docs" / "row.schema.json")) is None
