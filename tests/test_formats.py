"""How reports are written: for terminals, spreadsheets and programs, from hostile text."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from scanner.formats import FORMATS
from scanner.formats.cleaning import FORMULA, cell, clean
from scanner.formats.schema import row_schema
from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import V3Signer, key

Scan = Callable[..., Ran]
HOSTILE = '=cmd|\x1b[31m[bold red]x\u202e\n<script>","'


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    folder = tmp_path / "apks"
    folder.mkdir()
    signing = key(HOSTILE.replace("\x1b", "?").replace("\n", " "))
    rotated = V3Signer(signing, (key("old"),))
    (folder / "a.apk").write_bytes(build_apk("com.tencent.mm", v2=[signing], v3=[rotated], version_name=HOSTILE))
    (folder / "b.apk").write_bytes(build_apk("com.example", v2=[signing]))
    (folder / "c.apk").write_bytes(b"")
    return folder


def test_every_row_is_valid_under_the_published_schema(hostile: Path, app_scanner: Scan) -> None:
    validator = jsonschema.Draft202012Validator(row_schema())
    rows = app_scanner("scan", hostile, "-o", "jsonl").rows
    assert [row["type"] for row in rows] == ["app", "app", "unread", "summary"]
    for row in rows:
        validator.validate(row)


def test_the_published_schema_is_the_generated_one() -> None:
    assert json.loads((ROOT / "docs" / "row.schema.json").read_text()) == row_schema(), "run: make schema"


def test_the_schema_wants_every_key_of_every_row() -> None:
    for definition in row_schema()["$defs"].values():
        if definition.get("type") == "object":
            assert set(definition.get("required", ())) == set(definition["properties"]), definition["title"]


def test_json_is_the_rows_of_jsonl_in_one_document(hostile: Path, app_scanner: Scan) -> None:
    def timeless(row: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in row.items() if name != "scanned_at"}

    lines = app_scanner("scan", hostile, "-o", "jsonl").rows
    document = json.loads(app_scanner("scan", hostile, "-o", "json").out)
    assert [timeless(row) for row in (*document["rows"], document["summary"])] == [timeless(row) for row in lines]
    empty = json.loads(app_scanner("scan", ROOT / "docs", "-o", "json").out)
    assert (empty["rows"], empty["summary"]["exit_code"]) == ([], 4)


def test_no_csv_cell_is_a_formula(hostile: Path, app_scanner: Scan) -> None:
    out = app_scanner("scan", hostile, "-o", "csv").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["verdict"] for row in rows] == ["impostor", "clear", "unread"]
    assert not any(value.startswith(FORMULA) for row in rows for value in row.values())
    assert rows[0]["version_name"].startswith("'=cmd|")


def test_csv_names_a_signer_that_is_known_by_its_sha1_alone(app_scanner: Scan, tmp_path: Path) -> None:
    wechat = "cc80d76aa9fe94ec205ef0c336bfc424596da290"
    app = {"packageName": "com.tencent.mm", "versionCode": 0, "signingKeyCertFingerprints": [wechat]}
    device = {"name": "enterprises/x/devices/1", "applicationReports": [app]}
    (tmp_path / "devices.json").write_text(json.dumps({"devices": [device]}))
    app_scanner("scan", tmp_path / "devices.json", "-o", f"csv={tmp_path / 'rows.csv'}")
    (row,) = csv.DictReader(io.StringIO((tmp_path / "rows.csv").read_text()))
    assert (row["verdict"], row["signer_sha256"], row["signer_sha1"]) == ("confirmed", "", wechat)
    assert row["version_code"] == "0"
    (again,) = app_scanner("scan", tmp_path / "rows.csv", "-o", "jsonl").apps
    assert again["verdict"] == "confirmed"


def test_no_control_character_of_an_app_reaches_a_terminal(hostile: Path, app_scanner: Scan) -> None:
    for words in (["scan", hostile], ["inspect", hostile / "a.apk"]):
        out = app_scanner(*words).out
        assert "\\x1b[31m" in out
        assert not set(out) & {"\x1b", "\u202e", "\x07"}


def test_the_table_fits_80_columns_and_has_no_colour_in_a_pipe(hostile: Path, app_scanner: Scan) -> None:
    import os

    ran = app_scanner("scan", hostile, env={**os.environ, "COLUMNS": "80"})
    assert max(map(len, ran.out.splitlines())) <= 80
    assert "\x1b" not in ran.out
    assert "another signer under a listed name" in " ".join(ran.out.split())


@pytest.mark.parametrize("start", FORMULA)
def test_a_cell_never_starts_a_formula(start: str) -> None:
    assert not cell(start + "1+1").startswith(FORMULA)


def test_clean_text_keeps_what_people_write() -> None:
    assert clean("微信 WeChat Zürich\u3000①") == "微信 WeChat Zürich\u3000①"
    assert clean("a\x00b\u200fc\u2028d\U000e0041") == "a\\x00b\\u200fc\\u2028d\\U000e0041"


def test_every_format_is_offered_in_the_help(app_scanner: Scan) -> None:
    text = " ".join(app_scanner("scan", "--help").out.split())
    for name in FORMATS:
        assert name in text
