"""From the words of ``history`` to its objects, and one call."""

from __future__ import annotations

from datetime import datetime

from scanner.cli.diffing import saved_files
from scanner.cli.outputs import Outputs, parse_outputs
from scanner.comparing.history import History
from scanner.database import load_database
from scanner.formats import HISTORY_FORMATS, new_history_format
from scanner.model.history import DayRow, SightingRow
from scanner.report import SavedReport


def run_history(saved: tuple[str, ...], outputs: tuple[str, ...], since: datetime | None) -> int:
    """Read, write, and return the exit code."""
    wanted = parse_outputs(outputs, HISTORY_FORMATS)
    database = load_database()
    files = dict.fromkeys(file for path in saved for file in saved_files(path))
    first = since.strftime("%Y-%m-%d") if since is not None else ""
    with (
        History(SavedReport([file], database) for file in files) as history,
        Outputs(wanted, new_history_format) as out,
    ):
        for row in history.rows():
            if _last_day(row) >= first:
                out.row(row)
        summary = history.summary()
        out.end(summary)
    return summary.exit_code


def _last_day(row: SightingRow | DayRow) -> str:
    """Until when a row tells of something: what is not gone, of today."""
    if isinstance(row, DayRow):
        return row.day
    return row.gone_since or "9999"
