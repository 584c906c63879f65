"""``app-scanner history``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import datetime

EXAMPLES = """
\b
Examples:
  app-scanner history scans/                         # a folder of saved scans
  app-scanner history monday.jsonl tuesday.jsonl wednesday.jsonl.gz
  app-scanner history scans/ --since 2026-10-01 -o csv=who-has-what.csv -o jsonl=history.jsonl -o table

\b
Exit codes:
  0 no listed app is there any more       3 not everything was seen when it was last looked at
  1 one is there, or may be               4 nothing was ever read
  2 wrong usage                           5 no file could be read         130 interrupted
"""


class Day(click.DateTime):
    """A day, whose mistakes are answered with one and not with a format."""

    def __init__(self) -> None:
        super().__init__(["%Y-%m-%d"])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:  # noqa: ANN401
        """See `click.ParamType.convert`."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"want a day such as 2026-10-01, not {value!r}", param, ctx)


@click.command(epilog=EXAMPLES)
@click.argument("saved", nargs=-1, required=True, metavar="SAVED...")
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="How to write it: table, json, jsonl or csv, to FILE or stdout. May be repeated.  [default: table]",
)
@click.option(
    "--since",
    type=Day(),
    metavar="DAY",
    help="Leave out what was gone before that day (UTC, as 2026-10-01), and the days before it.",
)
def history(saved: tuple[str, ...], outputs: tuple[str, ...], since: datetime | None) -> int:
    """Show a fleet over time, from saved scans.

    Which phone has which listed app, since when, and where it is gone.

    SAVED is what scan or watch wrote with -o jsonl or -o json, also compressed (.gz, .zst), a folder of such files, or
    - for stdin. Order does not matter: every row says when it was made.

    An app is gone where somebody looked and did not see it. Of a phone that was not read again, or not wholly, it stays
    as it was last seen.
    """
    from scanner.cli.remembering import run_history

    return run_history(saved, outputs, since)
