"""Many saved scans → the fleet over time: where each listed app is, since when, and where it is gone.

An app is gone only where somebody looked and did not see it. Of a phone that was not read, or not wholly, what was
known before stays known, and the row says when it was last looked at.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from types import TracebackType
from typing import NamedTuple, Self

from scanner import __version__
from scanner.comparing.apps import App
from scanner.comparing.timeline import Look, Timeline
from scanner.comparing.unseen import Holes
from scanner.model import SCHEMA_VERSION, CoverageHole, UnreadRow, counted
from scanner.model.history import DayRow, HistoryRow, Presence, SightingRow
from scanner.policies.policy import FAILING, fails, history_code
from scanner.report import SavedReport

COUNTED = ("files", "looks", "places", "days", "there", "gone", "unknown", "unread")
MAX_HOLES = 1000
"""Holes that the summary names one by one."""
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


class _Seen(NamedTuple):
    """One app of a place: every moment at which it was seen, and how it was last seen."""

    moments: list[str]
    app: App


class _Place(NamedTuple):
    """A place: when it was looked at, and what each look could not see."""

    looks: list[Look]
    holes: list[Holes]

    def unseen(self, app: App, number: int) -> str | None:
        """Why the look of that number may have missed an app."""
        return self.holes[number].over(app)


class History:
    """One history. Iterate `rows` once, then ask for `summary`. To be closed, as a context manager does."""

    def __init__(self, files: Iterable[SavedReport]) -> None:
        """Each report is one file, so that one that is damaged leaves the others whole."""
        self._files = list(files)
        self._timeline = Timeline()
        self._counts: Counter[str] = Counter()
        self._holes: list[CoverageHole] = []
        self._days: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._refused = self._failing = self._incomplete = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file."""
        self._timeline.close()

    def rows(self) -> Iterator[SightingRow | DayRow]:
        """Every app with findings, ordered by phone and app; then the days, the oldest first."""
        scans = 0
        for report in self._files:
            scans = self._load(report, scans)
        for place in self._timeline.places():
            yield from self._place(place)
        yield from self._told_by_day()
        for what, which, reason in self._timeline.never_read():
            self._incomplete += 1
            self._hole(f"{what} {which}", f"never read: {reason}")

    def _load(self, report: SavedReport, first: int) -> int:
        """Take one file, whose scans are numbered from ``first`` on; the number of the next one."""
        self._counts["files"] += 1
        broken = ""
        rows = 0
        for row in report.rows():
            number = first + report.scan_number
            if not isinstance(row, UnreadRow):
                rows += 1
                if _MOMENT.fullmatch(row.scanned_at):
                    self._timeline.add(row, number)
                else:
                    broken = broken or f"{row.source}: a row does not say when it was made"
            elif row.source in report.names:
                broken = broken or (row.reason if row.which in report.names else f"{row.which}: {row.reason}")
                self._timeline.add_broken(range(number - 1, number + 1), broken)  # the one that just ended, or goes on
            else:
                self._counts["unread"] += 1
                self._timeline.add_hole(row, number)
        last = first + report.scan_number
        if report.summary().interrupted:
            broken = broken or "the scan was interrupted"
            self._timeline.add_broken(range(first, last + 1), broken)
        if broken:
            self._refused += not rows
            self._incomplete += 1
            self._hole(", ".join(report.names), broken)
        if report.unsaved:
            apps = counted(report.unsaved, "app was", "apps were")
            why = f"{apps} saved without a row: phones without findings may be missing"
            self._hole(", ".join(report.names), why)
        return last + 1

    def _place(self, name: str) -> Iterator[SightingRow]:
        looks = self._timeline.looks(name)
        place = _Place(looks, [self._timeline.holes(name, look.scan) for look in looks])
        self._counts.update({"places": 1, "looks": len(looks)})
        self._incomplete += place.holes[-1] != Holes(None, {}, {})
        apps = []
        for _, group in groupby(self._timeline.sightings(name), lambda one: one[1].key):
            moments, copies = zip(*group, strict=True)
            apps.append(_Seen(list(moments), copies[-1]))
        for app in apps:
            row = _sighting(place, app)
            self._counts[row.state] += 1
            self._failing += row.listed and row.state != "gone"
            yield row
        self._note_days(place, apps)

    def _note_days(self, place: _Place, apps: list[_Seen]) -> None:
        """What each look changes in the numbers of its day."""
        self._days[place.looks[0].moment[:10]]["known"] += 1
        for day, looks in groupby(enumerate(place.looks), lambda one: one[1].moment[:10]):
            numbers = [number for number, _ in looks]
            self._days[day]["read"] += 1
            self._days[day]["incomplete"] += place.holes[numbers[-1]] != Holes(None, {}, {})
        before: set[str] = set()
        for number, look in enumerate(place.looks):
            now = {title for app in apps if _was_there(place, app, number) for title in _titles(app.app)}
            for title in now ^ before:
                self._days[look.moment[:10]][f"app {title}"] += 1 if title in now else -1
            before = now

    def _told_by_day(self) -> Iterator[DayRow]:
        known = 0
        apps: Counter[str] = Counter()
        for day in sorted(self._days):
            changes = self._days[day]
            known += changes["known"]
            for key, change in changes.items():
                if key.startswith("app "):
                    apps[key.removeprefix("app ")] += change
            self._counts["days"] += 1
            told = {title: apps[title] for title in sorted(apps)}
            yield DayRow(SCHEMA_VERSION, day, changes["read"], changes["incomplete"], known, told)

    def _hole(self, hole: str, reason: str) -> None:
        if len(self._holes) < MAX_HOLES:
            self._holes.append(CoverageHole(hole, reason))
        self._counts["holes"] += 1

    def summary(self) -> HistoryRow:
        """How much was seen, and what nobody can tell."""
        counts = self._counts
        return HistoryRow(
            schema=SCHEMA_VERSION,
            tool=f"app-scanner {__version__}",
            counts={key: counts[key] for key in COUNTED},
            coverage=tuple(self._coverage()),
            exit_code=history_code(
                failing=self._failing,
                incomplete=self._incomplete,
                places=counts["places"],
                files=counts["files"],
                refused=self._refused,
            ),
        )

    def _coverage(self) -> Iterator[CoverageHole]:
        yield from self._holes
        if more := self._counts["holes"] - len(self._holes):
            yield CoverageHole(f"{more} more", f"only the first {MAX_HOLES} are named here")
        if unread := self._counts["unread"]:
            yield CoverageHole(f"{counted(unread, 'thing')} unread", "in one scan or another; see the saved scans")


def _was_there(place: _Place, seen: _Seen, number: int) -> bool:
    """Whether an app was there at a look, or was before and the look may have missed it."""
    while number >= 0:
        moment = place.looks[number].moment
        if moment in seen.moments:
            return True
        if moment < seen.moments[0] or place.unseen(seen.app, number) is None:
            return False
        number -= 1
    return False


def _sighting(place: _Place, seen: _Seen) -> SightingRow:
    """What all looks at a place say of one app."""
    which, last = seen.app.which(), seen.app.seen()
    moments = [look.moment for look in place.looks]
    first_at, behind = moments.index(seen.moments[0]), bisect_right(moments, seen.moments[-1])
    missed = [place.unseen(seen.app, number) for number in range(behind, len(moments))]
    gone = next((moments[behind + at] for at, why in enumerate(missed) if why is None), None)
    before = next((moments[at] for at in range(first_at - 1, -1, -1) if place.unseen(seen.app, at) is None), None)
    state: Presence = "there" if not missed else "unknown" if gone is None else "gone"
    return SightingRow(
        schema=SCHEMA_VERSION,
        state=state,
        listed=any(map(fails, last.findings)),
        source=which.source,
        device=which.device,
        package_name=which.package_name,
        copy=which.copy,
        location=which.location,
        apps=tuple(finding.app for finding in last.findings),
        verdict=last.verdict,
        version_code=last.version_code,
        version_name=last.version_name,
        first_seen=seen.moments[0],
        last_seen=seen.moments[-1],
        absent_before=before,
        gone_since=gone,
        last_look=moments[-1],
        seen=len(seen.moments),
        looks=len(moments) - first_at,
        reason=missed[-1] if state == "unknown" else None,
    )


def _titles(app: App) -> Iterator[str]:
    """The listed apps that it is, by what it was last seen as."""
    for finding in app.seen().findings:
        if finding.verdict in FAILING:
            yield finding.app
