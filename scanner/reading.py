"""One candidate → rows: what a worker does, wherever it runs.

A candidate is opened, told by its content, and identified; a container is walked, its members judged the
same way. Whatever goes wrong is contained here: it becomes an `UnreadRow`, and the batch goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from scanner.apk import NotAnApk, identify
from scanner.bytesource import ByteSource, Memory, member_bytes
from scanner.database import SignatureDatabase
from scanner.errors import ApkError, ScannerError
from scanner.model import ApkIdentity, App, AppRow, Expansion, Hop, Location, Outcome, Passed, UnreadRow
from scanner.rows import apk_row, unread_row
from scanner.sources.containers import (
    BUNDLE_MARKS,
    HEAD,
    NAMED_LIKE_AN_APK,
    SMALLEST,
    Kind,
    kind_of,
    stream_members,
    tar_members,
    zip_members,
)
from scanner.sources.opening import open_hop, open_location, reopens_cheaply, zip_entry
from scanner.sources.splits import group_by_name

MAX_NESTING = 4
"""Containers within containers that are opened; deeper ones are unread."""
TOGETHER = 64
"""A container of up to this many APKs is read in one go, its splits told by content; of a larger one each
member is a task of its own."""
MAX_STREAMED = 512 << 20
"""Largest member of a compressed tar that is held in memory, in bytes."""

log = logging.getLogger(__name__)
Identified = tuple[App, ApkIdentity]
Opener = tuple[App, Callable[[], ByteSource]]


class Reader:
    """Reads candidates against one database for one Android release. Carries no state from one to the next."""

    def __init__(self, database: SignatureDatabase, sdk: int, now: str) -> None:
        self._database, self._sdk, self._now = database, sdk, now

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of one candidate. Never raises: this is the boundary that turns a crash into a row."""
        return list(self.stream(app, inline=False))

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one outcome at a time; ``inline`` also reads what can only be streamed."""
        try:
            with open_location(app.location) as source:
                yield from self._examine(app, source, inline=inline)
        except ScannerError as error:
            yield unread_row(app, error)
        except Exception as error:
            log.debug("crash while reading %s", app.location, exc_info=True)
            yield unread_row(app, f"crashed: {type(error).__name__}: {error}; please report this file")

    def _examine(self, app: App, source: ByteSource, *, inline: bool) -> Iterator[Outcome]:
        """Tell a candidate by its content, and judge it."""
        head = source.read_at(0, min(HEAD, source.size))
        kind = kind_of(head)
        if kind in {Kind.ZIP, Kind.OTHER} and source.size >= SMALLEST:
            try:
                yield from self._with_splits(app, identify(source, self._sdk))
                return
            except NotAnApk as error:
                if not error.is_zip:
                    yield _not_an_apk(app, str(error))
                    return
                kind = Kind.ZIP
        if kind is Kind.OTHER or source.size < SMALLEST:
            yield _not_an_apk(app, "empty" if not source.size else "not an APK and no archive of APKs")
        elif len(app.location.hops) >= MAX_NESTING:
            yield unread_row(app, f"an archive nested deeper than {MAX_NESTING}", "archive")
        elif kind is Kind.COMPRESSED:
            yield from self._stream_archive(app, source) if inline else (Expansion((app,), inline=True),)
        else:
            yield from self._archive(app, source, kind, inline=inline)

    def _with_splits(self, app: App, identity: ApkIdentity) -> Iterator[AppRow | UnreadRow]:
        """The app's row; a split that cannot be read is a hole beside it."""
        parts, holes = [], []
        for location in app.splits:
            try:
                with open_location(location) as source:
                    parts.append((_short(location), identify(source, self._sdk)))
            except ScannerError as error:
                holes.append(unread_row(App(app.source, location), error, "split"))
        yield apk_row(app, identity, parts, self._database, self._now)
        yield from holes

    def _archive(self, app: App, source: ByteSource, kind: Kind, *, inline: bool) -> Iterator[Outcome]:
        """The members of a zip or an uncompressed tar."""
        found, passed, problems, bundle = self._candidates(source, kind)
        if not found and not problems:
            yield _not_an_apk(app, "an archive without any APK")
            return
        members = [App(app.source, app.location.inside(hop)) for hop in found]
        yield from (Passed(app.source, str(app.location.inside(hop))) for hop in passed)
        yield from (unread_row(app, problem, "archive") for problem in problems)
        if len(members) > TOGETHER and reopens_cheaply(app.location):
            groups = group_by_name([member.location for member in members])
            yield Expansion(tuple(App(app.source, base, splits) for base, splits in groups))
            return
        opened = [(member, partial(open_hop, source, member.location.hops[-1])) for member in members]
        yield from self._together(opened, bundle=bundle, inline=inline)

    def _candidates(self, source: ByteSource, kind: Kind) -> tuple[list[Hop], list[Hop], list[str], bool]:
        """Members that may be APKs or containers, the others, why some were not read, and whether all are one app."""
        found, passed, problems = list[Hop](), list[Hop](), list[str]()
        names = set()
        try:
            for member in zip_members(source) if kind is Kind.ZIP else tar_members(source):
                if isinstance(member, str):
                    problems.append(member)
                    continue
                names.add(member.name)
                promising = _promising(source, member) or NAMED_LIKE_AN_APK.search(member.name)
                (found if promising else passed).append(member)
        except ApkError as error:  # cut short: what was listed before is still read
            problems.append(f"not read to its end: {error}")
        return found, passed, problems, bool(names & BUNDLE_MARKS)

    def _together(self, opened: Iterable[Opener], *, bundle: bool, inline: bool) -> Iterator[Outcome]:
        """Read the members of one container, then let splits join their base."""
        identities: list[Identified] = []
        for outcome in self._members(opened, inline=inline):
            if isinstance(outcome, tuple):
                identities.append(outcome)
            else:
                yield outcome
        yield from self._grouped(identities, bundle=bundle)

    def _members(self, opened: Iterable[Opener], *, inline: bool) -> Iterator[Identified | Outcome]:
        """Each member identified, or what is said of one that is no APK or cannot be read."""
        for member, opener in opened:
            try:
                source = opener()
                try:
                    yield member, identify(source, self._sdk)
                except NotAnApk:
                    yield from self._examine(member, source, inline=inline)
            except ScannerError as error:
                yield unread_row(member, error)

    def _grouped(self, identities: list[Identified], *, bundle: bool) -> Iterator[AppRow]:
        """One row an app: a set is one package in one version of which a part is a split, or a bundle's."""
        sets: dict[tuple[str, int | None], list[Identified]] = {}
        for app, identity in identities:
            key = (identity.package_name, None if bundle else identity.version_code)
            sets.setdefault(key, []).append((app, identity))
        for group in sets.values():
            base = next((pair for pair in group if pair[1].split is None), group[0])
            if bundle or any(identity.split for _, identity in group):
                parts = [(_short(app.location), identity) for app, identity in group if app is not base[0]]
                yield apk_row(base[0], base[1], parts, self._database, self._now)
            else:
                yield from (apk_row(app, identity, (), self._database, self._now) for app, identity in group)

    def _stream_archive(self, app: App, source: ByteSource) -> Iterator[Outcome]:
        """The members of a compressed tar, in one pass; only split sets wait for each other."""
        waiting: list[Identified] = []
        found = False
        try:
            for name, size, content in stream_members(source):
                member = App(app.source, app.location.inside(Hop(name, "slice", 0, size, size)))
                head = content.read(HEAD)
                if kind_of(head) is Kind.OTHER and not NAMED_LIKE_AN_APK.search(name):
                    yield Passed(app.source, str(member.location))
                    continue
                found = True
                if size > MAX_STREAMED:
                    yield unread_row(member, f"{size} bytes in a compressed archive, the limit is {MAX_STREAMED}")
                    continue
                data = head + content.read()
                for outcome in self._members([(member, partial(Memory, data))], inline=True):
                    if not isinstance(outcome, tuple):
                        yield outcome
                    elif _may_be_part(outcome):
                        waiting.append(outcome)
                    else:
                        yield from self._grouped([outcome], bundle=False)
        except ApkError as error:
            reason = f"stopped part way: {error}" if found else str(error)
            yield unread_row(app, reason, "archive") if found else _not_an_apk(app, reason)
        yield from self._grouped(waiting, bundle=False)


def _promising(source: ByteSource, member: Hop) -> bool:
    if member.size < SMALLEST:
        return False
    try:
        return kind_of(_head(source, member)) is not Kind.OTHER
    except ApkError:
        return True  # reading it whole will say why it cannot be read


def _head(source: ByteSource, member: Hop) -> bytes:
    if member.method == "slice":
        return source.read_at(member.offset, min(HEAD, member.size))
    return member_bytes(source, zip_entry(member), HEAD, first=min(HEAD, member.size))


def _not_an_apk(app: App, reason: str) -> UnreadRow | Passed:
    """A file that the user named, or whose name promises an APK, is unread; any other is counted."""
    name = app.location.hops[-1].name if app.location.hops else app.location.path
    if app.named or NAMED_LIKE_AN_APK.search(name):
        return unread_row(app, reason)
    return Passed(app.source, str(app.location))


def _may_be_part(pair: Identified) -> bool:
    return pair[1].split is not None or _short(pair[0].location) == "base.apk"


def _short(location: Location) -> str:
    name = location.hops[-1].name if location.hops else location.path
    return name.replace("\\", "/").rpartition("/")[2]
