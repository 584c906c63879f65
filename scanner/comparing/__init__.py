"""Two saved scans → what changed between them, phone by phone.

Nothing vanished or appeared where one of the two did not look: a phone that was not read, a user that was denied, an
archive that was broken or a file that is cut short make it *not seen*. Both scans go through a temporary SQLite file,
so memory stays flat however large the fleet is. Of a phone that one side has several times the last scan counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from types import TracebackType
from typing import Self, get_args

from scanner import __version__
from scanner.comparing.apps import App
from scanner.comparing.differing import aspects, findings_of
from scanner.comparing.store import Store
from scanner.comparing.unseen import Holes
from scanner.errors import SourceError
from scanner.model import SCHEMA_VERSION, CoverageHole, SummaryRow, UnreadRow, counted, plural
from scanner.model.comparison import Aspect, ChangeKind, ChangeRow, ComparisonRow, PlaceRow, Seen, Side
from scanner.policies.policy import comparison_code, fails, worse
from scanner.report import SavedReport

SIDES: tuple[Side, Side] = ("old", "new")
TOLD = {"old": "before", "new": "now"}
COUNTED = ("old", "new", *get_args(ChangeKind), *get_args(Aspect), "worse", "same")
MAX_HOLES = 1000
"""Holes that the summary names one by one."""


class Comparison:
    """One comparison. Iterate `changes` once, then ask for `summary`. To be closed, as a context manager does."""

    def __init__(self, old: SavedReport, new: SavedReport) -> None:
        self._reports: dict[Side, SavedReport] = {"old": old, "new": new}
        self._store = Store()
        self._counts: Counter[str] = Counter()
        self._holes: list[CoverageHole] = []
        self._unread: Counter[Side] = Counter()
        self._broken: dict[Side, str] = {}
        self._summaries: dict[Side, SummaryRow] = {}
        self._unsaved = 0
        self._missing: Counter[Side] = Counter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the temporary file."""
        self._store.close()

    def changes(self) -> Iterator[ChangeRow | PlaceRow]:
        """Every change, ordered by phone and app.

        Raises:
            SourceError: one of the two holds nothing that can be compared.
        """
        for side in SIDES:
            self._load(side)
        for place, apps in groupby(self._store.apps(), attrgetter("place")):
            for row in self._place(place, apps):
                self._count(row)
                yield row

    def _load(self, side: Side) -> None:
        report, store = self._reports[side], self._store
        refused = ""
        for row in report.rows():
            if not isinstance(row, UnreadRow):
                store.add(side, row, report.scan_number)
                self._counts[side] += 1
                continue
            self._unread[side] += 1
            self._hole(f"{row.what} {row.which}", row.reason, side)
            if row.source in report.names:
                self._broken.setdefault(side, f"{row.which}: {row.reason}")
                refused = f"{row.which}: {row.reason}" if row.what == "source" else refused
            else:
                store.add_hole(side, row, report.scan_number)
        if refused and not self._counts[side]:
            raise SourceError(refused)
        self._summaries[side] = summary = report.summary()
        if summary.interrupted:
            self._broken.setdefault(side, "the scan was interrupted")

    def _place(self, place: str, apps: Iterator[App]) -> Iterator[ChangeRow | PlaceRow]:
        """What changed on one phone, or in one source."""
        present = self._store.sides(place)
        holes = {side: self._store.holes(side, place, self._broken.get(side)) for side in SIDES}
        missing = next((side for side in SIDES if side not in present), None)
        if missing is not None:
            yield from self._lone(apps, present.popitem()[1], missing, holes[missing].whole)
            return
        self._counts["places"] += 1
        for _, group in groupby(apps, attrgetter("key")):
            sides = {app.side: app for app in group}
            change = self._pair(sides["old"], sides["new"], holes) if len(sides) > 1 else self._single(sides, holes)
            if change is not None:
                yield change

    def _lone(
        self, apps: Iterator[App], count: int, missing: Side, reason: str | None
    ) -> Iterator[ChangeRow | PlaceRow]:
        """A place that one of the two did not read."""
        self._missing[missing] += 1
        reason = reason or f"nothing of it was read {TOLD[missing]}"
        for number, app in enumerate(apps):
            if number == 0:
                which = app.which()
                yield PlaceRow(SCHEMA_VERSION, missing, which.source, which.device, count, reason)
            if any(map(fails, app.seen().findings)):
                yield _change("not-seen" if missing == "new" else "newly-seen", app, reason=reason)

    def _pair(self, old: App, new: App, holes: dict[Side, Holes]) -> ChangeRow | None:
        if old.said != new.said:
            before = old.seen()
            differing = tuple(aspects(before, new.seen(), {*holes["old"].users, *holes["new"].users}))
            if differing:
                return _change("changed", new, before=before, differing=differing)
        self._counts["same"] += 1
        return None

    def _single(self, sides: dict[Side, App], holes: dict[Side, Holes]) -> ChangeRow | None:
        """An app that only one of the two has, in a place that both have read."""
        ((side, app),) = sides.items()
        other: Side = "new" if side == "old" else "old"
        reason = holes[other].over(app)
        if reason is None and self._reports[other].unsaved and not app.seen().findings:
            self._unsaved += 1  # nobody can tell: of the other scan only findings were saved
            return None
        if side == "old":
            return _change("vanished" if reason is None else "not-seen", app, reason=reason)
        return _change("appeared" if reason is None else "newly-seen", app, reason=reason)

    def _count(self, row: ChangeRow | PlaceRow) -> None:
        if isinstance(row, ChangeRow):
            self._counts.update((row.change, *row.aspects, *(["worse"] if row.worse else ())))

    def _hole(self, hole: str, reason: str, side: Side) -> None:
        if len(self._holes) < MAX_HOLES:
            self._holes.append(CoverageHole(f"{side}: {hole}", reason))

    def summary(self) -> ComparisonRow:
        """How much changed, and what could not be compared."""
        counts = self._counts
        return ComparisonRow(
            schema=SCHEMA_VERSION,
            tool=f"app-scanner {__version__}",
            counts={key: counts[key] for key in COUNTED},
            coverage=tuple(self._coverage()),
            exit_code=comparison_code(
                worse=counts["worse"],
                incomplete=bool(self._unread["new"] or self._missing["new"] or self._broken),
                comparable=bool(counts["places"]),
                apps=counts["old"] + counts["new"],
            ),
        )

    def _coverage(self) -> Iterator[CoverageHole]:
        yield from self._holes
        if more := self._unread.total() - len(self._holes):
            yield CoverageHole(f"{more} more", f"only the first {MAX_HOLES} are named here; see the saved scans")
        for side in SIDES:
            if number := self._missing[side]:
                what = f"{counted(number, 'phone')} or {plural(number, 'source')}"
                yield CoverageHole(f"{side}: {what}", f"nothing of it was read {TOLD[side]}")
        if self._unsaved:
            what = f"{counted(self._unsaved, 'app')} without findings"
            yield CoverageHole(what, "one of the scans saved findings only: not compared")
        if len({summary.signatures for summary in self._summaries.values()}) > 1:
            yield CoverageHole(
                "the signatures", "the scans were made with different ones: verdicts may differ for that"
            )


def _change(
    kind: ChangeKind,
    app: App,
    *,
    before: Seen | None = None,
    differing: tuple[Aspect, ...] = (),
    reason: str | None = None,
) -> ChangeRow:
    which = app.which()
    now = app.seen() if app.side == "new" else None
    before = app.seen() if app.side == "old" else before
    was, found = findings_of(before), findings_of(now)
    return ChangeRow(
        SCHEMA_VERSION, kind, differing, any(map(fails, (*was, *found))), worse(was, found), which.source,
        which.device, which.package_name, which.copy, which.location, before, now, reason,
    )  # fmt: skip
