"""Counts, as people read them: one of a thing has no s, wherever it is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.model import counted, plural
from tests.conftest import Ran
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.reports import app, unread
from tests.support.signer import key
from tests.test_house import MODULES, PACKAGE
from tests.test_html import body, page

Run = Callable[..., Ran]
A = key("a")


def test_one_stands_alone() -> None:
    assert [counted(number, "app") for number in (0, 1, 2)] == ["0 apps", "1 app", "2 apps"]
    assert [counted(number, "entry is no object", "entries are no objects") for number in (1, 2)] == [
        "1 entry is no object",
        "2 entries are no objects",
    ]
    assert (plural(1, "is", "are"), plural(0, "is", "are"), plural(1, "file"), plural(3, "file")) == (
        "is", "are", "file", "files",
    )  # fmt: skip


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_makes_plurals_of_its_own(path: Path) -> None:
    assert not re.search(r"""\{["']s["'] (\*|if)""", path.read_text(encoding="utf-8"))


@pytest.fixture
def lone(tmp_path: Path) -> Path:
    """A folder with one APK."""
    folder = tmp_path / "apks"
    folder.mkdir()
    (folder / "one.apk").write_bytes(build_apk("com.tencent.mm", v1=[A], v2=[A]))
    return folder


def test_one_app_of_one_archive(lone: Path, tmp_path: Path, app_scanner: Run) -> None:
    (lone / "readme.txt").write_text("no APK", encoding="utf-8")
    locked = bytearray(zip_bytes({"inner.apk": (lone / "one.apk").read_bytes()}, stored=True))
    for flags in (6, locked.rindex(b"PK\1\2") + 8):  # of the local header and of the directory
        locked[flags] |= 1
    (lone / "locked.zip").write_bytes(locked)
    ran = app_scanner("scan", lone, "-j", "1", "-o", "table", "-o", f"jsonl={tmp_path / 'rows.jsonl'}")
    assert "1 app read, 1 impostor, 1 unread\n" in ran.out
    rows = (tmp_path / "rows.jsonl").read_text("utf-8")
    assert "1 other file" in rows
    assert '"reason":"1 encrypted member was not read"' in rows


def test_one_look_at_one_place(lone: Path, tmp_path: Path, app_scanner: Run) -> None:
    saved = tmp_path / "saved.jsonl"
    assert app_scanner("scan", lone, "-j", "1", "-o", f"jsonl={saved}").code == 1
    out = app_scanner("history", saved).out
    assert "\n1 phone or source, 1 look, 1 there\n" in out
    assert "; 1 of 1 look since\n" in out


def test_one_file_with_one_mistake(tmp_path: Path, app_scanner: Run) -> None:
    (tmp_path / "list.csv").write_text("package,lists\ncom.example,nowhere\n", encoding="utf-8")
    assert app_scanner("signatures", "lint", tmp_path / "list.csv").out.endswith("\n1 file, 1 error, 0 warnings\n")


def test_one_app_of_a_page() -> None:
    assert "app read 1 listed apps found 0 could not be read 0" in body(page([app("com.example")]))
    said = body(page([app("com.tencent.mm"), unread("a", "x")]))
    assert "1 of 1 app read." in said
    assert "app read 1 listed app found 1 could not be read 1" in said
    assert "one thing could not be read, and nothing is known of it" in said
