"""A disk that is really full: a small one, mounted for a single run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.faults.disks import CACHED, listing
from tests.faults.running import DISK, FAILED, FOUND, MOUNTED, apk, app_scanner, folder_of, one_line, python
from tests.faults.table import fault

FULL = "No space left on device"


def _disk(place: Path) -> Path:
    """A folder for a disk. Skips the test where the system mounts none, which needs a right and no tool."""
    folder = place / "disk"
    folder.mkdir()
    try:
        tried = subprocess.run([*MOUNTED, folder, "true"], capture_output=True, text=True, timeout=60)
        why = tried.stderr.strip() if tried.returncode else ""
    except OSError as error:
        why = str(error)
    if why:
        pytest.skip(f"the system mounts no disk of its own for a test: {why}")
    return folder


@fault(
    "disk full: report on a small disk",
    f"a tmpfs of {DISK} for a report of 200 apps, in five formats",
    "exit 5 and one line; never 0 or 1",
)
def report_on_full_disk(place: Path) -> None:
    disk, folder = _disk(place), folder_of(place, 200)
    for form in ("jsonl", "json", "csv", "html", "parquet"):
        ran = app_scanner("scan", folder, "-q", "-o", f"{form}={disk}/x", disk=disk)
        assert ran.code == FAILED, form
        assert FULL in one_line(ran), form


@fault(
    "disk full: temporary files on a small disk",
    f"TMPDIR on a tmpfs of {DISK}, for two listings that are joined, `diff`, and a listing on stdin",
    "exit 5 and one line that names TMPDIR, or says that standard input could not be kept",
)
def temporary_on_full_disk(place: Path) -> None:
    disk = _disk(place)
    there = {"TMPDIR": str(disk)}
    files = [listing(place, name, 6_000) for name in ("a.txt", "b.txt")]
    saved = place / "saved.jsonl"
    assert app_scanner("scan", files[0], "-q", "-o", f"jsonl={saved}").code == FOUND
    shutil.copy(saved, place / "again.jsonl")
    for words in (("scan", *files, "-q"), ("diff", saved, place / "again.jsonl")):
        ran = app_scanner(*words, disk=disk, environment=there)
        assert ran.code == FAILED
        assert "TMPDIR" in one_line(ran)
    ran = app_scanner("scan", "-", redirect=f"< {listing(place, 'c.txt', 20_000)}", disk=disk, environment=there)
    assert ran.code == FAILED
    assert "standard input" in ran.err


@fault(
    "disk full: cache on a small disk",
    f"the cache on a tmpfs of {DISK}, in a process that remembers 300 apps",
    "nothing is raised: what is not remembered is read again",
)
def cache_on_full_disk(place: Path) -> None:
    disk = _disk(place)
    (place / "x.apk").write_bytes(apk("com.example.a"))
    ran = python("-c", CACHED, disk / "identities.sqlite", place / "x.apk", "0", disk=disk)
    assert ran.out == "done\n", ran.err
