"""Full verification, ours in this process against apksig as a command and warm in one JVM.

``python -m benchmarks.verification PATH [MIN_SDK]`` verifies one APK and no more: what its memory is measured with.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks import apksig
from benchmarks.processes import python, spend
from benchmarks.results import Result, faster, memory
from benchmarks.timing import Turns, in_turns, seconds_of
from benchmarks.tools import OURS
from scanner.apk.verify import verify
from scanner.bytesource import LocalFile

WARM, COMMAND = "apksig, warm JVM", "apksigner verify"
WARM_FLOOR, COMMAND_FLOOR = 4, 12


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


def against_command(what: str, paths: Sequence[Path], min_sdk: int | None, turns: int) -> list[Result]:
    """Time per APK, the command started for each. All of them must verify."""
    commands = [apksig.command(path, min_sdk) for path in paths]
    taken = in_turns({OURS: _pass(paths, min_sdk), COMMAND: partial(_seconds, commands)}, turns)
    return [_line(what, taken, COMMAND, COMMAND_FLOOR, len(paths))]


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


def _line(what: str, taken: Turns, peer: str, floor: float | None, each: int) -> Result:
    times = taken.milliseconds(OURS, each), taken.milliseconds(peer, each)
    return faster(what, peer, floor, taken.ratio(peer, OURS), taken.spread(peer, OURS), *times)


if __name__ == "__main__":
    verdicts([Path(sys.argv[1])], int(sys.argv[2]) if sys.argv[2:] else None)
