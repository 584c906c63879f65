"""What changed between two sets of signatures: lists, apps, package names, signers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import msgspec

from scanner.database import read_signature_file, signature_files
from scanner.database.signaturefile import ListDefinition, Signature
from scanner.errors import DatabaseError
from scanner.model import Change

What = Literal["list", "app", "package", "signer"]
_APART = {"packages", "signers"}
"""Keys of an app that are compared entry by entry."""


def compare(old: Path, new: Path) -> list[Change]:
    """Every change, by app, packages before signers. Raises `DatabaseError` where a file cannot be used."""
    (old_apps, old_lists), (new_apps, new_lists) = _read(old), _read(new)
    return [
        *_entries("list", old_lists, new_lists),
        *(
            change
            for id_ in sorted({*old_apps, *new_apps})
            for change in _app(id_, old_apps.get(id_), new_apps.get(id_))
        ),
    ]


def _read(path: Path) -> tuple[dict[str, Signature], dict[str, ListDefinition]]:
    apps: dict[str, Signature] = {}
    lists: dict[str, ListDefinition] = {}
    for file in signature_files(path):
        content = read_signature_file(file)
        for id_ in (one.id for one in content.apps if one.id in apps):
            raise DatabaseError(f"{file}: apps: id {id_!r} stands in two files")
        apps |= {one.id: one for one in content.apps}
        lists |= {one.id: one for one in content.lists}
    return apps, lists


def _app(id_: str, old: Signature | None, new: Signature | None) -> Iterator[Change]:
    if old is None or new is None:
        one = new or old
        yield Change("added" if old is None else "removed", "app", id_, one.name if one else id_)
    else:
        yield from _changed("app", id_, new.name, old, new)
    was, now = (old.packages if old else ()), (new.packages if new else ())
    yield from _entries("package", {one.name: one for one in was}, {one.name: one for one in now}, id_)
    signed, signs = (old.signers if old else ()), (new.signers if new else ())
    yield from _entries("signer", {one.id: one for one in signed}, {one.id: one for one in signs}, id_)


def _entries(
    what: What, old: Mapping[str, msgspec.Struct], new: Mapping[str, msgspec.Struct], app: str | None = None
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name not in old or name not in new:
            shown = _shown(old.get(name) or new[name]) if what == "signer" else ""
            yield Change("removed" if name in old else "added", what, app or name, name, shown)
        else:
            yield from _changed(what, app or name, name, old[name], new[name])


def _shown(signer: msgspec.Struct) -> str:
    """The strongest digest of a signer, by which a person knows it."""
    kinds = ("sha256", "sha1", "md5", "spki_sha256", "rsa_modulus_sha256")
    return next((f"{kind} {value}" for kind in kinds if (value := getattr(signer, kind, None))), "")


def _changed(what: What, app: str, name: str, old: msgspec.Struct, new: msgspec.Struct) -> Iterator[Change]:
    """One change for each key that differs; of tuples what came and what went."""
    for key in old.__struct_fields__:
        before, after = getattr(old, key), getattr(new, key)
        if key not in _APART and before != after:
            yield Change("changed", what, app, name, f"{key}: {_difference(before, after)}")


def _difference(before: object, after: object) -> str:
    if isinstance(before, tuple) and isinstance(after, tuple):
        gone = [f"- {_text(one)}" for one in before if one not in after]
        come = [f"+ {_text(one)}" for one in after if one not in before]
        return "; ".join((*gone, *come)) or "in another order"
    return f"{_text(before)} → {_text(after)}"


def _text(value: object) -> str:
    if value is None:
        return "nothing"
    return _joined(value) if isinstance(value, msgspec.Struct) else str(value)


def _joined(value: msgspec.Struct) -> str:
    parts: Iterable[object] = (getattr(value, key) for key in value.__struct_fields__)
    return ", ".join(str(part) for part in parts if part and not isinstance(part, tuple))
