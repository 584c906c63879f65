"""Proof of rotation, checked link by link: each certificate's key signs the next certificate."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from scanner.apk.schemes import CAPABILITIES, LINEAGE_VERSION, MAX_LINEAGE
from scanner.apk.verify.algorithms import ALGORITHMS, UnusableKey, verifies_as
from scanner.bytesource import Fields
from scanner.certificate import from_der, public_key
from scanner.errors import ApkError
from scanner.model import PastSigner


@dataclass(frozen=True)
class Level:
    """One certificate of a lineage. ``by`` is the algorithm with which the key before it signed it."""

    certificate: bytes
    by: int
    flags: int
    next_by: int
    signed: bytes
    signature: bytes

    @property
    def past(self) -> PastSigner:
        """The level as a past signer with its capabilities."""
        return PastSigner(
            from_der(self.certificate), tuple(name for bit, name in CAPABILITIES.items() if self.flags & bit)
        )


class BrokenLineage(ApkError):  # noqa: N818 - says what it is
    """A lineage that parses and does not hold."""


def verified_lineage(value: bytes) -> tuple[Level, ...]:
    """The levels of a lineage, oldest first.

    Raises:
        BrokenLineage: a link's signature does not verify, or a certificate stands twice.
        ApkError: it does not parse.
    """
    fields = Fields(value, "lineage")
    if fields.u32("version") != LINEAGE_VERSION:
        raise ApkError("lineage: unknown version")
    levels = tuple(_level(run) for run in fields.runs("levels", MAX_LINEAGE))
    for before, level in pairwise(levels):
        _check_link(before, level)
    if len({level.certificate for level in levels}) < len(levels):
        raise BrokenLineage("lineage: a certificate stands twice")
    return levels


def _level(data: bytes) -> Level:
    level = Fields(data, "lineage level")
    signed = level.run("signed data")
    flags, next_by = level.u32("flags"), level.u32("algorithm")
    signature = level.run("signature")
    inner = Fields(signed, "lineage signed data")
    return Level(inner.run("certificate"), inner.u32("algorithm"), flags, next_by, signed, signature)


def _check_link(before: Level, level: Level) -> None:
    algorithm = ALGORITHMS.get(level.by)
    if algorithm is None or level.by != before.next_by:
        raise BrokenLineage("lineage: a link's algorithm is unknown, or not the one announced before it")
    try:
        holds = verifies_as(algorithm, public_key(before.certificate), level.signature, level.signed)
    except (UnusableKey, ValueError) as error:
        raise BrokenLineage(f"lineage: a link's key cannot be used ({error})") from error
    if not holds:
        raise BrokenLineage("lineage: a link's signature does not verify")
