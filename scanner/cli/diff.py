"""``app-scanner diff``."""

from __future__ import annotations

import click

EXAMPLES = """
\b
Examples:
  app-scanner diff monday.jsonl tuesday.jsonl
  app-scanner diff monday/ tuesday/ --only-listed -o table -o jsonl=changes.jsonl
  app-scanner scan -q -o jsonl | app-scanner diff last-week.jsonl.gz -

\b
Exit codes:
  0 no listed app appeared or got worse   3 the new scan is not complete, or not comparable
  1 a listed app appeared or got worse    4 both scans are empty
  2 wrong usage                           5 a scan could not be read      130 interrupted
"""


@click.command(epilog=EXAMPLES)
@click.argument("old")
@click.argument("new")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="How to write it: table, json or jsonl, to FILE or stdout. May be repeated.  [default: table]",
)
@click.option("--only-listed", is_flag=True, help="Say nothing of changes to apps that are not listed.")
def diff(old: str, new: str, outputs: tuple[str, ...], only_listed: bool) -> int:
    """Show what changed between two saved scans, phone by phone.

    OLD and NEW are what scan or watch wrote with -o jsonl or -o json, also compressed (.gz, .zst), a folder of such
    files, or - for stdin. Of a phone that was scanned several times the last scan counts.

    What only one of the two scans looked at did not appear or vanish: it is newly seen, or not seen.
    """
    from scanner.cli.diffing import run_diff

    return run_diff(old, new, outputs, only_listed=only_listed)
