"""Which column of a table holds what: as the user says, else by its title, else by what stands in it."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence

from scanner.model import Value, printable
from scanner.sources.inventories.lines import MAX_NAME

SAMPLE = 50
"""Rows from the front by which a table is understood."""
MAX_PREAMBLE = 20
"""Rows above the titles, such as the name of a report, at most."""
GUESSES: dict[str, tuple[str, ...]] = {
    "package": (
        "packagename", "androidpackagename", "apppackagename", "applicationpackagename", "package", "pkgname", "pkg",
        "packageid", "packageidentifier", "apppackage", "apppackageid", "bundleid", "bundleidentifier", "appbundleid",
        "applicationid", "appid", "appidentifier", "applicationidentifier", "bundle", "identifier",
    ),
    "sha256": (
        "certificatesha256", "certsha256", "signingcertsha256", "signingcertificatesha256", "signersha256",
        "sha256certificate", "sha256cert", "sha256fingerprint", "certificatesha256fingerprint", "signaturesha256",
        "certificatefingerprintsha256", "signingkeysha256",
    ),
    "sha1": (
        "certificatesha1", "certsha1", "signingcertsha1", "signingcertificatesha1", "signersha1", "sha1certificate",
        "sha1cert", "sha1fingerprint", "certificatesha1fingerprint", "signaturesha1", "certificatefingerprintsha1",
        "signingkeysha1",
    ),
    "certificate": (
        "signingcert", "signingcertificate", "certificatefingerprint", "certfingerprint", "signingcertfingerprint",
        "signingcertificatefingerprint", "signingkeycertfingerprint", "signingkeycertfingerprints", "certificatehash",
        "certhash", "signingcertificatehash", "signerfingerprint",
    ),
    "file_sha256": (
        "filesha256", "apksha256", "packagesha256", "packagesha256hash", "apkhash", "filehash", "sha256hash", "sha256",
    ),
    "serial": ("serialnumber", "serialno", "serial", "deviceserialnumber", "deviceserial"),
    "device": (
        "devicename", "manageddevicename", "device", "deviceid", "hostname", "computername", "endpointname", "endpoint",
    ),
    "model": ("devicemodel", "model", "modelname"),
    "owner": (
        "owner", "userprincipalname", "upn", "username", "useremail", "emailaddress", "email", "primaryuser",
        "assignedto", "assigneduser", "assettag",
    ),
    "user": ("androiduser", "androiduserid", "user"),
    "platform": ("platform", "deviceplatform", "appplatform", "os", "osname", "operatingsystem", "ostype"),
    "version_code": ("versioncode", "vercode", "longversioncode", "appversioncode"),
    "version": (
        "versionname", "appversion", "applicationversion", "version", "shortversion", "displayversion", "versionstring",
    ),
    "installer": ("installerpackagename", "installerpackage", "installer", "installsource"),
    "title": (
        "appname", "applicationname", "apptitle", "applabel", "displayname", "softwarename", "productname",
        "applicationtitle", "application", "title", "label", "app", "name",
    ),
    "assurance": ("assurance",),
}  # fmt: skip
"""What may be in a column → titles in lower case without separators, the surest first.

A bare ``sha256`` is taken for the digest of the file: taken for a certificate, it would make genuine apps impostors.
"""
FIELDS = tuple(field for field in GUESSES if field != "assurance")
"""What the user may name."""
_SEPARATORS = re.compile(r"[\W_]+")
_DOTTED = re.compile(r"[A-Za-z][A-Za-z0-9_]*(\.[A-Za-z][A-Za-z0-9_]*)+")
_SHOWN = 60
_EMPTY: tuple[str, ...] = ()


class Layout(Value, frozen=True):
    """Where what stands in a table."""

    columns: dict[str, int]
    titles: dict[str, str]
    """What each of these columns is called."""
    header: int | None
    """Which row of the sample holds the titles; null where there are none."""
    guessed: bool
    missing: tuple[str, ...] = ()
    """Columns that the user named and that are not there."""

    @property
    def first(self) -> int:
        """Which row of the sample is the first below the titles."""
        return 0 if self.header is None else self.header + 1

    def told(self) -> str:
        """How the table was understood, for people."""
        found = ", ".join(f"{field} from {self.titles[field]}" for field in self.columns if field != "assurance")
        return f"columns were guessed: {found}; say otherwise with --columns"


def parse_columns(text: str) -> dict[str, str]:
    """The columns that a user names: ``package=App ID,sha256=Cert``, or by number from 1: ``package=2``.

    A title that holds a comma stands in quotes with its field: ``"owner=Doe, owner"``.

    Raises:
        ValueError: a field is unknown or named twice, or a column is missing.
    """
    columns: dict[str, str] = {}
    for part in next(csv.reader([text], skipinitialspace=True), []):
        field, equals, column = (piece.strip() for piece in part.partition("="))
        field = field.lower()
        if not equals or not column:
            raise ValueError(f"{part!r}: expected FIELD=COLUMN, such as package=App ID")
        if field not in FIELDS:
            raise ValueError(f"{field!r} is no field; there are: {', '.join(FIELDS)}")
        if field in columns:
            raise ValueError(f"{field} is named twice")
        columns[field] = column
    if not {"package", "title"} & set(columns):
        raise ValueError("no column for package or title: without either, no app can be recognised")
    return columns


def is_dotted(text: str) -> bool:
    """Whether a text looks like a package name, of two parts at least; what makes a column one of package names."""
    return len(text) <= MAX_NAME and _DOTTED.fullmatch(text) is not None


def plain(title: str) -> str:
    """A title in lower case without separators."""
    return _SEPARATORS.sub("", title).lower()


def guess(header: Sequence[str], rows: Sequence[Sequence[str]] = ()) -> dict[str, int]:
    """The columns by their titles. Of several for the package, one that holds package names in ``rows``."""
    positions: dict[str, int] = {}
    for position, title in enumerate(header):
        positions.setdefault(plain(title), position)
    columns: dict[str, int] = {}
    for field, names in GUESSES.items():
        places = [positions[name] for name in names if name in positions and positions[name] not in columns.values()]
        if field == "package":
            places.sort(key=lambda place: not any(is_dotted(cell_at(row, place)) for row in rows))
        if places:
            columns[field] = places[0]
    return columns


def cell_at(row: Sequence[str], place: int) -> str:
    """A cell without blanks around it; empty where the row is too short."""
    return row[place].strip() if place < len(row) else ""


def lay_out(rows: Sequence[Sequence[str]], wanted: Mapping[str, str] | None) -> Layout | None:
    """How a table that begins with these rows is to be read; null where nothing tells."""
    return _by_user(rows, wanted) if wanted is not None else _by_titles(rows) or _by_content(rows)


def tells_an_app(columns: Mapping[str, int]) -> bool:
    """Whether these columns are enough: package names, or titles of apps together with something that is no book."""
    return "package" in columns or ("title" in columns and bool({"device", "serial"} & set(columns)))


def _by_titles(rows: Sequence[Sequence[str]]) -> Layout | None:
    for number, row in enumerate(rows[:MAX_PREAMBLE]):
        columns = guess(row, rows[number + 1 :])
        if tells_an_app(columns):
            return Layout(columns, _titles(columns, row), number, guessed=True)
    return None


def _by_content(rows: Sequence[Sequence[str]]) -> Layout | None:
    """A column of package names under a title that says nothing, or without one."""
    for place in range(max(map(len, rows), default=0)):
        cells = [cell_at(row, place) for row in rows]
        names = [is_dotted(cell) for cell in cells if cell]
        if names and sum(names[1:]) * 5 >= len(names[1:]) * 4 and sum(names) > (not names[0]):
            header = None if names[0] else next(number for number, cell in enumerate(cells) if cell)
            title = () if header is None else rows[header]
            return Layout({"package": place}, _titles({"package": place}, title), header, guessed=True)
    return None


def _by_user(rows: Sequence[Sequence[str]], wanted: Mapping[str, str]) -> Layout | None:
    best: Layout | None = None
    for number, row in enumerate(rows[:MAX_PREAMBLE]):
        columns = _named(row, wanted)
        if {"package", "title"} & set(columns) and (best is None or len(columns) > len(best.columns)):
            missing = tuple(title for field, title in wanted.items() if field not in columns)
            best = Layout(columns, _titles(columns, row), number, guessed=False, missing=missing)
    return best or _by_number(rows, wanted)


def _named(row: Sequence[str], wanted: Mapping[str, str]) -> dict[str, int]:
    exact = {title.strip(): place for place, title in reversed(list(enumerate(row)))}
    alike = {plain(title): place for place, title in reversed(list(enumerate(row)))}
    found = {field: exact.get(title, alike.get(plain(title) or "\0")) for field, title in wanted.items()}
    return {field: place for field, place in found.items() if place is not None}


def _by_number(rows: Sequence[Sequence[str]], wanted: Mapping[str, str]) -> Layout | None:
    numbers = {field: int(title) - 1 for field, title in wanted.items() if re.fullmatch("[1-9][0-9]{0,4}", title)}
    if len(numbers) < len(wanted) or max(numbers.values()) >= max(map(len, rows), default=0):
        return None
    first = cell_at(rows[0], numbers.get("package", -1)) if "package" in numbers else ""
    header = None if is_dotted(first) or "package" not in numbers else 0
    return Layout(numbers, _titles(numbers, _EMPTY if header is None else rows[0]), header, guessed=False)


def _titles(columns: Mapping[str, int], header: Sequence[str]) -> dict[str, str]:
    return {
        field: printable(cell_at(header, place))[:_SHOWN] or f"column {place + 1}" for field, place in columns.items()
    }
