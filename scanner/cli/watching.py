"""From the words of ``watch`` to its objects, and one loop."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click

from scanner.cli.phoneoptions import phone_choices
from scanner.cli.policyoptions import PolicyWords, policy_choices
from scanner.database import load_database
from scanner.errors import OutputError
from scanner.formats import new_format
from scanner.formats.desk import DeskBlocks
from scanner.interruption import Interruption
from scanner.model import Limits, UnreadRow
from scanner.policies.policy import watch_code
from scanner.scanning import Scan
from scanner.watch import Desk, Visit


def run_watch(
    *,
    output: str | None,
    count: int | None,
    verify_all: bool,
    signatures: tuple[str, ...],
    only_signatures: bool,
    only_findings: bool,
    policy: PolicyWords,
    limits: Limits,
    phones: dict[str, Any],
) -> int:
    """Watch until Ctrl-C, or until enough phones came; then return the exit code."""
    if only_signatures and not signatures:
        raise click.UsageError("--only-signatures needs --signatures")
    name, equals, file = (output or "jsonl=").partition("=")
    if output is not None and (name != "jsonl" or not equals or not file):
        raise click.UsageError("-o: want jsonl=FILE, which rows are appended to")
    database = load_database([Path(path) for path in signatures], replace=only_signatures)
    judged_by = policy_choices(policy, database)
    options = phone_choices(verify_all=verify_all, limits=limits, **phones)
    desk = Desk(options.server, lambda spec: Scan([spec], database, phones=options, policy=judged_by, limits=limits))
    blocks, codes = DeskBlocks(sys.stdout), list[int]()
    with ExitStack() as stack:
        stack.callback(options.close)
        stack.callback(desk.stop)
        ctrl_c = stack.enter_context(Interruption())
        blocks.begin()
        try:
            for event in ctrl_c.between(desk.events()):
                if not isinstance(event, Visit):
                    blocks.arrival(event.status)
                    continue
                codes.append(event.summary.exit_code)
                if file:
                    _append(file, event, only_findings=only_findings)
                blocks.visit(event.spec, event.rows, event.summary)
                if count is not None and len(codes) >= count:
                    break
        except KeyboardInterrupt:
            pass
        blocks.end()
    return watch_code(codes)


def _append(file: str, visit: Visit, *, only_findings: bool) -> None:
    """One phone's rows and summary behind what the file holds. Raises `OutputError`."""
    try:
        with Path(file).open("a", encoding="utf-8") as stream:
            written = new_format("jsonl", stream)
            for row in visit.rows:
                if not only_findings or isinstance(row, UnreadRow) or row.findings:
                    written.row(row)
            written.end(visit.summary)
    except OSError as error:
        raise OutputError(f"{file}: {error.strerror}") from error
