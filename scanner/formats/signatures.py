"""How signatures, complaints about them and differences between them are written, for people and as JSON."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from typing import TextIO

import msgspec

from scanner.database.signaturefile import ListDefinition, Package, PinnedSigner, Signature
from scanner.formats.cleaning import clean
from scanner.model import Change, Complaint, counted

WIDTH = 110
_SKIPPED = {"id", "confidence", "cites", "note", "der"}


def write_json(value: object, out: TextIO) -> None:
    """Any of the values here, as one indented document."""
    out.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def write_list(signatures: Iterable[Signature], out: TextIO) -> None:
    """One line for each app: what is known of it, and since when."""
    rows = [("ID", "NAME", "PACKAGES", "SIGNERS", "PINS", "UPDATED")]
    for one in signatures:
        pins = {package.pins for package in one.packages}
        told = next((pin for pin in ("complete", "partial", "none") if pin in pins), "none")
        counts = str(len(one.packages)), str(len(one.signers))
        rows.append((clean(one.id), clean(one.name), *counts, told, clean(one.updated)))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    out.writelines(line.rstrip() + "\n" for line in lines)


def write_signature(signature: Signature, lists: dict[str, ListDefinition], out: TextIO) -> None:
    """Everything about one app, each value with its citations."""
    out.writelines(line.rstrip() + "\n" for line in _signature(signature, lists))


def write_complaints(complaints: Sequence[Complaint], files: int, out: TextIO) -> None:
    """One line for each, then how many there are."""
    for one in complaints:
        where = ": ".join(filter(None, (clean(one.file), clean(one.where))))
        out.write(f"{where}: {one.level}: {clean(one.text)} [{one.code}]\n")
    errors = sum(one.level == "error" for one in complaints)
    said = counted(files, "file"), counted(errors, "error"), counted(len(complaints) - errors, "warning")
    out.write(", ".join(said) + "\n")


def write_changes(changes: Iterable[Change], out: TextIO) -> None:
    """One line for each, as ``+``, ``-`` and ``~``."""
    for one in changes:
        sign = {"added": "+", "removed": "-", "changed": "~"}[one.kind]
        name = clean(one.name) if one.what in {"package", "signer"} else f"({clean(one.name)})"
        detail = f"  {clean(one.detail)}" if one.detail else ""
        out.write(f"{sign} {one.what:<7} {clean(one.app)} {name}{detail}\n")


def _signature(signature: Signature, lists: dict[str, ListDefinition]) -> Iterator[str]:
    yield f"{clean(signature.name)}  ({clean(signature.id)})"
    yield f"publisher  {clean(signature.publisher)}"
    yield f"updated    {clean(signature.updated)}"
    yield from _note(signature.note, "")
    for mention in signature.lists:
        yield f"\nlist       {clean(mention.list_id)}, named as {clean(mention.named_as)}"
        yield from _list(lists.get(mention.list_id))
    for title in signature.titles:
        yield f"\ntitle      {clean(title.name)}"
        yield from _cites(title.cites)
    for package in signature.packages:
        yield from _package(package)
    for signer in signature.signers:
        yield from _signer(signer)
    for sdk in signature.embedded_sdks:
        yield f"\nsdk        {clean(sdk.id)}: {clean(sdk.name)}"
        yield from (*_note(sdk.note), *_cites(sdk.cites))
    for related in signature.related:
        yield f"\nnot it     {clean(related.name)}"
        yield from (*_note(related.note), *_cites(related.cites))


def _list(definition: ListDefinition | None) -> Iterator[str]:
    if definition is not None:
        days = [f"{word} {day}" for word, day in (("from", definition.since), ("until", definition.until)) if day]
        yield f"  {clean(definition.title)}: {clean('; '.join(filter(None, (definition.status, ' '.join(days)))))}"
        yield from (*_note(definition.note), *_cites(definition.cites))


def _package(package: Package) -> Iterator[str]:
    yield f"\npackage    {clean(package.name)}  {clean(package.variant)}"
    signers = f", signed by {', '.join(map(clean, package.signers))}" if package.signers else ""
    yield f"  {package.status}; pins {package.pins}{signers}"
    yield from (*_note(package.note), *_cites(package.cites))


def _signer(signer: PinnedSigner) -> Iterator[str]:
    yield f"\nsigner     {clean(signer.id)}  {signer.confidence}"
    for key in signer.__struct_fields__:
        value = getattr(signer, key)
        if value and key not in _SKIPPED:
            yield f"  {key:<19}{clean(', '.join(value) if isinstance(value, tuple) else value)}"
    if signer.der:
        yield f"  {'der':<19}{len(signer.der) // 2} bytes (in -o json)"
    yield from (*_note(signer.note), *_cites(signer.cites))


def _note(note: str | None, indent: str = "  ") -> Iterator[str]:
    if note:
        yield from textwrap.wrap(clean(note), WIDTH, initial_indent=indent, subsequent_indent=indent)


def _cites(cites: tuple[str, ...]) -> Iterator[str]:
    for cite in cites:
        yield from textwrap.wrap(
            clean(cite), WIDTH, initial_indent="  cites: ", subsequent_indent="         ", break_long_words=False,
            break_on_hyphens=False,
        )  # fmt: skip
