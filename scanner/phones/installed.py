"""One installed app judged: what the phone states of its certificate, what was read of its APK, and the row of both.

The ladder of evidence, strongest first: the signing block of the APK that Android installed, a SHA-256 that the
platform states, the 32-bit hashes of ``dumpsys package``. The strongest one that is there decides; the others must not
contradict it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import msgspec

from scanner.certificate import hash32, same_certificate
from scanner.database import SignatureDatabase
from scanner.embedding import inside_issues, with_insides
from scanner.matcher import Observation, any_pinned, match, match_title, unconfirmed_names
from scanner.model import (
    SCHEMA_VERSION,
    AppRow,
    Assurance,
    Certificate,
    Finding,
    Installed,
    SignerRow,
    Verdict,
    first_known,
    printable,
)
from scanner.phones.removal import removal_advice
from scanner.rows import Judged, broken_notes, signer_row

REMEMBERED = 4096
"""Sets of certificates that are kept as they stand in rows: an inventory holds few publishers."""
_CLEAR, _HINT = Verdict.CLEAR, Assurance.HINT
"""Looked up once: an enum's attribute costs as much as a dictionary in Python 3.11."""
SEEN_IN_THE_APK = {Verdict.EMBEDDED_SDK, Verdict.LOOK_ALIKE}
"""Findings that rest on the APK's content: a saved row does not hold what would judge them again."""


def observe_installed(app: Installed, read: Judged | None) -> Observation:
    """What is known of the certificate of an installed app, by the strongest evidence there is."""
    if read is not None and (read.observed.signers or read.observed.broken):
        return _read(app, read)
    stated = app.stated
    if stated is not None:
        return Observation(
            app.package_name,
            stated.signers,
            stated.history,
            stated.assurance if stated.signers else None,
            stated.no_signer,
            stated.broken,
            _named_by(app),
            stated.origin,
        )
    return Observation(
        app.package_name,
        signers=_hashed(app.hashes),
        history=_hashed(app.past_hashes),
        assurance=_HINT if app.hashes else None,
        name_from=_named_by(app),
        signers_from="dumpsys package" if app.hashes else "nothing",
    )


@lru_cache(maxsize=REMEMBERED)
def _hashed(hashes: tuple[str, ...]) -> tuple[Certificate, ...]:
    """Certificates of which no more than the 32-bit hash is known."""
    return tuple(Certificate(hash32=value) for value in hashes)


def _named_by(app: Installed) -> str:
    if app.phone is not None:
        return "pm list packages"
    return "app-scanner row" if app.earlier is not None else printable(app.where or app.source)


def _read(app: Installed, read: Judged) -> Observation:
    """A block that Android accepted when it installed the APK; no more than a claim where the phone disagrees."""
    assurance = read.observed.assurance
    if assurance == Assurance.DECLARED:
        assurance = Assurance.DECLARED if any(_contradictions(app, read)) else Assurance.PLATFORM
    return msgspec.structs.replace(
        read.observed, package_name=app.package_name, assurance=assurance, name_from="pm list packages"
    )


def contradicted(app: Installed, read: Judged) -> bool:
    """Whether what the phone states of the app's certificates cannot be true of those that were read."""
    return any(_other_certificates(app, read))


def _contradictions(app: Installed, read: Judged | None) -> Iterator[str]:
    """Where the phone and the APK that it names do not say the same."""
    if read is None:
        return
    identity = read.identity
    if identity.package_name != app.package_name:
        yield f"package-name: the phone says {app.package_name}, its APK {printable(identity.package_name)}"
    if None not in {app.version_code, identity.version_code} and app.version_code != identity.version_code:
        yield f"version-code: the phone says {app.version_code}, its APK {identity.version_code}"
    yield from _other_certificates(app, read)


def _other_certificates(app: Installed, read: Judged) -> Iterator[str]:
    """Where the phone's own statements name none of the certificates that its APK bears."""
    identity = read.identity
    certificates = [signer.certificate for signer in identity.signing.signers]
    certificates += [past.certificate for signer in identity.signing.signers for past in signer.history]
    stated = {*app.hashes, *app.past_hashes}
    if stated and certificates and not stated & {hash32(one.der) for one in certificates if one.der is not None}:
        yield f"certificate-hash: the phone says {', '.join(sorted(stated))}, which no certificate of its APK has"
    full = [*app.stated.signers, *app.stated.history] if app.stated else []
    if app.stated and full and certificates and not any(same_certificate(a, b) for a in full for b in certificates):
        yield f"certificate: {app.stated.origin} names a signer that the APK does not"


class InstalledJudge:
    """Makes the rows of installed apps."""

    def __init__(self, database: SignatureDatabase, now: str) -> None:
        self._database, self._now = database, now

    def listed(self, app: Installed) -> bool:
        """Whether a signature lists its name."""
        return any(package.status != "unconfirmed" for _, package in self._database.by_name(app.package_name))

    def _weighed(self, app: Installed) -> Installed:
        """The app by the worst of what inventories state equally strongly: an impostor does not hide behind a copy."""
        if app.stated is None or not app.also_stated or self._is_impostor(app):
            return app
        for other in app.also_stated:
            instead = msgspec.structs.replace(app, stated=other, also_stated=(app.stated,))
            if other.assurance is app.stated.assurance and self._is_impostor(instead):
                return instead
        return app

    def _is_impostor(self, app: Installed) -> bool:
        findings = match(observe_installed(app, None), self._database)
        return any(finding.verdict is Verdict.IMPOSTOR for finding in findings)

    def _other_verdicts(self, app: Installed, findings: tuple[Finding, ...]) -> Iterator[str]:
        """What else is stated of an app's certificate, where that and the rest would not both call it an impostor."""
        if app.stated is None or not findings:
            return
        told = any(finding.verdict is Verdict.IMPOSTOR for finding in findings)
        others = [(other.origin, msgspec.structs.replace(app, stated=other)) for other in app.also_stated]
        if app.hashes:
            others.append((f"the hash {', '.join(app.hashes)}", msgspec.structs.replace(app, stated=None)))
        for origin, other in others:
            if self._is_impostor(other) != told:
                said = "the publisher's" if told else "an impostor's"
                yield f"certificate: by {printable(origin)} it is {said}, unlike what {app.stated.origin} states"

    def _nobodys(self, app: Installed) -> bool:
        """Whether no signature knows the name of an app, nor its certificates: nearly every saved row, told quickly."""
        stated = app.stated
        if stated is None or not app.package_name or self._database.by_name(app.package_name):
            return False
        return not any_pinned(stated.signers, self._database) and not any_pinned(stated.history, self._database)

    def _titled(self, app: Installed) -> tuple[Finding, ...]:
        return match_title(app.title, app.where or app.source, self._database) if app.title else ()

    def row(self, app: Installed, read: Judged | None, why_unread: str | None) -> AppRow:
        """The row of one copy of one app. ``why_unread`` says why its APK was wanted and not read, or not verified."""
        if app.earlier is not None and self._nobodys(app):
            return _again(app, app.earlier, (), ())
        app = self._weighed(app) if app.also_stated else app
        observed = observe_installed(app, read)
        findings = match(observed, self._database) if app.package_name else self._titled(app)
        if app.earlier is not None:
            return _again(app, app.earlier, findings, unconfirmed_names(app.package_name, self._database))
        unconfirmed = unconfirmed_names(app.package_name, self._database)
        if read is not None and read.insides is not None:
            findings = with_insides(findings, read.insides, observed, self._database)
            unconfirmed += inside_issues(read.insides)
        issues = (*_issues(app, read, observed, why_unread), *unconfirmed)
        contradictions: tuple[str, ...] = ()
        if read is not None or findings or app.contradictions:
            contradictions = tuple(self._all_contradictions(app, read, findings))
        return _row(app, read, observed, findings, issues, contradictions, self._now)

    def _all_contradictions(self, app: Installed, read: Judged | None, findings: tuple[Finding, ...]) -> Iterator[str]:
        """Where an APK contradicts itself, inventories each other, and the phone its APK."""
        yield from read.identity.contradictions if read else ()
        yield from map(printable, app.contradictions)
        yield from _contradictions(app, read)
        if read is None:
            yield from self._other_verdicts(app, findings)


def _again(app: Installed, earlier: AppRow, findings: tuple[Finding, ...], notes: tuple[str, ...]) -> AppRow:
    """The row of an earlier scan, by the signatures of today. Where and when it was scanned stays what it was."""
    if earlier.findings:
        findings = tuple(_found_again(finding, earlier) for finding in findings)
        kept = (finding for finding in earlier.findings if finding.verdict in SEEN_IN_THE_APK)
        findings = tuple(sorted((*findings, *kept), key=lambda finding: (finding.verdict.strength, finding.signature)))
    without = _CLEAR if earlier.unread is None else Verdict.UNREAD
    issues = earlier.issues
    if issues or notes:
        issues = (*(issue for issue in issues if not issue.startswith("unconfirmed-name:")), *notes)
    return msgspec.structs.replace(
        earlier,
        stamp=None,
        verdict=findings[0].verdict if findings else without,
        findings=findings,
        issues=issues,
        removal=(earlier.removal or removal_advice(app)) if findings and app.device is not None else (),
    )


def _found_again(finding: Finding, earlier: AppRow) -> Finding:
    """The finding with the inputs that its evidence was read from when the app was scanned."""
    origins = {(one.kind, one.value): one.origin for before in earlier.findings for one in before.evidence}
    evidence = (
        msgspec.structs.replace(one, origin=origins.get((one.kind, one.value), one.origin)) for one in finding.evidence
    )
    return msgspec.structs.replace(finding, evidence=tuple(evidence))


def _issues(app: Installed, read: Judged | None, observed: Observation, why_unread: str | None) -> Iterator[str]:
    if not app.package_name:
        yield "no-package-name: only the name that people see, which proves nothing"
    if app.also_in:
        yield f"also-in: {', '.join(map(printable, app.also_in))}"
    if why_unread is not None:
        yield f"{'apk-unread' if read is None else 'not-verified'}: {why_unread}"
    if read is not None and read.identity.signing.problem:
        yield f"signing: {read.identity.signing.problem}"
    present = app.present
    if not observed.signers and present:
        yield "certificate-not-seen: nothing that was read names its certificate"
    if not present:
        yield "not-installed: no user can run it now; its data may be left, or it is archived"


@lru_cache(maxsize=REMEMBERED)
def _signer_rows(certificates: tuple[Certificate, ...]) -> tuple[SignerRow, ...]:
    return tuple(map(signer_row, certificates))


def _row(
    app: Installed,
    read: Judged | None,
    observed: Observation,
    findings: tuple[Finding, ...],
    issues: tuple[str, ...],
    contradictions: tuple[str, ...],
    now: str,
) -> AppRow:
    identity = read.identity if read else None
    version_name = first_known(app.version_name, identity.version_name if identity else None)
    return AppRow(  # by position, in the order of its fields: names take three times as long
        SCHEMA_VERSION,
        printable(app.source),
        str(app.location) if app.location else printable(app.where),
        app.device,
        app.users,
        app.package_name or None,
        first_known(app.version_code, identity.version_code if identity else None),
        None if version_name is None else printable(version_name),
        None if app.title is None else printable(app.title),
        None if app.installer is None else printable(app.installer),
        app.system,
        app.copy,
        tuple(map(printable, app.splits)) if app.splits else (),
        "android",
        first_known(app.min_sdk, identity.min_sdk if identity else None),
        first_known(app.target_sdk, identity.target_sdk if identity else None),
        now,
        read.file_sha256 if read else app.file_sha256,
        None,  # no etag: nothing is fetched
        None,  # no stamp: phones and inventories are read anew
        _signer_rows(observed.signers),
        _signer_rows(observed.history),
        tuple(scheme.name for scheme in identity.signing.schemes) if identity else (),
        observed.assurance,
        findings[0].verdict if findings else _CLEAR,
        findings,
        (*identity.tamper, *broken_notes(read)) if identity and read else (),
        issues,
        contradictions,
        None,  # nothing of it is unread
        removal_advice(app) if findings else (),
    )
