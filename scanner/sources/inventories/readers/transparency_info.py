"""``cmd transparency get mba_info -v`` saved as a text (Android 14 and newer): the SHA-256 of preloaded apps.

It names no phone: the document's name stands for the serial. It lists the copies that left the factory, and apps that
were installed silently: these lie under ``/data`` and are active.

Source: AOSP ``BinaryTransparencyService`` (``mba_info``, which asks with ``MATCH_FACTORY_ONLY``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from scanner.model import Certificate, Installed, Stated
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.phonetext import blank_app, device_of, gaps_of, nothing_in, pile_of
from scanner.sources.inventories.reading import Document, Entry, Reader
from scanner.sources.inventories.transparency import TransparencyEntry, parse_transparency

_ORIGIN = "cmd transparency"
_WHERE = "cmd transparency get mba_info"
_HEADER = re.compile(r"^[A-Za-z ]{1,40} Info \[Format: package_name,package_version,", re.MULTILINE)
_SIGNERS = re.compile(r"^--- Package Signer Info ---\r?$", re.MULTILINE)
_INSTALLATION = re.compile(r"^--- Package Installation Info ---\r?$", re.MULTILINE)


def _recognises(head: str) -> bool:
    if _HEADER.match(head.lstrip("\r\n")):
        return True
    return _SIGNERS.search(head) is not None and _INSTALLATION.search(head) is not None


def _read(document: Document, spec: str) -> Iterator[Entry]:
    pile = pile_of(document)
    entries = parse_transparency(pile.text)
    blank = blank_app(device_of({}, document.name), spec, document.name)
    unclear = Noted()
    for name, entry in entries.items():
        yield _app(name, entry, blank)
        if not entry.signers:
            unclear.add(f"{name}: its signers are not stated clearly, or not at all")
    yield from gaps_of(unclear, _WHERE)
    yield from pile.gaps(_WHERE)
    if not entries:
        yield nothing_in(_WHERE)


def _app(name: str, entry: TransparencyEntry, blank: Installed) -> Installed:
    active = entry.location is not None and entry.location.startswith("/data/")
    signers, history = _certificates(entry.signers), _certificates(entry.lineage)
    return msgspec.structs.replace(
        blank,
        package_name=name,
        copy="active" if active else "factory",
        version_code=entry.version,
        system=None if active else True,
        stated=Stated(signers, history, origin=_ORIGIN) if signers else None,
    )


def _certificates(digests: tuple[str, ...]) -> tuple[Certificate, ...]:
    return tuple(Certificate(sha256=digest) for digest in digests)


READER = Reader(
    name="transparency",
    title="cmd transparency get mba_info",
    recognises=_recognises,
    read=_read,
    limit="cmd transparency lists preloaded and silently installed apps, the preloaded ones as they left the factory",
)
