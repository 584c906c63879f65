"""From the words of ``diff`` to its objects, and one call."""

from __future__ import annotations

from pathlib import Path

import click

from scanner.cli.outputs import Outputs, parse_outputs
from scanner.comparing import Comparison
from scanner.database import load_database
from scanner.formats import COMPARISON_FORMATS, new_comparison_format
from scanner.model.comparison import PlaceRow
from scanner.report import STDIN, SavedReport

SAVED = (".jsonl", ".ndjson", ".json")
PACKED = ("", ".gz", ".zst")


def run_diff(old: str, new: str, outputs: tuple[str, ...], *, only_listed: bool) -> int:
    """Compare, write, and return the exit code."""
    if old == new == STDIN:
        raise click.UsageError("only one of OLD and NEW can come from stdin")
    wanted = parse_outputs(outputs, COMPARISON_FORMATS)
    database = load_database()
    reports = [SavedReport(saved_files(path), database) for path in (old, new)]
    with Comparison(*reports) as comparison, Outputs(wanted, new_comparison_format) as out:
        for row in comparison.changes():
            if not only_listed or isinstance(row, PlaceRow) or row.listed:
                out.row(row)
        summary = comparison.summary()
        out.end(summary)
    return summary.exit_code


def saved_files(path: str) -> list[str]:
    """The file, or of a folder the files that are named like saved scans. Raises `click.UsageError` without any."""
    if path == STDIN or not Path(path).is_dir():
        return [path]
    endings = tuple(name + packed for name in SAVED for packed in PACKED)
    found = sorted(str(file) for file in Path(path).iterdir() if file.name.endswith(endings))
    if not found:
        raise click.UsageError(f"{path}: a folder without saved scans ({', '.join(SAVED)}, also .gz and .zst)")
    return found
