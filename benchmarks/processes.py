"""Whole processes: wall time, and peak memory of the largest process among a command and its children."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Container, Sequence
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent
ROOT = HERE.parent


class Spent(NamedTuple):
    """What one run of a command cost."""

    seconds: float
    cpu_seconds: float
    """Of all its processes."""
    megabytes: float
    """Peak resident memory of its largest process, in 10⁶ bytes."""


def python(*arguments: str) -> list[str]:
    """A command that runs this Python."""
    return [sys.executable, *arguments]


def spend(command: Sequence[str], codes: Container[int] = (0,)) -> Spent:
    """Run a command in the checkout, and tell what it cost. Ends the benchmark at any other exit code."""
    launched = subprocess.run(
        python("-S", str(HERE / "launch.py"), *command), cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True
    )
    report = json.loads(launched.stdout)
    if report["code"] not in codes:
        raise SystemExit(f"exit code {report['code']}: {' '.join(command)}")
    return Spent(report["seconds"], report["cpu_seconds"], report["peak_bytes"] / 1e6)
