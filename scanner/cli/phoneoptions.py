"""Options of every command that reads phones, declared once, and the objects they stand for."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from scanner.model import Limits, PhoneStep, Search
    from scanner.phones.reader import PhoneOptions

Command = TypeVar("Command", bound=Callable[..., object])
RUNGS = ("names", "hints", "certificates")
OPTIONS = (
    click.option(
        "--evidence",
        type=click.Choice(RUNGS),
        default="certificates",
        show_default=True,
        help="How far to go: package names; what Android prints of certificates; each APK's signing block.",
    ),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0.1),
        default=60.0,
        show_default=True,
        metavar="SECONDS",
        help="How long one command on a phone may take.",
    ),
    click.option("--no-cache", is_flag=True, help="Read every app anew, also those that were read before."),
    click.option("--save-evidence", metavar="DIR", help="Keep what the phones said, with hashes, for an auditor."),
    click.option("--owners", metavar="FILE", help="A CSV of serial,owner: whose phone it is goes into each row."),
    click.option("--only-findings", is_flag=True, help="Report findings and what was not seen, no other app."),
    click.option(
        "--redact",
        is_flag=True,
        help="Of personal profiles report findings only: an employer must not collect what it need not.",
    ),
)


def server_option(command: Command) -> Command:
    """``--adb-server HOST:PORT``."""
    return click.option(
        "--adb-server",
        metavar="HOST:PORT",
        help="The adb server to ask.  [default: this machine's, started if none runs]",
    )(command)


def phone_options(command: Command) -> Command:
    """Everything that says how phones are read."""
    for option in reversed(OPTIONS):
        command = option(command)
    return server_option(command)


def phone_choices(
    *,
    adb_server: str | None,
    evidence: str,
    timeout: float,
    no_cache: bool,
    save_evidence: str | None,
    owners: str | None,
    redact: bool,
    verify_all: bool = False,
    observer: Callable[[PhoneStep], None] | None = None,
    search: Search | None = None,
    limits: Limits | None = None,
) -> PhoneOptions:
    """The objects that the options stand for. Raises `click.UsageError`, `OutputError` or `SourceError`."""
    from scanner.cache import IdentityCache, default_file
    from scanner.model import LIMITS
    from scanner.phones.evidence import EvidenceFolder
    from scanner.phones.reader import Evidence, PhoneOptions
    from scanner.sources.adb import AdbServer

    if redact and save_evidence:
        raise click.UsageError("--save-evidence keeps whole listings, which --redact must not: give one of them")
    return PhoneOptions(
        AdbServer(adb_server),
        evidence=Evidence[evidence.upper()],
        verify_all=verify_all,
        timeout=timeout,
        cache=None if no_cache else IdentityCache(default_file()),
        owners=read_owners(owners) if owners else {},
        redact=redact,
        recorder=EvidenceFolder(Path(save_evidence)).recorder if save_evidence else None,
        observer=observer or (lambda step: None),  # noqa: ARG005
        search=search,
        limits=limits or LIMITS,
    )


def read_owners(path: str) -> dict[str, str]:
    """Serial → person or asset tag, from the first two columns of a CSV. Raises `click.UsageError`."""
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise click.UsageError(f"--owners {path}: {getattr(error, 'strerror', None) or error}") from error
    owners: dict[str, str] = {}
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row]
        if len(cells) < len(("serial", "owner")) or not all(cells[:2]):
            raise click.UsageError(f"--owners {path}: row {number}: want serial,owner")
        if number == 1 and cells[0].casefold() in {"serial", "serial number", "serialno", "device"}:
            continue
        if owners.setdefault(cells[0], cells[1]) != cells[1]:
            raise click.UsageError(f"--owners {path}: row {number}: {cells[0]} has two owners")
    return owners
