"""Signature files → a validated, indexed `SignatureDatabase`.

A bad file is a `DatabaseError` that names file, field and reason: nothing is guessed,
and no scan runs on half a database.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path

from scanner.database.bundle import installed_file
from scanner.database.signaturefile import (
    OLD_DAYS,
    PINNED,
    ListDefinition,
    Package,
    PinnedSigner,
    Signature,
    SignatureFile,
    check_file,
    day_of,
    parse_shape,
)
from scanner.database.signaturelist import parse_list
from scanner.errors import DatabaseError
from scanner.model import Certificate, ListState, SoughtApp
from scanner.strictyaml import bounded_bytes

log = logging.getLogger(__name__)
MAX_FILE = 8 << 20
"""Largest signature file that is read, in bytes."""
SHIPPED, UPDATED, GIVEN = "shipped", "updated", "given"
ORIGINS = {
    SHIPPED: "the signatures that came with this program",
    UPDATED: "the signatures that signatures update installed",
    GIVEN: "the signatures that were given",
}


class SignatureDatabase:
    """Signatures, indexed by package name and by digest. Frozen once built; cheap to send to a worker."""

    def __init__(
        self,
        signatures: Iterable[Signature],
        lists: Iterable[ListDefinition] = (),
        digest: str = "",
        days: Mapping[str, str] | None = None,
        replaced: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.signatures = tuple(sorted(signatures, key=lambda signature: signature.id))
        self.lists = {definition.id: definition for definition in lists}
        self.digest = digest
        """SHA-256 over the data files used."""
        self.days = dict(days or {})
        """Where signatures come from (`ORIGINS`) → the newest day that any of them was changed."""
        self.replaced = tuple(replaced)
        """Apps whose place a given file takes without all that was known of them: which, and what is lost."""
        self._names: dict[str, list[tuple[Signature, Package]]] = {}
        self._signers: dict[tuple[str, str], list[tuple[Signature, PinnedSigner]]] = {}
        for signature in self.signatures:
            for package in signature.packages:
                self._names.setdefault(package.name, []).append((signature, package))
            for signer in signature.signers:
                for kind in (*PINNED, "hash32"):
                    if value := getattr(signer, kind):
                        self._signers.setdefault((kind, value), []).append((signature, signer))

    def by_name(self, package_name: str) -> list[tuple[Signature, Package]]:
        """The signatures that list this package name, unconfirmed names included."""
        return self._names.get(package_name, [])

    def sought(self) -> tuple[SoughtApp, ...]:
        """What is looked for, for the summary of a report."""
        return tuple(
            SoughtApp(one.id, one.name, tuple(mention.list_id for mention in one.lists)) for one in self.signatures
        )

    def list_states(self) -> tuple[ListState, ...]:
        """The lists that name what is looked for, with their legal state, for the summary of a report."""
        named = {mention.list_id for signature in self.signatures for mention in signature.lists}
        return tuple(
            ListState(one.id, one.title, one.status, one.since, one.until, one.note, one.cites)
            for one in self.lists.values()
            if one.id in named
        )

    def old(self, today: date) -> Iterator[tuple[str, int]]:
        """Where signatures come from that nobody has changed for over `OLD_DAYS`, and for how many days."""
        for origin, text in self.days.items():
            day = day_of(text)
            if day is not None and (today - day).days > OLD_DAYS:
                yield ORIGINS[origin], (today - day).days

    def titles_of(self, signature: Signature) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The names that people see of an app: its own, and those that the lists use; and what cites them."""
        named = [title for mention in signature.lists for title in mention.named_as.split(" / ")]
        lists = [self.lists[mention.list_id] for mention in signature.lists if mention.list_id in self.lists]
        names = (signature.name, *(title.name for title in signature.titles), *named)
        cites = (
            *(cite for title in signature.titles for cite in title.cites),
            *(cite for one in lists for cite in one.cites),
        )
        return tuple(dict.fromkeys(names)), tuple(dict.fromkeys(cites))

    def by_certificate(self, certificate: Certificate) -> dict[str, tuple[Signature, PinnedSigner]]:
        """Signature id → signature and signer of a certificate; by its 32-bit hash where no more is known."""
        found: dict[str, tuple[Signature, PinnedSigner]] = {}
        for kind in PINNED:
            value = getattr(certificate, kind)
            for signature, signer in self._signers.get((kind, value), ()) if value else ():
                if agreement(certificate, signer):
                    found.setdefault(signature.id, (signature, signer))
        if certificate.hash32 and not any(getattr(certificate, kind) for kind in PINNED):
            for signature, signer in self._signers.get(("hash32", certificate.hash32), ()):
                found.setdefault(signature.id, (signature, signer))
        return found


def agreement(certificate: Certificate, signer: PinnedSigner) -> str | None:
    """The kind of digest by which a certificate is a pinned one; None where it is another.

    Where the pinned certificate itself is known, the strongest digest that both know decides, and a weaker one
    never outvotes it. Where only digests are known, nothing binds them to each other but their sources, so each
    is as good as its own: one that agrees is enough (nobody can make a certificate to a given digest).
    """
    for kind in PINNED:
        ours, theirs = getattr(signer, kind), getattr(certificate, kind)
        if ours and theirs and ours == theirs:
            return kind
        if ours and theirs and signer.der is not None:
            return None
    return None


def comparable(certificate: Certificate, signer: PinnedSigner) -> bool:
    """Whether there is a kind of digest that both know."""
    return any(getattr(signer, kind) and getattr(certificate, kind) for kind in PINNED)


def default_folder() -> Path:
    """Where the signatures that came with this program lie: in the wheel, else beside the package in a checkout.

    Raises:
        DatabaseError: they are in neither place.
    """
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "_signatures", package.parent / "signatures"):
        if folder.is_dir():
            return folder
    raise DatabaseError(f"the signatures are missing beside {package}: reinstall app-inventory-scanner")


def load_database(paths: Iterable[Path] = (), *, replace: bool = False) -> SignatureDatabase:
    """The database of this program with the files or folders in ``paths`` added, or of those alone.

    An app whose ``id`` an added file repeats replaces the one that came with this program.

    Raises:
        DatabaseError: a file is missing, is not YAML, or breaks the schema; or there is no app at all.
    """
    signatures: dict[str, tuple[Signature, Path]] = {}
    lists: dict[str, ListDefinition] = {}
    digest = hashlib.sha256()
    days: dict[str, str] = {}
    replaced: list[tuple[str, str]] = []
    base = (GIVEN, []) if replace else _base()
    for origin, group in (base, (GIVEN, list(paths))):
        seen: dict[str, Path] = {}
        defined: dict[str, Path] = {}
        for file in (file for path in group for file in signature_files(path)):
            data = file_bytes(file)
            digest.update(hashlib.sha256(data).digest())
            content = _parse(data, file)
            for definition in content.lists:
                if definition.id in defined:
                    raise DatabaseError(f"{file}: lists: id {definition.id!r} is also in {defined[definition.id]}")
                defined[definition.id] = file
                lists[definition.id] = definition
            for signature in content.apps:
                if signature.id in seen:
                    raise DatabaseError(f"{file}: apps: id {signature.id!r} is also in {seen[signature.id]}")
                seen[signature.id] = file
                if signature.id in signatures and (lost := signature.lacks(signatures[signature.id][0])):
                    why = f"{file} takes its place without its {lost} (another id would leave both)"
                    replaced.append((f"some of {signature.id}", why))
                signatures[signature.id] = (signature, file)
                if day_of(signature.updated):
                    days[origin] = max(days.get(origin, ""), signature.updated)
    _check_lists(signatures.values(), lists)
    if not signatures:
        raise DatabaseError("no signatures: the files given hold no app")
    log.info("signatures: %d apps, digest %s", len(signatures), digest.hexdigest())
    loaded = (signature for signature, _ in signatures.values())
    return SignatureDatabase(loaded, lists.values(), digest.hexdigest(), days, replaced)


def newest_day(apps: Iterable[Signature]) -> str:
    """The newest day that any of the apps was changed; empty where none states one."""
    return max((app.updated for app in apps if day_of(app.updated)), default="")


def _base() -> tuple[str, list[Path]]:
    """What scans start from: the installed bundle, unless what came with this program is newer by now."""
    folder, bundle = default_folder(), installed_file()
    if not bundle.is_file():
        return SHIPPED, [folder]
    shipped = newest_day(app for file in signature_files(folder) for app in read_signature_file(file).apps)
    try:
        installed = newest_day(read_signature_file(bundle).apps)
    except DatabaseError as error:
        raise DatabaseError(f"{error}; signatures update installed it: run that again, or remove it") from error
    return (SHIPPED, [folder]) if installed < shipped else (UPDATED, [bundle])


def read_signature_file(file: Path, *, check: bool = True) -> SignatureFile:
    """One signature file; without ``check`` its shape alone is. Raises `DatabaseError`."""
    return _parse(file_bytes(file), file, check=check)


def _parse(data: bytes, file: Path, *, check: bool = True) -> SignatureFile:
    """YAML, or by its name a list (``.csv``)."""
    content = (parse_list if file.suffix.casefold() == ".csv" else parse_shape)(data, file)
    if check:
        check_file(content, file)
    return content


def signature_files(path: Path) -> list[Path]:
    """The signature files that a path names: itself, or those in the folder. Raises `DatabaseError`."""
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.iterdir() if file.suffix in {".yaml", ".yml", ".csv"})
    if not files:
        raise DatabaseError(f"{path}: no .yaml or .csv file in this folder")
    return files


def file_bytes(file: Path) -> bytes:
    """The bytes of a file of signatures, up to `MAX_FILE`. Raises `DatabaseError`."""
    try:
        return bounded_bytes(file, MAX_FILE, "signature file")
    except ValueError as error:
        raise DatabaseError(f"{file}: {error}") from error


def _check_lists(signatures: Iterable[tuple[Signature, Path]], lists: dict[str, ListDefinition]) -> None:
    for signature, file in signatures:
        for number, mention in enumerate(signature.lists):
            if mention.list_id not in lists:
                raise DatabaseError(
                    f"{file}: {signature.id}.lists[{number}].list: no list {mention.list_id!r} is defined, "
                    "by no YAML file of these signatures"
                )
