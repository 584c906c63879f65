"""What two scans say of one app, compared. Pure functions over values.

What only one of them knows is no change: a scan that did not read certificates does not say that a signer went away.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from scanner.model import AppRow, Finding, SignerRow, UserState
from scanner.model.comparison import Aspect, Seen

_UNSIGNED = "unsigned: "
_KINDS = ("sha256", "sha1", "md5", "hash32")


def seen(row: AppRow) -> Seen:
    """What is compared of a row."""
    return Seen(
        row.version_code,
        row.version_name,
        row.label,
        row.installer,
        row.users,
        row.signers,
        not row.signers and any(issue.startswith(_UNSIGNED) for issue in row.issues),
        row.assurance,
        row.verdict,
        tuple(msgspec.structs.replace(one, evidence=()) for one in row.findings),
    )


def aspects(before: Seen, now: Seen, unseen_users: Collection[int] = ()) -> Iterator[Aspect]:
    """In what the two differ. Of ``unseen_users`` one of the scans knows nothing."""
    if _version(before, now):
        yield "version"
    if _signer(before, now):
        yield "signer"
    if _judged(before) != _judged(now):
        yield "verdict"
    if before.users and now.users and _users(before, unseen_users) != _users(now, unseen_users):
        yield "users"
    if None not in (before.installer, now.installer) and before.installer != now.installer:
        yield "installer"


def _version(before: Seen, now: Seen) -> bool:
    if before.version_code is not None and now.version_code is not None:
        return before.version_code != now.version_code
    return None not in (before.version_name, now.version_name) and before.version_name != now.version_name


def _signer(before: Seen, now: Seen) -> bool:
    """Whether another one signed it: by the strongest digest that both scans have of every signer."""
    if before.unsigned or now.unsigned:
        return bool((before.unsigned and now.signers) or (now.unsigned and before.signers))
    if not before.signers or not now.signers:
        return False
    for kind in _KINDS:
        one, other = _digests(before.signers, kind), _digests(now.signers, kind)
        if None not in one and None not in other:
            return one != other
    return False


def _digests(signers: tuple[SignerRow, ...], kind: str) -> set[str | None]:
    return {getattr(signer, kind) for signer in signers}


def _judged(said: Seen) -> tuple[object, ...]:
    return said.verdict, {(one.signature, one.verdict, one.allowed_by is None) for one in said.findings}


def _users(said: Seen, unseen: Collection[int]) -> set[UserState]:
    return {user for user in said.users if user.id not in unseen}


def findings_of(said: Seen | None) -> tuple[Finding, ...]:
    """The findings, of what was seen at all."""
    return said.findings if said is not None else ()
