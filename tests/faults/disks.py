"""Disks that are full, streams that are closed, caches that are broken. Injections raise where it ends otherwise."""

from __future__ import annotations

import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scanner import cache as caching
from scanner.apk import identify
from scanner.bytesource import Memory
from scanner.cache import IdentityCache
from scanner.errors import OutputError
from scanner.phones.evidence import EvidenceFolder
from scanner.sources.adb import Answer
from tests.faults.running import (
    ENVIRONMENT,
    FAILED,
    FOUND,
    LISTED,
    ROOT,
    apk,
    app_scanner,
    folder_of,
    names,
    one_line,
    python,
    rows_of,
)
from tests.faults.table import fault

KIB = 1 << 10


# Disks ------------------------------------------------------------------------------------------


def _files_of(kib: int) -> dict[int, int]:
    return {resource.RLIMIT_FSIZE: kib * KIB}


@fault("disk full: report in a file", "`RLIMIT_FSIZE` of 16 KiB", "exit 5 and one line; never 0 or 1")
def report_file_full(place: Path) -> None:
    ran = app_scanner(
        "scan", folder_of(place), "-q", "-o", f"jsonl={place}/x", limits={resource.RLIMIT_FSIZE: 16 * KIB}
    )
    assert ran.code == FAILED
    assert "File too large" in one_line(ran)


@fault("disk full: report on stdout", "stdout is `/dev/full`", "exit 5 and one line; never 0 or 1")
def stdout_full(place: Path) -> None:
    folder = folder_of(place, 3)
    for form in ("table", "jsonl", "html", "sarif"):
        ran = app_scanner("scan", folder, "-q", "-o", form, redirect="> /dev/full")
        assert ran.code == FAILED, form
        assert "No space left on device" in one_line(ran)


def listing(place: Path, name: str, count: int) -> Path:
    lines = [f"package:/data/app/x{number}/base.apk=com.example.n{number}\n" for number in range(count)]
    (place / name).write_text("".join(lines) + f"package:/data/app/w/base.apk={LISTED}\n")
    return place / name


@fault(
    "disk full: temporary files of joined inventories",
    "two listings of 6,000 apps, `RLIMIT_FSIZE` of 64 KiB",
    "exit 5 and one line that names TMPDIR; no row is missed in silence",
)
def joining_full(place: Path) -> None:
    files = [listing(place, name, 6_000) for name in ("a.txt", "b.txt")]
    ran = app_scanner("scan", *files, "-q", limits=_files_of(64))
    assert ran.code == FAILED
    assert "TMPDIR" in one_line(ran)


@fault(
    "disk full: temporary files of a comparison",
    "`diff` of two scans of 6,000 apps, `RLIMIT_FSIZE` of 64 KiB",
    "exit 5 and one line that names TMPDIR",
)
def comparing_full(place: Path) -> None:
    saved = place / "saved.jsonl"
    assert app_scanner("scan", listing(place, "a.txt", 6_000), "-q", "-o", f"jsonl={saved}").code == FOUND
    shutil.copy(saved, place / "again.jsonl")
    ran = app_scanner("diff", saved, place / "again.jsonl", limits=_files_of(64))
    assert ran.code == FAILED
    assert "TMPDIR" in one_line(ran)


@fault(
    "disk full: what comes through a pipe",
    "a listing of 1 MB on stdin, `RLIMIT_FSIZE` of 64 KiB",
    "exit 5: standard input could not be kept; never taken for an empty listing",
)
def stdin_full(place: Path) -> None:
    file = listing(place, "a.txt", 20_000)
    ran = app_scanner("scan", "-", redirect=f"< {file}", limits=_files_of(64))
    assert ran.code == FAILED
    assert "standard input" in ran.err


CACHED = """
import resource, sys
from pathlib import Path
from scanner.apk import identify
from scanner.bytesource import Memory
from scanner.cache import IdentityCache
file, apk, most = sys.argv[1:]
if int(most):
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(most), int(most)))
one, cache = identify(Memory(Path(apk).read_bytes())), IdentityCache(Path(file))
for number in range(300):
    cache.put(one, number)
assert cache.get("never") is None
cache.close()
print("done")
"""


@fault(
    "disk full: cache of identities",
    "`RLIMIT_FSIZE` of 8 KiB in a process that remembers 300 apps",
    "nothing is raised: what is not remembered is read again",
)
def cache_full(place: Path) -> None:
    (place / "x.apk").write_bytes(apk("com.example.a"))
    ran = python("-c", CACHED, place / "cache" / "identities.sqlite", place / "x.apk", 8 * KIB)
    assert ran.out == "done\n", ran.err


@fault("disk full: evidence folder", "a file stands where the folder should be", "one error that names the option")
def evidence_full(place: Path) -> None:
    (place / "file").touch()
    with pytest.raises(OutputError, match="--save-evidence"):
        EvidenceFolder(place / "file").recorder("adb:S1")
    recorder = EvidenceFolder(place / "folder").recorder("adb:S1")
    shutil.rmtree(place / "folder")
    with pytest.raises(OutputError, match="--save-evidence"):
        recorder("getprop", Answer(b"x"))


# Streams ----------------------------------------------------------------------------------------


@fault("reader of the report goes away", "`| head -c 10` on 3 MB of rows", "ends at once and says nothing")
def pipe_broken(place: Path) -> None:
    ran = app_scanner("scan", listing(place, "a.txt", 5_000), "-q", "-o", "jsonl", redirect="| head -c 10")
    assert (len(ran.out), ran.err) == (10, "")


@fault(
    "stdout, stdin or stderr closed",
    "`>&-`, `<&-`, `2>&-`, each and together",
    "a report to stdout is exit 5 and one line; one to a file is whole, and no file gets a stream's number",
)
def streams_closed(place: Path) -> None:
    folder = folder_of(place)
    ran = app_scanner("scan", folder, "-q", redirect=">&-")
    assert ran.code == FAILED
    assert "stdout" in one_line(ran)
    for closed in (">&-", "<&-", "2>&-", ">&- <&- 2>&-"):
        report = place / "rows.jsonl"
        ran = app_scanner("scan", folder, "-o", f"jsonl={report}", redirect=closed)
        assert ran.code == FOUND, closed
        rows = rows_of(report.read_text())
        assert len(names(rows)) == 41
        assert rows[-1]["type"] == "summary"


@fault(
    "killed by SIGTERM",
    "`kill` after the first rows",
    "what was saved has no summary: read again, it is exit 1 or 3",
)
def terminated(place: Path) -> None:
    folder, report = folder_of(place), place / "rows.jsonl"
    (place / "list").write_text("\n".join([str(folder)] * 3_000))
    words = [sys.executable, "-m", "scanner", "scan", "--files-from", place / "list", "-q", "-j", "1"]
    process = subprocess.Popen([*words, "-o", f"jsonl={report}"], cwd=ROOT, env=ENVIRONMENT)
    deadline = time.monotonic() + 120
    while (not report.exists() or report.stat().st_size < 300_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    rows = rows_of(report.read_text())
    assert rows
    assert rows[-1]["type"] != "summary"
    again = app_scanner("report", report, "-o", "jsonl")
    assert again.code in {FOUND, 3}
    assert any("cut short" in row["reason"] for row in again.rows if row["type"] == "unread")


# Cache ------------------------------------------------------------------------------------------


def kept(file: Path) -> bool:
    """Whether a cache in that file gives back what was put in; either is right, an exception is not."""
    one, cache = identify(Memory(apk("com.example.a"))), IdentityCache(file)
    cache.put(one, "key")
    found = cache.get("key")
    cache.close()
    assert found in {None, one}
    return found is not None


@fault(
    "cache: read-only, or no folder",
    "below `/proc` and below a file",
    "every app is read anew",
)
def cache_read_only(place: Path) -> None:
    (place / "file").touch()
    assert not kept(Path("/proc/no-such/identities.sqlite"))
    assert not kept(place / "file" / "identities.sqlite")


@fault("cache: broken file", "no database, half a one, another one", "every app is read anew")
def cache_broken(place: Path) -> None:
    good = place / "good.sqlite"
    assert kept(good)
    contents = [b"", b"no database", b"SQLite format 3\0" + bytes(5000), good.read_bytes()[:3000]]
    for number, content in enumerate(contents):
        file = place / f"{number}.sqlite"
        file.write_bytes(content)
        kept(file)
    with sqlite3.connect(place / "other.sqlite") as other:
        other.execute("CREATE TABLE identities (something TEXT)")
    other.close()
    assert not kept(place / "other.sqlite")


@fault("cache: locked by another process", "an exclusive transaction without end", "waits 5 s at most, then reads")
def cache_locked(place: Path) -> None:
    file = place / "identities.sqlite"
    assert kept(file)
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    before, caching.WAIT_SECONDS = caching.WAIT_SECONDS, 0.1
    try:
        kept(file)
    finally:
        caching.WAIT_SECONDS = before
        holder.close()
    assert before <= 5
