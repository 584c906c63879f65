"""One phone: its inventory, then certificates rung by rung, then rows.

Rows come in the order of the package names, whatever order the APKs were read in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import IntEnum

import msgspec

from scanner.cache import IdentityCache
from scanner.containment import Crash, guarded
from scanner.database import SignatureDatabase
from scanner.errors import ReadError, ScannerError
from scanner.model import (
    LIMITS,
    NEWEST_SDK,
    SCHEMA_VERSION,
    AppRow,
    Certificate,
    Installed,
    Limits,
    Outcome,
    PhoneStep,
    SamePhone,
    Search,
    Stated,
    UnreadRow,
    Withheld,
    printable,
)
from scanner.phones.evidence import EvidenceRecorder
from scanner.phones.installed import InstalledJudge, contradicted
from scanner.rows import Judge, Judged, observe
from scanner.sources import open_location
from scanner.sources.adb import AdbServer, Inventory, PhoneSource, Properties, TransparencyEntry

SHELLS = 8
"""APKs of one phone that are read at once, each through a shell of its own."""
TRANSPARENCY_SDK = 34


class Evidence(IntEnum):
    """How far to climb the ladder of evidence."""

    NAMES = 0
    HINTS = 1
    CERTIFICATES = 2


class PhoneOptions:
    """What the user chose for the phones of one scan."""

    def __init__(
        self,
        server: AdbServer,
        *,
        evidence: Evidence = Evidence.CERTIFICATES,
        verify_all: bool = False,
        timeout: float = 60.0,
        cache: IdentityCache | None = None,
        owners: dict[str, str] | None = None,
        redact: bool = False,
        recorder: Callable[[str], EvidenceRecorder] | None = None,
        observer: Callable[[PhoneStep], None] = lambda step: None,  # noqa: ARG005
        search: Search | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self.limits = limits
        self.server = server
        self.evidence = evidence
        self.verify_all = verify_all
        self.timeout = timeout
        self.cache = cache
        self.owners = owners or {}
        self.redact = redact
        self.recorder = recorder
        self.observer = observer
        self.search = search or Search()

    def close(self) -> None:
        """Let go of what the phones shared."""
        if self.cache is not None:
            self.cache.close()


class PhoneReader:
    """Reads one phone against one database."""

    def __init__(self, spec: str, database: SignatureDatabase, now: str, options: PhoneOptions) -> None:
        self.spec = spec
        self._database, self._now, self._options = database, now, options
        self._judge = InstalledJudge(database, now)
        self._source: PhoneSource | None = None
        self._recorder: EvidenceRecorder | None = None
        self._transparency: dict[str, TransparencyEntry] | None = None
        self._stopped = False

    def rows(self, claim: Callable[[str, str], str | None]) -> Iterator[Outcome]:
        """Everything said of the phone. ``claim`` tells under which SPEC it is read already, if it is."""
        self._recorder = self._options.recorder(self.spec) if self._options.recorder else None
        self._step("connecting")
        self._source = source = PhoneSource(self.spec, self._options.server, self._options.timeout, self._recorder)
        try:
            if self._stopped:
                return
            properties = source.properties(self._options.owners)
            other = claim(properties.identity, self.spec)
            if other is not None:
                yield SamePhone(printable(self.spec), printable(other))
                return
            self._step("listing")
            inventory = source.inventory(properties, names=not self._options.redact)
            yield from inventory.holes
            yield from self._read(inventory)
        finally:
            source.close()

    def stop(self) -> None:
        """Let what is under way end soon."""
        self._stopped = True
        if self._source is not None:
            self._source.close()

    def _read(self, inventory: Inventory) -> Iterator[Outcome]:
        apps = [self._rung(app) for app in inventory.apps]
        if not apps:
            yield self._hole("no package could be listed")
        properties = inventory.properties
        options = self._options
        sdk = properties.sdk or NEWEST_SDK
        judge = Judge(
            self._database,
            sdk,
            self._now,
            verify_all=options.verify_all,
            search=options.search,
            limits=options.limits,
        )
        self._expect(apps, properties)
        some_unread, unverified = False, 0
        with ThreadPoolExecutor(SHELLS, thread_name_prefix=self.spec) as threads:
            reading = threads.map(lambda app: self._identified(app, judge, properties), apps)
            for number, (app, (read, unread)) in enumerate(zip(apps, reading, strict=True), 1):
                self._step("reading", number, len(apps))
                some_unread = some_unread or unread is not None
                unverified += read is not None and unread is not None
                if self._recorder is not None and read is not None:
                    self._recorder.identity(app, read.identity)
                row = self._judge.row(self._preloaded(app, read, properties), read, unread)
                yield Withheld(row.source) if self._private(row, inventory) else row
        if unverified:
            yield self._hole(f"{unverified} of its APKs could not be verified; see the issues of each row")
        if some_unread:
            yield from self._lost()

    def _lost(self) -> Iterator[UnreadRow]:
        """A hole where the phone was lost while its APKs were read: then nobody knows what else it would have said."""
        why = None if self._stopped or self._source is None else self._source.lost()
        if why is not None:
            yield self._hole(f"lost while its APKs were read: {why}")

    def _hole(self, reason: str) -> UnreadRow:
        name = printable(self.spec)
        return UnreadRow(SCHEMA_VERSION, name, "device", name, printable(" ".join(reason.split())))

    def _expect(self, apps: list[Installed], properties: Properties) -> None:
        """Sizes of all that will be read, in one go. Where that fails, each app says so for itself."""
        if self._options.evidence < Evidence.CERTIFICATES or self._source is None:
            return
        wanted = [app.location for app in apps if app.location and app.present and not self._cached(app, properties)]
        with suppress(ReadError):
            self._source.expect(wanted)

    def _private(self, row: AppRow, inventory: Inventory) -> bool:
        """Whether a row is no concern of whoever asks with ``--redact``: no finding, in somebody's own profile."""
        personal = any(user.id in inventory.personal_users for user in row.users)
        return self._options.redact and not row.findings and (personal or not row.users)

    def _rung(self, app: Installed) -> Installed:
        """The app with as much of the phone's own statements as the user wants to climb to."""
        if self._options.evidence >= Evidence.HINTS:
            return app
        return msgspec.structs.replace(app, hashes=(), past_hashes=(), stated=None)

    def _identified(self, app: Installed, judge: Judge, properties: Properties) -> tuple[Judged | None, str | None]:
        """The app's APK read, or why it could not be, or not be verified; neither where it was not wanted."""
        if self._options.evidence < Evidence.CERTIFICATES or not app.present:
            return None, None
        if self._stopped:
            return None, "the scan was stopped"
        if app.location is None:
            return None, "the phone does not tell where its APK lies"
        cached = self._cached(app, properties)
        if cached is not None:
            return cached, None
        try:
            found = guarded(lambda: self._opened(app, judge))
        except ScannerError as error:
            return None, printable(" ".join(str(error).split()))
        if isinstance(found, Crash):
            return None, printable(found.reason)
        read, unverified = found
        if self._options.cache is not None and app.updated and read.identity.signing.signers:
            self._options.cache.put(read.identity, *_key(app, properties))
        return read, unverified and printable(" ".join(unverified.split()))

    @staticmethod
    def _opened(app: Installed, judge: Judge) -> tuple[Judged, str | None]:
        if app.location is None:
            raise ReadError("the phone does not tell where its APK lies")
        with open_location(app.location) as there:
            return judge.read_installed(there)

    def _cached(self, app: Installed, properties: Properties) -> Judged | None:
        """What was read of this very copy before, unless the phone disagrees with it today."""
        if (
            self._options.cache is None
            or self._options.verify_all
            or not app.updated
            or not self._options.search.nothing
        ):
            return None  # the cache holds identities and no more
        identity = self._options.cache.get(*_key(app, properties))
        if identity is None:
            return None
        read = Judged(identity, observe(identity))
        return None if contradicted(app, read) else read

    def _preloaded(self, app: Installed, read: Judged | None, properties: Properties) -> Installed:
        """A listed preload whose certificate nothing has shown: what Android 14 states of it, asked for only then."""
        known = app.stated is not None or (read is not None and read.observed.signers)
        wanted = self._options.evidence >= Evidence.HINTS and self._judge.listed(app)
        if known or not wanted or not app.system or (properties.sdk or 0) < TRANSPARENCY_SDK or self._source is None:
            return app
        if self._transparency is None:
            self._step("cmd transparency")
            self._transparency = self._source.transparency()
        entry = self._transparency.get(app.package_name)
        if entry is None or not entry.signers:
            return app
        return msgspec.structs.replace(
            app, stated=Stated(_certificates(entry.signers), _certificates(entry.lineage), "cmd transparency")
        )

    def _step(self, stage: str, done: int = 0, total: int | None = None) -> None:
        self._options.observer(PhoneStep(self.spec, stage, done, total))


def _certificates(digests: tuple[str, ...]) -> tuple[Certificate, ...]:
    return tuple(Certificate(sha256=digest) for digest in digests)


def _key(app: Installed, properties: Properties) -> tuple[object, ...]:
    """All that changes when the copy of an app on a phone does. The path of an installed app holds a random part."""
    serial, path = app.device.serial if app.device else "", app.location.path if app.location else ""
    return (
        serial,
        properties.fingerprint,
        properties.sdk,
        app.package_name,
        app.copy,
        app.version_code,
        app.updated,
        path,
    )
