"""``app-scanner report``."""

from __future__ import annotations

import click

EXAMPLES = """
\b
Examples:
  app-scanner report monday.jsonl -o html=report.html
  app-scanner report scans/ -o html=fleet.html               # a folder of saved scans
  app-scanner report site-*.jsonl.gz -o html=all.html -o sarif=all.sarif -o junit=all.xml
  ssh desk cat rows.jsonl | app-scanner report - -o html=report.html

\b
The exit code is that of the saved scan; see app-scanner scan --help. Of several: 130 if one was
interrupted, else 1 if one found something, else 3 if anything was not read, else 0.
"""


@click.command(epilog=EXAMPLES)
@click.argument("saved", nargs=-1, required=True, metavar="SAVED...")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="How to write the report, as for scan. May be repeated.  [default: table]",
)
def report(saved: tuple[str, ...], outputs: tuple[str, ...]) -> int:
    """Write the report of saved scans anew, without scanning.

    SAVED is what scan or watch wrote with -o jsonl or -o json, also compressed (.gz, .zst), a folder of such files, or
    - for stdin. Several are added up. Verdicts stay as they were; to judge saved rows by the signatures of today, scan
    them.
    """
    from scanner.cli.reporting import run_report

    return run_report(saved, outputs)
