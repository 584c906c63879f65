"""The client killed, interrupted and run twice, as a command over real files and a real store."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.objects.conftest import Served, bucket  # noqa: F401 - a fixture
from tests.resuming.conftest import Report, apk, rows_of
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import key

MANY = 120
SETTLED = 0.1
"""Seconds after which files count as unchanged."""
PATIENCE = 300
"""Seconds after which a scan is taken to hang."""
HALTING = """
import sys
from pathlib import Path
from scanner.cli import outputs, run

written, rows, write = Path(sys.argv.pop(1)), int(sys.argv.pop(1)), outputs.Outputs.row

def halting(self, row):
    write(self, row)
    if rows and written.read_bytes().count(b"\\n") >= rows:
        print("so many", flush=True)
        sys.stdin.read()

outputs.Outputs.row, outputs.BUFFER = halting, 700
run()
"""
"""The program, halting once so many rows are in the file that it writes, until its stdin ends. What it writes is cut
anywhere: in the middle of a row, too."""


def fill(folder: Path) -> None:
    """Many small APKs, by name alone different, and a few other things."""
    folder.mkdir(exist_ok=True)
    (folder / "a.apk").write_bytes(apk("com.example.many"))
    for number in range(MANY):
        os.link(folder / "a.apk", folder / f"n{number:04}.apk")
    (folder / "mm.apk").write_bytes(build_apk("com.tencent.mm", v2=[key("a")]))
    (folder / "two.zip").write_bytes(zip_bytes({f"{name}.apk": apk(f"com.example.{name}") for name in ("x", "y")}))
    (folder / "notes.txt").write_bytes(b"none\n")
    time.sleep(SETTLED)


def command(spec: object, file: Path, *words: object, halt: int = 0) -> list[str]:
    written = file.with_name(file.name + ".part") if "--resume" in words else file
    run = [sys.executable, "-c", HALTING, written, halt, "scan", spec, "-o", f"jsonl={file}", "--no-cache", *words]
    return [str(word) for word in run]


def run(spec: object, file: Path, *words: object) -> int:
    """Let a scan come to its end."""
    return subprocess.run(command(spec, file, *words), capture_output=True, check=False, timeout=PATIENCE).returncode


def hit(spec: object, file: Path, rows: int, *words: object, how: int = signal.SIGKILL) -> int:
    """The exit code of a scan that gets a signal when so many rows or more are in the file that it writes."""
    with subprocess.Popen(
        command(spec, file, *words, halt=rows),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(how)
        process.stdin.close()
        return process.wait(PATIENCE)


def report_of(file: Path) -> Report:
    return Report(0, "", rows_of(file))


def killed_again_and_again(spec: object, tmp_path: Path, times: int, *words: object) -> None:
    """Kill scans at random moments, then let one come to its end: it says what one scan says."""
    whole, file = tmp_path / "whole.jsonl", tmp_path / "rows.jsonl"
    code = run(spec, whole, *words)
    chance = random.Random(20)
    for number in range(times):
        resume = ["--resume"] if number else []
        assert hit(spec, file, chance.randint(1, MANY), *words, *resume) == -signal.SIGKILL
    assert run(spec, file, *words, "--resume") == code
    assert report_of(file).said == report_of(whole).said
    assert len({row["location"] for row in report_of(file).apps}) == MANY + 4
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize(("jobs", "times"), [(1, 4), (2, 3)])
def test_killed_at_random_moments_every_apk_is_there_once(tmp_path: Path, jobs: int, times: int) -> None:
    fill(tmp_path / "apks")
    killed_again_and_again(tmp_path / "apks", tmp_path, times, "-j", jobs)


def test_killed_over_a_bucket_too(bucket: Served, tmp_path: Path) -> None:  # noqa: F811
    fill(bucket.root)
    killed_again_and_again("s3://apks", tmp_path, 3, "-j", "1")


def test_an_object_that_changed_is_read_again_and_no_other(bucket: Served, tmp_path: Path) -> None:  # noqa: F811
    bucket.put({f"{name}.apk": apk(f"com.example.{name}") for name in "abc"})
    file = tmp_path / "rows.jsonl"
    assert run("s3://apks", file) == 0
    bucket.put({"b.apk": apk("com.example.other")})
    bucket.link.reset()
    assert run("s3://apks", file, "--resume") == 0
    assert {line.split()[1].partition("?")[0] for line in bucket.link.crossed.requests} == {"/apks", "/apks/b.apk"}
    assert [row["package_name"] for row in report_of(file).apps] == [
        "com.example.a",
        "com.example.other",
        "com.example.c",
    ]


def test_ctrl_c_keeps_what_was_read_and_resume_goes_on(tmp_path: Path) -> None:
    fill(tmp_path / "apks")
    whole, file = tmp_path / "whole.jsonl", tmp_path / "rows.jsonl"
    run(tmp_path / "apks", whole, "-j", "1")
    for at, more in ((20, []), (30, ["--resume"])):
        assert hit(tmp_path / "apks", file, at, "-j", "1", *more, how=signal.SIGINT) == 130
        rows = rows_of(file)
        assert rows[-1]["interrupted"]
        assert at <= rows[-1]["counts"]["apps"] == len(rows) - 1 < MANY
    assert run(tmp_path / "apks", file, "-j", "1", "--resume") == 1
    assert report_of(file).said == report_of(whole).said


def test_two_scans_never_write_one_file(tmp_path: Path, app_scanner: Callable[..., Ran]) -> None:
    (tmp_path / "a.apk").write_bytes(apk())
    file = tmp_path / "rows.jsonl"
    file.touch()
    words = ["scan", str(tmp_path / "a.apk"), "-o", f"jsonl={file}"]
    with file.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for more in ([], ["--resume"]):
            ran = app_scanner(*words, *more)
            assert ran.code == 5
            assert ran.err == f"app-scanner: {file}: another scan is writing it: wait until that has ended\n"
    assert app_scanner(*words, "--resume").code == 0


def test_rows_by_other_signatures_stay_until_all_is_read_by_those_of_today(tmp_path: Path) -> None:
    fill(tmp_path / "apks")
    file, own = tmp_path / "rows.jsonl", tmp_path / "own.csv"
    own.write_text("package,name\ncom.example.many,Own\n")
    run(tmp_path / "apks", file, "-j", "1")
    before = file.read_bytes()
    words = ["-j", "1", "--resume", "--signatures", own]
    assert hit(tmp_path / "apks", file, 30, *words, how=signal.SIGINT) == 130
    assert file.read_bytes() == before
    assert run(tmp_path / "apks", file, *words) == 1
    assert {row["verdict"] for row in report_of(file).apps if row["package_name"] == "com.example.many"} == {
        "name-only"
    }
    assert len(report_of(file).apps) == MANY + 4
