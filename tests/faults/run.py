"""``make faults``: inject every fault again and again, and print a table of what held."""

from __future__ import annotations

import argparse
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.table import Fault


def held(fault: Fault, times: int) -> int:
    """How often the outcome was the one that is promised. Raises pytest's `skip` where it cannot be injected here."""
    good = 0
    for _ in range(times):
        with tempfile.TemporaryDirectory() as place:
            try:
                fault.inject(Path(place))
                good += 1
            except Exception:  # noqa: BLE001 - whatever went wrong is shown, and the others are injected
                traceback.print_exc()
    return good


def line(fault: Fault, good: int, times: int) -> str:
    """A row of the table in Markdown."""
    return f"| {fault.name} | {fault.how} | {fault.outcome} | {good} of {times} |"


def main() -> int:
    """Inject what was asked for; 1 where an outcome was another."""
    parser = argparse.ArgumentParser(prog="tests.faults.run", description=__doc__)
    parser.add_argument("--times", type=int, default=20, help="how often each (default: 20)")
    parser.add_argument("only", nargs="*", help="words of the faults' names (default: all)")
    options = parser.parse_args()
    print("| Fault | Injected by | What happens | Held |\n|---|---|---|---|", flush=True)
    failed = 0
    for fault in FAULTS.values():
        if not options.only or any(word in fault.name for word in options.only):
            try:
                good = held(fault, options.times)
            except pytest.skip.Exception as why:
                print(f"not injected: {fault.name}: {why}", file=sys.stderr, flush=True)
                continue
            failed += options.times - good
            print(line(fault, good, options.times), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
