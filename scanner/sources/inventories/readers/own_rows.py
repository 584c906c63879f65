"""Our own ``jsonl`` and ``json``, saved by an earlier scan: the same evidence against the signatures of today.

What the signatures do not decide, such as when an app was scanned, its schemes and its tamper notes, goes along as
`Installed.earlier`. A hole of the earlier scan is a hole still, and so is a file that ends without its summary.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import msgspec

from scanner.model import SCHEMA_VERSION, AppRow, Row, SummaryRow, UnreadRow
from scanner.sources.inventories.documents import numbered_lines
from scanner.sources.inventories.jsonstream import JsonStream
from scanner.sources.inventories.reading import Document, Entry, Gap, NotAndroid, Reader
from scanner.sources.inventories.savedrows import installed

_BEGINS = re.compile(
    r"""\s*(?:(?:\[|\{\s*"rows"\s*:\s*\[)\s*)?\{\s*"type"\s*:\s*"(?:app|unread|summary)"\s*,\s*"schema"\s*:\s*\d"""
    r"""|\s*\{\s*"rows"\s*:\s*\[\s*\]\s*,\s*"summary"\s*:"""
)
_SORTED = ('"certificate_history"', '"contradictions"', '"scanned_at"', '"schema"')
"""Keys that, all together, are ours in whatever order another tool put them."""
_A_ROW = re.compile(r'"type"\s*:\s*"(?:app|unread|summary)"')
_AS_WRITTEN = re.compile(r"""\{"rows": \[\n(?:\{"type"|\n\], "summary")""")
_SEPARATE = re.compile(r"""\{"type":|\s*\{(?!\s*"rows")[^\n]*\}\s*(?:\n|\Z)""")
_FIRST, _LAST = '{"rows": [', '], "summary": '
_ABSENT_APP: dict[str, Any] = {
    **dict.fromkeys(("device", "package_name", "version_code", "version_name", "label", "installer", "system")),
    **dict.fromkeys(("min_sdk", "target_sdk", "file_sha256", "etag", "stamp", "assurance", "unread")),
    **dict.fromkeys(("users", "splits", "signers", "certificate_history", "schemes", "findings"), ()),
    **dict.fromkeys(("tamper", "issues", "contradictions", "removal"), ()),
    **dict.fromkeys(("location", "source", "scanned_at"), ""),
    "copy": "active",
    "platform": "android",
    "verdict": "clear",
}
_ABSENT: dict[str, dict[str, Any]] = {"app": _ABSENT_APP, "summary": {"sought": (), "lists": (), "signatures_from": ()}}
"""What a row says of a key that an older version did not know."""
_UNJUDGED: dict[str, Any] = dict.fromkeys(("allowed_by", "allowed_reason", "allowed_until", "fails"))
"""The same of a finding."""
_decode = msgspec.json.Decoder(Row).decode


class Newer(msgspec.Struct, frozen=True):
    """A row that a newer version wrote."""

    schema: int


Decoded = AppRow | UnreadRow | SummaryRow | Gap | Newer


def recognises(head: str) -> bool:
    """Whether these are our own rows."""
    if _BEGINS.match(head):
        return True
    return head.lstrip()[:1] in {"{", "["} and all(key in head for key in _SORTED) and _A_ROW.search(head) is not None


def read(document: Document, spec: str) -> Iterator[Entry]:
    """The apps of a saved scan, and its holes."""
    tally = _Tally()
    for row in saved_rows(document):
        if type(row) is AppRow and row.schema <= SCHEMA_VERSION:
            tally.take()
            yield installed(row, spec) if row.platform == "android" else NotAndroid(row.platform)
        else:
            yield from tally.other(row)
    yield from tally.end()


class _Tally:
    """What the summary must agree with."""

    def __init__(self) -> None:
        self._apps = 0
        self._open, self._newer = True, False

    def take(self) -> None:
        self._apps += 1
        self._open = True

    def other(self, row: Decoded) -> Iterator[Gap]:
        """What anything but an app's row means. Several scans may stand one behind the other."""
        if isinstance(row, Gap):
            self._open = True
            yield row
        elif isinstance(row, Newer) or row.schema > SCHEMA_VERSION:
            self._open = self._open and not isinstance(row, SummaryRow)
            if not self._newer:
                why = f"its rows are of schema {row.schema}, this version reads {SCHEMA_VERSION}: use a newer one"
                yield Gap("", why, "listing")
            self._newer = True
        elif isinstance(row, UnreadRow):
            self._open = True
            yield Gap(row.place, row.reason, row.what)
        elif isinstance(row, SummaryRow):
            yield from self._closed(row)

    def end(self) -> Iterator[Gap]:
        if self._open and not self._newer:
            yield Gap("", "there is no summary at its end: the file is cut short", "listing")

    def _closed(self, summary: SummaryRow) -> Iterator[Gap]:
        missing = summary.counts.get("apps", 0) - self._apps
        if missing > 0:
            why = f"{missing} of the apps that were scanned have no row here (--only-findings or --redact)"
            yield Gap("", why, "listing")
        if summary.interrupted:
            yield Gap("", "the scan was interrupted: what it had not read is not here", "listing")
        self._apps, self._open = 0, False


def saved_rows(document: Document) -> Iterator[Decoded]:
    """The rows, however they are laid out: as written, line by line; else value by value, some times slower.

    Several scans may stand one behind the other. Raises as the document's streams do.
    """
    head = document.head
    if _AS_WRITTEN.match(head) or _SEPARATE.match(head):
        return _lines(document)
    return _values(document)


def _lines(document: Document) -> Iterator[Decoded]:
    for number, line in numbered_lines(document):
        text = line.rstrip(",\n")
        try:
            yield _decode(text)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            yield from _odd(text, number)


def _odd(text: str, number: int) -> Iterator[Decoded]:
    """A line that is no row as this version writes it."""
    if not text.strip() or text == _FIRST:
        return
    if text.startswith(_LAST):
        text = text[len(_LAST) : -1]
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        yield Gap(f"line {number}", f"not a row: {_reason(error)}")
    else:
        yield _converted(value, f"line {number}")


def _values(document: Document) -> Iterator[Decoded]:
    """Rows laid out anew by another tool: an array, a document of ``rows`` and ``summary``, or one after another."""
    number = 0
    with document.text() as stream:
        values = JsonStream(stream)
        try:
            for value in _each(values, document.head):
                number += 1
                yield _converted(value, f"row {number}")
        except ValueError as error:
            yield Gap(f"row {number + 1}", f"not read on from here: {error}", "listing")


def _each(values: JsonStream, head: str) -> Iterator[Any]:
    if values.next() == "[":
        yield from values.items()
        values.end()
    elif not re.match(r'\s*\{\s*"(?:rows|summary)"\s*:', head):
        while values.next():
            yield values.value()
    else:
        for key in values.members():
            if key == "rows":
                yield from values.items()
            else:
                yield values.value()
        values.end()


def _converted(value: object, where: str) -> Decoded:
    """A row of a decoded object. Keys of an older version that are missing are absent, those of a newer one ignored."""
    if not isinstance(value, dict):
        return Gap(where, "not a row")
    schema = value.get("schema")
    if isinstance(schema, int) and schema > SCHEMA_VERSION:
        return Newer(schema)
    try:
        row: Row = msgspec.convert(_completed(value), Row)
        msgspec.json.encode(row)  # what holds half a character could not be written
        return row
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return Gap(where, f"not a row: {_reason(error)}")


def _completed(value: dict[str, Any]) -> dict[str, Any]:
    """A row with the keys that an older version did not know."""
    row = {**_ABSENT.get(str(value.get("type")), {}), **value}
    if isinstance(row.get("findings"), list):
        row["findings"] = [{**_UNJUDGED, **one} if isinstance(one, dict) else one for one in row["findings"]]
    return row


def _reason(error: Exception) -> str:
    return "its text is not valid UTF-8" if isinstance(error, UnicodeError) else str(error) or type(error).__name__


OWN_READERS = (
    Reader(
        "rows",
        "rows of an earlier scan (jsonl, json)",
        recognises,
        read,
        "Certificates are as the earlier scan found them, known by digest alone: nothing is verified again.",
    ),
)
"""Readers of what this program wrote."""
