"""Clocks that are wrong, or jump while something is read."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from scanner.database import load_database
from scanner.model import AppRow
from scanner.scanning import Scan
from tests.faults.disks import kept
from tests.faults.running import ENVIRONMENT, FOUND, ROOT, folder_of, names, rows_of
from tests.faults.table import fault
from tests.support.tools import lacking, require_tool


@fault(
    "clock is wrong",
    "scans at 1970-01-01, 2026-11-27 and 2106-02-07, and a cache with entries of 2106",
    "the same rows but for `scanned_at`; a year that is too late says that the signatures are old",
)
def clock_wrong(place: Path) -> None:
    folder, database = folder_of(place, 5), load_database()
    seen = []
    for moment in (
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(2026, 11, 27, tzinfo=UTC),
        datetime(2106, 2, 7, tzinfo=UTC),
    ):
        scan = Scan([str(folder)], database, now=moment)
        rows = [row for row in scan.rows() if isinstance(row, AppRow)]
        seen.append([(row.package_name, row.verdict, row.signers) for row in rows])
        summary = scan.summary()
        assert summary.exit_code == FOUND
        assert any(hole.hole == "old data" for hole in summary.coverage) == (moment.year == 2106)
        assert all(row.scanned_at == moment.strftime("%Y-%m-%dT%H:%M:%SZ") for row in rows)
    assert seen[0] == seen[1] == seen[2]
    file = place / "identities.sqlite"
    assert kept(file)
    with sqlite3.connect(file) as base:
        base.execute("UPDATE identities SET used = 4294967295")
    base.close()
    assert kept(file)


SCANS = 40
JUMPS = {0: "@1970-01-02 00:00:00", 600: "@2106-02-07 00:00:00"}
"""The clock after so many rows. The program is never further ahead than its pipe and its window are long."""


@fault(
    "clock jumps",
    "libfaketime moves the system's clock to 1970, then to 2106, while 40 SPECs are read, by one process and by two",
    "every row is there, with the moment at which the scan began; nothing takes too long",
)
def clock_jumps(place: Path) -> None:
    folder, clock = folder_of(place), place / "clock"
    (place / "list").write_text("\n".join([str(folder)] * SCANS))
    environment = ENVIRONMENT | {
        "LD_PRELOAD": _library(),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",  # which no real jump moves either
        "TZ": "UTC",
    }
    for jobs in ("1", "2"):
        _set(clock, "@2026-11-27 00:00:00")
        words = ["--log-level", "info", "scan", "--files-from", place / "list", "-q", "-j", jobs, "-o", "jsonl"]
        lines = []
        with (
            (place / "err").open("w") as err,
            subprocess.Popen(
                [sys.executable, "-m", "scanner", *words], cwd=ROOT, env=environment, stdout=subprocess.PIPE,
                stderr=err, text=True,
            ) as process,
        ):  # fmt: skip
            assert process.stdout is not None
            for number, line in enumerate(process.stdout):
                lines.append(line)
                if number in JUMPS:
                    _set(clock, JUMPS[number])
        rows, told = rows_of("".join(lines)), (place / "err").read_text()
        assert process.returncode == FOUND == rows[-1]["exit_code"], told
        assert len(names(rows)) == SCANS * 41 == len(rows) - 1
        assert {row["scanned_at"][:10] for row in rows[:-1]} == {"2026-11-27"}
        assert {line[:4] for line in told.splitlines()} >= {"2026", "1970", "2106"}, "the clock did jump"


def _library() -> str:
    require_tool("faketime")
    found = [*Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), *Path("/usr/lib/faketime").glob("*MT.so.1")]
    return str(found[0]) if found else lacking("libfaketimeMT.so.1 is not where Debian has it")


def _set(clock: Path, moment: str) -> None:
    clock.with_suffix(".new").write_text(moment + "\n")
    clock.with_suffix(".new").replace(clock)
