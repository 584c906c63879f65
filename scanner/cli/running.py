"""From the words of ``scan`` to its objects, and one call."""

from __future__ import annotations

import codecs
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from scanner.cli.engining import engine_choice
from scanner.cli.outputs import Outputs, parse_outputs
from scanner.cli.phoneoptions import phone_choices
from scanner.cli.policyoptions import PolicyWords, policy_choices
from scanner.cli.progress import Progress
from scanner.cli.resuming import files_for, finished, told
from scanner.database import load_database
from scanner.errors import SourceError
from scanner.formats import new_format, new_format_in_parts
from scanner.formats.cleaning import clean
from scanner.interruption import Interruption, put_off
from scanner.model import NEWEST_SDK, REMOTE, AppRow, Limits, Search, SummaryRow, UnreadRow
from scanner.policies.policy import FAILED
from scanner.resuming.stamping import Stamper
from scanner.scanning import Scan
from scanner.sources import is_phone
from scanner.sources.adb import NOTHING_CONNECTED, connected
from scanner.sources.counting import files_in
from scanner.sources.inventory import check_choices

if TYPE_CHECKING:
    from scanner.phones.reader import PhoneOptions
    from scanner.sources.inventories.detection import InventoryChoices


def run_scan(
    specs: tuple[str, ...],
    *,
    files_from: str | None,
    outputs: tuple[str, ...],
    resume: bool,
    signatures: tuple[str, ...],
    only_signatures: bool,
    sdk: int | None,
    verify_all: bool,
    jobs: int | None,
    engine: str | None,
    io_concurrency: int | None,
    quiet: bool,
    only_findings: bool,
    form: str | None,
    columns: str | None,
    policy: PolicyWords,
    phones: dict[str, Any],
    search: Search,
    limits: Limits,
) -> int:
    """Scan, write, and return the exit code."""
    if only_signatures and not signatures:
        raise click.UsageError("--only-signatures needs --signatures")
    wanted = parse_outputs(outputs)
    database = load_database([Path(path) for path in signatures], replace=only_signatures)
    judged_by = policy_choices(policy, database)
    listed = list(_all_specs(specs, files_from))
    progress = Progress(quiet=quiet, count=lambda: files_in(listed))
    options = phone_choices(verify_all=verify_all, observer=progress.step, search=search, limits=limits, **phones)
    if not specs and files_from is None:
        listed = connected(options.server)
        if not listed:
            click.echo(f"app-scanner: {NOTHING_CONNECTED}", err=True)
    choices = inventory_choices(form, columns)
    with ExitStack() as stack:
        with put_off():  # a cluster that is only half there cannot be ended
            reading = engine_choice(engine, jobs, io_concurrency, limits.item_seconds)
            stack.callback(reading.close)
        stamper = Stamper(database.digest, sdk or NEWEST_SDK, verify_all=verify_all, search=search, limits=limits)
        wanted, earlier = stack.enter_context(files_for(wanted, stamper if resume else None, only=only_findings))
        scan = Scan(
            listed,
            database,
            sdk=sdk or NEWEST_SDK,
            verify_all=verify_all,
            engine=progress.watching(reading),
            phones=options,
            inventories=choices,
            interruption=stack.enter_context(Interruption()),
            policy=judged_by,
            search=search,
            limits=limits,
            earlier=earlier,
        )
        out = stack.enter_context(Outputs(wanted, new_format, new_format_in_parts))
        stack.enter_context(progress)
        stack.enter_context(cache_of(options, listed, progress))
        return finished(earlier, _written(scan, out, progress, only_findings=only_findings), progress)


@contextmanager
def cache_of(options: PhoneOptions, specs: Sequence[str], progress: Progress) -> Iterator[None]:
    """The cache of identities, for who has use for one; where there can be none, the user is told."""
    if options.cache is not None and any(spec.startswith(REMOTE) or is_phone(spec) for spec in specs):
        options.cache.open()
        if options.cache.problem is not None:
            progress.note(f"app-scanner: {clean(options.cache.problem)}")
    try:
        yield
    finally:
        options.close()


def _written(
    scan: Scan, out: Outputs[AppRow | UnreadRow, SummaryRow], progress: Progress, *, only_findings: bool
) -> int:
    """Write the rows as they come, then the summary, and return the exit code."""
    told(scan.earlier, progress)
    for row in scan.rows():
        if not only_findings or isinstance(row, UnreadRow) or row.findings:
            out.row(row)
        progress.advance(row)
        if isinstance(row, UnreadRow) and row.what == "source":
            progress.failure(f"app-scanner: {clean(row.which)}: {clean(row.reason)}")
    progress.stop()
    summary = scan.summary()
    out.end(summary, only_documents=summary.exit_code == FAILED)
    return summary.exit_code


def inventory_choices(form: str | None, columns: str | None) -> InventoryChoices | None:
    """What the user says of inventories. Raises `click.UsageError`."""
    try:
        return check_choices(form, columns)
    except (ValueError, SourceError) as error:
        raise click.UsageError(str(error)) from error


def _all_specs(specs: Iterable[str], files_from: str | None) -> Iterator[str]:
    yield from specs
    if files_from is not None:
        yield from read_list(files_from)


def read_list(path: str) -> list[str]:
    """The paths in a list: NUL-separated where it holds a NUL (``find -print0``), else one a line.

    A byte order mark is honoured, so that what PowerShell's ``>`` writes (UTF-16) is read as it is meant.

    Raises `SourceError` where the list cannot be read.
    """
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise SourceError(f"{path}: {error.strerror}") from error
    for mark, encoding in (
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
        (codecs.BOM_UTF8, "utf-8-sig"),
    ):
        if data.startswith(mark):
            data = data.decode(encoding, "replace").encode("utf-8", "surrogateescape")
    lines = data.split(b"\0") if b"\0" in data else data.replace(b"\r\n", b"\n").split(b"\n")
    return [os.fsdecode(line) for line in lines if line]
