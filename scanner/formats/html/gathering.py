"""What the page holds, gathered row by row: bounded, and each row as compact as it can be.

Findings that say the same of the same package under the same signers are one card, with every place it was seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec
from markupsafe import Markup

from scanner.formats.cleaning import clean
from scanner.formats.telling import allowance, fingerprint, notes, users, version
from scanner.model import AppRow, Finding, SignerRow, SummaryRow, UnreadRow, Verdict
from scanner.policies.policy import FAILING, fails

MAX_CLEAR, MAX_OTHER = 50_000, 100_000
"""Apps that are clear, and others, in the list of all apps; how many more there are is said."""
MAX_CARDS, MAX_SPOTS, SPOTS_IN_ALL, FEWEST = 500, 100, 2_000, 3
"""Findings that are written out, places of each, places of all together, and places that each may have even so."""
ITS_PLACE = "where it was seen"
"""What evidence is from that an inventory's own line gave: the line stands with each place of the finding."""
MAX_PLACES, MAX_REASONS, MAX_OF_A_REASON, MAX_ODD, MAX_UNREAD = 500, 300, 50, 200, 5_000


class Spot(NamedTuple):
    """Where a finding was seen."""

    row: str | None
    place: Place
    row_data: AppRow
    users: str
    version: str


class Card:
    """A finding, and every place where it was seen."""

    def __init__(self, name: str, finding: Finding, row: AppRow) -> None:
        self.name, self.finding, self.package = name, finding, row.package_name or row.label or row.location
        self.signers, self.assurance = row.signers, row.assurance
        self.fails = fails(finding)
        self.count = 0
        self.spots: list[Spot] = []
        self.cites = tuple(dict.fromkeys(cite for one in finding.evidence for cite in one.cites))


class Cell(NamedTuple):
    """The strongest that was found of one app in one place."""

    verdict: Verdict
    card: str | None
    fails: bool


class Place:
    """A phone, or a SPEC whose files were read."""

    __slots__ = ("apps", "cells", "detail", "failing", "name", "number", "phone", "source", "unread")

    def __init__(self, number: int, source: str, row: AppRow | None) -> None:
        device = row.device if row else None
        said = (device.owner, device.model, device.android and f"Android {device.android}") if device else ()
        self.number, self.source, self.phone = number, source, device is not None or source.startswith("adb:")
        self.name = device.serial if device else source.removeprefix("adb:")
        self.detail = ", ".join(part for part in said if part)
        self.apps = self.unread = self.failing = 0
        self.cells: dict[str, Cell] = {}


class Hole(NamedTuple):
    """Things that were not seen for one reason."""

    reason: str
    names: list[str]
    more: int


class Matrix(NamedTuple):
    """Places against apps."""

    columns: list[tuple[str, str]]
    places: list[Place]
    more: int


class Gathered:
    """Every row of the report, as far as the page shows it."""

    def __init__(self) -> None:
        self.failing = self.let_pass = self.to_review = 0
        self.apps = self.left_out = self.findings_left_out = self.odd_left_out = 0
        self.first = self.last = ""
        self.cards: dict[str, Card] = {}
        self.places: dict[tuple[str, str], Place] = {}
        self._of_source: dict[str, list[Place]] = {}
        self.found_apps: dict[str, None] = {}
        self.failing_verdicts: set[Verdict] = set()
        self.odd: list[Spot] = []
        self._rows: list[bytes] = []
        self._clear = self._spots = 0
        self._names: dict[str, int] = {}
        self._signers: dict[tuple[str, str], int] = {}
        self._unread: dict[tuple[str, str], list[str]] = {}
        self._encode = msgspec.json.Encoder().encode

    def app(self, row: AppRow) -> None:
        """Take one app's row."""
        self.apps += 1
        self.first = min(self.first or row.scanned_at, row.scanned_at)
        self.last = max(self.last, row.scanned_at)
        place = self._place(row.source, row)
        place.apps += 1
        self._count(row, place)
        name = self._name(row)
        cards = [self._find(row, finding, place, name) for finding in row.findings]
        if not row.findings and (row.tamper or row.contradictions):
            if len(self.odd) < MAX_ODD:
                self.odd.append(Spot(name, place, row, users(row), version(row)))
            else:
                self.odd_left_out += 1
        if name is None:
            self.left_out += 1
        else:
            self._rows.append(self._packed(row, name, place, [card for card in cards if card]))

    def unread(self, row: UnreadRow) -> None:
        """Take something that could not be read; its words are in the summary."""
        if len(self._unread) < MAX_UNREAD:
            self._unread.setdefault((f"{row.what} {row.which}", row.reason), []).append(row.source)
        mine = self._of_source.get(row.source, [])
        (mine[0] if len(mine) == 1 else self._place(row.source, None)).unread += 1

    def _count(self, row: AppRow, place: Place) -> None:
        """Whether a row fails, would by its verdict alone, or asks for a look."""
        if any(map(fails, row.findings)):
            self.failing += 1
            place.failing += 1
        elif row.findings:
            listed = any(finding.verdict in FAILING for finding in row.findings)
            self.let_pass += listed
            self.to_review += not listed

    def _name(self, row: AppRow) -> str | None:
        """The row's name in links, or None where there is no room for it in the list of all apps."""
        if row.verdict == Verdict.CLEAR:
            self._clear += 1
        if self._clear > MAX_CLEAR if row.verdict == Verdict.CLEAR else len(self._rows) >= MAX_CLEAR + MAX_OTHER:
            return None
        name = f"r-{fingerprint(row)}"
        again = self._names[name] = self._names.get(name, 0) + 1
        return name if again == 1 else f"{name}-{again}"

    def _place(self, source: str, row: AppRow | None) -> Place:
        key = (source, row.device.serial if row and row.device else "")
        place = self.places.get(key)
        if place is None:
            place = self.places[key] = Place(len(self.places), source, row)
            self._of_source.setdefault(source, []).append(place)
        return place

    def _find(self, row: AppRow, finding: Finding, place: Place, name: str | None) -> str | None:
        finding = _anywhere(finding, row)
        key = self._encode((row.package_name, row.signers, finding))
        card_name = f"f-{hashlib.blake2b(key, digest_size=8).hexdigest()}"
        card = self.cards.get(card_name)
        if card is None and len(self.cards) < MAX_CARDS:
            card = self.cards[card_name] = Card(card_name, finding, row)
        if card is None:
            self.findings_left_out += 1
        else:
            card.count += 1
            self._spot(card, Spot(name, place, row, users(row), version(row)))
        shown = None if card is None else card_name
        cell = Cell(finding.verdict, shown, fails(finding))
        known = place.cells.get(finding.signature)
        if known is None or (cell.fails, -cell.verdict.strength) > (known.fails, -known.verdict.strength):
            place.cells[finding.signature] = cell
        if cell.fails:
            self.found_apps[finding.app] = None
            self.failing_verdicts.add(finding.verdict)
        return shown

    def _spot(self, card: Card, spot: Spot) -> None:
        room = MAX_SPOTS if self._spots < SPOTS_IN_ALL else FEWEST
        if len(card.spots) < room:
            card.spots.append(spot)
            self._spots += 1

    def _packed(self, row: AppRow, name: str, place: Place, cards: list[str]) -> bytes:
        values: list[Any] = [
            name, row.verdict, [clean(one.app) for one in row.findings], _text(row.package_name), clean(version(row)),
            place.number, clean(users(row)), clean(row.location), _text(row.label), _text(row.installer),
            row.assurance or "", [self._signer(one) for one in row.signers], [clean(one) for one in notes(row)],
            [clean(one) for one in row.removal], cards, clean(row.scanned_at), any(map(fails, row.findings)),
            [clean(f"{one.app}: {allowance(one)}") for one in row.findings if one.allowed_by is not None],
        ]  # fmt: skip
        return self._encode(values)

    def _signer(self, signer: SignerRow) -> int:
        digest = signer.sha256 or signer.sha1 or signer.md5 or f"hash {signer.hash32}"
        return self._signers.setdefault((digest, clean(signer.subject or "")), len(self._signers))

    def data(self) -> Iterator[Markup]:
        """The block of data that the page's script reads, piece by piece: JSON in which nothing looks like markup."""
        tables = {
            "verdicts": list(Verdict),
            "places": [[clean(one.name), clean(one.detail), one.phone] for one in self.places.values()],
            "signers": list(self._signers),
        }
        yield _safe(self._encode(tables)[:-1] + b',"rows":[')
        for number, row in enumerate(self._rows):
            yield _safe(b",\n" + row if number else row)
        yield Markup("]}")

    def holes(self, summary: SummaryRow) -> list[Hole]:
        """What was not seen, by its reason."""
        reasons: dict[str, Hole] = {}
        sources = {key: iter(of) for key, of in self._unread.items()}
        for one in summary.coverage:
            key = one.reason if len(reasons) < MAX_REASONS or one.reason in reasons else "for other reasons"
            hole = reasons.setdefault(key, Hole(key, [], 0))
            if len(hole.names) < MAX_OF_A_REASON:
                source = next(sources.get((one.hole, one.reason), iter(())), "")
                hole.names.append(one.hole if source in one.hole else f"{one.hole} ({source})")
            else:
                reasons[key] = hole._replace(more=hole.more + 1)
        return list(reasons.values())

    def matrix(self, summary: SummaryRow) -> Matrix:
        """Places against apps, those with findings first."""
        columns = {one.signature: one.app for one in summary.sought}
        columns.update({card.finding.signature: card.finding.app for card in self.cards.values()})
        places = sorted(self.places.values(), key=lambda one: (not one.failing, not one.cells, not one.unread))
        return Matrix(list(columns.items()), places[:MAX_PLACES], max(0, len(places) - MAX_PLACES))

    def ordered(self) -> list[Card]:
        """The cards, what fails first, then by strength and how often it was seen."""
        return sorted(self.cards.values(), key=lambda one: (not one.fails, one.finding.verdict.strength, -one.count))


def _anywhere(finding: Finding, row: AppRow) -> Finding:
    """The finding without the line of an inventory that it was read from, so that it is the same on many phones."""
    if not any(one.origin == row.location for one in finding.evidence):
        return finding
    evidence = (
        msgspec.structs.replace(one, origin=ITS_PLACE) if one.origin == row.location else one
        for one in finding.evidence
    )
    return msgspec.structs.replace(finding, evidence=tuple(evidence))


def _text(text: str | None) -> str:
    return "" if text is None else clean(text)


def _safe(data: bytes) -> Markup:
    """JSON in which no character could end the element that holds it."""
    text = data.decode().replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(text)  # noqa: S704 - escaped for a script element above
