"""What kills a process, or never comes back: it is named, and nothing else is lost or read twice."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import pytest

from scanner.engines import Engine, PoolEngine, SerialEngine
from scanner.engines.child import Setup
from scanner.engines.crew import Crew
from scanner.engines.launching import commanded, forked
from scanner.engines.spread import spread
from scanner.engines.watchdog import DIED, Lost, in_time
from scanner.errors import EngineError
from scanner.model import App, Location, Outcome, Passed, UnreadRow
from tests.support.deadly import DeadlyReader, candidates


def read(engine: Engine, reader: DeadlyReader, apps: Iterable[App]) -> list[Outcome]:
    try:
        return list(engine.run(reader, apps))
    finally:
        engine.close()


def named(outcomes: Sequence[Outcome]) -> dict[int, str]:
    """Place → reason of what is unread; everything else was read, in order."""
    for place, outcome in enumerate(outcomes):
        where = outcome.which if isinstance(outcome, Passed | UnreadRow) else ""
        assert where.endswith(f"/{place}.apk"), "in order, once each"
    return {place: one.reason for place, one in enumerate(outcomes) if isinstance(one, UnreadRow)}


@pytest.mark.parametrize("death", ["exit", "segfault", "killed"])
def test_what_kills_a_process_is_named_and_the_rest_is_read(tmp_path: Path, death: str) -> None:
    deadly = dict.fromkeys(["3.apk", "17.apk", "18.apk", "39.apk"], death)
    found = named(read(PoolEngine(2, worth_it=1), DeadlyReader(deadly), candidates(tmp_path, 40)))
    assert list(found) == [3, 17, 18, 39]
    assert all("died, twice" in reason for reason in found.values())


@pytest.mark.parametrize("death", ["sleep", "loop in c"])
def test_what_never_comes_back_is_ended_and_named(tmp_path: Path, death: str) -> None:
    engine = PoolEngine(2, worth_it=1, item_seconds=2)
    found = named(read(engine, DeadlyReader({"5.apk": death}), candidates(tmp_path, 40)))
    assert found == {5: "took too long and was ended, the limit is 2 s (--limit item-seconds)"}


def test_a_death_that_is_not_the_files_fault_costs_nothing(tmp_path: Path) -> None:
    reader = DeadlyReader({"8.apk": "once"})
    assert named(read(PoolEngine(2, worth_it=1), reader, candidates(tmp_path, 40))) == {}
    assert (tmp_path / "died-once").exists()


@pytest.mark.parametrize("launch", [forked, commanded])
def test_a_process_killed_from_outside_costs_nothing(tmp_path: Path, launch: Callable[[], object]) -> None:
    crew = Crew(Setup(pickle.dumps(DeadlyReader({}, otherwise="slow")), 1, 60.0), 2, launch)  # type: ignore[arg-type]
    tasks = [crew.submit(candidates(tmp_path, 10)) for _ in range(6)]
    crew.wait(tasks[0])
    for pid in crew.pids:
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
    for task in tasks:
        assert [said[0].which for said in crew.wait(task)] == [f"{tmp_path}/{number}.apk" for number in range(10)]
    crew.close()


def test_of_several_at_once_only_the_one_that_hangs_is_named(tmp_path: Path) -> None:
    apps = [App("s3://b", Location(f"s3://b/{number}.apk")) for number in range(30)]
    engine = PoolEngine(2, worth_it=1, io_concurrency=8, item_seconds=2)
    assert list(named(read(engine, DeadlyReader({"7.apk": "sleep"}), apps))) == [7]


def test_of_several_at_once_only_the_one_that_kills_is_named(tmp_path: Path) -> None:
    apps = [App("s3://b", Location(f"s3://b/{number}.apk")) for number in range(30)]
    engine = PoolEngine(2, worth_it=1, io_concurrency=8)
    assert list(named(read(engine, DeadlyReader({"7.apk": "segfault"}, otherwise="slow"), apps))) == [7]


@pytest.mark.parametrize("death", ["sleep", "loop"])
@pytest.mark.parametrize("engine", [SerialEngine, PoolEngine])
def test_in_this_process_too_what_takes_too_long_is_given_up(
    tmp_path: Path, engine: Callable[..., Engine], death: str
) -> None:
    made = SerialEngine(item_seconds=1) if engine is SerialEngine else PoolEngine(2, item_seconds=1)
    before = signal.getsignal(signal.SIGALRM)
    found = named(read(made, DeadlyReader({"1.apk": death}), candidates(tmp_path, 3)))
    assert list(found) == [1]
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_time_that_is_up_while_the_clock_is_stopped_is_not_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the clock would go on, and end whatever comes next."""
    setitimer, before = signal.setitimer, signal.getsignal(signal.SIGALRM)

    def late(which: int, seconds: float, interval: float = 0.0) -> None:
        handler = signal.getsignal(signal.SIGALRM)
        if not seconds and callable(handler):
            handler(signal.SIGALRM, None)
        setitimer(which, seconds, interval)

    monkeypatch.setattr("scanner.engines.watchdog.TICK", 60.0)
    monkeypatch.setattr(signal, "setitimer", late)
    assert in_time(lambda: "done", 60) == "done"
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_in_this_process_a_server_that_hangs_is_left_behind() -> None:
    apps = [App("s3://b", Location(f"s3://b/{number}.apk")) for number in range(20)]
    engine = SerialEngine(io_concurrency=4, item_seconds=1)
    assert list(named(read(engine, DeadlyReader({"2.apk": "sleep", "3.apk": "sleep"}), apps))) == [2, 3]


def test_what_a_reader_raises_is_a_reason(tmp_path: Path) -> None:
    found = named(read(PoolEngine(2, worth_it=1), DeadlyReader({"4.apk": "error"}), candidates(tmp_path, 20)))
    assert list(found) == [4]
    assert "ZeroDivisionError" in found[4]


def test_large_batches_and_large_results_never_wait_for_each_other(tmp_path: Path) -> None:
    splits = tuple(Location(f"{tmp_path}/split_{number}.apk") for number in range(2000))
    apps = [App(app.source, app.location, splits) for app in candidates(tmp_path, 64)]
    crew = Crew(Setup(pickle.dumps(DeadlyReader({}, otherwise="large")), 1, 60.0), 2, forked)
    tasks = [crew.submit(apps[at : at + 8]) for at in range(0, 64, 8)]
    assert sum(len(said[0].which) > 1 << 20 for task in tasks for said in crew.wait(task)) == 64
    crew.close()


def test_closing_it_from_another_thread_ends_the_outcomes(tmp_path: Path) -> None:
    engine = PoolEngine(2, worth_it=1)
    outcomes = engine.run(DeadlyReader({}, otherwise="slow"), candidates(tmp_path, 4000))
    assert isinstance(next(outcomes), Passed)
    closing = threading.Thread(target=engine.close)
    closing.start()
    assert len(list(outcomes)) < 3999
    closing.join()


def test_closing_it_between_two_outcomes_ends_them_and_it_may_run_again(tmp_path: Path) -> None:
    engine, reader = PoolEngine(3, worth_it=1), DeadlyReader({})
    outcomes = engine.run(reader, candidates(tmp_path, 4000))
    assert isinstance(next(outcomes), Passed)
    engine.close()
    assert len(list(outcomes)) < 16, "no more than the rest of its batch"
    assert named(read(engine, reader, candidates(tmp_path, 40))) == {}


class _Unusable:
    def __call__(self, item: object) -> object:
        return item

    def __reduce__(self) -> object:
        return os._exit, (7,)


def test_processes_that_cannot_start_are_one_error() -> None:
    crew = Crew(Setup(pickle.dumps(_Unusable()), 1, 60.0), 2, forked)
    with pytest.raises(EngineError, match=r"cannot be started.* ended with 7"):
        crew.wait(crew.submit([1, 2, 3]))
    crew.close()


def test_spread_work_survives_what_kills_a_process(tmp_path: Path) -> None:
    reader = DeadlyReader({"9.apk": "segfault"})
    results = list(spread(reader, candidates(tmp_path, 60), 2, lost=lambda reason: [reason]))
    assert [place for place, result in enumerate(results) if not isinstance(result[0], Passed)] == [9]
    assert "died" in str(results[9][0])
    assert not any(isinstance(result, Lost) for result in results)


@pytest.mark.parametrize("launch", [forked, commanded])
def test_processes_end_with_whoever_reads_their_results(tmp_path: Path, launch: Callable[[], object]) -> None:
    """Also where it is killed and can say nothing."""
    import subprocess
    import sys

    script = f"""
import pickle, sys, time
from scanner.engines.child import Setup
from scanner.engines.crew import Crew
from scanner.engines import launching
from tests.support.deadly import DeadlyReader, candidates
if __name__ == "__main__":
    crew = Crew(Setup(pickle.dumps(DeadlyReader({{}}, otherwise="slow")), 1, 60.0), 2, launching.{launch.__name__})
    tasks = [crew.submit(candidates("x", 10)) for _ in range(4)]
    crew.wait(tasks[0])
    print(*crew.pids, flush=True)
    time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    pids = [int(word) for word in process.stdout.readline().split()]
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 120
    while any(map(_runs, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(pids) == 2
    assert not any(map(_runs, pids))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_an_outcome_already_stays_in_its_place(tmp_path: Path) -> None:
    apps = candidates(tmp_path, 60)
    items = [Passed("x", app.location.path) if place % 3 or place < 20 else app for place, app in enumerate(apps)]
    engine = PoolEngine(2, worth_it=1)
    try:
        assert named(list(engine.run(DeadlyReader({"39.apk": "exit"}), items))) == {39: DIED}
    finally:
        engine.close()
