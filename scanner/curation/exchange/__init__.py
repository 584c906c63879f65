"""Signatures in the formats of other tools: one small file for each, a reader and a writer.

Only facts cross: package names, digests of certificates, names and where they are from. What a format cannot say stays
behind, and the writer says what. What comes in is single-source, cites its file, and never claims to be complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import msgspec

from scanner.curation.exchange import appverifier, iocyaml, stix, verifiedapps
from scanner.curation.exchange.common import Exported, unbound
from scanner.curation.testkeys import public_key_of
from scanner.curation.writing import file_of, to_yaml
from scanner.database import file_bytes
from scanner.database.signaturefile import ListDefinition, Signature, SignatureFile, check_file
from scanner.database.signaturelist import parse_list, to_csv
from scanner.errors import DatabaseError

Reader = Callable[[bytes, Path], Iterable[Signature]]
Writer = Callable[[tuple[Signature, ...]], Exported]
FORMATS: dict[str, tuple[Reader, Writer]] = {
    "stalkerware": (iocyaml.read, iocyaml.write),
    "stix": (stix.read, stix.write),
    "verified-apps": (verifiedapps.read, verifiedapps.write),
    "appverifier": (appverifier.read, appverifier.write),
    "csv": (lambda data, file: parse_list(data, file).apps, lambda apps: Exported(to_csv(apps))),
}


class Imported(msgspec.Struct, frozen=True):
    """What was read, and what of it was left out and why."""

    content: SignatureFile
    left_out: tuple[str, ...]


def read_foreign(name: str, file: Path) -> Imported:
    """The signatures in a file of another tool; pins of keys that anybody has are left out.

    Raises:
        DatabaseError: the file cannot be read, or is not of that format.
    """
    reader, _ = FORMATS[name]
    try:
        apps = list(reader(file_bytes(file), file))
    except (ValueError, msgspec.ValidationError) as error:
        raise DatabaseError(f"{file}: not what {name} reads: {error}") from error
    left_out = []
    for number, app in enumerate(apps):
        public = {signer.id: why for signer in app.signers if (why := public_key_of(signer))}
        left_out += [f"{app.id}: a pin of {why}: anybody can sign with it" for why in public.values()]
        apps[number] = unbound(app, set(public))
    content = file_of(*apps)
    check_file(content, file)
    return Imported(content, tuple(left_out))


def write_foreign(name: str, apps: tuple[Signature, ...], lists: Mapping[str, ListDefinition]) -> Exported:
    """The apps in a format of another tool, or in ours (``yaml``), which defines the lists that name them too."""
    if name == "yaml":
        named = {mention.list_id for app in apps for mention in app.lists}
        defined = tuple(definition for id_, definition in lists.items() if id_ in named)
        return Exported(to_yaml(msgspec.structs.replace(file_of(*apps), lists=defined)))
    _, writer = FORMATS[name]
    return writer(apps)
