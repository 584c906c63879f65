"""The inventory of one phone: what each source of it says, joined into one value for each copy of each app."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import msgspec

from scanner.errors import ReadError
from scanner.model import (
    SCHEMA_VERSION,
    AppState,
    Certificate,
    Device,
    Installed,
    Location,
    Stated,
    UnreadRow,
    UserState,
    Value,
    first_known,
    printable,
)
from scanner.sources.adb.phone import Phone
from scanner.sources.adb.users import UserPackages, packages_of, reason_of, users_of
from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.dumped import Dump, DumpedPackage
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.getprop import parse_properties
from scanner.sources.inventories.lines import number
from scanner.sources.inventories.paths import is_system
from scanner.sources.inventories.pm import ListedPackage, User

APP_LINKS_SDK = 31
AT_ONCE = 4
"""Questions that a phone is asked at the same time."""
PHONE_MODEL, RELEASE, SDK, SERIAL, FINGERPRINT = (
    "ro.product.model",
    "ro.build.version.release",
    "ro.build.version.sdk",
    "ro.serialno",
    "ro.build.fingerprint",
)


class Properties(Value, frozen=True):
    """What a phone says of itself."""

    device: Device
    sdk: int | None
    fingerprint: str
    identity: str
    """Equal for two connections to one phone: what it calls itself, its build, and when it started."""
    problem: str | None = None
    """Why it may say less of itself than it could: its release decides whose signature counts."""


class Inventory(Value, frozen=True):
    """Everything installed on one phone, and what could not be listed."""

    properties: Properties
    users: tuple[User, ...]
    apps: tuple[Installed, ...]
    holes: tuple[UnreadRow, ...]

    @property
    def personal_users(self) -> frozenset[int]:
        """The users that are no managed profile."""
        return frozenset(user.id for user in self.users if not user.managed_profile)


def properties_of(phone: Phone, owners: dict[str, str]) -> Properties:
    """What the phone says of itself; a phone that says nothing is still one with a serial."""
    answer = phone.run("getprop")
    said = parse_properties(answer.text)
    boot, _ = phone.ask("cat /proc/sys/kernel/random/boot_id")
    serial = said.get(SERIAL) or phone.address.serial
    sdk = number(said.get(SDK)) or 0
    problem = answer.problem or (None if sdk > 0 else f"{SDK} is not told: the newest release is assumed")
    owner = owners.get(phone.address.serial) or owners.get(serial)
    device = Device(printable(serial), _text(said.get(PHONE_MODEL)), _text(said.get(RELEASE)), owner)
    fingerprint = said.get(FINGERPRINT, "")
    # Serial and build alone are not enough: cheap phones share them.
    started = boot.decode("ascii", "replace").strip() or repr(phone.address)
    identity = f"{serial}\n{fingerprint}\n{started}"
    return Properties(device, sdk if sdk > 0 else None, fingerprint, identity, problem)


def _text(value: str | None) -> str | None:
    return printable(value) if value else None


def inventory_of(phone: Phone, source: str, properties: Properties, *, names: bool = True) -> Inventory:
    """Everything that is installed, for every user. Never raises for what the phone cannot tell: that is a hole.

    What can be asked at the same time is: the phone takes a second or more for the larger answers.
    """
    with ThreadPoolExecutor(AT_ONCE) as threads:
        dumping, linking = threads.submit(_dump, phone), threads.submit(_app_links, phone, properties)
        users, problem = users_of(phone)
        listings = list(threads.map(partial(packages_of, phone), users))
        (dump, why), links = dumping.result(), linking.result()
    holes = [_hole(source, "listing", "getprop", properties.problem)] if properties.problem else []
    holes += [_hole(source, "users", printable(phone.address.serial), problem)] if problem else []
    for listing in listings:
        which = f"{listing.user.id} ({listing.user.name})" if names else str(listing.user.id)
        holes += [_hole(source, "user", which, reason) for reason in listing.holes]
    holes += [_hole(source, "listing", "dumpsys package", reason) for reason in why]
    merged = _Merge(phone, source, properties, listings, dump, links)
    return Inventory(properties, users, tuple(merged.apps()), tuple(holes))


def _hole(source: str, what: str, which: str, reason: str) -> UnreadRow:
    return UnreadRow(SCHEMA_VERSION, printable(source), what, printable(which), printable(" ".join(reason.split())))


def _dump(phone: Phone) -> tuple[Dump, list[str]]:
    answer = phone.run("dumpsys package packages")
    dump = parse_dump(answer.text)
    if not dump.active:
        return dump, [f"states and certificate hashes are unknown: {reason_of(answer)}"]
    cut = [f"cut short: {answer.problem}"] if answer.problem else []
    return dump, cut + _first_problem(dump)


def _first_problem(dump: Dump) -> list[str]:
    """What was not understood: one line for all, since one odd app can make many."""
    if not dump.problems:
        return []
    others = ", and other lines (--save-evidence keeps them)" if dump.problems[1:] else ""
    return [f"{dump.problems[0]}{others}"]


def _app_links(phone: Phone, properties: Properties) -> dict[str, tuple[str, ...]]:
    """What the release states in full, where it does (Android 12 and newer)."""
    if properties.sdk is not None and properties.sdk < APP_LINKS_SDK:
        return {}
    return parse_app_links(phone.run("pm get-app-links").text)


class _Merge:
    """Joins the listings of all users, the dump, and what is stated in full."""

    def __init__(
        self,
        phone: Phone,
        source: str,
        properties: Properties,
        listings: list[UserPackages],
        dump: Dump,
        links: dict[str, tuple[str, ...]],
    ) -> None:
        self._phone, self._source, self._device = phone, source, properties.device
        self._dump, self._links = dump, links
        self._listed: dict[str, list[tuple[int, ListedPackage]]] = {}
        self._kept: dict[str, list[int]] = {}
        for listing in listings:
            for package in listing.packages:
                self._listed.setdefault(package.name, []).append((listing.user.id, package))
            for name in listing.not_installed:
                self._kept.setdefault(name, []).append(listing.user.id)

    def apps(self) -> Iterator[Installed]:
        """Each copy of each app, by name."""
        unlisted = self._unlisted()
        names = {*self._listed, *self._kept, *unlisted}
        factory = self._dump.factory
        apks = _apks_of(self._phone, [*factory.values(), *unlisted.values()])
        for name in sorted(names | factory.keys()):
            if name in names:
                yield self._active(name, apks.get(unlisted[name].code_path or "") if name in unlisted else None)
            if name in factory:
                yield self._factory(name, factory[name], apks.get(factory[name].code_path or ""))

    def _unlisted(self) -> dict[str, DumpedPackage]:
        """What the dump alone names and some user has: apps of users who were denied, and static libraries."""
        return {
            name: dumped
            for name, dumped in self._dump.active.items()
            if name not in self._listed
            and name not in self._kept
            and any(user.state != "uninstalled" for user in dumped.users)
        }

    def _active(self, name: str, unlisted_path: str | None) -> Installed:
        dumped = self._dump.active.get(name)
        listed = [package for _, package in self._listed.get(name, ())]
        said = listed[0] if listed else None
        path = next((package.path for package in listed if package.path), unlisted_path)
        digests = self._links.get(name)
        return msgspec.structs.replace(
            self._common(name, dumped),
            users=tuple(self._users(name, dumped)),
            location=Location(path, phone=self._phone.address) if path else None,
            version_code=first_known(said.version_code if said else None, dumped.version_code if dumped else None),
            installer=first_known(said.installer if said else None, dumped.installer if dumped else None),
            system=dumped.system if dumped and dumped.system is not None else is_system(path),
            stated=Stated(tuple(Certificate(sha256=digest) for digest in digests)) if digests else None,
        )

    def _factory(self, name: str, dumped: DumpedPackage, path: str | None) -> Installed:
        return msgspec.structs.replace(
            self._common(name, dumped),
            copy="factory",
            location=Location(path, phone=self._phone.address) if path else None,
            version_code=dumped.version_code,
            system=True,
        )

    def _common(self, name: str, dumped: DumpedPackage | None) -> Installed:
        """What the dump says of either copy."""
        if dumped is None:
            return Installed(self._device, self._source, name, phone=self._phone.address)
        return Installed(
            self._device,
            self._source,
            name,
            phone=self._phone.address,
            version_name=dumped.version_name,
            min_sdk=dumped.min_sdk,
            target_sdk=dumped.target_sdk,
            splits=dumped.splits,
            hashes=dumped.hashes or (),
            past_hashes=dumped.past_hashes,
            updated=dumped.last_update_time,
        )

    def _users(self, name: str, dumped: DumpedPackage | None) -> Iterator[UserState]:
        """Each user that has the app or its data. The user's own listing says whether it is installed."""
        dumped_users = dumped.users if dumped else ()
        states: dict[int, AppState] = {user.id: user.state for user in dumped_users}
        nothing_left = {user.id for user in dumped_users if user.has_data is False and user.state == "uninstalled"}
        has = {user for user, _ in self._listed.get(name, ())}
        keeps = set(self._kept.get(name, ())) - nothing_left
        for user in sorted(has | keeps | set(states)):
            state = states.get(user)
            if user in has:
                yield UserState(user, state if state == "disabled" or state == "suspended" else "installed")
            elif user in keeps:
                yield UserState(user, state if state == "hidden" or state == "archived" else "uninstalled")
            elif state is not None and state != "uninstalled":
                yield UserState(user, state)


def _apks_of(phone: Phone, dumped: Iterable[DumpedPackage]) -> dict[str, str]:
    """Code path → base APK: the dump names a folder, or on old releases the file."""
    paths = dict.fromkeys(one.code_path for one in dumped if one.code_path and one.code_path.startswith("/"))
    apks = {path: path for path in paths if path.endswith(".apk")}
    folders = [path for path in paths if path not in apks]
    for folder, listing in zip(folders, _folders(phone, folders), strict=True):
        names = {posixpath.basename(file): file for file in listing}
        wanted = ("base.apk", f"{posixpath.basename(folder)}.apk", *sorted(names))
        found = next((names[name] for name in wanted if name in names and not name.startswith("split_")), None)
        if found is not None:
            apks[folder] = found
    return apks


def _folders(phone: Phone, folders: Iterable[str]) -> Iterator[list[str]]:
    """The APKs in each folder, all in one command; NUL stands behind each name, two behind each folder."""
    wanted = list(folders)
    if not wanted:
        return
    each = '[ -f "$f" ] && printf \'%s\\0\' "$f"'
    command = "\n".join(
        f"for f in {name}/base.apk {name}/*.apk; do {each}; done; printf '\\0'" for name in map(shlex.quote, wanted)
    )
    try:
        out, _ = phone.ask(command)
    except ReadError:  # each of the apps will say that nobody told where its APK lies
        out = b""
    parts = out.decode("utf-8", "surrogateescape").split("\0")
    files: list[str] = []
    yielded = 0
    for part in parts:
        if part:
            files.append(part)
        elif yielded < len(wanted):
            yield files
            files, yielded = [], yielded + 1
    yield from ([] for _ in range(len(wanted) - yielded))
