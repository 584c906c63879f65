"""What differs between two saved scans: the contract of ``diff``'s ``jsonl`` and ``json``."""

from __future__ import annotations

from typing import Literal

from scanner.model.rows import CoverageHole, Device, Finding, SignerRow, UserState
from scanner.model.vocabulary import Assurance, Value, Verdict

ChangeKind = Literal["appeared", "newly-seen", "vanished", "not-seen", "changed"]
Aspect = Literal["version", "signer", "verdict", "users", "installer"]
Side = Literal["old", "new"]


class Seen(Value, frozen=True):
    """What one scan said of one app, as far as it is compared."""

    version_code: int | None
    version_name: str | None
    label: str | None
    installer: str | None
    users: tuple[UserState, ...]
    signers: tuple[SignerRow, ...]
    unsigned: bool
    """Whether it was established that nobody signed it, as opposed to nobody having looked."""
    assurance: Assurance | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    """Without their evidence, which the saved scans hold."""


class ChangeRow(Value, frozen=True, tag_field="type", tag="change"):
    """One app on one device, or in one file, of which the two scans say different things."""

    schema: int
    change: ChangeKind
    """``newly-seen``: there now, and nobody looked before. ``not-seen``: there before, and nobody looked now."""
    aspects: tuple[Aspect, ...]
    """What changed, where ``change`` is ``changed``."""
    listed: bool
    """Whether a finding that fails a scan is involved, before or now."""
    worse: bool
    """Whether it makes the comparison fail: a listed app is there that was not, or is an impostor now."""
    source: str
    device: Device | None
    package_name: str | None
    copy: Literal["active", "factory"]
    location: str
    """Where it is now; of what is gone, where it was."""
    before: Seen | None
    now: Seen | None
    reason: str | None
    """Why nobody can tell more, of what was not seen on one side."""


class PlaceRow(Value, frozen=True, tag_field="type", tag="place"):
    """A phone, or another source, that only one of the two scans read."""

    schema: int
    missing_in: Side
    source: str
    device: Device | None
    apps: int
    """How many apps the other scan has there. Those that are listed have rows of their own."""
    reason: str


class ComparisonRow(Value, frozen=True, tag_field="type", tag="summary"):
    """The last row: how much changed, what could not be compared, and what the exit code is."""

    schema: int
    tool: str
    counts: dict[str, int]
    """``old`` and ``new``: apps that were compared; then each kind of change, each aspect, ``worse`` and ``same``."""
    coverage: tuple[CoverageHole, ...]
    exit_code: int
