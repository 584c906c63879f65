"""A pin that was learned, put where it belongs: in the app that is listed already, beside what is known of it.

A file that repeats the id of an app takes its place in a scan. So the app is written whole: its other names, its
signers, its lists. A learned pin alone would stand beside it as another app, or make a scan forget the rest.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from scanner.certificate import complete, from_der
from scanner.curation.writing import file_of
from scanner.database import agreement
from scanner.database.signaturefile import Package, PinnedSigner, Signature, SignatureFile
from scanner.errors import RefusedError
from scanner.model import Certificate


def complete_listed(learned: SignatureFile, known: Iterable[Signature], chosen: str | None = None) -> SignatureFile:
    """The apps of ``known`` that what was learned completes; what was learned as it is, where it completes none.

    ``chosen`` is the id that the user wants. Without one every app is completed that lists the package on more than a
    weak source.

    Raises:
        RefusedError: the signer is pinned there already, or the app's signers are all known and this is none of them.
    """
    (app,) = learned.apps
    (package,) = app.packages
    listed = [one for one in known if (_lists(one, package.name) if chosen is None else one.id == chosen)]
    completed = [_completed(one, app, package) for one in listed if not _pins(one, app, package.name)]
    if listed and not completed:
        names = " and ".join(one.id for one in listed)
        raise RefusedError(f"nothing to learn, its signer is pinned for {package.name} already: {names}")
    return file_of(*completed) if completed else learned


def _lists(listed: Signature, name: str) -> bool:
    return any(package.name == name and package.status != "unconfirmed" for package in listed.packages)


def _pins(listed: Signature, app: Signature, name: str) -> bool:
    """Whether every learned certificate is pinned for the package, by its SHA-256 and not by something weaker."""
    pinned = {
        signer.sha256 for package in listed.packages if package.name == name for signer in listed.signers_of(package)
    }
    return {signer.sha256 for signer in app.signers} <= pinned


def _completed(listed: Signature, app: Signature, learned: Package) -> Signature:
    """A listed app with the learned signers under the learned name."""
    before = next((package for package in listed.packages if package.name == learned.name), None)
    if before is not None and before.pins == "complete":
        _refuse_impostor(listed, app, before)
    known = {signer.sha256: signer.id for signer in listed.signers if signer.sha256 and signer.der}
    new = tuple(signer for signer in app.signers if signer.sha256 not in known)
    ids = tuple(known.get(signer.sha256 or "", signer.id) for signer in app.signers)
    mentioned = {mention.list_id for mention in listed.lists}
    added = (replace(one, named_as=listed.name) for one in app.lists if one.list_id not in mentioned)
    package = replace(learned, signers=ids) if before is None else _with_signers(before, ids, learned.cites)
    others = tuple(one for one in listed.packages if one is not before)
    return replace(
        listed,
        updated=app.updated,
        lists=(*listed.lists, *added),
        packages=(package, *others),
        signers=(*listed.signers, *new),
    )


def _with_signers(before: Package, ids: tuple[str, ...], cites: tuple[str, ...]) -> Package:
    return replace(
        before,
        pins="partial" if before.pins == "none" else before.pins,
        signers=tuple(dict.fromkeys((*before.signers, *ids))),
        cites=(*before.cites, *cites),
    )


def _refuse_impostor(listed: Signature, app: Signature, package: Package) -> None:
    pins = listed.signers_of(package)
    if all(any(agreement(_certificate(signer), pin) for pin in pins) for signer in app.signers):
        return
    raise RefusedError(
        f"not learned, {package.name} is listed as {listed.id}, whose signers are all known, and this is none of them: "
        "an impostor, or a new key of its publisher; to pin it all the same, give it an id of its own (--id)"
    )


def _certificate(signer: PinnedSigner) -> Certificate:
    return complete(from_der(bytes.fromhex(signer.der or "")))
