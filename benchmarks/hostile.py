"""A folder in which one APK in twenty is hostile, against the same without them: it ends, in time, and names each.

The hostile ones are the catalogue of the tests, in turns. Each wears a listed app's name, so each is verified as well.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.data import DATA, archive
from benchmarks.processes import Spent, python, spend
from benchmarks.results import Result, at_most, megabytes, milliseconds
from tests.support.tricks import TRICKS, Trick

EVERY = 20
"""One APK of so many is hostile."""
SLOWER, LARGER = 1.5, 1.2
ENDS = (0, 1, 3)
"""Exit codes of a scan that ends: nothing found, something found, something unread."""
CLEAN = "the clean folder"


def hostile(real: Sequence[Path], count: int, small_count: int, turns: int) -> Iterator[Result]:
    """Both folders in turns; then the memory of the hostile one against a smaller one."""
    clean, mixed = archive("clean", real, count), _mixed(real, count)
    out = DATA / "hostile.jsonl"
    spend(_scan(mixed, out), ENDS)
    named = _all_named(out)
    taken = [(spend(_scan(mixed, out), ENDS), spend(_scan(clean, out), ENDS)) for _ in range(turns)]
    what = f"{count:,} APKs, {named} of them hostile"
    yield _times(f"{what}, CPU time", taken, "cpu_seconds", SLOWER)
    yield _times(f"{what}, by the clock", taken, "seconds", SLOWER)
    ours, theirs = (max(pair[side].megabytes for pair in taken) for side in (0, 1))
    yield at_most(f"{what}, memory", CLEAN, LARGER, ours / theirs, megabytes(ours), megabytes(theirs))
    small = spend(_scan(_mixed(real, small_count), out), ENDS).megabytes
    against = f"{small_count:,} APKs, a twentieth hostile"
    yield at_most(f"{what}, memory", against, LARGER, ours / small, megabytes(ours), megabytes(small))


def notes(turns: int) -> list[str]:
    """What is to be known of the table."""
    return [
        f"hostile: {len(TRICKS)} tricks in turns, two processes, medians of {turns} turns; each was named as expected",
    ]


def _times(what: str, taken: Sequence[tuple[Spent, Spent]], which: str, limit: float) -> Result:
    pairs = [(getattr(ours, which), getattr(theirs, which)) for ours, theirs in taken]
    ratio = median(ours / theirs for ours, theirs in pairs)
    shown = [milliseconds(median(pair[side] for pair in pairs) * 1000) for side in (0, 1)]
    return at_most(what, CLEAN, limit, ratio, *shown)


def _scan(folder: Path, out: Path) -> list[str]:
    return python("-m", "scanner", "scan", str(folder), "-j", "2", "-q", "-o", f"jsonl={out}")


def _mixed(real: Sequence[Path], count: int) -> Path:
    """The folder of links with every twentieth replaced by a trick, in turns."""
    folder = archive("hostile", real, count)
    made = DATA / "tricks"
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for trick in TRICKS:
        (made / f"{trick.name}.apk").write_bytes(trick.build())
    for path, trick in zip(sorted(folder.iterdir())[::EVERY], cycle(TRICKS), strict=False):
        number = path.name.partition("-")[0]
        path.unlink()
        shutil.copy(made / f"{trick.name}.apk", folder / f"{number}-trick-{trick.name}.apk")
    return folder


def _all_named(out: Path) -> int:
    """How many hostile APKs there were. Ends the benchmark where one of them was not named as the catalogue says."""
    tricks, seen = {trick.name: trick for trick in TRICKS}, 0
    with out.open(encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            name = Path(row.get("location") or row.get("which") or "").stem.partition("-trick-")[2]
            if name:
                seen += 1
                if not _named(tricks[name], row):
                    raise SystemExit(f"hostile: {name} was not named: {line[:500]}")
    return seen


def _named(trick: Trick, row: dict[str, Any]) -> bool:
    if trick.verdict == "unread":
        return row["type"] == "unread" and trick.note in row["reason"]
    said = [*row["tamper"], *row["issues"], ""]
    return bool(row["verdict"] == trick.verdict and any(note.startswith(trick.note) for note in said))
