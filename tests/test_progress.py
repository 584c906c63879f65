"""What is shown while a scan runs: how much, how fast, and how long yet where that can be told."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from scanner.cli.progress import Pace, Progress, duration
from scanner.engines import SerialEngine
from scanner.sources.counting import files_in
from tests.conftest import ROOT
from tests.support.apk_builder import build_apk
from tests.support.deadly import DeadlyReader, candidates
from tests.support.signer import key


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "1 s"),
        (59.6, "1 min"),
        (65, "1 min 5 s"),
        (3600, "1 h 0 min"),
        (7384, "2 h 3 min"),
        (360_000, "100 h 0 min"),
    ],
)
def test_times_are_said_to_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_the_rate_is_that_of_late() -> None:
    pace = Pace()
    assert pace.rates() == (0, 0)
    for second in range(100):
        pace.take(second, second * 100 if second < 50 else 5000 + (second - 50) * 10, second)
    assert pace.rates() == (10, 1)


def test_the_line_says_what_is_left_of_a_known_total() -> None:
    progress = Progress(quiet=True)
    engine = progress.watching(SerialEngine())
    list(engine.run(DeadlyReader({}), candidates("x", 250)))
    progress._total, progress._read = 1000, 250
    progress._pace.take(0, 0, 0)
    progress._pace.take(5, 250, 250)
    assert progress._line() == "250 read, 0 found, 50 a second, 25% of 1,000 files, 15 s left"
    progress._total = None
    assert progress._line() == "250 read, 0 found, 50 a second"


def test_files_are_counted_where_all_are_here(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/1", "a/2", "a/b/3"):
        (tmp_path / name).write_bytes(b"")
    assert files_in([str(tmp_path), str(tmp_path / "a" / "1")]) == 4
    assert files_in([str(tmp_path), "s3://bucket/"]) is None
    assert files_in([str(tmp_path), "adb:SERIAL"]) is None


PATIENT = """
import time
from scanner.cli import progress, run

advance = progress.Progress.advance

def once_counted(self, row):
    while self._status is not None and self._total is None:
        time.sleep(0.01)
    advance(self, row)

progress.Progress.advance, progress.DRAW_SECONDS = once_counted, 0
run()
"""
"""The program, which reads on once the files are counted: it may be faster than whoever counts them."""


def test_a_terminal_sees_it(tmp_path: Path) -> None:
    data = build_apk("com.example", v2=[key("a")])
    (tmp_path / "apks").mkdir()
    for number in range(1500):
        (tmp_path / "apks" / f"{number}.apk").write_bytes(data)
    shown, there = pty.openpty()
    command = [
        sys.executable,
        "-c",
        PATIENT,
        "scan",
        str(tmp_path / "apks"),
        "-j",
        "1",
        "-o",
        f"csv={tmp_path / 'rows.csv'}",
    ]
    process = subprocess.Popen(command, cwd=ROOT, stderr=there, env=os.environ | {"COLUMNS": "120", "TERM": "xterm"})
    os.close(there)
    text = ""
    while True:
        try:
            text += os.read(shown, 4096).decode(errors="replace")
        except OSError:
            break
    os.close(shown)
    assert process.wait() == 0
    assert re.search(r"[\d,]+ read, 0 found", text)
    assert re.search(r"\d+% of 1,500 files", text)
