"""``pm get-app-links`` saved as a text (Android 12 and newer): the SHA-256 of apps with a verifiable domain.

It names no phone: the document's name stands for the serial.

Sources: AOSP ``DomainVerificationShell`` (``get-app-links``), ``DomainVerificationDebug.printState``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.dumpjoin import stated_by_links
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in, pile_of
from scanner.sources.inventories.reading import Document, Entry, Reader

_WHERE = "pm get-app-links"
_BLOCK = r"  [A-Za-z0-9_.]{1,255}:\r?\n    ID: [0-9a-fA-F-]{36}\r?\n    Signatures: "
_STATED = re.compile(r"\s*?^" + _BLOCK, re.MULTILINE)
_HEADED = re.compile(r"^" + _BLOCK, re.MULTILINE)


def _recognises(head: str) -> bool:
    """Its first line is a package: in ``dumpsys package`` the same blocks stand under a title."""
    return _STATED.match(head) is not None


def _read(document: Document, spec: str) -> Iterator[Entry]:
    pile = pile_of(document)
    text = pile.text
    links = parse_app_links(text)
    blank = blank_app(device_of({}, document.name), spec, document.name)
    for name, digests in links.items():
        yield msgspec.structs.replace(blank, package_name=name, stated=stated_by_links(digests, _WHERE))
    named = dict.fromkeys(match[0].partition(":")[0].strip() for match in _HEADED.finditer(text))
    unclear = Noted()
    for name in named:
        if name not in links:
            yield msgspec.structs.replace(blank, package_name=name)
            unclear.add(f"{name}: its signers are not stated clearly")
    yield from gaps_of(unclear, _WHERE)
    yield from pile.gaps(_WHERE)
    if not named:
        yield nothing_in(_WHERE)


READER = Reader(
    name="app-links",
    title="pm get-app-links",
    recognises=_recognises,
    read=_read,
    limit="pm get-app-links names only apps with a domain that can be verified",
)
