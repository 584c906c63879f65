"""Findings and rows: the contract of ``jsonl``, from which the published JSON Schema is generated."""

from __future__ import annotations

from typing import Literal

import msgspec

from scanner.model.identity import App, Location
from scanner.model.vocabulary import Assurance, Value, Verdict


class Evidence(Value, frozen=True):
    """One comparison behind a verdict."""

    kind: str
    """``package-name``, ``certificate-sha256``, ``certificate-sha1``, ``certificate-md5``,
    ``public-key-sha256``, ``rsa-modulus-sha256``, ``certificate-hash32``, ``no-signer``, ``display-name``;
    of what is inside: ``manifest-activity``, ``manifest-scheme``, ``manifest-queries``, ``dex-class``, ``label``."""
    value: str
    """What was seen."""
    agrees: bool
    """Whether it is one of ``pinned``."""
    pinned: tuple[str, ...]
    """What the signature holds."""
    origin: str = msgspec.field(name="from")
    """Which input it was read from."""
    cites: tuple[str, ...]
    """Who says so of the pinned value."""


class Finding(Value, frozen=True):
    """One app judged against one signature."""

    signature: str
    app: str
    verdict: Verdict
    reason: str
    """One sentence for a person: why this verdict and no stronger one."""
    lists: tuple[str, ...]
    evidence: tuple[Evidence, ...]
    allowed_by: str | None
    """The owner of the allowance in the policy that lets this pass; null where none does."""
    allowed_reason: str | None
    """Why it is allowed."""
    allowed_until: str | None
    """The last day on which it is, ISO 8601, in UTC."""
    fails: bool | None
    """Whether it fails the scan by the policy of that scan; null where no policy was asked, as in ``inspect``."""


class SignerRow(Value, frozen=True):
    """A certificate in a row."""

    sha256: str | None
    sha1: str | None
    md5: str | None
    subject: str | None
    hash32: str | None
    """Eight hex digits as Android prints them; null where the certificate itself is known."""


class Device(Value, frozen=True):
    """The phone an app was found on."""

    serial: str
    model: str | None
    android: str | None
    """The release, such as ``13``."""
    owner: str | None
    """The person or asset tag that the user's own list gives for the serial."""


AppState = Literal["installed", "disabled", "suspended", "hidden", "uninstalled", "archived"]


class UserState(Value, frozen=True):
    """One user of a phone, and the app's state there."""

    id: int
    state: AppState
    """``uninstalled``: removed, its data kept."""


class AppRow(Value, frozen=True, tag_field="type", tag="app"):
    """One app on one device, or in one file. The contract of ``jsonl``: absent is null, never missing."""

    schema: int
    source: str
    location: str
    device: Device | None
    users: tuple[UserState, ...]
    package_name: str | None
    version_code: int | None
    version_name: str | None
    label: str | None
    installer: str | None
    system: bool | None
    copy: Literal["active", "factory"]
    splits: tuple[str, ...]
    platform: str
    min_sdk: int | None
    target_sdk: int | None
    scanned_at: str
    file_sha256: str | None
    etag: str | None
    stamp: str | None
    """Of what was read from a file or object: opaque text, by which ``--resume`` tells that it is still the same, read
    by the same signatures and options. Null where nothing tells."""
    signers: tuple[SignerRow, ...]
    certificate_history: tuple[SignerRow, ...]
    schemes: tuple[str, ...]
    assurance: Assurance | None
    verdict: Verdict
    findings: tuple[Finding, ...]
    tamper: tuple[str, ...]
    issues: tuple[str, ...]
    contradictions: tuple[str, ...]
    unread: str | None
    removal: tuple[str, ...]
    """For a finding on a phone: what would remove the app from each user, or why nothing will. Never run."""


class UnreadRow(Value, frozen=True, tag_field="type", tag="unread"):
    """A file, folder, user or device that could not be read."""

    schema: int
    source: str
    what: str
    which: str
    reason: str

    @property
    def place(self) -> str:
        """What it was, and of which phone, for there may be many."""
        if not self.source.startswith("adb:"):
            return self.which
        alone = self.which in {self.source, self.source.removeprefix("adb:")}
        return self.source if alone else f"{self.source}: {self.which}"

    @property
    def hole(self) -> str:
        """How the coverage names it."""
        return f"{self.what} {self.place}"


class CoverageHole(Value, frozen=True):
    """One thing that was not seen."""

    hole: str
    reason: str


class SoughtApp(Value, frozen=True):
    """A signature that every app was compared with, found or not."""

    signature: str
    app: str
    lists: tuple[str, ...]


class ListState(Value, frozen=True):
    """A list that names apps, and its legal state as the signature data tells it."""

    id: str
    title: str
    status: Literal["in-force", "revoked", "unknown"]
    since: str | None
    """ISO 8601 date."""
    until: str | None
    note: str | None
    cites: tuple[str, ...]


class SummaryRow(Value, frozen=True, tag_field="type", tag="summary"):
    """The last row: what was seen, what was not, and what the exit code is."""

    schema: int
    tool: str
    signatures: str
    """SHA-256 over the signature data used."""
    counts: dict[str, int]
    coverage: tuple[CoverageHole, ...]
    interrupted: bool
    exit_code: int
    sought: tuple[SoughtApp, ...]
    """What was looked for."""
    lists: tuple[ListState, ...]
    """The lists that name what was looked for."""
    signatures_from: tuple[str, ...]
    """Where that data comes from and its newest day: ``shipped``, ``updated`` (`signatures update`), ``given``."""


Row = AppRow | UnreadRow | SummaryRow


class Passed(Value, frozen=True):
    """A file that is neither an APK nor a container of APKs: counted, not judged."""

    source: str
    which: str
    location: Location | None = None
    """Of an object: it may be an inventory, which is looked at in its store."""


class Withheld(Value, frozen=True):
    """An app that was read, is none of the listed ones, and is kept out of the report: it is somebody's own affair."""

    source: str


class SamePhone(Value, frozen=True):
    """A SPEC that names a phone which is read under another name already: said, and not read twice."""

    source: str
    other: str


class Earlier(Value, frozen=True):
    """A candidate that an earlier scan read, and that is still the same: its rows are taken from there."""

    source: str
    number: int


class Expansion(Value, frozen=True):
    """More work found inside a container, to be done in this place of the order.

    ``inline`` asks for it to be done where the results are gathered, because it can only be read as a
    stream and must not be held in memory.
    """

    apps: tuple[App, ...]
    inline: bool = False


Outcome = AppRow | UnreadRow | Passed | SamePhone | Withheld | Earlier | Expansion
