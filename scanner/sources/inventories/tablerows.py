"""One row of a table, its cells sorted by what they hold, made an entry."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState, printable
from scanner.sources.inventories import digests
from scanner.sources.inventories.lines import is_package_name
from scanner.sources.inventories.reading import Entry, Gap, NotAndroid
from scanner.sources.inventories.remembered import remembered

MAX_SHOWN = 80
"""Characters of a cell in a reason."""
MAX_DIGITS = 18
"""Digits of a number."""
MAX_SIGNERS = 20
"""Digests in one cell."""
SHA256, SHA1 = 32, 20
_BLANK = " \t\r\n\f\v\u00a0\u200b\u200e\u2060\ufeff"
_NOTHING = frozenset(
    {
        *("", "-", "--", "n/a", "na", "nan", "null", "none", "nil", "unknown", "(null)", "<null>"),
        *("#n/a", "#ref!", "#value!", "#name?", "#null!", "#div/0!", "#num!", "#getting_data", "#spill!", "#calc!"),
    }
)
"""What a cell holds that says nothing; a spreadsheet's errors among them."""
_LONGEST = max(map(len, _NOTHING))
_CERTIFICATES = ("sha256", "sha1", "certificate")
_DIGESTS = frozenset({*_CERTIFICATES, "file_sha256"})
_SYSTEMS = tuple(
    (re.compile(pattern, re.IGNORECASE), system)
    for pattern, system in (
        (r"android", None),
        (r"(?<![a-z])i(os|pados|phone|pad|pod)|apple\W*ios", "iOS"),
        (r"(?<![a-z])(mac|os ?x|darwin)(?![a-z])|macos|macmdm|apple\W*os ?x", "macOS"),
        (r"(?<![a-z])windows|^win(rt|ce|mo|embedded|\W|\d|$)|\bwin(32|64)\b", "Windows"),
        (r"\b(chrome ?os|chromeos)\b", "ChromeOS"),
        (r"\b(tvos|watchos|visionos|linux|ubuntu|tizen)\b", "another system"),
        (r"(?<![a-z])apple(?![a-z])", "Apple"),
    )
)
"""As people write them, and as Intune does: https://learn.microsoft.com/en-us/graph/api/resources/intune-shared-devicetype
and https://learn.microsoft.com/en-us/graph/api/resources/intune-policyset-deviceplatformtype ."""
_ALGORITHM = re.compile(r"\s*sha-?(?:1|256)\s*[:=/ ]\s*", re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}([,.'\u00a0\u202f ])\d{3}(?:\1\d{3})*")
_NUMBER = re.compile(r"(\d{1,18})(?:\.0+)?")


def entries_of(
    values: Mapping[str, str], titles: Mapping[str, str], *, name: str, spec: str, line: int
) -> Iterator[Entry]:
    """What one row says: an app, or why there is none. ``values`` are cells by field, ``titles`` of their columns."""
    cells = {  # as `said` says, without a call for each of a million rows' cells
        field: text if text.isascii() else printable(text)
        for field, cell in values.items()
        if (text := cell.strip(_BLANK)) and (len(text) > _LONGEST or text.lower() not in _NOTHING)
    }
    system = _system(cells.get("platform", ""))
    if system is not None:
        yield NotAndroid(system)
        return
    packages, stated, file_sha256 = _packages(cells.get("package", "")), None, None
    if packages is None:
        yield Gap(f"line {line}", f"not a package name: {_shown(cells['package'])}")
    if not packages and "title" not in cells:
        if packages is not None:
            yield Gap(f"line {line}", "neither a package name nor a title")
        return
    if not _DIGESTS.isdisjoint(cells):
        stated, problem = _stated(*map(cells.get, (*_CERTIFICATES, "assurance")), *map(titles.get, _CERTIFICATES))
        if problem:
            yield Gap(f"line {line}", problem, "certificate")
        if "file_sha256" in cells and (file_sha256 := digest(cells["file_sha256"], SHA256)) is None:
            yield Gap(f"line {line}", f"not the SHA-256 of a file: {_shown(cells['file_sha256'])}")
    for package in packages or ("",):
        yield _installed(cells, package, stated, file_sha256, name, spec, line)


def said(cell: str) -> str:
    """The text of a cell; empty where it says nothing."""
    text = cell.strip(_BLANK)
    return "" if len(text) <= _LONGEST and text.lower() in _NOTHING else text


def digest(text: str, size: int) -> str | None:
    """A digest as `digests.digest` reads it, also one that is called by its algorithm."""
    return digests.digest(_ALGORITHM.sub("", text, count=1).strip(_BLANK), size)


def whole_number(text: str) -> int | None:
    """A whole number, with or without thousands separators; null for anything else."""
    if text.isdecimal() and text.isascii() and len(text) <= MAX_DIGITS:
        return int(text)
    if grouped := _GROUPED.fullmatch(text):
        text = text.replace(grouped[1], "")
    found = _NUMBER.fullmatch(text)
    return int(found[1]) if found and found[1].isascii() else None


def _installed(
    cells: Mapping[str, str],
    package: str,
    stated: Stated | None,
    file_sha256: str | None,
    name: str,
    spec: str,
    line: int,
) -> Installed:
    user, owner = cells.get("user"), cells.get("owner")
    users: tuple[UserState, ...] = ()
    if user is not None:
        number = whole_number(user)
        users = () if number is None else (UserState(number, "installed"),)
        owner = user if number is None and owner is None else owner
    said_code = cells.get("version_code")
    return Installed(  # by position as far as it goes: names take three times as long
        _device(cells.get("serial") or cells.get("device") or name, cells.get("model"), owner),
        spec,
        package,
        "active",
        users,
        None,
        None,
        f"{name}:{line}",
        cells.get("title"),
        file_sha256,
        None if said_code is None else whole_number(said_code),
        cells.get("version"),
        installer=cells.get("installer"),
        stated=stated,
    )


@remembered
def _device(serial: str, model: str | None, owner: str | None) -> Device:
    return Device(printable(serial), model and printable(model), None, owner and printable(owner))


@remembered
def _system(text: str) -> str | None:
    """The system other than Android that a platform column names; null for Android, and for what is not known."""
    return next((system for pattern, system in _SYSTEMS if pattern.search(text)), None)


@remembered
def _packages(text: str) -> tuple[str, ...] | None:
    """The package names in a cell, nearly always one; null where it holds something else."""
    text = text.removeprefix("package:")
    if not text:
        return ()
    if _is_name(text):
        return (text,)
    several = tuple(part.strip(_BLANK) for part in re.split("[;,\n]", text))
    return several if len(several) > 1 and all(map(_is_name, several)) else None


def _is_name(text: str) -> bool:
    """Whether it is a package name, of two parts as all but the system's own are: a table may hold any word."""
    return is_package_name(text) and ("." in text or text == "android")


@remembered
def _stated(
    sha256: str | None,
    sha1: str | None,
    certificate: str | None,
    assurance: str | None,
    *titles: str | None,
) -> tuple[Stated | None, str | None]:
    """The certificates that a row states, or what is wrong with them. Half a list would be taken for all of it."""
    strong, weak = _digests(sha256, SHA256), _digests(sha1, SHA1)
    if certificate and strong == () and weak == ():
        strong, weak = _digests(certificate, SHA256), _digests(certificate, SHA1)
        strong, weak = (strong, ()) if strong else ((), weak) if weak else (None, None)
    if strong is None or weak is None:
        wrong = sha256 if strong is None and sha256 else sha1 if weak is None and sha1 else certificate
        return None, f"not a digest of a certificate, so none was taken: {_shown(wrong or '')}"
    if strong and weak and len(strong) != len(weak):
        return None, f"{len(strong)} SHA-256 and {len(weak)} SHA-1 digests of certificates, so none was taken"
    signers = tuple(Certificate(sha256=one, sha1=other) for one, other in zip_longest(strong, weak))
    if not signers:
        return None, None
    cells = zip(titles, (sha256, sha1, certificate), strict=True)
    origin = ", ".join(title for title, cell in cells if title and cell)
    return Stated(signers, (), origin, _assurance(assurance)), None


def _assurance(text: str | None) -> Assurance:
    """A table reports; where it is our own ``csv``, which says that nobody checked, it is no more than that."""
    said_so = Assurance(text) if text in set(Assurance) else Assurance.REPORTED
    return Assurance.REPORTED if said_so.reaches(Assurance.REPORTED) else said_so


def _digests(text: str | None, size: int) -> tuple[str, ...] | None:
    """Every digest in a cell; null where one of them is none."""
    if not text:
        return ()
    if one := digest(text, size):
        return (one,)
    for between in ("[;,|\n]+", r"\s+"):
        parts = [part for part in re.split(between, text) if part.strip(_BLANK)]
        found = [digest(part, size) for part in parts[:MAX_SIGNERS]]
        if len(parts) <= MAX_SIGNERS and found and all(found):
            return tuple(one for one in found if one)
    return None


def _shown(text: str) -> str:
    return repr(printable(text[:MAX_SHOWN]))
