"""``-o parquet=FOLDER/`` and ``-o parquet=s3://…``: one report in several files, none of them cut short."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest

from scanner.destination import Destination, open_destination
from scanner.errors import OutputError
from scanner.formats import new_format_in_parts, parquet
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.objectstore import environment, s3_server
from tests.support.reports import app, summary, unread
from tests.support.signer import key
from tests.support.tools import require_tool

Scan = Callable[..., Ran]
ROWS = [app(f"com.example.n{number}") for number in range(95)]


def written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(parquet, "PART_ROWS", 30)
    out = new_format_in_parts("parquet", open_destination(f"{folder}/", ".parquet").part)
    for row in ROWS:
        out.row(row)
    out.end(summary(ROWS))
    out.close()
    return sorted(path.name for path in folder.iterdir())


def test_every_row_is_in_one_part_and_the_summary_in_the_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written(tmp_path, monkeypatch) == [f"part-0000{number}.parquet" for number in range(4)]
    tables = [pyarrow.parquet.read_table(path).to_pylist() for path in sorted(tmp_path.iterdir())]
    rows = [(row["type"], row["package_name"]) for table in tables for row in table]
    assert rows == [("app", row.package_name) for row in ROWS] + [("summary", None)]
    assert list(map(len, tables)) == [30, 30, 30, 6]
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/*.parquet'").fetchall() == [(96,)]


def test_a_report_that_does_not_end_leaves_whole_parts_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 30)
    out = new_format_in_parts("parquet", open_destination(f"{tmp_path}/", ".parquet").part)
    for row in ROWS[:40]:
        out.row(row)
    out.close()
    del out
    assert [path.name for path in tmp_path.iterdir()] == ["part-00000.parquet"]
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/*.parquet'").fetchall() == [(30,)]
    assert capfd.readouterr().err == ""


def test_a_place_with_parts_of_another_report_is_refused(tmp_path: Path, app_scanner: Scan) -> None:
    first, second = (app_scanner("scan", "docs", "-q", "-o", f"parquet={tmp_path}/to/") for _ in range(2))
    assert (first.code, second.code) == (4, 5)
    assert "holds .parquet files already" in second.err
    assert second.err.count("\n") == 1


def test_a_folder_that_cannot_be_made_or_filled_is_one_line(tmp_path: Path, app_scanner: Scan) -> None:
    (tmp_path / "file").write_bytes(b"")
    ran = app_scanner("scan", "docs", "-q", "-o", f"parquet={tmp_path}/file/below/")
    assert (ran.code, ran.err) == (5, f"app-scanner: {tmp_path}/file/below/: Not a directory\n")


def test_a_folder_that_takes_nothing_is_found_out_at_once() -> None:
    with pytest.raises(OutputError, match=r"^/proc: [^\n]+$"):  # where not even root can make a file
        open_destination("/proc/", ".parquet")


@pytest.mark.parametrize(
    ("output", "said"),
    [
        ("jsonl=s3://bucket/rows", "only parquet can be written to an address"),
        ("parquet=https://example.org/rows", "nothing can be written to https://; there are s3://, gs://, az://"),
    ],
)
def test_what_cannot_be_written_to_an_address_is_wrong_usage(app_scanner: Scan, output: str, said: str) -> None:
    ran = app_scanner("scan", "docs", "-o", output)
    assert (ran.code, said in ran.err) == (2, True)


def test_a_bucket_takes_parts(tmp_path: Path, app_scanner: Scan) -> None:
    require_tool("rclone")
    (tmp_path / "apks").mkdir()
    (tmp_path / "buckets" / "reports").mkdir(parents=True)
    for number in range(60):
        (tmp_path / "apks" / f"{number}.apk").write_bytes(build_apk(f"com.example.n{number}", v2=[key("a")]))
    with s3_server(tmp_path / "buckets", tmp_path, writable=True) as address:
        env = os.environ | environment(f"http://{address}")
        words = ("scan", tmp_path / "apks", "-q", "-o", "parquet=s3://reports/of/today")
        first, second = (app_scanner(*words, env=env) for _ in range(2))
        missing = app_scanner("scan", "docs", "-q", "-o", "parquet=s3://nowhere/at/all", env=env)
    assert (first.code, first.err) == (0, "")
    (part,) = (tmp_path / "buckets" / "reports" / "of" / "today").glob("*.parquet")
    assert duckdb.sql(f"SELECT count(*) FROM '{part}' WHERE type = 'app'").fetchall() == [(60,)]
    assert (second.code, "holds .parquet files already" in second.err) == (5, True)
    assert missing.code == 5
    assert missing.err.startswith("app-scanner: s3://nowhere/at/all: ")
    assert missing.err.count("\n") == 1


def test_an_object_that_was_not_finished_does_not_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("rclone")
    (tmp_path / "buckets" / "reports").mkdir(parents=True)
    with s3_server(tmp_path / "buckets", tmp_path, writable=True) as address:
        for name, value in environment(f"http://{address}").items():
            monkeypatch.setenv(name, value)
        place = open_destination("s3://reports/of/today", ".parquet")
        for error in (KeyboardInterrupt, OSError):
            with pytest.raises((KeyboardInterrupt, OutputError)):
                _leave(place, error)
    assert not list((tmp_path / "buckets").rglob("part-*"))


def _leave(place: Destination, error: type[BaseException]) -> None:
    """A part that is large enough to be sent in pieces, and ends in the middle."""
    with place.part(0) as stream:
        stream.write(bytes(11 << 20))
        raise error


def test_rows_that_could_not_be_read_are_in_it(tmp_path: Path) -> None:
    out = new_format_in_parts("parquet", open_destination(f"{tmp_path}/", ".parquet").part)
    out.row(unread("user", "150"))
    out.end(summary([unread("user", "150")]))
    assert duckdb.sql(f"SELECT which FROM '{tmp_path}/*.parquet' WHERE type = 'unread'").fetchall() == [("150",)]
