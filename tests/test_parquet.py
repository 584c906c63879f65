"""``-o parquet``: the rows of ``jsonl`` in columns, read back by other people's programs."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import msgspec.inspect
import pyarrow.parquet
import pytest

from scanner.formats import new_format, parquet
from scanner.model import AppRow, SummaryRow, UnreadRow
from tests.conftest import ROOT, Ran
from tests.support.reports import HOSTILE, app, summary, unread

Scan = Callable[..., Ran]
Write = Callable[..., Path]
EVERY = (
    app("com.tencent.mm", serial="SER1", owner="Ann"),
    app("com.tencent.mobileqq"),
    app("com.example", label=HOSTILE[4], version_code=2**63 - 1),
    app(None, label="WeChat"),
    unread("user", "150"),
)


@pytest.fixture
def written(tmp_path: Path) -> Write:
    def write(*rows: AppRow | UnreadRow) -> Path:
        path = tmp_path / "rows.parquet"
        with path.open("w", encoding="utf-8", newline="") as out:
            made = new_format("parquet", out)
            for row in rows:
                made.row(row)
            made.end(summary(rows))
        return path

    return write


def known(value: Any) -> Any:
    """The value as JSON has it: a map is an object."""
    if isinstance(value, list) and value and all(isinstance(one, tuple) for one in value):
        return dict(value)
    if isinstance(value, dict):
        return {name: known(one) for name, one in value.items()}
    return [known(one) for one in value] if isinstance(value, list) else value


def test_every_key_of_every_row_comes_back(written: Write) -> None:
    table = pyarrow.parquet.read_table(written(*EVERY))
    expected = [json.loads(msgspec.json.encode(row)) for row in (*EVERY, summary(EVERY))]
    assert len(expected) == table.num_rows
    for back, row in zip(table.to_pylist(), expected, strict=True):
        assert {name: known(back[name]) for name in row} == row
        assert {name for name, value in back.items() if value is not None} <= set(row)


def test_duckdb_answers_questions_about_a_scan(app_scanner: Scan, tmp_path: Path) -> None:
    from tests.support.apk_builder import build_apk
    from tests.support.signer import key

    (tmp_path / "apks").mkdir()
    (tmp_path / "apks" / "a.apk").write_bytes(build_apk("com.tencent.mobileqq", v2=[key("a")]))
    (tmp_path / "apks" / "b.apk").write_bytes(b"")
    file = tmp_path / "rows.parquet"
    assert app_scanner("scan", tmp_path / "apks", "-o", f"parquet={file}").code == 1
    query = f"""SELECT package_name, f.signature, f.verdict, f.evidence[1]."from", signers[1].sha256
                FROM '{file}', unnest(findings) AS t(f) WHERE type = 'app' ORDER BY f.signature"""
    found = duckdb.sql(query).fetchall()
    assert [row[:2] for row in found] == [("com.tencent.mobileqq", "qq-wallet"), ("com.tencent.mobileqq", "tencent-qq")]
    assert all(row[3] and re.fullmatch("[0-9a-f]{64}", row[4]) for row in found)
    assert duckdb.sql(f"SELECT counts['apps'], exit_code FROM '{file}' WHERE type = 'summary'").fetchall() == [(1, 1)]
    assert duckdb.sql(f"SELECT count(*) FROM '{file}' WHERE type = 'unread'").fetchall() == [(1,)]


def test_the_queries_of_the_guide_run(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(written(*EVERY).parent)
    text = (ROOT / "docs" / "reports.md").read_text(encoding="utf-8")
    queries = re.findall(r"SELECT.*?;", text, re.DOTALL)
    assert len(queries) == 2
    for query in queries:
        assert duckdb.sql(query).fetchall()


def test_nothing_but_a_summary_is_still_a_table(written: Write) -> None:
    assert pyarrow.parquet.read_table(written()).column("type").to_pylist() == ["summary"]


def test_a_number_that_no_column_holds_is_absent(written: Write) -> None:
    back = pyarrow.parquet.read_table(written(app("com.example", version_code=2**64 - 1, min_sdk=24))).to_pylist()
    assert (back[0]["version_code"], back[0]["min_sdk"]) == (None, 24)


def test_rows_are_written_as_they_come(written: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH", 10)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 30)
    groups = pyarrow.parquet.ParquetFile(written(*[EVERY[2]] * 95)).metadata
    assert [groups.row_group(number).num_rows for number in range(groups.num_row_groups)] == [30, 30, 30, 6]


def test_it_can_be_piped(app_scanner: Scan) -> None:
    command = [sys.executable, "-m", "scanner", "scan", "docs", "-q", "-o", "parquet"]
    done = subprocess.run(command, capture_output=True, cwd=ROOT)
    assert done.returncode == 4
    assert pyarrow.parquet.read_table(io.BytesIO(done.stdout)).num_rows == 1


def test_a_full_disk_is_one_line(app_scanner: Scan) -> None:
    ran = app_scanner("scan", "docs", "-q", "-o", "parquet=/dev/full")
    assert (ran.code, ran.err) == (5, "app-scanner: /dev/full: No space left on device\n")


def test_without_its_library_nothing_is_scanned(app_scanner: Scan, tmp_path: Path) -> None:
    hide = "import sys; sys.modules['pyarrow'] = None; import importlib.util as u; f = u.find_spec\n"
    hide += "u.find_spec = lambda n, *a: None if n == 'pyarrow' else f(n, *a)\n"
    hide += "from scanner.__main__ import main; main()"
    file = tmp_path / "rows.parquet"
    command = [sys.executable, "-c", hide, "scan", "docs", "-o", f"parquet={file}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert "pip install 'app-inventory-scanner[parquet]'" in done.stderr
    assert not file.exists()


def test_a_terminal_is_spared(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    command = [sys.executable, "-m", "scanner", "scan", "docs", "-o", "parquet"]
    done = subprocess.run(command, stdout=slave, stderr=subprocess.PIPE, cwd=ROOT)
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert b"give it a file" in done.stderr


def test_a_key_of_several_rows_is_one_column() -> None:
    kinds: dict[str, Any] = {}
    for kind in (AppRow, UnreadRow, SummaryRow):
        for name, column in parquet._fields(msgspec.inspect.type_info(kind)):
            assert kinds.setdefault(name, column) == column, f"{name} is something else in {kind.__name__}"
