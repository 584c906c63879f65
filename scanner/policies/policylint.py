"""What is worth a word in a policy that can be read: what it names and nobody knows, what ended, what stands twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from scanner.database import SignatureDatabase
from scanner.errors import PolicyError
from scanner.model import counted
from scanner.policies.allowing import Allowance
from scanner.policies.policyfile import PolicyDocument, Problem, nearest

SOON = timedelta(days=30)
"""How long before an allowance ends it is told."""


def check_lists(document: PolicyDocument, database: SignatureDatabase) -> None:
    """Raise `PolicyError` where a list that should count does not exist: then no app would be on it, and none fail."""
    for problem in _lists(document, database):
        if problem.level == "error":
            raise PolicyError(f"{document.file}, line {problem.line}: {problem.text}")


def lint(document: PolicyDocument, database: SignatureDatabase, today: date) -> tuple[Problem, ...]:
    """Everything to be said of a policy, in the order of its lines."""
    found = [*_lists(document, database), *_repeated_verdicts(document)]
    allowances = document.policy().allowances
    for number, one in enumerate(allowances):
        line = document.lines["allow", number]
        found += _signatures(document, number, database)
        found += _packages(document, number, database)
        found += _ending(document, number, today)
        if (first := _same_scope(allowances, number)) is not None:
            text = f"allow[{number}]: allows the same as allow[{first}] on line {document.lines['allow', first]}"
            found.append(Problem(line, "warning", text))
        if one.users and not one.devices:
            found.append(Problem(line, "note", f"allow[{number}]: for user {min(one.users)} of every device"))
    return tuple(sorted(found, key=lambda problem: problem.line))


def _lists(document: PolicyDocument, database: SignatureDatabase) -> Iterator[Problem]:
    lists = document.content.lists
    for number, name in enumerate(lists):
        line = document.lines["lists", number]
        if name not in database.lists:
            yield Problem(line, "error", f"lists: no list {name!r}; {nearest(name, database.lists)}")
        elif name in lists[:number]:
            yield Problem(line, "warning", f"lists: {name} stands twice")


def _repeated_verdicts(document: PolicyDocument) -> Iterator[Problem]:
    verdicts = document.content.fail_on
    for number, name in enumerate(verdicts):
        if name in verdicts[:number]:
            yield Problem(document.lines["fail_on", number], "warning", f"fail_on: {name} stands twice")


def _signatures(document: PolicyDocument, number: int, database: SignatureDatabase) -> Iterator[Problem]:
    known = [signature.id for signature in database.signatures]
    for name in document.content.allow[number].signature:
        if name not in known:
            text = f"allow[{number}].signature: no signature {name!r}, so nothing is allowed; {nearest(name, known)}"
            yield Problem(document.lines["allow", number, "signature"], "warning", text)


def _packages(document: PolicyDocument, number: int, database: SignatureDatabase) -> Iterator[Problem]:
    """A package that no signature lists can still be a finding: the same signer, an embedded SDK."""
    known = [package.name for signature in database.signatures for package in signature.packages]
    for name in document.content.allow[number].package:
        if name not in known:
            hint = nearest(name, known)
            meant = f"; {hint}" if hint.startswith("did") else ""
            text = f"allow[{number}].package: {name} is no package name of a listed app{meant}"
            yield Problem(document.lines["allow", number, "package"], "note", text)


def _ending(document: PolicyDocument, number: int, today: date) -> Iterator[Problem]:
    entry = document.content.allow[number]
    line = document.lines["allow", number, "expires"]
    left = entry.expires - today
    if left < timedelta():
        yield Problem(line, "warning", f"allow[{number}]: expired at the end of {entry.expires} (UTC): it fails again")
    elif left <= SOON:
        when = "today" if not left else f"in {counted(left.days, 'day')}"
        yield Problem(line, "note", f"allow[{number}]: expires {when}, at the end of {entry.expires} (UTC)")


def _same_scope(allowances: Sequence[Allowance], number: int) -> int | None:
    """The first of the earlier allowances that is for exactly the same."""
    scopes = [
        (one.packages, one.signatures, one.signers, one.devices, one.users, one.verdicts)
        for one in allowances[: number + 1]
    ]
    first = scopes.index(scopes[number])
    return first if first < number else None
