"""What inventories are held against: only parsing. ``python -m benchmarks.loads lines|whole|csv FILE...``."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path


def lines(path: Path) -> None:
    """`json.loads` on each line."""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            json.loads(line)


def whole(path: Path) -> None:
    """One `json.loads` of it all."""
    json.loads(path.read_bytes())


def cells(path: Path) -> None:
    """`csv.reader` over it."""
    with path.open(encoding="utf-8", newline="") as stream:
        for _ in csv.reader(stream):
            pass


PARSERS = {"lines": lines, "whole": whole, "csv": cells}


def main() -> None:
    """Parse the files."""
    parse = PARSERS[sys.argv[1]]
    for name in sys.argv[2:]:
        parse(Path(name))


if __name__ == "__main__":
    main()
