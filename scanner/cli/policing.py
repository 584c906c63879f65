"""From the words of ``policy`` to its objects, and one call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import click

from scanner.cli.policyoptions import PolicyWords, policy_choices
from scanner.database import SignatureDatabase, load_database
from scanner.errors import PolicyError
from scanner.formats.cleaning import clean
from scanner.model import Verdict, counted
from scanner.policies.allowing import Policy
from scanner.policies.policy import CLEAN, lint_code
from scanner.policies.policyfile import read_policy
from scanner.policies.policylint import lint


def run_lint(file: str, *, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """Check, say what was found, and return the exit code."""
    database = _database(signatures, only_signatures=only_signatures)
    try:
        document, problems = read_policy(Path(file))
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    if document is not None:
        problems = lint(document, database, _today())
    for problem in problems:
        click.echo(clean(f"{file}, line {problem.line}: {problem.level}: {problem.text}"))
    levels = [problem.level for problem in problems]
    counts = {level: levels.count(level) for level in ("error", "warning", "note")}
    click.echo(clean(f"{file}: ") + ", ".join(counted(count, level) for level, count in counts.items()))
    return lint_code(counts["error"], counts["warning"])


def run_show(file: str, *, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """Say what a policy means; the exit code."""
    database = _database(signatures, only_signatures=only_signatures)
    for line in _shown(policy_choices(PolicyWords(file), database), _today()):
        click.echo(clean(line))
    return CLEAN


def _shown(policy: Policy, today: date) -> Iterator[str]:
    yield f"fails on   {', '.join(verdict for verdict in Verdict if verdict in policy.fail_on)}"
    yield f"lists      {', '.join(sorted(policy.lists)) or 'every app, whatever list it is on'}"
    yield f"strict     {'yes: what could not be read fails' if policy.strict else 'no'}"
    for one in sorted(policy.allowances, key=lambda one: one.expires):
        when = "until" if today <= one.expires else "EXPIRED"
        yield f"allowed    {when} {one.expires}  {one}"
        yield f"           by {one.owner}: {one.reason}"


def _database(signatures: tuple[str, ...], *, only_signatures: bool) -> SignatureDatabase:
    if only_signatures and not signatures:
        raise click.UsageError("--only-signatures needs --signatures")
    return load_database([Path(path) for path in signatures], replace=only_signatures)


def _today() -> date:
    return datetime.now(UTC).date()
