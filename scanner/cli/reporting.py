"""From the words of ``report`` to its objects, and one call."""

from __future__ import annotations

import click

from scanner.cli.diffing import saved_files
from scanner.cli.outputs import Outputs, parse_outputs
from scanner.database import load_database
from scanner.formats import new_format, new_format_in_parts
from scanner.formats.cleaning import clean
from scanner.model import UnreadRow
from scanner.policies.policy import FAILED
from scanner.report import SavedReport


def run_report(saved: tuple[str, ...], outputs: tuple[str, ...]) -> int:
    """Read, write, and return the exit code."""
    wanted = parse_outputs(outputs)
    files = [file for path in saved for file in saved_files(path)]
    report = SavedReport(files, load_database())
    with Outputs(wanted, new_format, new_format_in_parts) as out:
        for row in report.rows():
            out.row(row)
            if isinstance(row, UnreadRow) and row.source in files and row.which.startswith(row.source):
                click.echo(f"app-scanner: {clean(row.which)}: {clean(row.reason)}", err=True)
        summary = report.summary()
        out.end(summary, only_documents=summary.exit_code == FAILED)
    return summary.exit_code
