"""What a signature file may hold, and the checks that its types cannot make.

The YAML's shape is `SignatureFile`; ``signatures/README.md`` says what goes in and on whose word.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec

from scanner.certificate import details, from_der, hash32
from scanner.errors import DatabaseError
from scanner.model import counted
from scanner.strictyaml import load_yaml

SCHEMA = 1
OLD_DAYS = 180
"""Signatures that nobody has looked at for longer are worth a warning."""
MANY = 6
"""Names that are written out of what an app lacks."""
PINNED = ("sha256", "sha1", "md5", "spki_sha256", "rsa_modulus_sha256")
"""The digests a signer can be pinned by, strongest first."""
_LENGTH = {"sha256": 64, "sha1": 40, "md5": 32, "spki_sha256": 64, "rsa_modulus_sha256": 64, "hash32": 8}


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of what a file holds: an unknown key is a typo, and a typo is an error."""


class ListDefinition(_Strict, kw_only=True, frozen=True):
    """A legal or administrative list that names apps."""

    id: str
    title: str
    status: Literal["in-force", "revoked", "unknown"]
    since: str | None = None
    """ISO 8601 date."""
    until: str | None = None
    note: str | None = None
    cites: tuple[str, ...]


class ListMention(_Strict, kw_only=True, frozen=True):
    """One list's mention of one app."""

    list_id: str = msgspec.field(name="list")
    named_as: str
    note: str | None = None


class Package(_Strict, kw_only=True, frozen=True):
    """A package name of the app.

    ``status``: ``confirmed`` by two sources or the app itself, ``single-source``, or ``unconfirmed``,
    which never gives a finding. ``pins``: ``complete`` means that another signer is an impostor.
    """

    name: str
    variant: str
    status: Literal["confirmed", "single-source", "unconfirmed"]
    pins: Literal["complete", "partial", "none"]
    signers: tuple[str, ...] = ()
    publisher: str | None = None
    note: str | None = None
    cites: tuple[str, ...]


class PinnedSigner(_Strict, kw_only=True, frozen=True):
    """A signing certificate, or as much of it as is known. ``der`` is hex."""

    id: str
    confidence: Literal["computed", "cross-confirmed", "single-source"]
    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    spki_sha256: str | None = None
    rsa_modulus_sha256: str | None = None
    hash32: str | None = None
    der: str | None = None
    subject: str | None = None
    not_before: str | None = None
    not_after: str | None = None
    also_signs: tuple[str, ...] = ()
    note: str | None = None
    cites: tuple[str, ...]


class EmbeddedSdk(_Strict, kw_only=True, frozen=True):
    """How another app shows that it can pay, or only share, through this one."""

    id: str
    name: str
    activities: tuple[str, ...] = ()
    activity_suffixes: tuple[str, ...] = ()
    scheme_prefixes: tuple[str, ...] = ()
    dex_payment: tuple[str, ...] = ()
    dex_present: tuple[str, ...] = ()
    queries: tuple[str, ...] = ()
    classes_alone: Literal["pays", "hint"] = "pays"
    """What the payment classes say without a sign in the manifest: ``hint`` where a copy of the SDK that is there for
    login or sharing may hold them too."""
    note: str | None = None
    cites: tuple[str, ...]


class CodePrefix(_Strict, kw_only=True, frozen=True):
    """Classes of the app itself, which no SDK of it carries: in another app they are its code, taken over."""

    prefix: str
    """Of type descriptors, such as ``Lcom/tencent/mm/ui/``."""
    cites: tuple[str, ...]


class Title(_Strict, kw_only=True, frozen=True):
    """A name under which people see the app: what an export without package names may show."""

    name: str
    cites: tuple[str, ...]


class Related(_Strict, kw_only=True, frozen=True):
    """A name that is not this app: kept so that nobody adds it by mistake."""

    name: str
    note: str
    cites: tuple[str, ...]


class Signature(_Strict, kw_only=True, frozen=True):
    """One listed app: its names, its signers, the lists that name it."""

    id: str
    name: str
    publisher: str
    updated: str
    note: str | None = None
    lists: tuple[ListMention, ...] = ()
    titles: tuple[Title, ...] = ()
    packages: tuple[Package, ...]
    signers: tuple[PinnedSigner, ...] = ()
    embedded_sdks: tuple[EmbeddedSdk, ...] = ()
    code: tuple[CodePrefix, ...] = ()
    related: tuple[Related, ...] = ()

    def signers_of(self, package: Package) -> tuple[PinnedSigner, ...]:
        """The signers that this package is pinned to."""
        return tuple(signer for signer in self.signers if signer.id in package.signers)

    def lacks(self, before: Signature) -> str:
        """What a scan no longer knows where this takes the place of ``before``; empty where nothing is lost."""
        ours = {package.name: package for package in self.packages if package.status != "unconfirmed"}
        theirs = [package for package in before.packages if package.status != "unconfirmed"]
        whole = [one.name for one in theirs if one.pins == "complete" and one.name in ours]
        lost = {
            "package name": [one.name for one in theirs if one.name not in ours],
            "complete pins of": [name for name in whole if ours[name].pins != "complete"],
            "list": sorted({one.list_id for one in before.lists} - {one.list_id for one in self.lists}),
        }
        return "; ".join(f"{what} {_some(names)}" for what, names in lost.items() if names)


def _some(names: list[str]) -> str:
    more = f" and {len(names) - MANY} more" if len(names) > MANY else ""
    return ", ".join(names[:MANY]) + more


class SignatureFile(_Strict, kw_only=True, frozen=True):
    """One YAML file: definitions of lists, or apps, or both."""

    schema: int
    lists: tuple[ListDefinition, ...] = ()
    apps: tuple[Signature, ...] = ()


def check_file(content: SignatureFile, file: Path) -> None:
    """Raises `DatabaseError` with the first of the `problems`."""
    for problem in problems(content):
        raise DatabaseError(f"{file}: {problem}")


def parse_shape(data: bytes, file: Path) -> SignatureFile:
    """A file of the right shape, whatever its values are worth: see `problems`. Raises `DatabaseError`."""
    try:
        content = msgspec.convert(load_yaml(data), SignatureFile)
    except (msgspec.ValidationError, ValueError) as error:
        text = str(error)
        reason, _, path = text.rpartition(" - at `$")
        where = path.rstrip("`").lstrip(".") if reason else ""
        raise DatabaseError(f"{file}: {where + ': ' if where else ''}{reason or text}") from error
    if content.schema != SCHEMA:
        raise DatabaseError(f"{file}: schema: {content.schema} is unknown, this version reads {SCHEMA}")
    return content


def day_of(text: str) -> date | None:
    """The day that an ISO 8601 date names, ``2026-11-23``; None where it names none."""
    try:
        return date.fromisoformat(text) if len(text) == len("2026-11-23") else None
    except ValueError:
        return None


def problems(content: SignatureFile) -> Iterable[str]:
    """What keeps a file from being used, each with the field and the reason."""
    for number, signature in enumerate(content.apps):
        yield from (f"apps[{number}].{problem}" for problem in _problems(signature))


def _problems(signature: Signature) -> Iterable[str]:
    """What the types cannot say: each a field and a reason."""
    signers = [signer.id for signer in signature.signers]
    names = [package.name for package in signature.packages]
    for kind, values in (("signers", signers), ("packages", names)):
        for value in values:
            if values.count(value) > 1:
                yield f"{kind}: {value!r} stands twice"
    for number, title in enumerate(signature.titles):
        if not title.name.strip():
            yield f"titles[{number}].name: no name"
        if not title.cites:
            yield f"titles[{number}].cites: a title that nobody can cite does not exist"
    yield from _code_problems(signature)
    for number, package in enumerate(signature.packages):
        yield from (f"packages[{number}].{problem}" for problem in _package_problems(package, signers))
    for number, signer in enumerate(signature.signers):
        yield from (f"signers[{number}].{problem}" for problem in _signer_problems(signer))


def _code_problems(signature: Signature) -> Iterable[str]:
    for number, code in enumerate(signature.code):
        if not code.prefix.startswith("L") or not code.cites:
            yield f"code[{number}]: wants a prefix of type descriptors, such as 'Lcom/example/', and what cites it"


def _package_problems(package: Package, signers: list[str]) -> Iterable[str]:
    if not package.cites:
        yield "cites: a name that nobody can cite does not exist"
    for signer in package.signers:
        if signer not in signers:
            yield f"signers: no signer {signer!r} in this app"
    if bool(package.signers) == (package.pins == "none"):
        yield f"pins: {package.pins!r} with {counted(len(package.signers), 'signer')}"


def _signer_problems(signer: PinnedSigner) -> Iterable[str]:
    if not signer.cites:
        yield "cites: a digest that nobody can cite does not exist"
    if not any(getattr(signer, kind) for kind in PINNED):
        yield "sha256: no digest at all"
    for kind, length in _LENGTH.items():
        value = getattr(signer, kind)
        if value is not None and (len(value) != length or set(value) - set("0123456789abcdef")):
            yield f"{kind}: wants {length} lower-case hex digits, has {value[:80]!r}"
    if signer.der is not None:
        yield from _der_problems(signer, signer.der)


def _der_problems(signer: PinnedSigner, text: str) -> Iterable[str]:
    try:
        der = bytes.fromhex(text)
    except ValueError:
        yield "der: not hex"
        return
    found, known = from_der(der), details(der)
    computed = {
        "sha256": found.sha256, "sha1": found.sha1, "md5": found.md5, "hash32": hash32(der),
        "spki_sha256": known.spki_sha256, "rsa_modulus_sha256": known.rsa_modulus_sha256,
    }  # fmt: skip
    for kind, value in computed.items():
        said = getattr(signer, kind)
        if said is not None and said != value:
            yield f"{kind}: {said} is not that of the DER, which is {value}"
