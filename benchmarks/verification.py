"""Full verification, ours in this process against apksig as a command and warm in one JVM.

``python -m benchmarks.verification PATH [MIN_SDK]`` verifies one APK and no more: what its memory is measured with.
"""

from __future__ import annotations

import gc
import multiprocessing
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import chain, repeat
from pathlib import Path

from benchmarks import apksig
from benchmarks.processes import python, spend
from benchmarks.results import Result, faster, memory
from benchmarks.timing import Turns, in_turns, seconds_of
from benchmarks.tools import OURS
from scanner.apk.verify import verify
from scanner.bytesource import LocalFile

WARM, COMMAND = "apksig, warm JVM", "apksigner verify"
PAIR = 2
"""Processes of ours, and threads of the JVM, where several APKs are verified at once."""
WARM_PAIR = f"{WARM}, {PAIR} threads"
OURS_COMMAND = f"{OURS} verify"
OURS_PAIR = f"{OURS}, {PAIR} processes"
WARM_FLOOR, COMMAND_FLOOR = 4, 12
BATCH = 16
"""APKs that a process of ours takes at once."""


def verdicts(paths: Sequence[Path], min_sdk: int | None) -> list[bool]:
    """What we say of each."""
    found = []
    for path in paths:
        with LocalFile(str(path)) as source:
            found.append(verify(source, min_sdk).verified)
    return found


def against_warm(
    what: str, paths: Sequence[Path], min_sdk: int | None, turns: int, floor: float | None = WARM_FLOOR
) -> list[Result]:
    """Time per APK, both warm, in turns. Ends the benchmark where the two disagree on any APK."""
    with apksig.WarmJvm(paths, min_sdk) as jvm:
        gc.freeze()
        taken = in_turns({OURS: _pass(paths, min_sdk), WARM: jvm.seconds}, turns)
        mine = verdicts(paths, min_sdk)
        wrong = [path.name for path, one, other in zip(paths, mine, jvm.verdicts, strict=True) if one != other]
    if wrong:
        raise SystemExit(f"{OURS} and apksig disagree on {', '.join(wrong)}")
    return [_line(what, taken, WARM, floor, len(paths))]


def against_warm_at_once(what: str, paths: Sequence[Path], turns: int) -> list[Result]:
    """The same with two at once on either side, all warm: our processes, and the JVM with one thread and with two."""
    with (
        apksig.WarmJvm(paths, None) as one,
        apksig.WarmJvm(paths, None, PAIR) as two,
        ProcessPoolExecutor(PAIR, multiprocessing.get_context("spawn")) as pool,
    ):
        several = partial(seconds_of, partial(_verdicts_of, pool, paths))
        taken = in_turns({OURS_PAIR: several, WARM: one.seconds, WARM_PAIR: two.seconds}, turns)
        if not _verdicts_of(pool, paths) == one.verdicts == two.verdicts:
            raise SystemExit(f"{OURS} and apksig disagree")
    what = f"{what}, {PAIR} processes"
    return [
        _line(what, taken, peer, floor, len(paths), OURS_PAIR)
        for peer, floor in ((WARM, WARM_FLOOR), (WARM_PAIR, None))
    ]


def _verdicts_of(pool: ProcessPoolExecutor, paths: Sequence[Path]) -> list[bool]:
    batches = [paths[at : at + BATCH] for at in range(0, len(paths), BATCH)]
    return list(chain.from_iterable(pool.map(verdicts, batches, repeat(None))))


def against_command(what: str, paths: Sequence[Path], min_sdk: int | None, turns: int) -> list[Result]:
    """Time per APK, theirs started for each; ours in this process, and started for each too. All must verify."""
    theirs = [apksig.command(path, min_sdk) for path in paths]
    option = ["--min-sdk", str(min_sdk)] if min_sdk else []
    mine = [python("-m", "scanner", "verify", *option, str(path)) for path in paths]
    contestants = {
        OURS: _pass(paths, min_sdk),
        OURS_COMMAND: partial(_seconds, mine),
        COMMAND: partial(_seconds, theirs),
    }
    taken = in_turns(contestants, turns)
    return [
        _line(what, taken, COMMAND, COMMAND_FLOOR, len(paths)),
        _line(f"{what}, both started anew", taken, COMMAND, None, len(paths), OURS_COMMAND),
    ]


def verifying(paths: Sequence[Path], count: int) -> list[Path]:
    """So many of those that verify, spread over all: for the command, which fails on others."""
    good = [path for path, verdict in zip(paths, verdicts(paths, None), strict=True) if verdict]
    return good[:: max(1, len(good) // count)][:count]


def note(paths: Sequence[Path]) -> str:
    """How many of them verify as their manifests ask."""
    good = sum(verdicts(paths, None))
    return f"verification: {good} of {len(paths)} small APKs verify for their own SDK range, as apksig says of each"


def peak_memory(what: str, path: Path, min_sdk: int | None) -> list[Result]:
    """Peak memory of a process that verifies the one APK."""
    ours = spend(python("-m", "benchmarks.verification", str(path), *([str(min_sdk)] if min_sdk else []))).megabytes
    return [memory(f"{what}, memory", None, ours, COMMAND, spend(apksig.command(path, min_sdk)).megabytes)]


def _seconds(commands: Sequence[list[str]]) -> float:
    return sum(spend(command).seconds for command in commands)


def _pass(paths: Sequence[Path], min_sdk: int | None) -> partial[float]:
    return partial(seconds_of, partial(verdicts, paths, min_sdk))


def _line(what: str, taken: Turns, peer: str, floor: float | None, each: int, ours: str = OURS) -> Result:
    times = taken.milliseconds(ours, each), taken.milliseconds(peer, each)
    return faster(what, peer, floor, taken.ratio(peer, ours), taken.spread(peer, ours), *times)


if __name__ == "__main__":
    verdicts([Path(sys.argv[1])], int(sys.argv[2]) if sys.argv[2:] else None)
