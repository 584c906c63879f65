"""Signing certificates in domain verification: ``pm get-app-links``, and a section of ``dumpsys package`` (12+).

::

    Domain verification status:            only in dumpsys
      com.foo:
        ID: 01234567-89ab-cdef-0123-456789abcdef
        Signatures: [6C:EC:...:31:1D, 0F:E4:...]

Only packages with a verifiable domain are printed so. A block headed ``<package> <uuid>:`` tells of users, not of
signers. Lines are wrapped at 120 columns wherever that falls, so that two signers always break a hash; the rest
stands on a line of its own behind the same indent.

What an app declares (domains) is printed deeper than what is read here, whatever line feeds it holds. The rest of
``dumpsys package`` is less careful, but comes later: that is why only the first such section counts. A package that
is stated twice with different signers is not stated.

Sources: AOSP ``DomainVerificationDebug``, ``DomainVerificationShell``, ``IndentingPrintWriter``, ``DumpHelper``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from scanner.sources.inventories.lines import is_package_name, lines_of

TITLE = "Domain verification status:"
_HEADER = re.compile(r"  ([A-Za-z0-9_.]+):")
_ID = re.compile(r"    ID: [0-9a-fA-F-]{36}")
_SIGNATURES = "    Signatures: "
_PIECE = re.compile(r"    [0-9A-F:, ]*\]?")
_DIGEST = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){31}")


def parse_app_links(text: str) -> dict[str, tuple[str, ...]]:
    """Package name → SHA-256 of its signers' certificates, in lower case without colons."""
    stated: dict[str, tuple[str, ...]] = {}
    doubtful: set[str] = set()
    for name, signatures in _statements(text):
        digests = _digests(signatures)
        if digests is None or stated.setdefault(name, digests) != digests:
            doubtful.add(name)
    return {name: digests for name, digests in stated.items() if name not in doubtful}


def _statements(text: str) -> Iterator[tuple[str, str]]:
    """Each package, and what follows ``Signatures:``, its pieces joined."""
    name: str | None = None
    identified = False
    pieces: list[str] = []
    for line in _section(text):
        if pieces:
            if _PIECE.fullmatch(line) and not pieces[-1].endswith("]"):
                pieces.append(line[4:])
                continue
            yield name or "", "".join(pieces)
            name, pieces = None, []
        header = _HEADER.fullmatch(line)
        if header is not None:
            name, identified = (header[1] if is_package_name(header[1]) else None), False
        elif name and _ID.fullmatch(line):
            identified = True
        elif name and identified and line.startswith(_SIGNATURES):
            pieces.append(line[len(_SIGNATURES) :])
    if pieces:
        yield name or "", "".join(pieces)


def _section(text: str) -> Iterator[str]:
    """The lines of the first section of that title; all lines up to the first title where there is none before."""
    inside, seen = True, False
    for line in lines_of(text):
        if line[:1].strip() and line.endswith(":"):
            inside = line == TITLE and not seen
            seen = seen or inside
        elif inside:
            yield line


def _digests(signatures: str) -> tuple[str, ...] | None:
    """The digests in brackets; null unless every one is whole. Half a list would be taken for all of it."""
    text = signatures.rstrip()
    if not (text.startswith("[") and text.endswith("]")):
        return None
    digests = [digest.strip() for digest in text[1:-1].split(",")]
    if not all(_DIGEST.fullmatch(digest) for digest in digests):
        return None
    return tuple(digest.replace(":", "").lower() for digest in digests)
