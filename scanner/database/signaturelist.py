"""Signatures as a list that somebody keeps in a spreadsheet: one row for each package and certificate of it.

The columns are ours, named in the first line, in any order and case; only ``package`` must be there. Rows of one
``id`` (else of one ``name``, else of one package) are one app. What a list does not say is taken cautiously: a single
source, and pins that are not complete, so that another signer accuses nobody.

``lists`` has the ids of the lists that name the app, with semicolons or blanks between them, as `ListMention` has them
in YAML. Only YAML can define a list.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import msgspec

from scanner.database.signaturefile import (
    PINNED,
    SCHEMA,
    ListMention,
    Package,
    PinnedSigner,
    Signature,
    SignatureFile,
)
from scanner.errors import DatabaseError

NOT_STATED = "not stated"
COLUMNS = ("package", "name", *PINNED, "id", "publisher", "variant", "status", "pins", "lists", "updated", "cite")
_FORMULA = ("=", "+", "-", "@")
"""What makes a spreadsheet take a cell for a formula; kept with an apostrophe in front, as OWASP advises."""
_KIND = {64: "sha256", 40: "sha1", 32: "md5"}
_CHOICES = {key: get_args(get_type_hints(Package)[key]) for key in ("status", "pins")}


class Claim(msgspec.Struct, frozen=True):
    """That a package is an app's, and signed by a certificate, on somebody's word. Either half may be missing."""

    package: str | None
    digests: tuple[tuple[str, str], ...] = ()
    """Kind and value, such as ``("sha1", "31a6…")``."""
    cites: tuple[str, ...] = ()
    variant: str = NOT_STATED
    status: Literal["confirmed", "single-source", "unconfirmed"] = "single-source"
    pins: Literal["complete", "partial", "none"] | None = None


def signature_of(
    id_: str,
    name: str,
    claims: Iterable[Claim],
    *,
    updated: str,
    publisher: str = NOT_STATED,
    note: str | None = None,
    lists: Iterable[str] = (),
) -> Signature:
    """One app from what is claimed of it; what several claims say alike stands once, with all their citations.

    ``lists`` are the ids of those that name it, by ``name``.
    """
    packages: dict[str, list[Claim]] = {}
    signers: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for claim in claims:
        if claim.package is not None:
            packages.setdefault(claim.package, []).append(claim)
        if claim.digests:
            signers.setdefault(claim.digests, []).extend(claim.cites)
    return Signature(
        id=id_,
        name=name,
        publisher=publisher,
        updated=updated,
        note=note,
        lists=tuple(ListMention(list_id=one, named_as=name) for one in dict.fromkeys(lists)),
        packages=tuple(_package(name, same) for name, same in packages.items()),
        signers=tuple(_signer(digests, cites) for digests, cites in signers.items()),
    )


def _signer(digests: tuple[tuple[str, str], ...], cites: list[str]) -> PinnedSigner:
    values: dict[str, Any] = dict(digests)
    return PinnedSigner(id=_signer_id(digests), confidence="single-source", cites=tuple(dict.fromkeys(cites)), **values)


def _package(name: str, claims: list[Claim]) -> Package:
    signers = tuple(dict.fromkeys(_signer_id(claim.digests) for claim in claims if claim.digests))
    return Package(
        name=name,
        variant=claims[0].variant,
        status=claims[0].status,
        pins=(claims[0].pins or "partial") if signers else "none",
        signers=signers,
        cites=tuple(dict.fromkeys(cite for claim in claims for cite in claim.cites)),
    )


def _signer_id(digests: tuple[tuple[str, str], ...]) -> str:
    kind, value = digests[0]
    return f"cert-{value[:16]}" if kind == "sha256" else f"cert-{kind}-{value[:16]}"


def slug(text: str) -> str:
    """An id made of a name: lower-case ASCII words and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", text.casefold()).strip("-") or "app"


def normal_digest(text: str) -> str:
    """A digest as it is kept: lower case, without colons and spaces."""
    return re.sub(r"[\s:]", "", text).casefold()


def digest_of(text: str) -> tuple[str, str]:
    """Kind and value of a certificate's digest, by its length. Raises `ValueError`."""
    value = normal_digest(text)
    kind = _KIND.get(len(value))
    if kind is None or set(value) - set("0123456789abcdef"):
        raise ValueError(f"{text[:80]!r} is no SHA-256, SHA-1 or MD5 in hex")
    return kind, value


def day_of_file(file: Path) -> str:
    """The day a file was last changed, for data that states none."""
    return datetime.fromtimestamp(file.stat().st_mtime, UTC).date().isoformat()


def parse_list(data: bytes, file: Path) -> SignatureFile:
    """The signatures in a list. Raises `DatabaseError`, with the row; digests are checked as in any signature file."""
    apps: dict[str, list[dict[str, str]]] = {}
    for row in _rows(data, file):
        apps.setdefault(row["id"] or slug(row["name"] or row["package"]), []).append(row)
    day = day_of_file(file)
    return SignatureFile(schema=SCHEMA, apps=tuple(_app(id_, rows, file, day) for id_, rows in apps.items()))


def _app(id_: str, rows: list[dict[str, str]], file: Path, day: str) -> Signature:
    def first(key: str) -> str:
        return next((row[key] for row in rows if row[key]), "")

    return signature_of(
        id_,
        first("name") or first("package"),
        [_claim(row, file) for row in rows],
        updated=max((row["updated"] for row in rows if row["updated"]), default=day),
        publisher=first("publisher") or NOT_STATED,
        lists=(one for row in rows for one in re.findall(r"[^;,\s]+", row["lists"])),
    )


def _claim(row: dict[str, str], file: Path) -> Claim:
    values: dict[str, Any] = {key: row[key] for key in ("variant", "status", "pins") if row[key]}
    for key, choices in _CHOICES.items():
        if key in values and values[key] not in choices:
            raise DatabaseError(f"{file}: line {row['line']}: {key}: {values[key]!r} is none of {', '.join(choices)}")
    digests = tuple((kind, normal_digest(row[kind])) for kind in PINNED if row[kind])
    if values.get("pins", "none") != "none" and not digests:
        raise DatabaseError(f"{file}: line {row['line']}: pins: {values['pins']!r} without a digest")
    return Claim(row["package"], digests, (row["cite"] or f"{file}: line {row['line']}",), **values)


def _rows(data: bytes, file: Path) -> Iterator[dict[str, str]]:
    """Each row, with every column and the line it stands on."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatabaseError(f"{file}: not UTF-8 text") from error
    head = text.partition("\n")[0]
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        names = [name.strip().casefold() for name in next(reader, [])]
        _check_columns(names, file)
        for cells in reader:
            row = dict.fromkeys(COLUMNS, "") | {name: _read(cell) for name, cell in zip(names, cells, strict=False)}
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) > len(names) or not row["package"]:
                reason = "more cells than columns" if len(cells) > len(names) else "no package"
                raise DatabaseError(f"{file}: line {reader.line_num}: {reason}")
            yield {**row, "line": str(reader.line_num)}
    except csv.Error as error:
        raise DatabaseError(f"{file}: line {reader.line_num}: {error}") from error


def _read(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def _written(row: dict[str, str]) -> dict[str, str]:
    return {key: f"'{text}" if text.startswith(_FORMULA) else text for key, text in row.items()}


def _check_columns(names: list[str], file: Path) -> None:
    unknown = [name for name in names if name not in COLUMNS]
    if "package" not in names or unknown or len(set(names)) < len(names):
        what = f"the column {unknown[0]!r} is unknown" if unknown else "no column 'package', or one stands twice"
        raise DatabaseError(f"{file}: line 1: {what}; columns are {', '.join(COLUMNS)}")


def to_csv(apps: Iterable[Signature]) -> str:
    """A list of these apps: what `parse_list` reads back with the same pins and lists. No notes, no certificates."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    for app in apps:
        for package in app.packages:
            common = {
                "package": package.name, "name": app.name, "id": app.id, "publisher": app.publisher,
                "variant": package.variant, "status": package.status, "pins": package.pins, "updated": app.updated,
                "lists": "; ".join(mention.list_id for mention in app.lists),
            }  # fmt: skip
            for signer in app.signers_of(package):
                digests = {kind: getattr(signer, kind) or "" for kind in PINNED}
                writer.writerow(_written({**common, **digests, "cite": "; ".join(signer.cites)}))
            if not package.signers:
                writer.writerow(_written({**common, "cite": "; ".join(package.cites)}))
    return out.getvalue()
