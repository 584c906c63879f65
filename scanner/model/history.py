"""What many saved scans say of a fleet over time: the contract of ``history``'s ``jsonl`` and ``json``."""

from __future__ import annotations

from typing import Literal

from scanner.model.rows import CoverageHole, Device
from scanner.model.vocabulary import Value, Verdict

Presence = Literal["there", "gone", "unknown"]


class SightingRow(Value, frozen=True, tag_field="type", tag="sighting"):
    """One app with findings on one phone, or in one source of files, over all scans that looked there."""

    schema: int
    state: Presence
    """By the last look: ``there``; ``gone``, where one looked and did not see it; ``unknown``, where none could."""
    listed: bool
    """Whether a finding fails a scan, as it was last seen."""
    source: str
    device: Device | None
    package_name: str | None
    copy: Literal["active", "factory"]
    location: str
    """Where it was last."""
    apps: tuple[str, ...]
    """The listed apps that it was found to be, such as ``WeChat Pay``."""
    verdict: Verdict
    """As it was last seen."""
    version_code: int | None
    version_name: str | None
    first_seen: str
    """The moment of a scan, ISO 8601 in UTC, as all moments here."""
    last_seen: str
    absent_before: str | None
    """The last look before ``first_seen``, which did not see it; null where the first look already did."""
    gone_since: str | None
    """The first look after ``last_seen`` that did not see it."""
    last_look: str
    """When the phone or source was last read."""
    seen: int
    """In how many looks it was seen."""
    looks: int
    """How many looks there were from ``first_seen`` on."""
    reason: str | None
    """Why nobody can tell, where the state is ``unknown``."""


class DayRow(Value, frozen=True, tag_field="type", tag="day"):
    """The fleet at the end of one day (UTC) on which something was read."""

    schema: int
    day: str
    read: int
    """Phones and sources read that day."""
    incomplete: int
    """Those of them of which something was not seen."""
    known: int
    """Phones and sources read that day or before."""
    apps: dict[str, int]
    """Listed app → on how many of the known ones it is, each as it was last seen."""


class HistoryRow(Value, frozen=True, tag_field="type", tag="summary"):
    """The last row: how much was seen, what was not, and what the exit code is."""

    schema: int
    tool: str
    counts: dict[str, int]
    """``files``, ``looks``, ``places`` (phones and sources), ``days``, ``there``, ``gone``, ``unknown``, ``unread``."""
    coverage: tuple[CoverageHole, ...]
    exit_code: int
