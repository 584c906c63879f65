"""From the words of ``signatures`` to its objects, and one call each."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from scanner.curation.comparing import compare
from scanner.curation.completing import complete_listed
from scanner.curation.exchange import read_foreign, write_foreign
from scanner.curation.learning import LEARNED, Wanted, check_lists, learn_from
from scanner.curation.linting import lint
from scanner.curation.updating import update
from scanner.curation.writing import to_yaml
from scanner.database import (
    SignatureDatabase,
    default_folder,
    load_database,
    read_signature_file,
    signature_files,
)
from scanner.errors import DatabaseError, OutputError, RefusedError, ScannerError, SourceError
from scanner.formats.cleaning import clean
from scanner.formats.signatures import write_changes, write_complaints, write_json, write_list, write_signature
from scanner.policies.policy import CLEAN, FOUND
from scanner.policies.policyfile import nearest
from scanner.sources import is_phone
from scanner.sources.adb import AdbServer


def database_of(signatures: tuple[str, ...], *, only_signatures: bool) -> SignatureDatabase:
    """The signatures that the options stand for. Raises `click.UsageError` and `DatabaseError`."""
    if only_signatures and not signatures:
        raise click.UsageError("--only-signatures needs --signatures")
    return load_database([Path(path) for path in signatures], replace=only_signatures)


def run_list(output: str, signatures: tuple[str, ...], *, only_signatures: bool) -> int:
    """One line for each app."""
    database = database_of(signatures, only_signatures=only_signatures)
    (write_json if output == "json" else write_list)(database.signatures, sys.stdout)
    return CLEAN


def run_show(app: str, output: str, signatures: tuple[str, ...], *, only_signatures: bool) -> int:
    """Everything about one app, by its id."""
    database = database_of(signatures, only_signatures=only_signatures)
    found = {one.id: one for one in database.signatures}.get(app)
    if found is None:
        known = [one.id for one in database.signatures]
        raise click.UsageError(f"no app {app!r}; {nearest(app, known)}")
    if output == "json":
        lists = [database.lists[mention.list_id] for mention in found.lists]
        write_json({"app": found, "lists": lists}, sys.stdout)
    else:
        write_signature(found, database.lists, sys.stdout)
    return CLEAN


def run_lint(files: tuple[str, ...], *, strict: bool, output: str) -> int:
    """Complaints, and whether they fail."""
    paths = [Path(file) for file in files] or [default_folder()]
    known = load_database() if files else None
    try:
        number = sum(len(signature_files(path)) for path in paths)
        others = (known.lists, known.signatures) if known else ((), ())
        complaints = lint(paths, datetime.now(UTC).date(), *others)
    except DatabaseError as error:
        raise click.UsageError(str(error)) from error
    if output == "json":
        write_json(complaints, sys.stdout)
    else:
        write_complaints(complaints, number, sys.stdout)
    return FOUND if any(strict or one.level == "error" for one in complaints) else CLEAN


def run_learn(
    spec: str, package: str | None, wanted: Wanted, output: str | None, *, adb_server: str | None, timeout: float
) -> int:
    """A pin from one APK, or from one package of a phone."""
    if is_phone(spec) != (package is not None):
        raise click.UsageError("--package goes with a phone (adb:SERIAL), and a phone needs it")
    try:
        database = load_database()
        check_lists(wanted.lists, database.lists)
        today = datetime.now(UTC).date()
        alone = learn_from(spec, package, wanted, today, server=AdbServer(adb_server), timeout=timeout)
        learned = complete_listed(alone, database.signatures, alone.apps[0].id if wanted.own else None)
    except RefusedError as error:
        return refused(f"{spec}: {error}")
    except ScannerError as error:
        raise SourceError(f"{spec}: {error}") from error
    write_text(to_yaml(learned, LEARNED), output)
    if learned is not alone:
        names = " and ".join(one.id for one in learned.apps)
        click.echo(f"app-scanner: completes {names}: with --signatures this file takes its place", err=True)
    return CLEAN


def run_import(format_: str, file: str, output: str | None) -> int:
    """A file of another tool as a signature file."""
    imported = read_foreign(format_, Path(file))
    notes(imported.left_out)
    write_text(to_yaml(imported.content, f"Imported by app-scanner from {file} ({format_})."), output)
    return CLEAN


def run_export(
    format_: str, ids: tuple[str, ...], output: str | None, signatures: tuple[str, ...], *, only_signatures: bool
) -> int:
    """The signatures, or some of them, as a file of another tool."""
    database = database_of(signatures, only_signatures=only_signatures)
    known = {one.id: one for one in database.signatures}
    for id_ in ids:
        if id_ not in known:
            raise click.UsageError(f"no app {id_!r}; {nearest(id_, known)}")
    exported = write_foreign(format_, tuple(known[id_] for id_ in ids or known), database.lists)
    notes(exported.left_out)
    write_text(exported.text, output)
    return CLEAN


def run_diff(old: str, new: str, output: str) -> int:
    """What changed, and whether anything did."""
    changes = compare(Path(old), Path(new))
    (write_json if output == "json" else write_changes)(changes, sys.stdout)
    return FOUND if changes else CLEAN


def run_update(source: str, key: str) -> int:
    """Newer signatures, where they are signed."""
    try:
        file, day, new = update(source, key)
    except RefusedError as error:
        return refused(f"nothing was installed: {error}")
    click.echo(f"{'installed' if new else 'already installed'}: {clean(str(file))}, signatures of {day}")
    held = {app.id for app in read_signature_file(file).apps}
    shipped = load_database([default_folder()], replace=True).signatures
    if missing := [one.id for one in shipped if one.id not in held]:
        click.echo(f"app-scanner: scans no longer look for {', '.join(missing)}: not in the bundle", err=True)
    return CLEAN


def notes(left_out: tuple[str, ...]) -> None:
    """Say on stderr what is not in the result."""
    for one in left_out:
        click.echo(f"app-scanner: left out: {clean(one)}", err=True)


def refused(text: str) -> int:
    """Say why, and the exit code of it."""
    click.echo(f"app-scanner: {clean(text)}", err=True)
    return FOUND


def write_text(text: str, output: str | None) -> None:
    """To stdout or to a file. Raises `OutputError`."""
    if output is None:
        sys.stdout.write(text)
        return
    try:
        Path(output).write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"{output}: {error.strerror}") from error
