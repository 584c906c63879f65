"""What the formats share: values checked once, apps cut into groups, and what is left out told."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from scanner.database.signaturefile import Package, PinnedSigner, Signature
from scanner.database.signaturelist import Claim, day_of_file, signature_of, slug


class Exported(msgspec.Struct, frozen=True):
    """A text in some format, and what of the signatures it does not say."""

    text: str
    left_out: tuple[str, ...] = ()


class Group(msgspec.Struct, frozen=True):
    """Packages of one app that the same signers sign: what formats that bind no certificate to a package can say."""

    name: str
    app: Signature
    packages: tuple[Package, ...]
    signers: tuple[PinnedSigner, ...]


def groups(apps: Iterable[Signature]) -> Iterator[Group]:
    """Each app, cut so that every package of a group has every signer of it; each group has a name of its own."""
    for app in apps:
        found: dict[tuple[str, ...], list[Package]] = {}
        for package in said(app):
            found.setdefault(package.signers, []).append(package)
        for number, (ids, packages) in enumerate(found.items()):
            signers = tuple(signer for signer in app.signers if signer.id in ids)
            name = app.name if number == 0 else f"{app.name} ({packages[0].name})"
            yield Group(name, app, tuple(packages), signers)


def said(app: Signature) -> list[Package]:
    """The packages that may be passed on: an unconfirmed name would become a fact on the way."""
    return [package for package in app.packages if package.status != "unconfirmed"]


def left_out(apps: Iterable[Signature], kinds: tuple[str, ...]) -> Iterator[str]:
    """What a format with these kinds of digests cannot say."""
    for app in apps:
        for package in app.packages:
            if package.status == "unconfirmed":
                yield f"{app.id}: {package.name}: unconfirmed"
            for signer in app.signers_of(package) if package in said(app) else ():
                if not any(getattr(signer, kind) for kind in kinds):
                    yield f"{app.id}: {package.name}: {signer.id} has no {' or '.join(kinds)}"


def colons(digest: str) -> str:
    """A digest as Java's keytool and most tools of this field print it."""
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def apps_of(
    named: Iterable[tuple[str, list[Claim]]], file: Path, updated: str | None = None, note: str | None = None
) -> Iterator[Signature]:
    """A signature for each name; names that give the same id are told apart by a number."""
    taken: dict[str, int] = {}
    day = updated or day_of_file(file)
    for name, claims in named:
        id_ = slug(name)
        taken[id_] = taken.get(id_, 0) + 1
        numbered = id_ if taken[id_] == 1 else f"{id_}-{taken[id_]}"
        yield signature_of(numbered, name, claims, updated=day, note=note)


def gathered(packages: list[str], digests: list[tuple[str, str]], cites: tuple[str, ...]) -> list[Claim]:
    """Claims where no certificate is bound to a package: each of them counts for each."""
    names: list[str | None] = list(dict.fromkeys(packages)) or [None]
    pinned: list[tuple[tuple[str, str], ...]] = [(digest,) for digest in dict.fromkeys(digests)]
    return [Claim(name, digest, cites) for name in names for digest in pinned or [()]]


def unbound(app: Signature, signers: set[str]) -> Signature:
    """The app without these signers."""
    if not signers:
        return app
    packages = []
    for package in app.packages:
        left = tuple(one for one in package.signers if one not in signers)
        pins = package.pins if left else "none"
        packages.append(msgspec.structs.replace(package, signers=left, pins=pins))
    kept = tuple(signer for signer in app.signers if signer.id not in signers)
    return msgspec.structs.replace(app, packages=tuple(packages), signers=kept)
