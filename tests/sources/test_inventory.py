"""What is an inventory, and what is not: told by content."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path

import pytest

from scanner.errors import SourceError
from scanner.sources.inventory import InventoryChoices, check_choices, open_inventory

NONE = InventoryChoices()


def format_of(path: Path | str, choices: InventoryChoices = NONE) -> str | None:
    found = open_inventory(str(path), choices)
    return None if found is None else found.title


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
def test_what_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "packages.json").write_bytes(data)
    assert format_of(tmp_path / "packages.json") is None
    assert format_of(tmp_path) is None


def test_what_cannot_be_opened_is_left_to_who_opens_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert format_of(tmp_path / "pipe") is None
    assert format_of(tmp_path / "missing") is None
    assert format_of("no\0name") is None


def test_the_name_of_a_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("package:com.example.a\n")
    assert format_of(tmp_path / "holiday.jpg") == "pm list packages"


def test_an_archive_of_apks_is_none(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("a.apk", b"PK")
        archive.writestr("packages.json", b"[]")
    assert format_of(tmp_path / "x.zip") is None


def test_columns_make_any_text_a_table_and_nothing_else(tmp_path: Path) -> None:
    choices = check_choices(None, "package=1")
    (tmp_path / "odd").write_text("com.example.a\n")
    (tmp_path / "listing").write_text("package:com.example.a\n")
    (tmp_path / "binary").write_bytes(b"\x7fELF\0\0\0")
    assert format_of(tmp_path / "odd", choices) == "a table (CSV, TSV)"
    assert format_of(tmp_path / "listing", choices) == "pm list packages"
    assert format_of(tmp_path / "binary", choices) is None


@pytest.mark.parametrize(("form", "columns"), [("nothing", None), (None, "x=1"), (None, ""), (None, "version=1")])
def test_a_wrong_choice_says_what_would_be_right(form: str | None, columns: str | None) -> None:
    with pytest.raises((SourceError, ValueError), match=r"there are|title|expected"):
        check_choices(form, columns)
