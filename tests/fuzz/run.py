"""``make fuzz``: every target for a while under atheris (libFuzzer), one after the other, and a table of what happened.

An input that breaks a target is kept under ``build/fuzz/NAME/``; once it is understood and mended it belongs into
``tests/fuzz/regressions/NAME/``, where the test suite tries it for ever.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.target import Target
from tests.fuzz.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
REGRESSIONS = Path(__file__).parent / "regressions"
MEMORY = 512
"""MB of memory that a target may take, the interpreter and every library included."""
SLOWEST = 10
"""Seconds that one input may take, here with every branch counted."""
_STAT = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)
_COVERED = re.compile(r"cov: (\d+)")


@dataclass(frozen=True)
class Tried:
    """What one target went through."""

    name: str
    inputs: int
    seconds: float
    core_seconds: float
    """Of processor time: other programs may have had the rest."""
    covered: int
    """Branches that some input took."""
    slowest: float
    """Seconds of a core that the slowest input took."""
    memory: int
    """MB at most."""
    broken: tuple[str, ...]
    """Files with inputs that broke it."""


def prepared(target: Target, folder: Path) -> Path:
    """The folder of inputs to begin with: those of earlier runs, every seed, and every past crash."""
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    past = [file.read_bytes() for file in (REGRESSIONS / target.name).glob("*")]
    for data in (*target.seeds(), *past):
        (corpus / hashlib.sha1(data).hexdigest()).write_bytes(data)
    (folder / "words").write_text("".join(f'"{_escaped(word)}"\n' for word in target.words))
    return corpus


def _escaped(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


def tried(target: Target, seconds: int, folder: Path) -> Tried:
    """Fuzz one target in a process of its own."""
    corpus, before = prepared(target, folder), {*_broken(folder)}
    options = {
        "max_total_time": seconds,
        "rss_limit_mb": MEMORY,
        "timeout": SLOWEST,
        "max_len": target.longest,
        "artifact_prefix": f"{folder}/",
        "print_final_stats": 1,
        **({"dict": folder / "words"} if target.words else {}),
    }
    words = [f"-{name}={value}" for name, value in options.items()]
    began, used, slowest = time.monotonic(), _core_seconds(), folder / "slowest"
    slowest.write_text("0")
    command = [sys.executable, "-m", "tests.fuzz.one", target.name, str(slowest), *words, str(corpus)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace")
    (folder / "log").write_text(done.stdout + done.stderr)
    stats = {name: int(value) for name, value in _STAT.findall(done.stderr)}
    broken = tuple(sorted({*_broken(folder)} - before)) or (() if done.returncode == 0 else (f"{folder}/log",))
    return Tried(
        target.name,
        stats.get("number_of_executed_units", 0),
        round(time.monotonic() - began, 1),
        round(_core_seconds() - used, 1),
        max(map(int, _COVERED.findall(done.stderr)), default=0),
        float(slowest.read_text().partition(" ")[0]),
        stats.get("peak_rss_mb", 0),
        broken,
    )


def _core_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _broken(folder: Path) -> list[str]:
    return [str(file) for kind in ("crash-*", "timeout-*", "oom-*", "slow-unit-*") for file in folder.glob(kind)]


def line(one: Tried) -> str:
    """A line of the table."""
    said = f"broken: {', '.join(one.broken)}" if one.broken else "nothing broke"
    return (
        f"{one.name:20} {one.inputs:>9,} inputs {one.core_seconds:>5.0f} s of a core {one.covered:>5} branches, "
        f"slowest {one.slowest:.3f} s, {one.memory:>3} MB: {said}"
    )


def main() -> int:
    """Run what was asked for; 1 where anything broke."""
    parser = argparse.ArgumentParser(prog="tests.fuzz.run", description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "fuzz", help="for inputs (default: build/fuzz)")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    parser.add_argument("target", nargs="*", help=f"of {', '.join(TARGETS)} (default: all)")
    options = parser.parse_args()
    if unknown := set(options.target) - set(TARGETS):
        parser.error(f"no target {', '.join(sorted(unknown))}; there are {', '.join(TARGETS)}")
    done = []
    for name in options.target or TARGETS:
        done.append(tried(TARGETS[name], options.seconds, options.folder / name))
        print(line(done[-1]), flush=True)
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in done], indent=1) + "\n")
    total, cores = sum(one.inputs for one in done), sum(one.core_seconds for one in done)
    broken = [one for one in done if one.broken]
    print(f"{len(done)} targets, {total:,} inputs in {cores / 60:.1f} core-minutes, {len(broken)} targets broken")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
