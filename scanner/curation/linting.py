"""Is a signature file fit to accuse anybody with? Every problem of every file, not only the first.

A file that this passes also loads; what only this finds are mistakes that load well and mislead: keys that anybody has,
one certificate under two owners, one package in two apps, dates that are none, values without a citation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from scanner.certificate import details
from scanner.curation.testkeys import public_key_of
from scanner.database import read_signature_file, signature_files
from scanner.database.signaturefile import OLD_DAYS, PINNED, PinnedSigner, Signature, SignatureFile, day_of, problems
from scanner.database.signaturelist import NOT_STATED
from scanner.errors import DatabaseError
from scanner.model import Complaint

PACKAGE_NAME = re.compile(r"[A-Za-z]\w*(\.[A-Za-z]\w*)+", re.ASCII)
"""Source: https://developer.android.com/build/configure-app-module#set-application-id"""
_CODES = {"cites": "no-citation", "pins": "pins", "signers": "unknown-signer", "der": "der", "name": "no-name"}
Owned = tuple[str, Signature, str]
"""File, app, and who publishes what is owned."""


def lint(
    paths: Iterable[Path], today: date, known_lists: Iterable[str] = (), known_apps: Iterable[Signature] = ()
) -> list[Complaint]:
    """Every complaint about the files and folders, in their order.

    ``known_lists`` are ids that are defined elsewhere, ``known_apps`` what a scan that adds the files looks for too.

    Raises:
        DatabaseError: a path cannot be read at all. What is in a file never raises.
    """
    found: list[Complaint] = []
    contents: list[tuple[str, SignatureFile]] = []
    for file in (file for path in paths for file in signature_files(path)):
        if not file.is_file():
            raise DatabaseError(f"{file}: no such file")
        try:
            content = read_signature_file(file, check=False)
        except DatabaseError as error:
            found.append(Complaint("error", str(file), "", "unreadable", str(error).removeprefix(f"{file}: ")))
            continue
        contents.append((str(file), content))
        found += _of_file(str(file), content, today)
    found += _across(contents, set(known_lists))
    found += _against(contents, known_apps)
    return found


def _of_file(file: str, content: SignatureFile, today: date) -> Iterator[Complaint]:
    for problem in problems(content):
        where, _, text = problem.partition(": ")
        key = where.rpartition(".")[2].partition("[")[0]
        yield Complaint("error", file, _named(content, where), _CODES.get(key, "digest"), f"{key}: {text}")
    for definition in content.lists:
        where = f"list {definition.id}"
        if not definition.cites:
            yield Complaint("error", file, where, "no-citation", "a list that nobody can cite does not exist")
        for key in ("since", "until"):
            yield from _date(file, where, key, getattr(definition, key))
    for signature in content.apps:
        yield from _of_app(file, signature, today)


def _named(content: SignatureFile, where: str) -> str:
    """``apps[0].signers[1].sha256`` as ``wechat-pay signers[1]``."""
    match = re.match(r"apps\[(\d+)\]\.?(.*)", where)
    if match is None:
        return where
    inner = match[2].rpartition(".")[0]
    return f"{content.apps[int(match[1])].id} {inner}".rstrip()


def _of_app(file: str, signature: Signature, today: date) -> Iterator[Complaint]:
    where = signature.id
    yield from _date(file, where, "updated", signature.updated)
    updated = day_of(signature.updated)
    if updated is not None and updated > today:
        yield Complaint("error", file, where, "date", f"updated: {signature.updated} is in the future")
    elif updated is not None and (today - updated).days > OLD_DAYS:
        yield Complaint("warning", file, where, "old", f"updated: {signature.updated}, over {OLD_DAYS} days ago")
    for package in signature.packages:
        if not PACKAGE_NAME.fullmatch(package.name):
            yield Complaint("error", file, f"{where} {package.name}", "package-name", "not a package name of Android")
        if package.pins == "complete" and not all(signer.sha256 for signer in signature.signers_of(package)):
            text = "pins: complete, but a signer of it has no sha256: a weak digest must not make impostors"
            yield Complaint("error", file, f"{where} {package.name}", "weak-pin", text)
    for kind, entries in (("embedded_sdks", signature.embedded_sdks), ("related", signature.related)):
        for entry in entries:
            if not entry.cites:
                yield Complaint("error", file, f"{where} {kind} {entry.name}", "no-citation", "no citation")
    for signer in signature.signers:
        yield from _of_signer(file, f"{where} signer {signer.id}", signer)


def _of_signer(file: str, where: str, signer: PinnedSigner) -> Iterator[Complaint]:
    public = public_key_of(signer)
    if public is not None:
        text = f"{public}: anybody can sign with it, so it tells nothing and must not be pinned"
        yield Complaint("error", file, where, "public-key", text)
    for key in ("not_before", "not_after"):
        yield from _date(file, where, key, getattr(signer, key))
    try:
        known = details(bytes.fromhex(signer.der or ""))
    except ValueError:
        return  # said already, as a problem of the file
    for key in ("not_before", "not_after", "subject"):
        said, read = getattr(signer, key), getattr(known, key)
        if said is not None and read is not None and said != read:
            yield Complaint("error", file, where, "der", f"{key}: {said!r} is not that of the DER, which is {read!r}")


def _date(file: str, where: str, key: str, value: str | None) -> Iterator[Complaint]:
    if value is not None and day_of(value) is None:
        yield Complaint("error", file, where, "date", f"{key}: {value!r} is not a date as 2026-11-23")


def _across(contents: list[tuple[str, SignatureFile]], known_lists: set[str]) -> Iterator[Complaint]:
    """What only shows when all files are seen at once."""
    yield from _twice((file, "list", one.id) for file, content in contents for one in content.lists)
    yield from _twice((file, "app", one.id) for file, content in contents for one in content.apps)
    lists = known_lists | {one.id for _, content in contents for one in content.lists}
    apps = [(file, signature) for file, content in contents for signature in content.apps]
    for file, signature in apps:
        for mention in signature.lists:
            if mention.list_id not in lists:
                text = f"no list {mention.list_id!r} is defined, by no YAML file of these signatures"
                yield Complaint("error", file, signature.id, "unknown-list", text)
    yield from _owners(
        "duplicate-package",
        (
            (package.name, (file, signature, signature.publisher))
            for file, signature in apps
            for package in signature.packages
        ),
    )
    yield from _owners(
        "two-owners",
        (
            (f"{kind} {value}", (file, signature, signature.publisher))
            for file, signature in apps
            for signer in signature.signers
            for kind, value in _digests(signer)
        ),
    )


def _against(contents: list[tuple[str, SignatureFile]], known_apps: Iterable[Signature]) -> Iterator[Complaint]:
    """What the files claim and others own already. Of these an app that a file repeats by its id does not count.

    Only a warning: a list of one's own may well name an app that is listed.
    """
    apps = [(file, app) for file, content in contents for app in content.apps]
    known = {other.id: other for other in known_apps}
    for file, app in apps:
        if app.id in known and (lost := app.lacks(known[app.id])):
            text = f"takes the place of what is known of it, without its {lost} (another id would leave both)"
            yield Complaint("warning", file, app.id, "replaces", text)
    others = [other for other in known.values() if other.id not in {app.id for _, app in apps}]
    names = {package.name: one for one in others for package in one.packages if package.status != "unconfirmed"}
    signers = {(kind, value): one for one in others for pin in one.signers for kind, value in _digests(pin)}
    for file, app in apps:
        for package in app.packages:
            if package.name in names and package.status != "unconfirmed":
                text = f"{package.name} is listed as {names[package.name].id} already: a scan reports both"
                yield Complaint("warning", file, app.id, "listed-already", text)
        for signer in app.signers:
            other = next((signers[digest] for digest in _digests(signer) if digest in signers), None)
            if other and app.publisher != NOT_STATED and _plain(app.publisher) != _plain(other.publisher):
                text = f"{signer.id} is pinned in {other.id}, of another owner ({other.publisher!r})"
                yield Complaint("warning", file, app.id, "two-owners", text)


def _digests(signer: PinnedSigner) -> Iterator[tuple[str, str]]:
    yield from ((kind, value) for kind in PINNED if (value := getattr(signer, kind)))


def _twice(ids: Iterable[tuple[str, str, str]]) -> Iterator[Complaint]:
    seen: dict[tuple[str, str], str] = {}
    for file, kind, name in ids:
        if (kind, name) in seen:
            yield Complaint("error", file, name, "duplicate-id", f"the {kind} {name!r} is also in {seen[kind, name]}")
        seen.setdefault((kind, name), file)


def _owners(code: str, owned: Iterable[tuple[str, Owned]]) -> Iterator[Complaint]:
    """What two publishers claim. A certificate is told once for each pair of apps, by its strongest digest."""
    seen: dict[str, Owned] = {}
    told = set()
    for name, (file, signature, publisher) in owned:
        _, other, other_publisher = seen.setdefault(name, (file, signature, publisher))
        if _plain(publisher) != _plain(other_publisher) and (signature.id, other.id, code) not in told:
            if code == "two-owners":
                told.add((signature.id, other.id, code))
            text = f"{name} is also in {other.id}, of another owner ({other_publisher!r} and {publisher!r})"
            yield Complaint("error", file, signature.id, code, text)


def _plain(publisher: str) -> str:
    return re.sub(r"\W+", " ", publisher).casefold().strip()
