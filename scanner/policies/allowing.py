"""A policy applied to rows: which findings count, which somebody has allowed, and which fail.

An allowance is for what it names and for nothing beside it. Where a row leaves a doubt (another user has the app too,
nobody checked the signature that names the signer) the finding is not allowed, and the row says why.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date
from typing import TypeVar

import msgspec

from scanner.model import AppRow, Assurance, CoverageHole, Finding, Value, Verdict, counted, printable
from scanner.policies.policy import FAILING

Scoped = TypeVar("Scoped")
ANOTHER_APP = frozenset({Verdict.IMPOSTOR, Verdict.DISPLAY_NAME, Verdict.LOOK_ALIKE})
"""Verdicts on what may be somebody else's app: allowed only by an allowance that names the signer or the verdict."""
UNPROVEN = ("signature-does-not-verify:", "split-signer:")
"""``tamper`` notes by which the signers that a row names did not sign all of the app."""
NOTE = "allowance-"
"""How the notes on allowances begin, among a row's ``issues``."""
MAX_TOLD = 20
"""Allowances that the coverage names one by one, of those that expired and of those that matched nothing."""


class Allowance(Value, frozen=True):
    """Somebody's word that a finding may be, until a day. An empty scope is any; all scopes must fit."""

    owner: str
    reason: str
    expires: date
    """The last day on which it holds, in UTC."""
    packages: frozenset[str] = frozenset()
    signatures: frozenset[str] = frozenset()
    signers: frozenset[str] = frozenset()
    """SHA-256 digests of signing certificates; every current signer must be among them."""
    devices: frozenset[str] = frozenset()
    users: frozenset[int] = frozenset()
    verdicts: frozenset[Verdict] = frozenset()
    where: str = ""
    """File and line, for people."""

    def covers(self, row: AppRow, finding: Finding) -> bool:
        """Whether it is for this finding, whoever the users are that have the app."""
        return self.names(row, finding) and self.meant_for(finding.verdict)

    def meant_for(self, verdict: Verdict) -> bool:
        """Whether it is clear that it is for such a verdict too."""
        return verdict not in ANOTHER_APP or bool(self.signers or self.verdicts)

    def names(self, row: AppRow, finding: Finding) -> bool:
        """Whether its scopes fit, be it meant for such a verdict or not."""
        return (
            _fits(self.packages, row.package_name)
            and _fits(self.signatures, finding.signature)
            and _fits(self.verdicts, finding.verdict)
            and _fits(self.devices, row.device.serial if row.device else None)
            and (not self.signers or _signed_by(row, self.signers))
        )

    def __str__(self) -> str:
        """What it is about, for people."""
        scopes = (
            ("", self.packages), ("signature ", self.signatures), ("signer ", self.signers), ("device ", self.devices),
            ("user ", self.users), ("verdict ", self.verdicts),
        )  # fmt: skip
        said = ", ".join(name + " or ".join(sorted(map(str, scope))) for name, scope in scopes if scope)
        return printable(f"{said} ({self.where})" if self.where else said)


class Policy(Value, frozen=True):
    """What fails a scan, and what is allowed."""

    fail_on: frozenset[Verdict] = FAILING
    lists: frozenset[str] = frozenset()
    """The lists that count: a finding of an app that is on none of them does not fail. Empty: every app counts."""
    strict: bool = False
    allowances: tuple[Allowance, ...] = ()

    def counts(self, finding: Finding) -> bool:
        """Whether the finding fails unless somebody allows it."""
        return finding.verdict in self.fail_on and (not self.lists or not self.lists.isdisjoint(finding.lists))


def allowing(row: AppRow, finding: Finding, allowances: Iterable[Allowance]) -> tuple[Allowance, ...]:
    """The allowances that let a finding pass: one that is for every user who has the app, else several together."""
    users = frozenset(user.id for user in row.users)
    fitting = [one for one in allowances if one.covers(row, finding)]
    for one in fitting:
        if not one.users or (users and users <= one.users):
            return (one,)
    parts = tuple(one for one in fitting if not users.isdisjoint(one.users))
    return parts if users and users <= frozenset().union(*(one.users for one in parts)) else ()


def _fits(scope: frozenset[Scoped], value: Scoped | None) -> bool:
    return not scope or value in scope


def _signed_by(row: AppRow, signers: frozenset[str]) -> bool:
    """Whether these and no others signed it. A certificate that is only claimed is nobody's signature."""
    known = row.assurance is not None and row.assurance.reaches(Assurance.REPORTED)
    if not known or any(note.startswith(UNPROVEN) for note in row.tamper):
        return False
    return bool(row.signers) and all(signer.sha256 in signers for signer in row.signers)


class Policing:
    """One policy over the rows of one scan, and what is to be said of it in the end."""

    def __init__(self, policy: Policy, today: date) -> None:
        self.policy = policy
        self._today = today
        self._uses = dict.fromkeys(policy.allowances, 0)
        self._devices: set[str] = set()
        self.failing = self.allowed = self.reviewed = 0
        """Apps that fail; apps with an allowed finding; of these, those that are known by an allowed title alone."""

    def judge(self, row: AppRow) -> AppRow:
        """The row with what the policy says of its findings."""
        if self._uses and row.device is not None:
            self._devices.add(row.device.serial)
        if not (row.findings or row.issues):
            return row
        if not row.findings and not any(issue.startswith(NOTE) for issue in row.issues):
            return row
        notes: list[str] = []
        findings = tuple(self._judged(row, finding, notes) for finding in row.findings)
        self.failing += any(finding.fails for finding in findings)
        allowed = [finding.allowed_by is not None for finding in findings]
        self.allowed += any(allowed)
        self.reviewed += row.verdict == Verdict.DISPLAY_NAME and all(allowed)
        earlier = (issue for issue in row.issues if not issue.startswith(NOTE))
        return msgspec.structs.replace(row, findings=findings, issues=(*earlier, *dict.fromkeys(notes)))

    def _judged(self, row: AppRow, finding: Finding, notes: list[str]) -> Finding:
        concerned = [one for one in self.policy.allowances if _concerns(one, row, finding)]
        by = allowing(row, finding, (one for one in concerned if self._holds(one)))
        for one in concerned:
            self._uses[one] += one.meant_for(finding.verdict) and (self._holds(one) or not by)
            if not by:
                notes.append(NOTE + self._why_not(one, row, finding.verdict))
        return msgspec.structs.replace(
            finding,
            allowed_by="; ".join(dict.fromkeys(one.owner for one in by)) or None,
            allowed_reason="; ".join(dict.fromkeys(one.reason for one in by)) or None,
            allowed_until=min(one.expires for one in by).isoformat() if by else None,
            fails=not by and self.policy.counts(finding),
        )

    def _holds(self, one: Allowance) -> bool:
        return self._today <= one.expires

    def _why_not(self, one: Allowance, row: AppRow, verdict: Verdict) -> str:
        """Why an allowance that names a finding does not let it pass."""
        if not one.meant_for(verdict):
            return f"not-meant: {one.owner} allows the app, but not as {verdict}, which must be named"
        if not self._holds(one):
            return f"expired: allowed until {one.expires} by {one.owner}: {one.reason}"
        others = ", ".join(str(user.id) for user in row.users if user.id not in one.users)
        return f"too-narrow: {one.owner} allows it, but not for user {others}, who has it too"

    def coverage(self) -> Iterator[CoverageHole]:
        """What is to be said of the allowances: those that expired, and those that matched nothing."""
        yield from _told([one for one in self._uses if not self._holds(one)], self._say_expired)
        unused = [one for one, uses in self._uses.items() if not uses and self._holds(one)]
        absent = [one for one in unused if one.devices and one.devices.isdisjoint(self._devices)]
        yield from _told([one for one in unused if one not in absent], lambda one: "matched nothing in this scan")  # noqa: ARG005
        if absent:
            why = "for devices of which no app was read in this scan"
            yield CoverageHole(counted(len(absent), "allowance"), why)

    def _say_expired(self, one: Allowance) -> str:
        uses = self._uses[one]
        now = f"{counted(uses, 'finding')} no longer allowed" if uses else "matches nothing in this scan"
        return f"expired at the end of {one.expires} (UTC): {now}. {one.owner}: {one.reason}"


def _concerns(one: Allowance, row: AppRow, finding: Finding) -> bool:
    """Whether an allowance names the finding, for at least one user who has the app."""
    return one.names(row, finding) and (not one.users or any(user.id in one.users for user in row.users))


def _told(allowances: Sequence[Allowance], why: Callable[[Allowance], str]) -> Iterator[CoverageHole]:
    for one in allowances[:MAX_TOLD]:
        yield CoverageHole(f"allowance of {one}", why(one))
    if (more := len(allowances) - MAX_TOLD) > 0:
        yield CoverageHole(counted(more, "more allowance"), f"only the first {MAX_TOLD} are named here")
