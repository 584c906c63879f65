"""``app-scanner report``: saved rows written anew, added up honestly, and never cleaner than they are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import key

Scan = Callable[..., Ran]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory, app_scanner: Scan) -> dict[str, Path]:
    """Saved scans: one that found something, one that is clean, one that is not complete."""
    folder = tmp_path_factory.mktemp("saved")
    files = {}
    for name, apps in {
        "found": {"a.apk": build_apk("com.tencent.mm", v2=[key("a")]), "b.apk": build_apk("x.y", v2=[key("a")])},
        "clean": {"c.apk": build_apk("com.example", v2=[key("a")])},
        "unread": {"d.apk": b"", "e.apk": build_apk("com.example", v2=[key("a")])},
    }.items():
        (folder / name).mkdir()
        for file, data in apps.items():
            (folder / name / file).write_bytes(data)
        files[name] = folder / f"{name}.jsonl"
        app_scanner("scan", folder / name, "-o", f"jsonl={files[name]}")
    return files


def rows(ran: Ran) -> list[dict[str, Any]]:
    return [json.loads(line) for line in ran.out.splitlines()]


@pytest.mark.parametrize(("name", "code"), [("found", 1), ("clean", 0), ("unread", 3)])
def test_one_scan_comes_out_as_it_was_saved(saved: dict[str, Path], app_scanner: Scan, name: str, code: int) -> None:
    ran = app_scanner("report", saved[name], "-o", "jsonl")
    assert ran.code == code
    assert rows(ran) == [json.loads(line) for line in saved[name].read_text().splitlines()]


def test_the_document_form_and_compressed_rows_are_the_same(saved: dict[str, Path], app_scanner: Scan) -> None:
    lines = app_scanner("report", saved["found"], "-o", "jsonl").out
    document = saved["found"].with_suffix(".json")
    app_scanner("report", saved["found"], "-o", f"json={document}")
    packed = saved["found"].with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(saved["found"].read_bytes()))
    assert app_scanner("report", document, "-o", "jsonl").out == lines
    assert app_scanner("report", packed, "-o", "jsonl").out == lines
    assert app_scanner("report", "-", "-o", "jsonl", stdin=packed.read_bytes()).out == lines


def test_several_scans_are_added_up(saved: dict[str, Path], app_scanner: Scan) -> None:
    ran = app_scanner("report", *saved.values(), "-o", "jsonl")
    counts = ran.summary["counts"]
    assert (ran.code, counts["apps"], counts["clear"], counts["impostor"], counts["unread"]) == (1, 4, 3, 1, 1)
    assert ran.summary["coverage"][0]["hole"].startswith("file ")
    assert app_scanner("report", saved["clean"], saved["unread"]).code == 3


def test_one_file_may_hold_several_scans_as_watch_writes_them(
    saved: dict[str, Path], app_scanner: Scan, tmp_path: Path
) -> None:
    both = tmp_path / "both.jsonl"
    both.write_bytes(saved["found"].read_bytes() + saved["unread"].read_bytes())
    ran = app_scanner("report", both, "-o", "jsonl")
    assert ran.summary == app_scanner("report", saved["found"], saved["unread"], "-o", "jsonl").summary
    assert (ran.code, ran.summary["counts"]["apps"]) == (1, 3)


def test_every_format_can_be_written_from_saved_rows(saved: dict[str, Path], app_scanner: Scan, tmp_path: Path) -> None:
    from scanner.formats import FORMATS

    words = [word for name in FORMATS for word in ("-o", f"{name}={tmp_path / name}")]
    assert app_scanner("report", saved["found"], *words).code == 1
    for name in FORMATS:
        assert b"com.tencent.mm" in (tmp_path / name).read_bytes(), name


def test_a_folder_is_the_saved_scans_in_it(saved: dict[str, Path], app_scanner: Scan, tmp_path: Path) -> None:
    (tmp_path / "scans").mkdir()
    for name in ("found", "unread"):
        (tmp_path / "scans" / f"{name}.jsonl").write_bytes(saved[name].read_bytes())
    (tmp_path / "scans" / "notes.txt").write_text("nobody's scan")
    ran = app_scanner("report", tmp_path / "scans", "-o", "jsonl")
    assert ran.summary == app_scanner("report", saved["found"], saved["unread"], "-o", "jsonl").summary
    (tmp_path / "empty").mkdir()
    ran = app_scanner("report", tmp_path / "empty")
    assert (ran.code, "a folder without saved scans" in ran.err) == (2, True)


def test_every_format_can_be_written_of_a_file_cut_short(
    saved: dict[str, Path], app_scanner: Scan, tmp_path: Path
) -> None:
    from scanner.formats import FORMATS

    cut = tmp_path / "cut.jsonl"
    cut.write_text("".join(saved["found"].read_text().splitlines(keepends=True)[:-1]))
    words = [word for name in FORMATS for word in ("-o", f"{name}={tmp_path / name}")]
    ran = app_scanner("report", cut, *words)
    assert (ran.code, "Traceback" in ran.err) == (1, False)
    for name in FORMATS:
        assert b"com.tencent.mm" in (tmp_path / name).read_bytes(), name
    counts = app_scanner("report", cut, "-o", "jsonl").summary["counts"]
    assert (counts["impostor"], counts["failing"], counts["allowed"]) == (1, 1, 0)


def test_a_scan_that_is_given_twice_is_said(saved: dict[str, Path], app_scanner: Scan, tmp_path: Path) -> None:
    again = tmp_path / "again.jsonl"
    again.write_bytes(saved["clean"].read_bytes())
    ran = app_scanner("report", saved["clean"], saved["clean"], again, "-o", "jsonl")
    assert [hole["reason"].partition(":")[0] for hole in ran.summary["coverage"]] == [
        "named twice",
        "in more than one of these scans",
    ]
    assert (ran.code, ran.summary["counts"]["apps"]) == (0, 2)


def test_a_file_cut_short_is_a_hole_and_its_rows_count(
    saved: dict[str, Path], app_scanner: Scan, tmp_path: Path
) -> None:
    for name, code in {"found": 1, "clean": 3}.items():
        cut = tmp_path / f"{name}.jsonl"
        cut.write_text("".join(saved[name].read_text().splitlines(keepends=True)[:-1]))
        ran = app_scanner("report", cut, "-o", "jsonl")
        assert (ran.code, ran.unread[0]["reason"]) == (code, "there is no summary at its end: the file is cut short")
        assert "cut short" in ran.err
    broken = tmp_path / "broken.jsonl.gz"
    broken.write_bytes(gzip.compress(saved["clean"].read_bytes())[:-20])
    ran = app_scanner("report", broken, "-o", "jsonl")
    assert ran.code in {3, 5}
    assert ran.unread


def test_a_newer_schema_is_a_hole(saved: dict[str, Path], app_scanner: Scan, tmp_path: Path) -> None:
    newer = tmp_path / "newer.jsonl"
    newer.write_text(saved["clean"].read_text().replace('"schema":1', '"schema":9'))
    ran = app_scanner("report", newer, "-o", "jsonl")
    assert ran.code == 3
    assert "schema 9" in ran.unread[0]["reason"]


def test_rows_of_an_older_version_tell_the_lists_of_today(
    saved: dict[str, Path], app_scanner: Scan, tmp_path: Path
) -> None:
    lines = [json.loads(line) for line in saved["found"].read_text().splitlines()]
    del lines[-1]["lists"], lines[-1]["sought"]
    older = tmp_path / "older.jsonl"
    older.write_text("".join(json.dumps(line) + "\n" for line in lines))
    summary = app_scanner("report", older, "-o", "jsonl").summary
    assert {one["id"]: one["status"] for one in summary["lists"]}["us-eo-13971"] == "revoked"
    assert len(summary["sought"]) == 8


def test_a_damaged_line_is_a_hole(saved: dict[str, Path], app_scanner: Scan, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.jsonl"
    lines = saved["clean"].read_text().splitlines(keepends=True)
    damaged.write_text("".join([*lines[:1], '{"type":"app","schema":1,\n', *lines[1:]]))
    ran = app_scanner("report", damaged, "-o", "jsonl")
    assert (ran.code, ran.unread[0]["which"].endswith(": line 2")) == (3, True)


def test_rows_left_out_are_said(app_scanner: Scan, saved: dict[str, Path], tmp_path: Path) -> None:
    few = tmp_path / "few.jsonl"
    app_scanner("scan", saved["found"].with_suffix(""), "--only-findings", "-o", f"jsonl={few}")
    ran = app_scanner("report", few, "-o", "jsonl")
    assert (ran.code, ran.summary["counts"]["apps"]) == (1, 2)
    assert ran.summary["coverage"][-1]["hole"] == "1 app"


def test_what_is_no_saved_scan_has_failed(app_scanner: Scan, saved: dict[str, Path], tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    ran = app_scanner("report", other, tmp_path / "missing.jsonl")
    assert ran.code == 5
    assert "holds no rows" in ran.err
    assert "missing.jsonl: No such file" in ran.err
    assert app_scanner("report", other, saved["clean"]).code == 3
    assert app_scanner("report").code == 2
