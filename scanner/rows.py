"""One APK judged: identified, verified where it matters, matched, and made a row."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from scanner.apk import identify
from scanner.apk.identity import more_notes
from scanner.apk.insides import read_insides
from scanner.bytesource import ByteSource, Span
from scanner.certificate import complete
from scanner.database import SignatureDatabase
from scanner.embedding import inside_issues, look_alikes, merged, wanted, with_insides
from scanner.errors import ReadError
from scanner.matcher import Observation, match, unconfirmed_names
from scanner.model import (
    LIMITS,
    SCHEMA_VERSION,
    ApkIdentity,
    App,
    AppRow,
    Assurance,
    Certificate,
    Finding,
    Insides,
    Limits,
    Search,
    SignerRow,
    UnreadRow,
    Value,
    Verdict,
    Verification,
    printable,
)

MAX_REASONS = 5
"""Reasons given in a row; the rest are in `inspect`."""
SPLIT_WITHOUT_BASE = "split-without-base: a part of a split set; its base APK was not found beside it"


class Judged(Value, frozen=True):
    """One APK, identified; and verified, where that was worth reading the whole of it."""

    identity: ApkIdentity
    observed: Observation
    verification: Verification | None = None
    file_sha256: str | None = None
    insides: Insides | None = None
    """What was looked for and found inside; null where only the identity was wanted."""


class Judge:
    """Says of one APK who it is, and makes its row. Verifies what would be reported, or everything."""

    def __init__(
        self,
        database: SignatureDatabase,
        sdk: int,
        now: str,
        *,
        verify_all: bool = False,
        search: Search | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._limits = limits
        self._database, self._sdk, self._now, self._verify_all = database, sdk, now, verify_all
        self._wanted = None if search is None or search.nothing else wanted(database, search)

    def read(self, source: ByteSource, *, every_scheme: bool = False, verify_it: bool = False) -> Judged:
        """Identify an APK, and verify it where a signature matches what it declares. Raises as `identify` does."""
        identity = identify(source, self._sdk, every_scheme=every_scheme, limits=self._limits)
        declared, insides = observe(identity), self._insides(source)
        if not (verify_it or self._verify_all or self._suspect(declared, insides)):
            return Judged(identity, declared, insides=insides)
        return self._verified(source, identity, declared, insides)

    def read_installed(self, source: ByteSource) -> tuple[Judged, str | None]:
        """Identify an APK that Android has installed, and so verified; checked once more where everything is.

        With it, why it could not be checked: a phone may be able to read a file and not to hash it.
        """
        identity = identify(source, self._sdk, limits=self._limits)
        declared, insides = observe(identity), self._insides(source, manifest_only=True)
        unverified = Judged(identity, declared, insides=insides)
        if not self._verify_all:
            return unverified, None
        try:
            return self._verified(source, identity, declared, insides), None
        except ReadError as error:
            return unverified, str(error)

    def _insides(self, source: ByteSource, *, manifest_only: bool = False) -> Insides | None:
        if self._wanted is None:
            return None
        return read_insides(source, self._wanted, manifest_only=manifest_only, limits=self._limits)

    def _suspect(self, declared: Observation, insides: Insides | None) -> bool:
        """Whether it would be reported for its name, its signer or its looks; that it can pay needs no signature."""
        findings = match(declared, self._database)
        return bool(findings or (insides and look_alikes(insides, declared, findings, self._database)))

    def _verified(
        self, source: ByteSource, identity: ApkIdentity, declared: Observation, insides: Insides | None
    ) -> Judged:
        from scanner.apk.verify import verify  # with all the mathematics; most scans verify nothing

        verification = verify(source, self._sdk, self._sdk, limits=self._limits)
        digest = source.hash_ranges([Span(0, source.size)], "sha256")[0].hex()
        identity = more_notes(source, identity, self._limits)
        return Judged(identity, _checked(declared, verification), verification, digest, insides)

    def row(
        self,
        app: App,
        judged: Judged,
        splits: Iterable[tuple[str, Judged]] = (),
        *,
        label: str | None = None,
        version_name: str | None = None,
    ) -> AppRow:
        """The row of one app in a file: its base APK, and the splits that stand with it by name.

        ``label`` and ``version_name`` are given where the resource table was read.
        """
        parts = list(splits)
        insides = merged(one.insides for one in (judged, *(part for _, part in parts)))
        findings = with_insides(match(judged.observed, self._database), insides, judged.observed, self._database)
        notes = (*unconfirmed_names(judged.identity.package_name, self._database), *inside_issues(insides))
        label = label or (insides.labels[0] if insides and insides.labels else None)
        return _row(app, judged, parts, findings, notes, self._now, label, version_name)


def observe(identity: ApkIdentity) -> Observation:
    """What an APK lets be known before it is verified: certificates that are declared and no more."""
    signing = identity.signing
    return Observation(
        package_name=identity.package_name,
        signers=tuple(complete(signer.certificate) for signer in signing.signers),
        history=tuple(complete(past.certificate) for past in signing.history),
        assurance=Assurance.DECLARED if signing.signers else None,
        no_signer=None if signing.signers else signing.problem or f"not signed for API level {signing.sdk}",
        signers_from="signing-block" if signing.governing not in {None, "v1"} else "jar-signature",
    )


def _checked(declared: Observation, verification: Verification) -> Observation:
    """The observation after verification: its certificates are certain, or their claim is known to be false.

    The verified signers count, whomever the block or the JAR signature seemed to name: `contradictions` tells.
    """
    if not verification.verified:
        errors = verification.errors
        said = str(errors[0]) if errors else "no signature verifies"
        return msgspec.structs.replace(declared, broken=said if declared.signers else None)
    signers = verification.signers
    return msgspec.structs.replace(
        declared,
        signers=tuple(signer.certificate for signer in signers),
        history=tuple(complete(past.certificate) for past in signers[0].history),
        assurance=Assurance.VERIFIED,
        no_signer=None,
    )


def _contradictions(judged: Judged) -> Iterable[str]:
    declared = {signer.certificate.sha256 for signer in judged.identity.signing.signers}
    if judged.observed.assurance == Assurance.VERIFIED:
        for certificate in judged.observed.signers:
            if certificate.sha256 not in declared:
                named = ", ".join(str(one) for one in sorted(filter(None, declared))) or "nobody"
                yield f"declared-signer: the signature seems to name {named}; verified is {certificate.sha256}"


def _row(
    app: App,
    judged: Judged,
    parts: list[tuple[str, Judged]],
    findings: tuple[Finding, ...],
    notes: tuple[str, ...],
    now: str,
    label: str | None,
    version_name: str | None,
) -> AppRow:
    identity, observed = judged.identity, judged.observed
    signing = identity.signing
    version_name = version_name or identity.version_name
    return AppRow(
        schema=SCHEMA_VERSION,
        source=printable(app.source),
        location=str(app.location),
        device=None,
        users=(),
        package_name=printable(identity.package_name),
        version_code=identity.version_code,
        version_name=None if version_name is None else printable(version_name),
        label=None if label is None else printable(label),
        installer=None,
        system=None,
        copy="active",
        splits=tuple(printable(part.identity.split or name) for name, part in parts),
        platform="android",
        min_sdk=identity.min_sdk,
        target_sdk=identity.target_sdk,
        scanned_at=now,
        file_sha256=judged.file_sha256,
        etag=app.location.etag,
        stamp=None,
        signers=tuple(map(signer_row, observed.signers)),
        certificate_history=tuple(map(signer_row, observed.history)),
        schemes=tuple(scheme.name for scheme in signing.schemes),
        assurance=observed.assurance,
        verdict=findings[0].verdict if findings else Verdict.CLEAR,
        findings=findings,
        tamper=(*identity.tamper, *broken_notes(judged), *_split_notes(identity, parts)),
        issues=(*_issues(judged), *notes),
        contradictions=(*identity.contradictions, *_contradictions(judged)),
        unread=None,
        removal=(),
    )


def unread_row(app: App, reason: object, what: str = "file") -> UnreadRow:
    """The row of something that could not be read, with one line of reason."""
    text = " ".join(str(reason).split())
    return UnreadRow(SCHEMA_VERSION, printable(app.source), what, str(app.location), printable(text))


def signer_row(certificate: Certificate) -> SignerRow:
    """A certificate as a row shows it."""
    subject = certificate.subject
    return SignerRow(
        certificate.sha256,
        certificate.sha1,
        certificate.md5,
        None if subject is None else printable(subject),
        certificate.hash32 if certificate.sha256 is None else None,
    )


def _issues(judged: Judged) -> Iterable[str]:
    identity = judged.identity
    signing = identity.signing
    if not judged.observed.signers:
        yield f"unsigned: {signing.problem or f'no signature that API level {signing.sdk} would look at'}"
    elif signing.problem:
        yield f"signing: {signing.problem}"
    if identity.split is not None:
        yield SPLIT_WITHOUT_BASE
    for scheme in signing.schemes:
        if scheme.problem and scheme.name != signing.governing:
            yield f"signing: {scheme.problem}"
    for name in identity.references:
        yield f"reference: the {name} points into the resource table, which a scan does not read; see inspect"


def broken_notes(judged: Judged) -> Iterable[str]:
    """Every reason why the signature that the APK bears does not hold."""
    if judged.observed.broken is not None and judged.verification is not None:
        for issue in judged.verification.errors[:MAX_REASONS]:
            yield f"signature-does-not-verify: {printable(str(issue))}"


def _split_notes(base: ApkIdentity, parts: list[tuple[str, Judged]]) -> Iterable[str]:
    """Android installs a split only if its package, version code and signers equal the base's."""
    for name, judged in parts:
        part = judged.identity
        yield from (f"{note} ({printable(name)})" for note in broken_notes(judged))
        if part.package_name != base.package_name:
            yield f"split-package: {printable(name)} is of {printable(part.package_name)}"
        elif part.version_code != base.version_code:
            yield f"split-version: {printable(name)} has version code {part.version_code}, the base {base.version_code}"
        if signer_set(part) != signer_set(base):
            yield f"split-signer: {printable(name)} is signed by another signer than the base"


def same_signers(one: Judged, other: Judged) -> bool:
    """Whether two APKs are signed by the same set of signers."""
    return signer_set(one.identity) == signer_set(other.identity)


def signer_set(identity: ApkIdentity) -> frozenset[str | None]:
    """What Android compares: the digests of all current signers."""
    return frozenset(signer.certificate.sha256 for signer in identity.signing.signers)
