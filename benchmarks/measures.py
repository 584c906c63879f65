"""The measurements, one function each. Every one puts ours and the peers in turns, and gives lines of the table."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from benchmarks.data import DATA
from benchmarks.processes import python, spend
from benchmarks.results import Result, at_most, faster, megabytes, memory, milliseconds
from benchmarks.timing import Turns, in_turns, seconds_of
from benchmarks.tools import ANDROGUARD, APK_INFO, OURS, Read, agrees, reader

PEERS = (APK_INFO, ANDROGUARD)
BIG_MEMORY = 80
MORE_MEMORY, HELP = 1.2, 1.5


def identities(what: str, paths: Sequence[Path], floors: dict[str, float | None], turns: int) -> list[Result]:
    """Time per APK in this process, everything imported and every file in the page cache."""
    names = [str(path) for path in paths]
    passes = {tool: partial(seconds_of, partial(_read_all, reader(tool), names)) for tool in (OURS, *PEERS)}
    gc.freeze()  # what was imported is nobody's garbage
    taken = in_turns(passes, turns)
    return [_line(what, taken, peer, floors[peer], len(paths)) for peer in PEERS]


def disagreements(paths: Sequence[Path]) -> list[str]:
    """Where a peer saw another package name, version code or signer: a fast wrong answer is worth nothing."""
    readers = {tool: reader(tool) for tool in (OURS, *PEERS)}
    found = [
        f"{path.name}: {peer} disagrees with {OURS}"
        for path in paths
        for peer in PEERS
        if not agrees(readers[OURS](str(path)), readers[peer](str(path)))
    ]
    return found or [f"all agree on package name, version code and signers of the {len(paths)} APKs"]


def big_memory(what: str, path: Path) -> list[Result]:
    """Peak memory of a process that reads the one APK with the one tool."""
    peak = {tool: spend(python("-m", "benchmarks.tools", tool, str(path))).megabytes for tool in (OURS, *PEERS)}
    limits = {APK_INFO: BIG_MEMORY, ANDROGUARD: None}
    return [memory(f"{what}, memory", limits[peer], peak[OURS], peer, peak[peer]) for peer in PEERS]


def archive(what: str, folder: Path, floor: float | None, runs: int) -> list[Result]:
    """A folder to JSONL with two processes, end to end."""
    out = str(DATA / "rows.jsonl")
    contestants = {OURS: scan_command(folder, out), APK_INFO: python("-m", "benchmarks.peer_pool", str(folder), out)}
    taken = process_turns(contestants, runs)
    return [_line(what, taken, APK_INFO, floor, 1, "apk-info, pool of two")]


def archive_memory(what: str, small: Path, large: Path) -> list[Result]:
    """Whether memory stays flat: the largest process over a small and over a large folder."""
    out = str(DATA / "rows.jsonl")
    few, many = (spend(scan_command(folder, out)).megabytes for folder in (small, large))
    return [at_most(what, "ours on the smaller", MORE_MEMORY, many / few, megabytes(many), megabytes(few))]


def help_text(starts: int) -> list[Result]:
    """``--help`` against the import of click alone."""
    ours, bare = "--help", "import click"
    taken = process_turns({ours: python("-m", "scanner", "--help"), bare: python("-c", "import click")}, starts)
    times = [milliseconds(taken.milliseconds(name)) for name in (ours, bare)]
    return [at_most("app-scanner --help", bare, HELP, 1 / taken.ratio(bare, ours), *times)]


def scan_command(folder: Path, out: str) -> list[str]:
    """The command a user would give."""
    return python("-m", "scanner", "scan", str(folder), "-j", "2", "-o", f"jsonl={out}", "-q")


def process_turns(commands: dict[str, list[str]], runs: int) -> Turns:
    """Whole processes in turns."""
    return in_turns({name: partial(_seconds, command) for name, command in commands.items()}, runs)


def _seconds(command: list[str]) -> float:
    return spend(command).seconds


def _read_all(read: Read, paths: list[str]) -> None:
    for path in paths:
        read(path)


def _line(what: str, taken: Turns, peer: str, floor: float | None, each: int, called: str | None = None) -> Result:
    times = taken.milliseconds(OURS, each), taken.milliseconds(peer, each)
    return faster(what, called or peer, floor, taken.ratio(peer, OURS), taken.spread(peer, OURS), *times)
