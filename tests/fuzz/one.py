"""One target under atheris, in a process of its own: ``python -m tests.fuzz.one NAME FILE [libFuzzer's] CORPUS``.

``FILE`` is told how long the slowest input took, and which it was. What is imported while the seeds are tried is
instrumented, so that libFuzzer sees which branches an input takes.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import atheris

INSTRUMENTED = ["scanner", "androguard.core.axml"]


def timed(check: Callable[[bytes], None], told: Path) -> Callable[[bytes], None]:
    """The same, which writes down the slowest input: libFuzzer counts whole seconds, and ends without a word."""
    slowest = 0.0

    def check_in_time(data: bytes) -> None:
        nonlocal slowest
        began = time.process_time()
        check(data)
        if (took := time.process_time() - began) > slowest:
            slowest = took
            told.write_text(f"{took:.4f} s: {data.hex()}\n")

    return check_in_time


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    _, name, told, *options = sys.argv
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        for seed in target.seeds():
            target.check(seed)
    atheris.Setup([name, *options], timed(target.check, Path(told)))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
