"""A Dask cluster of this machine's own processes, over TCP: what a second worker brings, what Dask costs, and memory.

The scheduler and each worker are processes as an operator starts them. For the first line each worker is held to a
core of its own (``taskset``), so that one of them hashes with one thread. CPU time is that of all processes together.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from statistics import median

from benchmarks import data
from benchmarks.processes import Spent, python, spend
from benchmarks.results import Result, at_most, faster, megabytes, milliseconds
from scanner.database import load_database
from scanner.engines import Engine, PoolEngine, Reads, engine_for
from scanner.model import NEWEST_SDK, App, Location
from scanner.reading import Reader
from scanner.resuming.stamping import Stamper, StampingReader
from scanner.rows import Judge
from tests.support.cluster import scheduler, worker

FASTER, OVERHEAD, MORE_MEMORY = 1.7, 1.15, 1.2
ONE, TWO = "one worker", "two workers"
IDLE_SECONDS = 5
WARM_UP = 800
"""Candidates that are read before anything is measured: until then processes start and import."""


def cluster(originals: Sequence[Path], scale: data.Scale) -> Iterator[Result]:
    """The budgets for a cluster."""
    yield from _second_worker(originals, scale.cluster_verified, scale.runs)
    yield from _overhead(originals, scale.cluster_read, scale.runs)
    yield from _memory(originals, scale.cluster_rows)


def notes(turns: int) -> list[str]:
    """What the figures rest on."""
    if missing():
        return [f"cluster: not measured, {missing()}"]
    where = (
        "cluster: scheduler, workers and client share the machine, each worker held to a core where two are compared"
    )
    what = f"with one; medians of {turns} turns; overhead is CPU time of all processes, warm; memory is the client's"
    return [f"{where} {what}"]


def missing() -> str | None:
    """What is missing for this part, if anything."""
    return None if shutil.which("taskset") else "without taskset (util-linux)"


def _second_worker(originals: Sequence[Path], count: int, turns: int) -> Iterator[Result]:
    folder = data.archive("cluster", originals, count)
    size = sum(path.stat().st_size for path in folder.iterdir()) / 1e6
    seconds: dict[str, list[float]] = {ONE: [], TWO: []}
    with ExitStack() as stack:
        places = {name: stack.enter_context(_pinned(cores)) for name, cores in ((ONE, [0]), (TWO, [0, 1]))}
        for turn in range(turns + 1):
            for name, address in places.items():
                spent = _scan(folder, "--engine", address, "--verify")
                if turn:
                    seconds[name].append(spent.seconds)
    ratios = [one / two for one, two in zip(seconds[ONE], seconds[TWO], strict=True)]
    times = median(seconds[TWO]) * 1000, median(seconds[ONE]) * 1000
    what = f"verify {count} APKs of {size:,.0f} MB, two workers"
    yield faster(what, ONE, FASTER, median(ratios), (min(ratios), max(ratios)), *times)


def _overhead(originals: Sequence[Path], count: int, turns: int) -> Iterator[Result]:
    """CPU time of a cluster over that of the pool for the same candidates, without either's start."""
    apps = [App("x", Location(str(path))) for path in islice(cycle(originals), count)]
    database = load_database()
    reading = Reader(Judge(database, NEWEST_SDK, "2026-01-01T00:00:00Z"))
    reader = StampingReader(reading, Stamper(database.digest, NEWEST_SDK), None)
    with scheduler() as main, worker(main.address, count=2) as workers:
        of_dask = [main.pid, workers.pid]
        idle = _used(lambda: time.sleep(IDLE_SECONDS))[0] / IDLE_SECONDS
        pool: Engine = PoolEngine(2)
        dask = engine_for(2, name=main.address)
        cpu: dict[str, list[float]] = {"pool": [], "dask": [], "dask at work": []}
        for _ in range(turns):
            for engine, name, without in ((pool, "pool", of_dask), (dask, "dask", [])):
                _read_all(engine, reader, apps[:WARM_UP])
                used, seconds = _used(partial(_read_all, engine, reader, apps), without)
                cpu[name].append(used)
                if name == "dask":
                    cpu["dask at work"].append(used - idle * seconds)
        pool.close()
        dask.close()
    what = f"identity of {count:,} APKs over Dask, CPU each"
    for name, told in (("dask", what), ("dask at work", f"{what}, without what an idle cluster uses")):
        ratio = median(ours / theirs for ours, theirs in zip(cpu[name], cpu["pool"], strict=True))
        times = [milliseconds(median(cpu[which]) * 1000 / count) for which in (name, "pool")]
        yield at_most(told, "pool", OVERHEAD, ratio, *times)


def _read_all(engine: Engine, reader: Reads, apps: Sequence[App]) -> None:
    found = len(list(engine.run(reader, apps)))
    if found < len(apps):
        raise SystemExit(f"cluster: {found} outcomes of {len(apps)} APKs")


def _memory(originals: Sequence[Path], rows: int) -> Iterator[Result]:
    few, many = (_folder(originals, count) for count in (rows // 10, rows))
    out = str(data.DATA / "cluster-rows")
    with scheduler() as main, worker(main.address, count=2):
        for formats in (("jsonl",), ("jsonl", "parquet")):
            words = [word for name in formats[1:] for word in ("-o", f"{name}={out}.{name}")]
            small, large = (
                _scan(folder, "--engine", main.address, *words, out=f"{formats[0]}={out}.{formats[0]}").megabytes
                for folder in (few, many)
            )
            what = f"client's memory at {rows:,} rows, {' and '.join(formats)}"
            yield at_most(what, f"{rows // 10:,} rows", MORE_MEMORY, large / small, megabytes(large), megabytes(small))


def _folder(originals: Sequence[Path], count: int) -> Path:
    """Folders of a thousand links to copies of the smallest APK: a file system allows only so many links to one.

    A folder is listed and sorted whole before its files are read, which is no matter of the engine.
    """
    smallest = min(originals, key=lambda path: path.stat().st_size)
    copies = [data.DATA / "copies" / f"{number}.apk" for number in range(8)]
    copies[0].parent.mkdir(parents=True, exist_ok=True)
    for copy in copies:
        shutil.copy(smallest, copy)
    folder = data.DATA / f"rows-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    for number, copy in enumerate(islice(cycle(copies), count)):
        link = folder / f"{number // 1000:03}" / f"{number % 1000:03}.apk"
        link.parent.mkdir(parents=True, exist_ok=True)
        os.link(copy, link)
    return folder


def _scan(folder: Path, *words: str, out: str | None = None) -> Spent:
    out = out or f"jsonl={data.DATA / 'cluster.jsonl'}"
    return spend(python("-m", "scanner", "scan", str(folder), "-q", "-o", out, *words), codes=(0, 1))


@contextmanager
def _pinned(cores: Sequence[int]) -> Iterator[str]:
    """The address of a cluster with one worker on each of the cores."""
    with ExitStack() as stack:
        main = stack.enter_context(scheduler())
        for core in cores:
            stack.enter_context(worker(main.address, before=("taskset", "-c", str(core))))
        yield main.address


def _used(action: Callable[[], object], without: Sequence[int] = ()) -> tuple[float, float]:
    """Seconds of CPU that this process and all below it spend on an action, and how long it takes.

    ``without`` are processes that have nothing to do with it, with all below them.
    """
    before, begin = _cpu(without), time.perf_counter()
    action()
    return _cpu(without) - before, time.perf_counter() - begin


def _cpu(without: Sequence[int]) -> float:
    """Seconds of CPU used until now, by processes that have ended too."""
    import psutil

    here = psutil.Process()
    left_out = {below.pid for root in without for below in psutil.Process(root).children(recursive=True)} | {*without}
    used = 0.0
    for process in (here, *here.children(recursive=True)):
        if process.pid in left_out:
            continue
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system + times.children_user + times.children_system
    return used
