"""``app-scanner policy``."""

from __future__ import annotations

import click

from scanner.cli.options import signature_options

EXAMPLES = """
\b
Examples:
  app-scanner policy lint policy.yaml
  app-scanner policy show policy.yaml
  app-scanner scan --policy policy.yaml

\b
Exit codes: 0 fit for use · 1 fit, but something should be looked at · 2 a scan would refuse it
"""


@click.group(epilog=EXAMPLES)
def policy() -> None:
    """Check policies: what fails, and who allows what until when."""


@policy.command(epilog=EXAMPLES)
@click.argument("file")
@signature_options
def lint(file: str, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """Say what is wrong with a policy, with lines.

    Typos, lists and signatures that do not exist, allowances that expired or will within 30 days, and what stands
    twice. The signatures are those of the scans that the policy is for.
    """
    from scanner.cli.policing import run_lint

    return run_lint(file, signatures=signatures, only_signatures=only_signatures)


@policy.command()
@click.argument("file")
@signature_options
def show(file: str, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """Say what a policy means.

    What fails, and every allowance, the next to expire first.
    """
    from scanner.cli.policing import run_show

    return run_show(file, signatures=signatures, only_signatures=only_signatures)
