"""The options that say what fails, declared once, and the policy they stand for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click

if TYPE_CHECKING:
    from scanner.database import SignatureDatabase
    from scanner.policies.allowing import Policy

Result = TypeVar("Result")


class PolicyWords(NamedTuple):
    """What the user says of what fails, in words."""

    file: str | None = None
    fail_on: tuple[str, ...] = ()
    lists: tuple[str, ...] = ()
    strict: bool | None = None


OPTIONS = (
    click.option(
        "--policy",
        "policy_file",
        metavar="FILE",
        help="A YAML file that says what fails and what is allowed, by whom and until when. The three options below "
        "win over it.",
    ),
    click.option(
        "--fail-on",
        multiple=True,
        metavar="VERDICT,...",
        help="Verdicts that fail.  [default: confirmed,likely,name-only,impostor,past-signer]",
    ),
    click.option(
        "--list",
        "lists",
        multiple=True,
        metavar="ID",
        help="Only apps on this list fail, such as us-eo-13971; others are reported. May be repeated.  [default: all]",
    ),
    click.option(
        "--strict/--no-strict",
        default=None,
        help="Exit with 1 instead of 3 where something could not be read.  [default: no-strict]",
    ),
)


def policy_options(command: Callable[..., Result]) -> Callable[..., Result]:
    """``--policy``, ``--fail-on``, ``--list`` and ``--strict``, which the command takes as one ``policy``."""

    @wraps(command)
    def bundled(
        *,
        policy_file: str | None,
        fail_on: tuple[str, ...],
        lists: tuple[str, ...],
        strict: bool | None,
        **others: Any,  # noqa: ANN401 - the other words of the command
    ) -> Result:
        return command(policy=PolicyWords(policy_file, fail_on, lists, strict), **others)

    for option in reversed(OPTIONS):
        bundled = option(bundled)
    return bundled


def policy_choices(words: PolicyWords, database: SignatureDatabase) -> Policy:
    """The policy that the words stand for. Raises `click.UsageError` for a file or word that is not understood."""
    from scanner.policies.allowing import Policy

    policy = Policy() if words.file is None else _from_file(words.file, database)
    return Policy(
        fail_on=_verdicts(words.fail_on) or policy.fail_on,
        lists=_lists(words.lists, database) or policy.lists,
        strict=policy.strict if words.strict is None else words.strict,
        allowances=policy.allowances,
    )


def _from_file(file: str, database: SignatureDatabase) -> Policy:
    from scanner.errors import PolicyError
    from scanner.policies.policyfile import load_policy
    from scanner.policies.policylint import check_lists

    try:
        document = load_policy(Path(file))
        check_lists(document, database)
    except PolicyError as error:
        raise click.UsageError(str(error)) from error
    return document.policy()


def _verdicts(words: tuple[str, ...]) -> frozenset[Any]:
    from scanner.model import Verdict
    from scanner.policies.policyfile import FINDINGS, nearest

    names = [name.strip() for word in words for name in word.split(",")]
    for name in names:
        if name not in FINDINGS:
            raise click.UsageError(f"--fail-on: {name!r} is no verdict on a finding; {nearest(name, FINDINGS)}")
    return frozenset(map(Verdict, names))


def _lists(names: tuple[str, ...], database: SignatureDatabase) -> frozenset[str]:
    from scanner.policies.policyfile import nearest

    for name in names:
        if name not in database.lists:
            raise click.UsageError(f"--list: no list {name!r}; {nearest(name, database.lists)}")
    return frozenset(names)
