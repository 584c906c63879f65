"""``app-scanner watch``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scanner.cli.limiting import limit_option
from scanner.cli.options import signature_options
from scanner.cli.phoneoptions import phone_options
from scanner.cli.policyoptions import PolicyWords, policy_options

if TYPE_CHECKING:
    from scanner.model import Limits

EXAMPLES = """
\b
Examples:
  app-scanner watch
  app-scanner watch -o jsonl=desk.jsonl --owners people.csv
  app-scanner watch --count 20 --save-evidence evidence/

\b
Exit codes, when it ends: 0 every phone clear · 1 a listed app on one · 3 one could not be read to its end ·
4 no phone came
"""


@click.command(epilog=EXAMPLES)
@click.option(
    "-o", "--output", metavar="jsonl=FILE", help="Append each phone's rows and summary to FILE.  [default: none]"
)
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N phones.  [default: Ctrl-C ends it]")
@click.option("--verify", "verify_all", is_flag=True, help="Verify every app on the phone.")
@policy_options
@signature_options
@limit_option
@phone_options
def watch(
    output: str | None,
    count: int | None,
    verify_all: bool,
    policy: PolicyWords,
    signatures: tuple[str, ...],
    only_signatures: bool,
    only_findings: bool,
    limits: Limits,
    **phones: Any,  # noqa: ANN401 - the words of --help, as click collects them
) -> int:
    """Scan each phone as it is plugged in: the audit desk.

    One block for each phone says CLEAR, FOUND or NOT COMPLETE, large enough to be read from a metre away. A phone
    that is unplugged too early is NOT COMPLETE; plugged in again it is scanned again. Ctrl-C ends with a count.
    """
    from scanner.cli.watching import run_watch

    return run_watch(
        output=output, count=count, verify_all=verify_all, signatures=signatures, only_signatures=only_signatures,
        only_findings=only_findings, policy=policy, limits=limits,
        phones=phones,
    )  # fmt: skip
