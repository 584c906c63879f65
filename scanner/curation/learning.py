"""A pin from an APK that verifies: who signed these very bytes, computed here, and never what a block merely claims."""

from __future__ import annotations

from datetime import date

import msgspec

from scanner import __version__
from scanner.apk import identify
from scanner.apk.verify import verify
from scanner.bytesource import Span
from scanner.certificate import complete, details, hash32
from scanner.curation.testkeys import public_key_of
from scanner.curation.writing import file_of
from scanner.database.signaturefile import ListDefinition, ListMention, Package, PinnedSigner, Signature, SignatureFile
from scanner.database.signaturelist import NOT_STATED, slug
from scanner.errors import RefusedError, SourceError
from scanner.model import ApkIdentity, Certificate, Location, Verification, VerifiedSigner, printable
from scanner.sources import open_location, resolve
from scanner.sources.adb import AdbServer, PhoneSource

LEARNED = "Made by app-scanner signatures learn; signatures/README.md says what a pin wants."


class Wanted(msgspec.Struct, frozen=True):
    """What the user says of the app; what is not said is taken from the APK."""

    id: str | None = None
    name: str | None = None
    publisher: str | None = None
    lists: tuple[str, ...] = ()

    @property
    def own(self) -> bool:
        """Whether the user names an app, which need not be the one that is listed by its package name."""
        return any((self.id, self.name, self.publisher))


def learn(location: Location, wanted: Wanted, today: date) -> SignatureFile:
    """A signature of the APK at a location: its package name, pinned to those who signed it.

    Raises:
        RefusedError: it does not verify, or anybody could have signed it.
        SourceError: it cannot be opened.
        ApkError: it is no APK, or too broken to be identified.
        ReadError: the transport failed.
    """
    with open_location(location) as source:
        identity, verification = identify(source), verify(source)
        digest = source.hash_ranges([Span(0, source.size)], "sha256")[0].hex()
        size = source.size
    if not verification.verified or not verification.signers:
        raise RefusedError(
            f"not learned, it does not verify: {'; '.join(map(str, verification.errors)) or 'no signer'}"
        )
    for signer in verification.signers:
        public = public_key_of(signer.certificate)
        if public is not None:
            raise RefusedError(f"not learned, it is signed with {public}: anybody can sign with it")
        if signer.certificate.der is None:
            raise RefusedError("not learned, its certificate is too large to be kept: no publisher has such a one")
    cite = _cite(location, identity, verification, f"sha256 {digest}, {size} bytes", today)
    return file_of(_signature(identity, verification, wanted, today, cite))


def learn_from(
    spec: str, package: str | None, wanted: Wanted, today: date, *, server: AdbServer, timeout: float
) -> SignatureFile:
    """`learn` from a file, or a member of an archive; with ``package`` from that app of the phone ``spec``."""
    if package is None:
        return learn(resolve(spec), wanted, today)
    phone = PhoneSource(spec, server, timeout)
    try:
        return learn(_on_phone(phone, package), wanted, today)
    finally:
        phone.close()


def _on_phone(phone: PhoneSource, package: str) -> Location:
    """Where the base APK of a package lies. Raises `SourceError`."""
    apps = phone.inventory(phone.properties({})).apps
    found = [app for app in apps if app.package_name == package and app.copy == "active"]
    if not found:
        raise SourceError(f"{package} is not installed, as far as the phone tells")
    if found[0].location is None:
        raise SourceError(f"{package}: the phone does not tell where its APK lies")
    return found[0].location


def _cite(location: Location, identity: ApkIdentity, verification: Verification, bytes_: str, today: date) -> str:
    where = f"{location.phone}:{location}" if location.phone else str(location)
    version = f"{printable(identity.version_name or '?')} ({identity.version_code})"
    schemes = ", ".join(scheme.name for scheme in verification.schemes if scheme.verified)
    return (
        f"{where} ({bytes_}): {identity.package_name} {version}, verified by app-scanner {__version__} "
        f"for scheme {schemes} on {today}"
    )


def _signature(identity: ApkIdentity, verification: Verification, wanted: Wanted, today: date, cite: str) -> Signature:
    name = wanted.name or identity.package_name
    signers = tuple(_pin(signer, cite) for signer in verification.signers)
    return Signature(
        id=wanted.id or slug(name),
        name=name,
        publisher=wanted.publisher or NOT_STATED,
        updated=today.isoformat(),
        lists=tuple(ListMention(list_id=one, named_as=name) for one in wanted.lists),
        packages=(
            Package(
                name=identity.package_name,
                variant="as learned",
                status="single-source",
                pins="partial",
                signers=tuple(signer.id for signer in signers),
                note="Signed by all of these together." if len(signers) > 1 else None,
                cites=(cite,),
            ),
        ),
        signers=signers,
    )


def _pin(signer: VerifiedSigner, cite: str) -> PinnedSigner:
    found = complete(signer.certificate)
    der = found.der or b""
    known = details(der)
    return PinnedSigner(
        id=f"cert-{(found.sha256 or '')[:12]}",
        confidence="computed",
        sha256=found.sha256,
        sha1=found.sha1,
        md5=found.md5,
        spki_sha256=found.spki_sha256,
        rsa_modulus_sha256=found.rsa_modulus_sha256,
        hash32=hash32(der),
        der=der.hex(),
        subject=found.subject,
        not_before=known.not_before,
        not_after=known.not_after,
        note=_past([past.certificate for past in signer.history]),
        cites=(cite,),
    )


def _past(history: list[Certificate]) -> str | None:
    """Earlier certificates of a rotated key, oldest first: told, and not pinned, since they may sign no more."""
    if not history:
        return None
    return f"Rotated. Earlier certificates, oldest first (sha256): {', '.join(one.sha256 or '?' for one in history)}."


def check_lists(lists: tuple[str, ...], known: dict[str, ListDefinition]) -> None:
    """Raises `RefusedError` where a list is not defined: a file that names it would not load."""
    for one in lists:
        if one not in known:
            raise RefusedError(f"no list {one!r} is defined; there are {', '.join(sorted(known))}")
