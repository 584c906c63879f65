"""Saved scans → one report: their rows as they were judged then, their summaries added up. Nothing is scanned.

What a file does not say is never taken for clean: a file that is cut short, of a newer schema or damaged is a hole,
and so is a scan that saved fewer rows than it read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from scanner import __version__
from scanner.database import SignatureDatabase
from scanner.errors import ApkError, ReadError, SourceError
from scanner.model import (
    SCHEMA_VERSION,
    AppRow,
    CoverageHole,
    SummaryRow,
    UnreadRow,
    Verdict,
    counted,
    plural,
    printable,
)
from scanner.policies.policy import FAILED, FOUND, INCOMPLETE, combined_code, fails
from scanner.sources.inventories.documents import FileDocument, StdinDocument
from scanner.sources.inventories.readers.own_rows import Newer, recognises, saved_rows
from scanner.sources.inventories.reading import Document, Gap

MAX_HOLES = 1000
"""Holes of the files themselves that are named one by one."""
STDIN = "-"


class SavedReport:
    """The report of saved scans. Iterate `rows` once, then ask for `summary`."""

    def __init__(self, files: Iterable[str], database: SignatureDatabase) -> None:
        """``database`` tells what is looked for and the lists' legal state, where files of an older version do not."""
        self._files = list(files)
        self._database = database
        self._summaries: list[SummaryRow] = []
        self._codes: list[int] = []
        self._counts: Counter[str] = Counter()
        self._holes: list[CoverageHole] = []
        self._places: set[str] = set()
        self._again = 0
        self.unsaved = 0
        """Apps that scans read and saved no row of; known once their rows were iterated."""
        self._scan = _Tally()

    @property
    def names(self) -> frozenset[str]:
        """The files, as the rows of their own holes name them."""
        return frozenset(map(printable, self._files))

    @property
    def scan_number(self) -> int:
        """While `rows` are iterated: a number that grows with each scan that they come from."""
        return len(self._codes)

    def rows(self) -> Iterator[AppRow | UnreadRow]:
        """Every row that was saved, in its order, and one for each hole of the files."""
        for number, file in enumerate(self._files):
            if file in self._files[:number]:
                self._hole(file, "named twice: read once")
                continue
            for item in self._of(file):
                if not isinstance(item, Gap):
                    yield item
                    continue
                which = f"{file}: {item.where}" if item.where else file
                row = UnreadRow(SCHEMA_VERSION, printable(file), item.what, printable(which), printable(item.reason))
                self._counts[Verdict.UNREAD] += 1
                self._hole(f"{row.what} {row.which}", row.reason)
                yield row

    def _of(self, file: str) -> Iterator[AppRow | UnreadRow | Gap]:
        """What one file holds. One that cannot be read at all has failed, as a source of a scan does."""
        begun, self._scan = len(self._codes), _Tally()
        try:
            yield from self._read(_opened(file))
        except (SourceError, ApkError, ReadError, OSError) as error:
            started = self._scan.rows or len(self._codes) > begun
            self._end_without_summary(INCOMPLETE if started else FAILED)
            reason = " ".join(str(error).split()) or type(error).__name__
            yield Gap("", f"not read to its end: {reason}" if started else reason, "source")

    def _read(self, document: Document) -> Iterator[AppRow | UnreadRow | Gap]:
        newer = ended = False
        for row in saved_rows(document):
            if isinstance(row, Newer) or (not isinstance(row, Gap) and row.schema > SCHEMA_VERSION):
                if not newer:
                    why = f"its rows are of schema {row.schema}, this version reads {SCHEMA_VERSION}: use a newer one"
                    yield Gap("", why, "listing")
                newer = True
            elif isinstance(row, SummaryRow):
                self._end(row)
                ended = True
            else:
                ended = False
                self._scan.take(row)
                yield row
        if newer or not ended:
            self._end_without_summary(INCOMPLETE)
        if not newer and not ended:
            yield Gap("", "there is no summary at its end: the file is cut short", "listing")

    def _end(self, summary: SummaryRow) -> None:
        """One scan is whole: its summary speaks for it."""
        self._summaries.append(summary)
        self._codes += [summary.exit_code, INCOMPLETE] if self._scan.gaps else [summary.exit_code]
        self._counts.update({key: max(0, value) for key, value in summary.counts.items()})
        self._holes += summary.coverage
        missing = summary.counts.get("apps", 0) - self._scan.counts["apps"]
        if missing > 0:
            self.unsaved += missing
            self._hole(
                counted(missing, "app"), "read by the scan, and saved without a row (--only-findings or --redact)"
            )
        self._begin_another()

    def _end_without_summary(self, code: int) -> None:
        """A scan whose end is missing: its rows speak, and it is not complete."""
        self._codes.append(FOUND if self._scan.counts["failing"] else code)
        self._counts.update(self._scan.counts)
        self._holes += self._scan.holes
        self._begin_another()

    def _begin_another(self) -> None:
        self._again += len(self._places & self._scan.places)
        self._places |= self._scan.places
        self._scan = _Tally()

    def _hole(self, hole: str, reason: str) -> None:
        if len(self._holes) < MAX_HOLES:
            self._holes.append(CoverageHole(printable(hole), printable(reason)))

    def summary(self) -> SummaryRow:
        """The summaries added up; the exit code is that of the scan, of several what they come to together."""
        last = self._summaries[-1] if self._summaries else None
        sought = {one.signature: one for summary in self._summaries for one in summary.sought}
        lists = {one.id: one for summary in self._summaries for one in summary.lists}
        keys = dict.fromkeys(("apps", *Verdict, *self._counts, "failing", "allowed"))
        return SummaryRow(
            schema=SCHEMA_VERSION,
            tool=_joined((one.tool for one in self._summaries), f"app-scanner {__version__}"),
            signatures=_joined((one.signatures for one in self._summaries), ""),
            counts={str(key): self._counts[key] for key in keys},
            coverage=tuple(self._coverage()),
            interrupted=any(one.interrupted for one in self._summaries),
            exit_code=combined_code(self._codes),
            sought=tuple(sought.values()) or (() if last is None else self._database.sought()),
            lists=tuple(lists.values()) or self._database.list_states(),
            signatures_from=tuple(dict.fromkeys(origin for one in self._summaries for origin in one.signatures_from)),
        )

    def _coverage(self) -> Iterator[CoverageHole]:
        yield from self._holes
        if len({one.signatures for one in self._summaries}) > 1:
            yield CoverageHole("the signatures", "these scans were made with different ones: their rows may differ")
        if self._again:
            what = f"{counted(self._again, 'phone')} or {plural(self._again, 'source')}"
            yield CoverageHole(what, "in more than one of these scans: their apps are counted in each")


class _Tally:
    """The rows of one saved scan, counted until its summary comes."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.places: set[str] = set()
        self.holes: list[CoverageHole] = []
        self.rows = self.gaps = 0

    def take(self, row: AppRow | UnreadRow | Gap) -> None:
        """Count a row."""
        self.rows += 1
        if isinstance(row, Gap):
            self.gaps += 1
        elif isinstance(row, UnreadRow):
            self.counts[Verdict.UNREAD] += 1
            self.holes.append(CoverageHole(row.hole, row.reason))
        else:
            self.counts.update(("apps", row.verdict))
            self.places.add(row.device.serial if row.device else f"source {row.source}")
            self.counts["failing"] += any(map(fails, row.findings))
            self.counts["allowed"] += any(finding.allowed_by is not None for finding in row.findings)


def _opened(file: str) -> Document:
    """The file, which holds our rows. Raises `SourceError`, `ApkError` or `ReadError` where it cannot or does not."""
    document = StdinDocument() if file == STDIN else FileDocument(file)
    if not recognises(document.head):
        raise SourceError("holds no rows that app-scanner saved with -o jsonl or -o json")
    return document


def _joined(values: Iterable[str], otherwise: str) -> str:
    return ", ".join(dict.fromkeys(values)) or otherwise
