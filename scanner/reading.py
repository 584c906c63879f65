"""One candidate → rows: what a worker does, wherever it runs.

A candidate is opened, told by its content, and identified; a container is walked, its members judged the
same way. Whatever goes wrong is contained here: it becomes an `UnreadRow`, and the batch goes on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from scanner.apk import NotAnApk
from scanner.bytesource import ByteSource, Memory, member_bytes
from scanner.containment import Crash, contained
from scanner.errors import ApkError, LimitExceeded, ScannerError
from scanner.model import LIMITS, App, AppRow, Expansion, Hop, Limits, Location, Outcome, Passed, UnreadRow, counted
from scanner.rows import Judge, Judged, same_signers, unread_row
from scanner.sources.containers import (
    BUNDLE_MARKS,
    HEAD,
    NAMED_LIKE_AN_APK,
    SMALLEST,
    Kind,
    ends_as_zip,
    kind_of,
    stream_members,
    tar_members,
    zip_members,
)
from scanner.sources.opening import open_hop, open_location, reopens_cheaply, zip_entry
from scanner.sources.splits import group_by_name

NO_INVENTORY = "nor an inventory of a known format: name it with --as, or its --columns"
TOGETHER = 64
"""A container of up to this many APKs is read in one go, its splits told by content; of a larger one each
member is a task of its own."""
Identified = tuple[App, Judged]
Opener = tuple[App, Callable[[], ByteSource]]


class Reader:
    """Reads candidates, which the judge judges. Carries no state from one to the next."""

    def __init__(self, judge: Judge, limits: Limits = LIMITS) -> None:
        self.limits = limits
        self._judge = judge

    def __call__(self, app: App) -> list[Outcome]:
        """Everything said of one candidate. Never raises: this is the boundary that turns a crash into a row."""
        return list(self.stream(app, inline=False))

    def stream(self, app: App, *, inline: bool = True) -> Iterator[Outcome]:
        """The same, one outcome at a time; ``inline`` also reads what can only be streamed."""
        alone = list(app.splits)
        for outcome in contained(self._opened(app, alone, inline=inline)):
            yield unread_row(app, outcome.reason) if isinstance(outcome, Crash) else outcome
        for location in alone:  # they lie beside something that is no base for them
            yield from self.stream(App(app.source, location), inline=inline)

    def _opened(self, app: App, alone: list[Location], *, inline: bool) -> Iterator[Outcome]:
        """What is said of a candidate itself; its splits are taken out of ``alone`` where it is a base for them."""
        try:
            with open_location(app.location, self.limits) as source:
                judged = self._judged(source)
                if isinstance(judged, Judged):
                    alone.clear()
                    yield from self._with_splits(app, judged)
                    yield from self._hidden(app, judged, source, inline=inline)
                else:
                    yield from self._no_apk(app, source, judged, inline=inline)
        except ScannerError as error:
            yield unread_row(app, error)

    def _judged(self, source: ByteSource) -> Judged | NotAnApk:
        """The APK, or why it is none. How a file begins decides nothing: Android looks at its end."""
        if source.size < SMALLEST:
            return NotAnApk("empty" if not source.size else "too small for an APK", is_zip=False)
        try:
            return self._judge.read(source)
        except NotAnApk as error:
            return error

    def _examine(self, app: App, source: ByteSource, *, inline: bool) -> Iterator[Outcome]:
        """Tell a member of a container that is no APK."""
        judged = self._judged(source)
        if isinstance(judged, Judged):
            yield self._judge.row(app, judged)
        else:
            yield from self._no_apk(app, source, judged, inline=inline)

    def _no_apk(self, app: App, source: ByteSource, why: NotAnApk, *, inline: bool) -> Iterator[Outcome]:
        """A container, or nothing of interest."""
        kind = Kind.ZIP if why.is_zip else kind_of(source.read_at(0, min(HEAD, source.size)))
        if kind is Kind.OTHER or source.size < SMALLEST:
            yield _not_an_apk(app, str(why))
        elif len(app.location.hops) >= self.limits.nesting:
            deep = LimitExceeded.of("an archive nested deeper than is read", "nesting", self.limits.nesting)
            yield unread_row(app, deep, "archive")
        elif kind is Kind.COMPRESSED:
            yield from self._stream_archive(app, source) if inline else (Expansion((app,), inline=True),)
        else:
            yield from self._archive(app, source, kind, inline=inline)

    def _with_splits(self, app: App, judged: Judged) -> Iterator[AppRow | UnreadRow]:
        """The app's row with the splits that stand beside it by name; what is no split of it, on its own."""
        parts, others = [], list[AppRow | UnreadRow]()
        for location in app.splits:
            beside = App(app.source, location)
            try:
                with open_location(location, self.limits) as source:
                    part = self._judge.read(source)
            except ScannerError as error:
                others.append(unread_row(beside, error, "split"))
                continue
            if part.identity.split is None or part.identity.package_name != judged.identity.package_name:
                others.append(self._judge.row(beside, part))
            else:
                parts.append((_short(location), part))
        yield self._judge.row(app, judged, parts)
        yield from others

    def _hidden(self, app: App, judged: Judged, source: ByteSource, *, inline: bool) -> Iterator[Outcome]:
        """APKs inside an unsigned one: nothing that Android installs, so perhaps an archive that wears a manifest."""
        if judged.identity.signing.schemes or len(app.location.hops) >= self.limits.nesting:
            return
        found, _, problems, _ = self._candidates(source, Kind.ZIP)
        yield from (unread_row(app, problem, "archive") for problem in problems)
        members = [App(app.source, app.location.inside(hop)) for hop in found]
        yield from self._together(self._openers(source, members), bundle=False, inline=inline)

    def _archive(self, app: App, source: ByteSource, kind: Kind, *, inline: bool) -> Iterator[Outcome]:
        """The members of a zip or an uncompressed tar."""
        found, passed, problems, bundle = self._candidates(source, kind)
        if not found and not problems:
            yield _not_an_apk(app, "an archive without any APK")
            return
        members = [App(app.source, app.location.inside(hop)) for hop in found]
        yield from (_passed(app.source, app.location.inside(hop)) for hop in passed)
        yield from (unread_row(app, problem, "archive") for problem in problems)
        if len(members) > TOGETHER and reopens_cheaply(app.location):
            groups = group_by_name([member.location for member in members])
            yield Expansion(tuple(App(app.source, base, splits) for base, splits in groups))
            return
        yield from self._together(self._openers(source, members), bundle=bundle, inline=inline)

    def _openers(self, source: ByteSource, members: list[App]) -> list[Opener]:
        """How to open each member of the container in ``source``."""
        return [
            (member, partial(open_hop, source, member.location.hops[-1], len(member.location.hops) - 1, self.limits))
            for member in members
        ]

    def _candidates(self, source: ByteSource, kind: Kind) -> tuple[list[Hop], list[Hop], list[str], bool]:
        """Members that may be APKs or containers, the others, why some were not read, and whether all are one app."""
        found, passed, problems = list[Hop](), list[Hop](), list[str]()
        names = set()
        inflated, left_out = 0, 0
        try:
            for member in zip_members(source, self.limits) if kind is Kind.ZIP else tar_members(source):
                if isinstance(member, str):
                    problems.append(member)
                    continue
                names.add(member.name)
                if not (_promising(source, member) or NAMED_LIKE_AN_APK.search(member.name)):
                    passed.append(member)
                    continue
                inflated += member.size if member.method == "deflated" else 0
                if inflated > max(self.limits.inflated_total, self.limits.inflated_ratio * source.size):
                    left_out += 1
                else:
                    found.append(member)
        except ApkError as error:  # cut short: what was listed before is still read
            problems.append(f"not read to its end: {error}")
        if left_out:
            members = counted(left_out, "member was", "members were")
            problems.append(
                f"{members} not read: what is in it inflates to more than {self.limits.inflated_total} bytes and "
                f"{self.limits.inflated_ratio} times the archive (--limit inflated-total, inflated-ratio)"
            )
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
                    yield member, self._judge.read(source)
                except NotAnApk:
                    yield from self._examine(member, source, inline=inline)
            except ScannerError as error:
                yield unread_row(member, error)

    def _grouped(self, identities: list[Identified], *, bundle: bool) -> Iterator[AppRow]:
        """One row an app: a set is one package in one version of which a part is a split, or a bundle's."""
        sets: dict[tuple[str, int | None], list[Identified]] = {}
        for app, judged in identities:
            sets.setdefault((judged.identity.package_name, judged.identity.version_code), []).append((app, judged))
        bundle = bundle and len(sets) == 1
        for group in sets.values():
            parts = [pair for pair in group if pair[1].identity.split is not None]
            first, *others = [pair for pair in group if pair[1].identity.split is None] or [parts.pop(0)]
            if bundle:  # a bundle holds several APKs without a split name: all of them one app, if one signer's
                parts += [pair for pair in others if same_signers(pair[1], first[1])]
                others = [pair for pair in others if not same_signers(pair[1], first[1])]
            yield self._judge.row(*first, [(_short(app.location), judged) for app, judged in parts])
            yield from (self._judge.row(app, judged) for app, judged in others)

    def _stream_archive(self, app: App, source: ByteSource) -> Iterator[Outcome]:
        """The members of a compressed tar, in one pass; only split sets wait for each other."""
        waiting: list[Identified] = []
        found = False
        try:
            for name, size, content in stream_members(source, self.limits):
                member = App(
                    app.source,
                    app.location.inside(Hop(name, "slice", 0, size or 0, size or 0)) if name else app.location,
                )
                head = content.read(HEAD)
                if kind_of(head) is Kind.OTHER and not NAMED_LIKE_AN_APK.search(name):
                    yield _passed(app.source, member.location)
                    continue
                found = True
                data = head + content.read(self.limits.inflated_size + 1 - len(head))
                if len(data) > self.limits.inflated_size:
                    too_large = LimitExceeded.of(
                        "a larger compressed member", "inflated_size", self.limits.inflated_size
                    )
                    yield unread_row(member, too_large)
                    continue
                for outcome in self._members([(member, partial(Memory, data))], inline=True):
                    if not isinstance(outcome, tuple):
                        yield outcome
                    elif _may_be_part(outcome):
                        waiting.append(outcome)
                    else:
                        yield from self._grouped([outcome], bundle=False)
            if not found:
                yield _not_an_apk(app, "an archive without any APK")
        except ApkError as error:
            reason = f"stopped part way: {error}" if found else str(error)
            yield unread_row(app, reason, "archive") if found else _not_an_apk(app, reason)
        yield from self._grouped(waiting, bundle=False)


def _promising(source: ByteSource, member: Hop) -> bool:
    """Whether a member begins as an APK or a container, or, where that costs no inflating, ends as a zip."""
    if not member.compressed:
        return False
    try:
        if kind_of(_head(source, member)) is not Kind.OTHER:
            return True
        return member.method != "deflated" and member.size >= SMALLEST and ends_as_zip(open_hop(source, member))
    except ApkError:
        return True  # reading it whole will say why it cannot be read


def _head(source: ByteSource, member: Hop) -> bytes:
    if member.method == "slice":
        return source.read_at(member.offset, min(HEAD, member.size))
    return member_bytes(source, zip_entry(member), HEAD, first=HEAD)


def _not_an_apk(app: App, reason: str) -> UnreadRow | Passed:
    """A file that the user named, or whose name promises an APK, is unread; any other is counted."""
    name = app.location.hops[-1].name if app.location.hops else app.location.path
    if app.named and not NAMED_LIKE_AN_APK.search(name):
        return unread_row(app, f"{reason}; {NO_INVENTORY}")
    if app.named or NAMED_LIKE_AN_APK.search(name):
        return unread_row(app, reason)
    return _passed(app.source, app.location)


def _passed(source: str, location: Location) -> Passed:
    return Passed(source, str(location), location if location.remote else None)


def _may_be_part(pair: Identified) -> bool:
    return pair[1].identity.split is not None or _short(pair[0].location) == "base.apk"


def _short(location: Location) -> str:
    name = location.hops[-1].name if location.hops else location.path
    return name.replace("\\", "/").rpartition("/")[2]
