"""(what was observed of an app) and database → findings with their evidence. A pure function.

How signers are compared: Android takes an app's identity to be the whole set of its signers, so a
listed app agrees with its pins only if *every* current signer is pinned. A pinned certificate beside
another one does not make an app genuine.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from scanner.database import SignatureDatabase, agreement, comparable
from scanner.database.signaturefile import PINNED, Package, PinnedSigner, Signature
from scanner.model import Assurance, Certificate, Evidence, Finding, Value, Verdict, plural

KINDS = {
    "sha256": "certificate-sha256",
    "sha1": "certificate-sha1",
    "md5": "certificate-md5",
    "spki_sha256": "public-key-sha256",
    "rsa_modulus_sha256": "rsa-modulus-sha256",
    "hash32": "certificate-hash32",
}
"""Kind of evidence for each digest a signer can be pinned by."""
REMEMBERED = 4096
"""Sets of certificates of which it is kept whether any is pinned: an inventory holds few publishers."""


class Observation(Value, frozen=True):
    """What is known of one app when it is matched."""

    package_name: str
    signers: tuple[Certificate, ...] = ()
    history: tuple[Certificate, ...] = ()
    assurance: Assurance | None = None
    no_signer: str | None = None
    """Why it has no signer, where that is *known*; null where signers were simply not seen."""
    broken: str | None = None
    """Why the signature that names these signers does not hold; null where it holds or nobody checked."""
    name_from: str = "manifest"
    signers_from: str = "signing-block"


def match(observed: Observation, database: SignatureDatabase) -> tuple[Finding, ...]:
    """Every finding, strongest first. Names that are ``unconfirmed`` in the data count as unlisted."""
    listed = [pair for pair in database.by_name(observed.package_name) if pair[1].status != "unconfirmed"]
    findings = [_listed(observed, signature, package) for signature, package in listed]
    if not listed:
        if not any_pinned(observed.signers, database) and not any_pinned(observed.history, database):
            return ()  # nearly every app there is
        findings = _unlisted(observed, database)
    return tuple(sorted(findings, key=lambda finding: (finding.verdict.strength, finding.signature)))


def match_title(title: str, origin: str, database: SignatureDatabase) -> tuple[Finding, ...]:
    """Findings for an export that has the name people see and no package name: a reason to look, never more."""
    seen = plain(title)
    return tuple(
        _finding(
            signature,
            Verdict.DISPLAY_NAME,
            "an export without package names shows a listed title: anybody may call an app so",
            (Evidence("display-name", title, True, titles, origin, cites),),  # noqa: FBT003
        )
        for signature in database.signatures
        for titles, cites in [database.titles_of(signature)]
        if any(_begins_with(seen, plain(listed)) for listed in titles)
    )


def _begins_with(seen: str, listed: str) -> bool:
    """Whether a title is the listed one, alone or with a store's subtitle; QQ Mail is not QQ."""
    rest = seen.removeprefix(listed).lstrip()
    return seen.startswith(listed) and (not rest or not (rest[0].isalnum() or rest[0] in "_&+."))


def plain(title: str) -> str:
    """A title without what people type differently: case, and blanks."""
    return " ".join(title.casefold().split())


def unconfirmed_names(package_name: str, database: SignatureDatabase) -> tuple[str, ...]:
    """Notes for a name that weak sources ascribe to a listed app: said, but never a finding."""
    if not (named := database.by_name(package_name)):
        return ()
    return tuple(
        f"unconfirmed-name: a weak source calls this package {signature.name}; not enough for a finding"
        for signature, package in named
        if package.status == "unconfirmed"
    )


def _listed(observed: Observation, signature: Signature, package: Package) -> Finding:
    pins = signature.signers_of(package)
    verdict, reason = _judge(observed, package, pins)
    sister = _sister(observed, signature, pins)
    if sister and verdict in {Verdict.NAME_ONLY, Verdict.IMPOSTOR}:
        reason = f"{reason}; {sister}"
    name = Evidence("package-name", package.name, True, (package.name,), observed.name_from, package.cites)  # noqa: FBT003
    return _finding(signature, verdict, reason, (name, *_certificate_evidence(observed, pins)))


def _sister(observed: Observation, signature: Signature, pins: tuple[PinnedSigner, ...]) -> str:
    """A word on a signer of the same app that is pinned for its other names: a key is never carried over unseen."""
    for signer in signature.signers:
        if signer not in pins and observed.broken is None and any(agreement(one, signer) for one in observed.signers):
            names = ", ".join(package.name for package in signature.packages if signer.id in package.signers)
            return f"it is the signer pinned for {names}, which nobody was seen to use for this name"
    return ""


def _judge(observed: Observation, package: Package, pins: tuple[PinnedSigner, ...]) -> tuple[Verdict, str]:
    if observed.assurance == Assurance.HINT:
        return _hinted(observed, package, pins)
    agreeing = [certificate for certificate in observed.signers if _agreed(certificate, pins)]
    if observed.broken is not None:
        return _broken(observed, package, claimed=bool(agreeing))
    if observed.signers and len(agreeing) == len(observed.signers):
        return _agreeing(observed)
    if not observed.signers:
        return _without_signer(observed, package)
    if any(_agreed(past, pins) for past in observed.history):
        return Verdict.PAST_SIGNER, "a pinned signer is only in the certificate history, another signs now"
    are = plural(len(agreeing), "is", "are")
    beside = f"; {len(agreeing)} of {len(observed.signers)} signers {are} pinned, all must be" if agreeing else ""
    if package.pins == "none" and not pins:
        return Verdict.NAME_ONLY, "no certificate of this app is known to compare with"
    if package.pins != "complete":
        return Verdict.NAME_ONLY, f"signed by a certificate that our incomplete pins do not hold{beside}"
    if not all(comparable(certificate, pin) for certificate in observed.signers for pin in pins):
        return Verdict.NAME_ONLY, "the digest that was seen is of a kind that our pins do not hold"
    return Verdict.IMPOSTOR, f"another signer under a listed name whose signers are all known{beside}"


def _hinted(observed: Observation, package: Package, pins: tuple[PinnedSigner, ...]) -> tuple[Verdict, str]:
    """A 32-bit hash of a certificate: it can rule every pinned certificate out, and never one in."""
    if observed.signers and all(_hash_agrees(certificate, pins) for certificate in observed.signers):
        return Verdict.LIKELY, "listed name, and the 32-bit hash of its certificate is a pinned signer's: a hint"
    if any(_hash_agrees(past, pins) for past in observed.history):
        return (
            Verdict.LIKELY,
            "listed name, and a past certificate has the 32-bit hash of a pinned signer: rotated, or a v3.2 pair",
        )
    if package.pins == "none" and not pins:
        return Verdict.NAME_ONLY, "no certificate of this app is known to compare with"
    if package.pins == "complete" and all(pin.hash32 for pin in pins):
        return (
            Verdict.IMPOSTOR,
            "the 32-bit hash of its certificate is that of no signer, and its signers are all known",
        )
    return Verdict.NAME_ONLY, "the 32-bit hash of its certificate is none of those that our incomplete pins hold"


def _hash_agrees(certificate: Certificate, pins: tuple[PinnedSigner, ...]) -> bool:
    return certificate.hash32 is not None and any(certificate.hash32 == pin.hash32 for pin in pins)


def _agreeing(observed: Observation) -> tuple[Verdict, str]:
    if observed.assurance is not None and observed.assurance.reaches(Assurance.REPORTED):
        return Verdict.CONFIRMED, f"listed name, signed by a pinned signer ({observed.assurance})"
    return (
        Verdict.LIKELY,
        "listed name, and a pinned signer's certificate that nobody checked the signature of",
    )


def _broken(observed: Observation, package: Package, *, claimed: bool) -> tuple[Verdict, str]:
    """A signature that does not hold is nobody's, whatever certificate stands in it."""
    whose = "a pinned signer's certificate is claimed, but" if claimed else "listed name, and"
    reason = f"{whose} the signature does not verify: {observed.broken}"
    if package.pins == "complete":
        return Verdict.IMPOSTOR, reason
    return Verdict.NAME_ONLY, f"{reason}; our pins for it are not complete"


def _without_signer(observed: Observation, package: Package) -> tuple[Verdict, str]:
    if observed.no_signer is None:
        return Verdict.NAME_ONLY, "its certificate was not seen"
    if package.pins == "complete":
        return Verdict.IMPOSTOR, f"listed name without a signer: {observed.no_signer}"
    return Verdict.NAME_ONLY, f"without a signer: {observed.no_signer}; our pins for it are not complete"


def any_pinned(certificates: tuple[Certificate, ...], database: SignatureDatabase) -> bool:
    """Whether any of them is a signature's, by whatever digest."""
    if any(certificate.der is not None for certificate in certificates):  # out of a file, and of any size: not kept
        return any(map(database.by_certificate, certificates))
    return _any_pinned(certificates, database)


@lru_cache(maxsize=REMEMBERED)
def _any_pinned(certificates: tuple[Certificate, ...], database: SignatureDatabase) -> bool:
    return any(map(database.by_certificate, certificates))


def _unlisted(observed: Observation, database: SignatureDatabase) -> list[Finding]:
    findings: dict[str, Finding] = {}
    if observed.broken is not None:
        return []  # it names a pinned signer who did not sign: `tamper` says so, and nobody's app it is
    for certificates, when in ((observed.signers, ""), (observed.history, " in its certificate history")):
        for certificate in certificates:
            for signature, signer in database.by_certificate(certificate).values():
                known = ", as it is known to" if observed.package_name in signer.also_signs else ""
                seems = "signs" if certificate.sha256 or certificate.sha1 or certificate.md5 else "seems to sign"
                reason = f"the signer of {signature.name} {seems} this package too{when}{known}"
                evidence = tuple(_certificate_evidence(observed, (signer,)))
                findings.setdefault(signature.id, _finding(signature, Verdict.SAME_SIGNER, reason, evidence))
    return list(findings.values())


def _agreed(certificate: Certificate, pins: tuple[PinnedSigner, ...]) -> bool:
    return any(agreement(certificate, pin) for pin in pins)


def _certificate_evidence(observed: Observation, pins: tuple[PinnedSigner, ...]) -> Iterable[Evidence]:
    """One comparison for each certificate, current ones first."""
    if observed.no_signer is not None and not observed.signers:
        pinned = tuple(value for pin in pins if (value := pin.sha256))
        yield Evidence("no-signer", observed.no_signer, False, pinned, observed.signers_from, ())  # noqa: FBT003
    for certificate in observed.signers:
        yield _compared(certificate, pins, observed.signers_from)
    for past in observed.history:
        if _agreed(past, pins) or (observed.assurance == Assurance.HINT and _hash_agrees(past, pins)):
            yield _compared(past, pins, "certificate-history")


def _compared(certificate: Certificate, pins: tuple[PinnedSigner, ...], origin: str) -> Evidence:
    for pin in pins:
        kind = agreement(certificate, pin)
        if kind:
            value = getattr(certificate, kind)
            return Evidence(KINDS[kind], value, True, (value,), origin, pin.cites)  # noqa: FBT003
    if certificate.hash32 and not any(getattr(certificate, kind) for kind in PINNED):
        return _compared_hash(certificate.hash32, pins, origin)
    kind = next(
        (kind for kind in PINNED if getattr(certificate, kind) and any(getattr(pin, kind) for pin in pins)),
        None,
    )
    kind = kind or next((kind for kind in PINNED if getattr(certificate, kind)), "sha256")
    held = [pin for pin in pins if getattr(pin, kind)]
    cites = tuple(dict.fromkeys(cite for pin in held for cite in pin.cites))
    value = getattr(certificate, kind) or ""
    return Evidence(KINDS[kind], value, False, tuple(getattr(pin, kind) for pin in held), origin, cites)  # noqa: FBT003


def _compared_hash(hash32: str, pins: tuple[PinnedSigner, ...], origin: str) -> Evidence:
    """The comparison of a 32-bit hash, which cites whoever says what the pinned certificates are."""
    held = [pin for pin in pins if pin.hash32]
    equal = [pin for pin in held if pin.hash32 == hash32]
    cites = tuple(dict.fromkeys(cite for pin in equal or held for cite in pin.cites))
    pinned = tuple(pin.hash32 or "" for pin in equal or held)
    return Evidence(KINDS["hash32"], hash32, bool(equal), pinned, origin, cites)


def _finding(signature: Signature, verdict: Verdict, reason: str, evidence: tuple[Evidence, ...]) -> Finding:
    lists = tuple(mention.list_id for mention in signature.lists)
    return Finding(signature.id, signature.name, verdict, reason, lists, evidence, None, None, None, None)
