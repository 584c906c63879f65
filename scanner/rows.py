"""From an identity and its findings to the row that is written."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.certificate import complete
from scanner.database import SignatureDatabase
from scanner.matcher import Observation, match, unconfirmed_names
from scanner.model import (
    SCHEMA_VERSION,
    ApkIdentity,
    App,
    AppRow,
    Assurance,
    Certificate,
    SignerRow,
    UnreadRow,
    Verdict,
    printable,
)

SPLIT_WITHOUT_BASE = "split-without-base: a part of a split set; its base APK was not found beside it"


def observe(identity: ApkIdentity) -> Observation:
    """What an APK file lets be known: certificates that are declared and no more."""
    signing = identity.signing
    return Observation(
        package_name=identity.package_name,
        signers=tuple(complete(signer.certificate) for signer in signing.signers),
        history=tuple(complete(past.certificate) for past in signing.history),
        assurance=Assurance.DECLARED if signing.signers else None,
        no_signer=None if signing.signers else signing.problem or f"not signed for API level {signing.sdk}",
        signers_from="signing-block" if signing.governing not in {None, "v1"} else "jar-signature",
    )


def apk_row(
    app: App,
    identity: ApkIdentity,
    splits: Iterable[tuple[str, ApkIdentity]],
    database: SignatureDatabase,
    now: str,
    *,
    file_sha256: str | None = None,
    label: str | None = None,
    version_name: str | None = None,
) -> AppRow:
    """The row of one app in a file: its base APK, and the splits that stand with it by name.

    ``file_sha256``, ``label`` and ``version_name`` are given where the whole file was read.
    """
    version_name = version_name or identity.version_name
    observed = observe(identity)
    findings = match(observed, database)
    signing, parts = identity.signing, list(splits)
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
        splits=tuple(printable(part.split or name) for name, part in parts),
        platform="android",
        min_sdk=identity.min_sdk,
        target_sdk=identity.target_sdk,
        scanned_at=now,
        file_sha256=file_sha256,
        etag=None,
        signers=tuple(map(_signer, observed.signers)),
        certificate_history=tuple(map(_signer, observed.history)),
        schemes=tuple(scheme.name for scheme in signing.schemes),
        assurance=observed.assurance,
        verdict=findings[0].verdict if findings else Verdict.CLEAR,
        findings=findings,
        tamper=(*identity.tamper, *_split_notes(identity, parts)),
        issues=(*_issues(identity), *unconfirmed_names(identity.package_name, database)),
        contradictions=identity.contradictions,
        unread=None,
    )


def unread_row(app: App, reason: object, what: str = "file") -> UnreadRow:
    """The row of something that could not be read, with one line of reason."""
    text = " ".join(str(reason).split())
    return UnreadRow(SCHEMA_VERSION, printable(app.source), what, str(app.location), printable(text))


def _signer(certificate: Certificate) -> SignerRow:
    subject = certificate.subject
    return SignerRow(
        certificate.sha256, certificate.sha1, certificate.md5, None if subject is None else printable(subject)
    )


def _issues(identity: ApkIdentity) -> Iterable[str]:
    signing = identity.signing
    if not signing.signers:
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


def _split_notes(base: ApkIdentity, parts: list[tuple[str, ApkIdentity]]) -> Iterable[str]:
    """Android installs a split only if its package, version code and signers equal the base's."""
    for name, part in parts:
        if part.package_name != base.package_name:
            yield f"split-package: {printable(name)} is of {printable(part.package_name)}"
        elif part.version_code != base.version_code:
            yield f"split-version: {printable(name)} has version code {part.version_code}, the base {base.version_code}"
        if _signer_set(part) != _signer_set(base):
            yield f"split-signer: {printable(name)} is signed by another signer than the base"


def _signer_set(identity: ApkIdentity) -> frozenset[str | None]:
    return frozenset(signer.certificate.sha256 for signer in identity.signing.signers)
