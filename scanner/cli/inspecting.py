"""From the words of ``inspect`` to its objects, and one call."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from scanner.database import load_database
from scanner.engines.watchdog import Lost, done_in_time
from scanner.errors import SourceError
from scanner.formats.inspection import write_json, write_text
from scanner.inspection import inspect_apk
from scanner.model import NEWEST_SDK, Limits
from scanner.policies.policy import CLEAN, FAILING, FOUND
from scanner.sources import resolve


def run_inspect(
    apk: str,
    *,
    output: str,
    signatures: tuple[str, ...],
    only_signatures: bool,
    sdk: int | None,
    limits: Limits,
) -> int:
    """Inspect, write, and return the exit code."""
    if only_signatures and not signatures:
        raise click.UsageError("--only-signatures needs --signatures")
    database = load_database([Path(path) for path in signatures], replace=only_signatures)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    inspection = done_in_time(
        lambda: inspect_apk(resolve(apk, limits), database, sdk or NEWEST_SDK, now, limits), limits.item_seconds
    )
    if isinstance(inspection, Lost):
        raise SourceError(f"{apk}: {inspection.reason}")
    (write_json if output == "json" else write_text)(inspection, sys.stdout)
    return FOUND if inspection.row.verdict in FAILING else CLEAN
