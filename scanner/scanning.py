"""The pipeline: SPECs → sources → candidates → rows → summary. The only place that knows the order of stages.

Failures are contained here: a source that fails is a row and a hole in the coverage, never the end of the
scan. Rows stream; what is kept is counts and a bounded list of holes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

from scanner import __version__
from scanner.database import SignatureDatabase, load_database
from scanner.embedding import InsideCoverage
from scanner.engines import Engine, SerialEngine
from scanner.errors import SourceError
from scanner.interruption import Interruption, hear, held
from scanner.inventories import Inventories
from scanner.model import (
    LIMITS,
    NEWEST_SDK,
    SCHEMA_VERSION,
    App,
    AppRow,
    CoverageHole,
    Earlier,
    Limits,
    Outcome,
    Passed,
    SamePhone,
    Search,
    SummaryRow,
    UnreadRow,
    Verdict,
    Withheld,
    printable,
    redacted,
)
from scanner.phones.fleet import Fleet
from scanner.phones.installed import InstalledJudge
from scanner.phones.reader import PhoneOptions
from scanner.policies.allowing import Policing, Policy
from scanner.policies.policy import exit_code
from scanner.reading import Reader
from scanner.remembering import RememberingJudge
from scanner.resuming import Resumption
from scanner.resuming.stamping import Stamper, StampingReader
from scanner.sources import is_phone, open_source
from scanner.sources.adb import AdbServer
from scanner.tallying import Tally

if TYPE_CHECKING:
    from scanner.sources.inventories.detection import InventoryChoices

log = logging.getLogger(__name__)
Candidate = TypeVar("Candidate")


class Scan:
    """One scan. Iterate `rows` once, then ask for `summary`."""

    def __init__(
        self,
        specs: Iterable[str],
        database: SignatureDatabase,
        *,
        sdk: int = NEWEST_SDK,
        verify_all: bool = False,
        engine: Engine | None = None,
        now: datetime | None = None,
        phones: PhoneOptions | None = None,
        inventories: InventoryChoices | None = None,
        interruption: Interruption | None = None,
        policy: Policy | None = None,
        search: Search | None = None,
        limits: Limits = LIMITS,
        earlier: Resumption | None = None,
    ) -> None:
        started = (now or datetime.now(UTC)).astimezone(UTC)
        moment = started.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._policing = Policing(policy or Policy(), started.date())
        self._today = started.date()
        self._specs = list(specs)
        self._database = database
        self._engine = engine or SerialEngine(item_seconds=limits.item_seconds)
        self._interruption = interruption or Interruption()
        self.earlier = earlier
        """The report that is continued."""
        self._insides = InsideCoverage(search or Search())
        options = phones or PhoneOptions(AdbServer(), verify_all=verify_all, search=search, limits=limits)
        judge = RememberingJudge(
            database, sdk, moment, verify_all=verify_all, search=search, limits=limits, cache=options.cache
        )
        self._reader = StampingReader(
            Reader(judge, limits),
            Stamper(database.digest, sdk, verify_all=verify_all, search=search, limits=limits),
            None if earlier is None else earlier.again,
        )
        self._inventories = Inventories(InstalledJudge(database, moment), options.owners, inventories)
        self._refused: dict[str, SourceError] = {}
        self._fleet = Fleet(filter(is_phone, self._specs), database, moment, options)
        self._tally = Tally()
        self._sources = self._failed_sources = 0
        self._interrupted = self._stopped = False

    def rows(self) -> Iterator[AppRow | UnreadRow]:
        """Every app and everything unread, in an order that the input alone decides.

        Ctrl-C ends the rows early, and `summary` says so.
        """
        try:
            for outcome in self._until_ctrl_c(self._outcomes()):
                row = self._count(outcome)
                if row is not None:
                    yield row
        finally:
            self._engine.close()
            self._fleet.close()

    def _until_ctrl_c(self, outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
        """Ctrl-C is heard while the next outcome is awaited, and not between its count and its row."""
        try:
            yield from self._interruption.between(outcomes)
        except KeyboardInterrupt:
            self._interrupted = True
            yield from self._fleet.left_over()
        if self.earlier is not None:
            yield from self.earlier.rest(interrupted=self._interrupted)

    def _outcomes(self) -> Iterator[Outcome]:
        """SPEC by SPEC: phones, which are all read from the start, and files, by the engine; then the inventories."""
        with held():  # a thread that is only half started can be neither awaited nor ended
            self._fleet.start()
        hear()
        done: set[str] = set()
        for kind, specs in groupby(self._specs, self._kind):
            if kind == "phone":
                for spec in specs:
                    if spec not in done:
                        yield from self._opened(spec, self._fleet.outcomes(spec))
                    done.add(spec)
            else:
                candidates = self._candidates(specs, inventories=kind == "inventory")
                for outcome in self._engine.run(self._reader, candidates):
                    if isinstance(outcome, Earlier) and self.earlier is not None:
                        yield from self.earlier.outcomes(outcome)
                    else:
                        yield outcome
                    if self._stopped:
                        return
        self._tally.counts["other_files"] -= self._inventories.look_afar()
        yield from self._inventories.outcomes()
        for doubt in self._inventories.doubts():
            self._tally.counts["other_files"] -= 1
            yield doubt

    def _kind(self, spec: str) -> str:
        """What reads a SPEC. An inventory is told by its content."""
        if is_phone(spec):
            return "phone"
        try:
            return "inventory" if self._inventories.take(spec) else "file"
        except SourceError as error:
            self._refused[spec] = error
            return "file"

    def stop(self) -> None:
        """Stop reading, from any thread; `rows` ends soon with what was read."""
        self._interrupted = self._stopped = True
        self._engine.close()
        self._fleet.close()

    def summary(self) -> SummaryRow:
        """What was seen, what was not, and the exit code."""
        counts = self._tally.counts
        return SummaryRow(
            schema=SCHEMA_VERSION,
            tool=f"app-scanner {__version__}",
            signatures=self._database.digest,
            signatures_from=tuple(f"{origin} {day}" for origin, day in self._database.days.items()),
            counts={key: counts[key] for key in ("apps", *Verdict, "other_files")}
            | {"failing": self._policing.failing, "allowed": self._policing.allowed},
            coverage=tuple(self._coverage()),
            interrupted=self._interrupted,
            exit_code=exit_code(
                interrupted=self._interrupted,
                sources=self._sources,
                failed_sources=self._failed_sources,
                failing=self._policing.failing,
                unread=counts[Verdict.UNREAD],
                incomplete=counts[Verdict.DISPLAY_NAME] - self._policing.reviewed + counts["nameless"],
                apps=counts["apps"],
                strict=self._policing.policy.strict,
            ),
            sought=self._database.sought(),
            lists=self._database.list_states(),
        )

    def _candidates(self, specs: Iterable[str], *, inventories: bool) -> Iterator[App | Outcome]:
        """The APKs of files, folders and archives; of inventories, those that lie beside what they say."""
        for spec in specs:
            if inventories and not self._inventories.holds_apks(spec):
                self._sources += 1
            else:
                yield from self._opened(spec, self._apps(spec))

    def _apps(self, spec: str) -> Iterator[App | Outcome]:
        if spec in self._refused:
            raise self._refused[spec]
        apps = open_source(spec).apps()
        yield from apps if self.earlier is None else self.earlier.again(apps)

    def _opened(self, spec: str, found: Iterator[Candidate]) -> Iterator[Candidate | Outcome]:
        """What a source yields; one that cannot be opened is a row and no more, one that breaks off ends with a row."""
        self._sources += 1
        begun = False
        log.info("%s: reading", redacted(spec))
        try:
            for one in found:
                begun = True
                yield one
        except SourceError as error:
            log.info("%s: %s", redacted(spec), error)
            self._failed_sources += not begun
            name = printable(redacted(spec))
            yield UnreadRow(SCHEMA_VERSION, name, "source", name, str(error))

    def _count(self, outcome: Outcome) -> AppRow | UnreadRow | None:
        counts = self._tally.counts
        if isinstance(outcome, AppRow):
            phone = is_phone(outcome.source)
            self._tally.app(outcome, phone=phone)
            self._insides.count(outcome, phone=phone)
            return self._policing.judge(outcome)
        if isinstance(outcome, Passed):
            counts["other_files"] += not self._inventories.take_found(outcome)
            return None
        if isinstance(outcome, Withheld):
            counts.update(("apps", Verdict.CLEAR, "withheld"))
            return None
        if isinstance(outcome, SamePhone):
            self._tally.hole(outcome.source, f"the same phone as {outcome.other}: read once")
            return None
        if isinstance(outcome, UnreadRow):
            counts[Verdict.UNREAD] += 1
            self._tally.hole(outcome.hole, outcome.reason)
            if self.earlier is not None:
                self.earlier.unlisted(outcome)
            return outcome
        raise TypeError("an engine must not let an expansion through")

    def _coverage(self) -> Iterator[CoverageHole]:
        yield from self._tally.holes()
        yield from self._insides.holes()
        yield from self._inventories.coverage()
        yield from self._tally.remarks()
        if self.earlier is not None:
            yield from self.earlier.coverage()
        for origin, days in self._database.old(self._today):
            yield CoverageHole(
                "old data", f"{origin} were last changed {days} days ago: newer keys and names are missing"
            )
        yield from (CoverageHole(printable(what), printable(lost)) for what, lost in self._database.replaced)
        if self._interrupted:
            yield CoverageHole("the rest", "interrupted: nothing is known of what was not read yet")
        else:
            yield from self._policing.coverage()


def scan(
    specs: Iterable[str],
    database: SignatureDatabase | None = None,
    *,
    sdk: int = NEWEST_SDK,
    verify_all: bool = False,
    search: Search | None = None,
) -> Scan:
    """A scan of phones, files, folders and archives, against the signatures that came with this program.

    Apps that would be reported are verified, with ``verify_all`` every one. ``search`` asks for more than identities,
    such as ``Search(payments=True)``. Iterate ``scan(...).rows()``, then ask
    for ``.summary()``. For another engine make a `Scan` yourself.

    Raises:
        DatabaseError: there are no signatures.
    """
    return Scan(specs, database or load_database(), sdk=sdk, verify_all=verify_all, search=search)
