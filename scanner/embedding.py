"""What the inside of an APK shows against the signatures: that it can pay through a listed app, or looks like one.

Pure functions, as the matcher's: signs and a database in, findings out. Both verdicts ask for a look and fail nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from scanner.apk.insides import Wanted
from scanner.database import SignatureDatabase
from scanner.database.signaturefile import CodePrefix, EmbeddedSdk, Signature
from scanner.matcher import Observation, any_pinned, plain
from scanner.model import AppRow, CoverageHole, Evidence, Finding, Insides, Mark, SdkTrace, Search, Verdict

UNREAD_INSIDE = "inside-unread: "
"""How an issue begins that tells what could not be looked into."""
BY_NAME = frozenset({Verdict.CONFIRMED, Verdict.LIKELY, Verdict.NAME_ONLY, Verdict.IMPOSTOR, Verdict.PAST_SIGNER})


def wanted(database: SignatureDatabase, search: Search) -> Wanted:
    """What to look for in an APK for this search."""
    sdks = [sdk for _, sdk in _sdks(database) if sdk.dex_payment] if search.payments else []
    code = [code.prefix for _, code in _code(database)] if search.look_alikes else []
    found = _wanted(sdks, [name for sdk in sdks for name in sdk.dex_payment] + code)
    return msgspec.structs.replace(found, labels=search.look_alikes)


def wanted_of_sdks(database: SignatureDatabase) -> Wanted:
    """All that tells an SDK, those for login and sharing too: what an analyst wants to see of one APK."""
    sdks = [sdk for _, sdk in _sdks(database)]
    return _wanted(sdks, [name for sdk in sdks for name in (*sdk.dex_payment, *sdk.dex_present)])


def traces(insides: Insides, database: SignatureDatabase) -> tuple[SdkTrace, ...]:
    """Every SDK of which there is a sign, with payment kept apart from login and sharing."""
    found = []
    for signature, sdk in _sdks(database):
        manifest, classes, queries = _told(insides, sdk, (*sdk.dex_payment, *sdk.dex_present))
        if manifest or classes:
            pays = bool(sdk.dex_payment) and bool(manifest or any(one.marker in sdk.dex_payment for one in classes))
            shown = tuple(f"{mark.kind.partition('-')[2]} {mark.value}" for mark in manifest)
            known = {mark.marker for mark in classes}
            dex = tuple(dict.fromkeys(name for name in (*sdk.dex_payment, *sdk.dex_present) if name in known))
            name = f"{signature.name}: {sdk.name}"
            found.append(SdkTrace(name, pays, shown, dex, tuple(mark.value for mark in queries)))
    return tuple(found)


def with_insides(
    findings: tuple[Finding, ...], insides: Insides | None, observed: Observation, database: SignatureDatabase
) -> tuple[Finding, ...]:
    """The findings by name and signer with those by what is inside, strongest first."""
    if insides is None:
        return findings
    more = (*_payments(insides, findings, database), *look_alikes(insides, observed, findings, database))
    return tuple(sorted((*findings, *more), key=lambda finding: (finding.verdict.strength, finding.signature)))


def look_alikes(
    insides: Insides, observed: Observation, findings: Iterable[Finding], database: SignatureDatabase
) -> tuple[Finding, ...]:
    """Listed apps whose label or code is in an app of another name and signer.

    Only a label that equals a listed title counts, and code that no SDK carries; a publisher's own app, by its pinned
    signer or by the names that the signatures know as related, does not.
    """
    known = list(findings)
    listed = {finding.signature for finding in known}
    own = {one.publisher for one in database.signatures if one.id in listed}
    found = []
    for signature in database.signatures:
        if signature.id in listed or signature.publisher in own:
            continue
        evidence = (*_label_evidence(insides, signature, database), *_code_evidence(insides, signature, observed))
        if evidence:
            found.append(_finding(signature, Verdict.LOOK_ALIKE, _likeness(evidence, observed, database), evidence))
    return tuple(found)


def merged(insides: Iterable[Insides | None]) -> Insides | None:
    """The insides of an app in several APKs, its base first; None where nothing was looked for."""
    parts = [one for one in insides if one is not None]
    if not parts:
        return None
    return Insides(
        tuple(mark for part in parts for mark in part.marks),
        parts[0].labels,
        parts[0].label_origin,
        all(part.classes_read for part in parts),
        tuple(problem for part in parts for problem in part.problems),
    )


def inside_issues(insides: Insides | None) -> tuple[str, ...]:
    """Notes for a row on what could not be looked into."""
    return tuple(f"{UNREAD_INSIDE}{problem}" for problem in insides.problems) if insides else ()


class InsideCoverage:
    """Counts the apps that a search could not look into as it does into files."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._phones = self._exports = self._unread = 0

    def count(self, row: AppRow, *, phone: bool) -> None:
        """Take note of one app."""
        if self._search.nothing:
            return
        self._phones += phone
        self._exports += row.device is not None and not phone
        self._unread += any(issue.startswith(UNREAD_INSIDE) for issue in row.issues)

    def holes(self) -> Iterator[CoverageHole]:
        """What was not seen, where anything was looked for."""
        what = " and ".join(
            name for name, on in (("payments", self._search.payments), ("look-alikes", self._search.look_alikes)) if on
        )
        if self._phones:
            why = f"{what} were looked for in the manifests that were read; classes and resources stay on the phone"
            yield CoverageHole(f"the inside of apps on phones: {self._phones}", why)
        if self._exports:
            why = f"{what} were not looked for: an inventory holds no APK"
            yield CoverageHole(f"the inside of apps in inventories: {self._exports}", why)
        if self._unread:
            why = f"{what} may be missed; see the issues of each row"
            yield CoverageHole(f"parts of the inside of apps: {self._unread}", why)


def _sdks(database: SignatureDatabase) -> Iterator[tuple[Signature, EmbeddedSdk]]:
    return ((signature, sdk) for signature in database.signatures for sdk in signature.embedded_sdks)


def _code(database: SignatureDatabase) -> Iterator[tuple[Signature, CodePrefix]]:
    return ((signature, code) for signature in database.signatures for code in signature.code)


def _wanted(sdks: list[EmbeddedSdk], classes: list[str]) -> Wanted:
    return Wanted(
        frozenset(name for sdk in sdks for name in sdk.activities),
        tuple(dict.fromkeys(name for sdk in sdks for name in sdk.activity_suffixes)),
        tuple(dict.fromkeys(name for sdk in sdks for name in sdk.scheme_prefixes)),
        frozenset(name for sdk in sdks for name in sdk.queries),
        tuple(dict.fromkeys(classes)),
    )


def _told(insides: Insides, sdk: EmbeddedSdk, classes: tuple[str, ...]) -> tuple[list[Mark], list[Mark], list[Mark]]:
    """The signs of one SDK: in the manifest, in the classes, and packages that the app asks to see."""
    declared = {
        "manifest-activity": (*sdk.activities, *sdk.activity_suffixes),
        "manifest-scheme": sdk.scheme_prefixes,
    }
    manifest = [mark for mark in insides.marks if mark.marker in declared.get(mark.kind, ())]
    dex = [mark for mark in insides.marks if mark.kind == "dex-class" and mark.marker in classes]
    queries = [mark for mark in insides.marks if mark.kind == "manifest-queries" and mark.marker in sdk.queries]
    return manifest, dex, queries


def _payments(insides: Insides, findings: tuple[Finding, ...], database: SignatureDatabase) -> Iterator[Finding]:
    itself = {finding.signature for finding in findings if finding.verdict in BY_NAME}
    for signature, sdk in _sdks(database):
        manifest, classes, queries = _told(insides, sdk, sdk.dex_payment)
        if sdk.dex_payment and (manifest or classes) and signature.id not in itself:
            evidence = tuple(_evidence(mark, sdk.cites) for mark in (*manifest, *classes, *queries))
            strength = _strength(insides, sdk, manifest=bool(manifest), classes=bool(classes))
            reason = f"it can pay through {signature.name}, or could: {strength}"
            yield _finding(signature, Verdict.EMBEDDED_SDK, reason, evidence)


def _strength(insides: Insides, sdk: EmbeddedSdk, *, manifest: bool, classes: bool) -> str:
    if manifest and classes:
        return "strong evidence, its manifest declares what payment needs and its classes hold the SDK"
    if manifest:
        why = (
            "its classes hold the SDK under no name known here" if insides.classes_read else "its classes were not read"
        )
        return f"fair evidence, its manifest declares what payment needs; {why}"
    if sdk.classes_alone == "hint":
        return "weak evidence, its classes hold the SDK's payment part, which may be there for login or sharing alone"
    return "fair evidence, its classes hold the payment SDK; its manifest declares nothing of it"


def _label_evidence(insides: Insides, signature: Signature, database: SignatureDatabase) -> Iterator[Evidence]:
    titles, cites = database.titles_of(signature)
    known = {plain(title) for title in titles}
    for label in insides.labels:
        if plain(label) in known:
            yield Evidence("label", label, True, titles, insides.label_origin, cites)  # noqa: FBT003


def _code_evidence(insides: Insides, signature: Signature, observed: Observation) -> Iterator[Evidence]:
    if observed.package_name in {related.name for related in signature.related}:
        return
    for code in signature.code:
        for mark in insides.marks:
            if mark.kind == "dex-class" and mark.marker == code.prefix:
                yield _evidence(mark, code.cites)


def _likeness(evidence: tuple[Evidence, ...], observed: Observation, database: SignatureDatabase) -> str:
    what = [
        said
        for kind, said in (("label", "its label is the listed one"), ("dex-class", "it holds the listed app's classes"))
        if any(one.kind == kind for one in evidence)
    ]
    signer = "another signer" if observed.signers else "no signer that was seen"
    if observed.broken is not None and any_pinned(observed.signers, database):
        signer = "a pinned signer's certificate whose signature does not hold"
    return f"another name and {signer}, but {' and '.join(what)}"


def _evidence(mark: Mark, cites: tuple[str, ...]) -> Evidence:
    return Evidence(mark.kind, mark.value, True, (mark.marker,), mark.origin, cites)  # noqa: FBT003


def _finding(signature: Signature, verdict: Verdict, reason: str, evidence: tuple[Evidence, ...]) -> Finding:
    lists = tuple(mention.list_id for mention in signature.lists)
    return Finding(signature.id, signature.name, verdict, reason, lists, evidence, None, None, None, None)
