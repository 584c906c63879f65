"""``--resume``: which report is continued, and where the new one is written meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from scanner.cli.progress import Progress
from scanner.formats.cleaning import clean
from scanner.policies.policy import FAILED, INTERRUPTED
from scanner.resuming.stamping import Stamper

if TYPE_CHECKING:
    from scanner.resuming import Resumption

Wanted = list[tuple[str, str | None]]
JSONL = "jsonl"


@contextmanager
def files_for(wanted: Wanted, stamper: Stamper | None, *, only: bool) -> Iterator[tuple[Wanted, Resumption | None]]:
    """The outputs, while no other scan writes the same file of rows; with a stamper, the report that is continued.

    Raises `OutputError` where another scan does, and `click.UsageError` where it is not clear which report is meant, or
    where it would lack rows because ``only`` findings are written.
    """
    if stamper is None:
        with _written_alone(wanted):
            yield wanted, None
        return
    with _continued(wanted, stamper, only=only) as earlier:
        new = (JSONL, str(earlier.part))
        yield [new if (name, file) == (JSONL, earlier.name) else (name, file) for name, file in wanted], earlier


def _continued(wanted: Wanted, stamper: Stamper, *, only: bool) -> Resumption:
    from scanner.resuming import Resumption

    files = [file for name, file in wanted if name == JSONL and file is not None]
    if len(files) != 1:
        which = "one of several -o jsonl=FILE is meant: give one" if files else "give -o jsonl=FILE as well"
        raise click.UsageError(f"--resume continues the report in a file of rows: {which}")
    if only:
        raise click.UsageError(
            "--resume needs the row of every app, which --only-findings leaves out: give one of them"
        )
    return Resumption(files[0], stamper)


def told(resumption: Resumption | None, progress: Progress) -> None:
    """Tell the user what has turned out since this was last asked."""
    if resumption is not None:
        for note in resumption.notes:
            progress.note(f"app-scanner: {clean(note)}")
        resumption.notes.clear()


def finished(resumption: Resumption | None, code: int, progress: Progress) -> int:
    """The exit code of a scan whose report was written to its end."""
    if resumption is not None:
        resumption.finish(complete=code not in {INTERRUPTED, FAILED})
        told(resumption, progress)
    return code


@contextmanager
def _written_alone(wanted: Wanted) -> Iterator[None]:
    from scanner.resuming import NotRegularError, locked

    with ExitStack() as stack:
        for file in [file for name, file in wanted if name == JSONL and file is not None]:
            with suppress(OSError, NotRegularError):  # whoever opens it to write says what is wrong
                stack.enter_context(locked(Path(file), file))
        yield
