"""One FILE that is continued: held against others, mended, looked up, and replaced in the end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import msgspec

from scanner.errors import OutputError
from scanner.model import SCHEMA_VERSION, App, CoverageHole, Earlier, Outcome, Passed, UnreadRow, counted, printable
from scanner.resuming.index import Index, rows_of
from scanner.resuming.locking import NotRegularError, locked
from scanner.resuming.runs import Rows, Run, why_not_ours
from scanner.resuming.stamping import Stamper, parsed

PART = ".part"
"""What is appended to FILE's name while the new report is written."""
HEAD = 64 * 1024
MAX_PLACES = 10_000
"""Places that could not be listed and are kept in mind; with more of them, every row is kept."""
PIECE = 1 << 20


class Resumption:
    """FILE and what an earlier scan wrote into it. To be entered, and left when the new report is closed.

    Raises `OutputError` where FILE cannot be read or written, is none of ours, or is being written by another scan.
    """

    def __init__(self, file: str, stamper: Stamper) -> None:
        self.name = file
        self._path = Path(os.path.realpath(file))
        self.part = self._path.with_name(self._path.name + PART)
        """Where the new report is to be written."""
        self._stamper = stamper
        self._stack = ExitStack()
        self._index = Index()
        self._rows: Rows | None = None
        self._ends = False
        self._places: set[str] = set()
        self._everything = False
        self._kept = self._left_out = 0
        self.notes: list[str] = []
        """What the user should be told, in the order in which it turned out."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.callback(self._index.close)
            try:
                self._file = self._held(stack, self._path)
                self._check()
                self._part = self._held(stack, self.part)
                stack.callback(self._let_go)
                self._read()
            except OSError as error:
                raise OutputError(f"{self.name}: {error.strerror}") from error
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let the new report take FILE's place, if `finish` was called and it was written."""
        with self._stack:
            if self._ends and kind is None:
                try:
                    self._replace()
                except OSError as error:
                    raise OutputError(f"{self.name}: {error.strerror}; the report is in {self.part}") from error

    # What the scan asks

    def again(self, items: Iterable[App | UnreadRow]) -> Iterator[App | UnreadRow | Earlier]:
        """Each candidate, or, where it was read before and is still the same, where that is found."""
        for item in items:
            yield self._known(item) if isinstance(item, App) else item

    def _known(self, app: App) -> App | Earlier:
        stamp = parsed(self._stamper.stamp(app))
        number = None if stamp is None else self._index.number(stamp.content)
        return app if number is None else Earlier(printable(app.source), number)

    def outcomes(self, earlier: Earlier) -> Iterator[Outcome]:
        """What was said of a candidate, under the SPEC of today."""
        run = self._index.take(earlier.number)
        yield from self._said(run, earlier.source)

    def unlisted(self, row: UnreadRow) -> None:
        """Take note of what could not be read this time: nobody knows whether what was in it is gone."""
        if len(self._places) < MAX_PLACES:
            self._places.add(row.which.rstrip("/") or row.which)
        else:
            self._everything = True

    def rest(self, *, interrupted: bool) -> Iterator[Outcome]:
        """The rows of what was not listed this time: after an interruption all of them.

        Else those of places that could not be looked into; what the others were read from changed, or is gone.
        """
        for run in self._index.not_taken():
            kept = interrupted or self._everything or (bool(self._places) and self._in_unlisted(run))
            if kept:
                self._kept += not interrupted
                yield from self._said(run, None)
            else:
                self._left_out += 1

    def _in_unlisted(self, run: Run) -> bool:
        with suppress(msgspec.MsgspecError, OSError):
            row = next(rows_of(self._file.fileno(), run))
            return any(place in self._places for place in (row.source.rstrip("/"), *_around(row.location)))
        return False

    def _said(self, run: Run, source: str | None) -> Iterator[Outcome]:
        row = None
        try:
            for row in rows_of(self._file.fileno(), run):
                yield row if source in {None, row.source} else msgspec.structs.replace(row, source=source)
        except (msgspec.MsgspecError, OSError) as error:
            where, why = printable(self.name), f"its rows at byte {run.start} cannot be read: {error}; resume once more"
            yield UnreadRow(SCHEMA_VERSION, source or where, "file", where, printable(why))
        if row is not None:
            within = Passed(source or row.source, f"{row.location}!/")
            yield from (within for _ in range(run.others))

    def coverage(self) -> Iterator[CoverageHole]:
        """What is to be said of rows that were kept though nobody could look again, and of those that were not."""
        if self._kept:
            why = "their place could not be listed this time: as they were read before, see scanned_at"
            yield CoverageHole(f"{counted(self._kept, 'file')} of {printable(self.name)}", why)
        for source, count in self._rows.unstamped.items() if self._rows else ():
            if source.rstrip("/") in self._places:
                rows = counted(count, "row of an earlier scan is", "rows of an earlier scan are")
                why = f"{rows} left out: it could not be read again"
                yield CoverageHole(printable(source), why)

    # The file

    def finish(self, *, complete: bool) -> None:
        """The new report was written to its end.

        One that is not ``complete`` does not take the place of rows that it could not read anew.
        """
        if not complete and self._rows is not None and self._rows.foreign:
            self.notes.append(
                f"{self.name} stays as it was, since it holds rows that were not read again; what was read now is kept"
                " for --resume"
            )
            return
        self._ends = True
        if self._left_out and complete:
            files = counted(self._left_out, "file")
            self.notes.append(f"{self.name}: the rows of {files} are left out: changed since they were read, or gone")

    def _held(self, stack: ExitStack, path: Path) -> BinaryIO:
        try:
            return stack.enter_context(locked(path, self.name))
        except NotRegularError as error:
            raise OutputError(f"{self.name}: --resume needs a regular file") from error

    def _let_go(self) -> None:
        """Leave no part file behind in which there is nothing."""
        with suppress(OSError):
            if os.path.samestat(os.fstat(self._part.fileno()), self.part.stat()) and not self.part.stat().st_size:
                self.part.unlink()

    def _check(self) -> None:
        why = why_not_ours(self._file.read(HEAD))
        if why is not None:
            raise OutputError(f"{self.name}: {why}")

    def _read(self) -> None:
        self._rows = Rows(self._file, self._stamper.choices)
        self._index.add(self._rows.runs())
        if self._rows.newest > SCHEMA_VERSION:
            raise OutputError(f"{self.name}: rows of schema {self._rows.newest}: use a newer version")
        self._take_part()
        if self._rows.damaged:
            lines = counted(self._rows.damaged, "line")
            self.notes.append(f"{self.name}: {lines} torn: what stood there is read again")
        if number := len(self._index):
            self.notes.append(f"{self.name}: {counted(number, 'file was', 'files were')} read before")
        if self._rows.foreign:
            rows = counted(self._rows.foreign, "row is", "rows are")
            self.notes.append(
                f"{self.name}: {rows} read again: from phones and inventories, or by other"
                " signatures, options or another version"
            )

    def _take_part(self) -> None:
        """What a scan that was killed left in the part file goes to the end of FILE, before the part is begun anew."""
        left = Rows(self._part, self._stamper.choices)
        before = self._file.seek(0, os.SEEK_END)
        self._index.add(self._appended(run for run in left.runs() if run.content not in self._index))
        self._file.flush()
        if self._file.tell() > before:
            os.fsync(self._file.fileno())

    def _appended(self, runs: Iterable[Run]) -> Iterator[Run]:
        """Copy runs of the part file behind what stands in FILE, whose last line may be torn."""
        for run in runs:
            self._file.write(b"\n")
            start, end = self._file.tell(), run.start + run.length
            for at in range(run.start, end, PIECE):
                self._file.write(os.pread(self._part.fileno(), min(PIECE, end - at), at))
            yield run._replace(start=start)

    def _replace(self) -> None:
        """The new report takes FILE's place, in one step and for good."""
        os.fsync(self._part.fileno())
        with suppress(OSError):
            self.part.chmod(stat.S_IMODE(self._path.stat().st_mode))
        self.part.replace(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _around(location: str) -> Iterator[str]:
    """Every folder and archive around a place: of ``a/b.zip!/c`` these are ``a/b.zip`` and ``a``."""
    for at in (number for number, character in enumerate(location) if character == "/"):
        yield location[:at].removesuffix("!")
