"""What ``cmd transparency get mba_info -v`` prints of preloaded and silently installed apps (Android 14 and newer).

::

    Preload Info [Format: package_name,package_version,content_digest_algorithm:content_digest]:
    com.example,123,CHUNKED_SHA256:AB12...
    --- App Details ---
    Label: ...
    --- Package Installation Info ---
    Current install location: /product/app/...
    --- Package Signer Info ---
    Has multiple signers: false
    Signing key has been rotated: false
    Signer cert's SHA256-digest: 0FE4FF85...
    == Signing Cert Lineage (Excluding The Most Recent) ==
      ++ Signer cert #1 ++
      Cert SHA256-digest: ...

and a blank line after each app. ``--no-headers`` leaves the first line out; without a content digest the second one
runs into the third. Label and description are the app's own words and may hold line feeds: signers count only behind
their heading, and an app whose headings stand twice, or that is told of twice and differently, has no signers stated.

The preloads listed are the copies that left the factory, also where an update was installed since.

Source: AOSP ``BinaryTransparencyService``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.model import Value
from scanner.sources.inventories.lines import is_package_name, lines_of, number

_ENTRY = re.compile(r"([A-Za-z0-9_.]{1,255}),(-?[0-9]{1,19}),(---.*|ERROR:.*|[0-9A-Fa-f]{64},.*|[A-Z0-9_][^:]*:.*|)")
_HEADER = " Info [Format: "
_INSTALLATION = "--- Package Installation Info ---"
_SIGNERS = "--- Package Signer Info ---"
_LINEAGE = "== Signing Cert Lineage"
_LOCATION = "Current install location: "
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_BOOLEANS = {"true": True, "false": False}


class TransparencyEntry(Value, frozen=True):
    """One app as the platform measured it. Digests are SHA-256, in lower case."""

    package: str
    version: int | None
    signers: tuple[str, ...] = ()
    """Empty where they were not stated, or not clearly."""
    lineage: tuple[str, ...] = ()
    """Earlier certificates, oldest first, without the newest."""
    rotated: bool | None = None
    multiple: bool | None = None
    location: str | None = None


def parse_transparency(text: str) -> dict[str, TransparencyEntry]:
    """Package name → what was measured; empty where the phone knows no such question."""
    entries: dict[str, TransparencyEntry] = {}
    for name, version, lines in _blocks(text):
        entry = _entry(name, version, lines)
        before = entries.setdefault(name, entry)
        if before != entry:
            entries[name] = TransparencyEntry(name, before.version, location=before.location)
    return entries


def _blocks(text: str) -> Iterator[tuple[str, int | None, list[str]]]:
    name: str | None = None
    version: int | None = None
    block: list[str] = []
    fresh = True
    for line in lines_of(text):
        start = _ENTRY.fullmatch(line) if fresh else None
        if start is not None and is_package_name(start[1]):
            if name is not None:
                yield name, version, block
            name, version, block = start[1], number(start[2]), [start[3]]
        elif name is not None:
            block.append(line)
        fresh = not line or _HEADER in line
    if name is not None:
        yield name, version, block


def _entry(name: str, version: int | None, lines: list[str]) -> TransparencyEntry:
    location = None
    if lines.count(_INSTALLATION) == 1:
        location = _value(lines[lines.index(_INSTALLATION) :], _LOCATION)
    if lines.count(_SIGNERS) != 1 or lines.count(_INSTALLATION) > 1:
        return TransparencyEntry(name, version, location=location)
    said = lines[lines.index(_SIGNERS) + 1 :]
    turn = next((at for at, line in enumerate(said) if line.startswith(_LINEAGE)), len(said))
    signers = _digests(said[:turn], "Signer cert's SHA256-digest: ")
    lineage = _digests(said[turn:], "  Cert SHA256-digest: ")
    multiple = _BOOLEANS.get(_value(said, "Has multiple signers: ") or "")
    rotated = _BOOLEANS.get(_value(said, "Signing key has been rotated: ") or "")
    if not signers or lineage is None or multiple is not (len(signers) > 1):
        return TransparencyEntry(name, version, (), (), rotated, multiple, location)
    return TransparencyEntry(name, version, signers, lineage, rotated, multiple, location)


def _value(lines: list[str], key: str) -> str | None:
    return next((line[len(key) :] for line in lines if line.startswith(key)), None)


def _digests(lines: list[str], key: str) -> tuple[str, ...] | None:
    """Every digest behind the key; null where one of them is none."""
    digests = [line[len(key) :] for line in lines if line.startswith(key)]
    return tuple(digest.lower() for digest in digests) if all(map(_DIGEST.fullmatch, digests)) else None
