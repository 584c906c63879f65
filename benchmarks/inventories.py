"""Exports of a million apps to JSONL, end to end, against only parsing them. CPU time and peak memory.

Each contestant is one process that does one thing after the other, so CPU time is what it takes on a quiet machine.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from benchmarks import exports
from benchmarks.data import DATA, Scale
from benchmarks.processes import Spent, python, spend
from benchmarks.results import Result, at_most, megabytes, memory, milliseconds

OURS = "app-scanner"
CODES = frozenset({0, 1})
"""Exit codes of a scan that read everything."""
LINES, CELLS, WHOLE = "json.loads on each line", "csv.reader", "json.loads of it all"
WITHIN, FLAT = 2, 1.2
SMALLER = 10
"""Memory is held against that of an export so many times smaller."""


class Pair(NamedTuple):
    """Ours and a peer's runs, turn by turn."""

    ours: list[Spent]
    theirs: list[Spent]

    def times(self) -> tuple[float, float]:
        """The median turn of each, in milliseconds."""
        return _milliseconds(self.ours), _milliseconds(self.theirs)

    def ratio(self) -> float:
        """How many times longer ours takes: the median over the turns."""
        return median(mine.cpu_seconds / peer.cpu_seconds for mine, peer in zip(self.ours, self.theirs, strict=True))


def inventories(scale: Scale) -> Iterator[Result]:
    """Every kind of export that is measured."""
    DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=DATA) as name:
        folder = Path(name)
        yield from _lines(folder, scale)
        yield from _joined(folder, scale)
        yield from _amapi(folder, scale)


def notes(scale: Scale) -> list[str]:
    """What is to be known of the table."""
    return [
        f"{scale.export_devices:,} devices with {exports.EACH} apps; ours is the whole command, to `-o jsonl=FILE`",
        f"exports: CPU time of whole processes, medians of {scale.export_turns} of our own rows, else one turn",
    ]


def _lines(folder: Path, scale: Scale) -> Iterator[Result]:
    """Exports with a row a line."""
    devices = range(scale.export_devices)
    apps = len(devices) * exports.EACH
    own, objects, table = folder / "rows.jsonl", folder / "table.ndjson", folder / "table.csv"
    exports.own_rows(own, devices)
    taken = _turns([own], _parse("lines", own), apps, scale.export_turns)
    yield from _result(f"own jsonl, {apps:,} rows", LINES, taken, WITHIN)
    quiet = [spend(_command([own]), CODES) for _ in range(scale.export_turns)]
    yield from _result("the same, to the table on stdout", LINES, Pair(quiet, taken.theirs), WITHIN)
    own.unlink()
    exports.ndjson(objects, devices)
    taken = _turns([objects], _parse("lines", objects), apps, 1)
    yield from _result(f"NDJSON table, {apps:,} rows", LINES, taken, WITHIN)
    exports.csv_table(table, devices)
    cells = _turns([table], _parse("csv", table), apps, 1)
    yield from _result(f"CSV, {apps:,} rows", CELLS, cells)
    yield from _result("the same", f"{LINES} of equal rows", Pair(cells.ours, taken.theirs), memory_too=False)
    objects.unlink()
    table.unlink()


def _joined(folder: Path, scale: Scale) -> Iterator[Result]:
    """Three inventories of fleets that overlap: two fifths of the apps as our rows, the others as tables."""
    tenth = scale.export_devices // 10
    own, objects, table, lines = (folder / f"joined.{end}" for end in ("jsonl", "ndjson", "csv", "lines"))
    exports.own_rows(own, range(4 * tenth))
    exports.ndjson(objects, range(2 * tenth, 5 * tenth))
    exports.csv_table(table, range(3 * tenth, 6 * tenth))
    exports.ndjson(lines, range(3 * tenth, 6 * tenth))
    taken = _turns([own, objects, table], _parse("lines", own, objects, lines), 6 * tenth * exports.EACH, 1)
    yield from _result(f"3 inventories joined, {10 * tenth * exports.EACH:,} rows", f"{LINES} of equal rows", taken)
    for file in (own, objects, table, lines):
        file.unlink()


def _amapi(folder: Path, scale: Scale) -> Iterator[Result]:
    """One page of any size. What it needs of memory must not depend on that."""
    small, large = folder / "small.json", folder / "large.json"
    few = exports.amapi(small, scale.amapi_bytes // SMALLER)
    many = exports.amapi(large, scale.amapi_bytes)
    taken = _turns([large], _parse("whole", large), many, 1)
    yield from _result(f"AMAPI, one page of {scale.amapi_bytes // 10**6:,} MB, {many:,} apps", WHOLE, taken)
    less, more = _scan([small], few).megabytes, _peak(taken.ours)
    what = f"AMAPI memory, against {scale.amapi_bytes // SMALLER // 10**6:,} MB"
    yield at_most(what, "ours on the smaller", FLAT, more / less, megabytes(more), megabytes(less))


def _result(
    what: str, against: str, taken: Pair, limit: float | None = None, *, memory_too: bool = True
) -> list[Result]:
    ours, theirs = taken.times()
    lines = [at_most(what, against, limit, taken.ratio(), milliseconds(ours), milliseconds(theirs))]
    if memory_too:
        lines.append(memory(f"{what}, memory", None, _peak(taken.ours), against, _peak(taken.theirs)))
    return lines


def _turns(files: Sequence[Path], peer: list[str], apps: int, turns: int) -> Pair:
    taken = Pair([], [])
    for _ in range(turns):
        taken.theirs.append(spend(peer))
        taken.ours.append(_scan(files, apps))
    return taken


def _scan(files: Sequence[Path], apps: int) -> Spent:
    """A scan to JSONL. It must have a row for each app."""
    rows = files[0].with_name("out.jsonl")
    spent = spend(_command(files, "-o", f"jsonl={rows}"), CODES)
    with rows.open("rb") as stream:
        stream.seek(-min(rows.stat().st_size, 1 << 16), 2)
        summary = json.loads(stream.read().splitlines()[-1])
    rows.unlink()
    if summary["counts"]["apps"] != apps or not summary["counts"]["confirmed"]:
        raise SystemExit(f"not {apps} apps with findings among them: {summary}")
    return spent


def _command(files: Sequence[Path], *words: str) -> list[str]:
    return python("-m", "scanner", "scan", *map(str, files), "-q", *words)


def _parse(how: str, *files: Path) -> list[str]:
    return python("-m", "benchmarks.loads", how, *map(str, files))


def _milliseconds(runs: Sequence[Spent]) -> float:
    return median(run.cpu_seconds for run in runs) * 1000


def _peak(runs: Sequence[Spent]) -> float:
    return max(run.megabytes for run in runs)
