"""What all readers of a phone's own text need: lines and texts of bounded size, the phone's name, and gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import IO

from scanner.model import Device, Installed, printable
from scanner.sources.inventories.lines import MAX_LINE, Noted
from scanner.sources.inventories.reading import Document, Gap

MAX_TEXT = 64 << 20
"""Characters that are kept of one command's output."""
MODEL, RELEASE = "ro.product.model", "ro.build.version.release"
FINGERPRINTS = ("ro.build.fingerprint", "ro.system.build.fingerprint")
SERIALS = ("ro.serialno", "ro.boot.serialno")
_RELEASE_IN_FINGERPRINT = re.compile(r"[^:]*:([^/:]{1,20})/")


class Pile:
    """Lines that are kept, up to a size."""

    def __init__(self, most: int = MAX_TEXT) -> None:
        self._lines: list[str] = []
        self._room = most
        self.cut = False
        self.ended = True
        """Whether the last line has its end; what a command printed always has."""

    def add(self, line: str) -> None:
        """Keep one line, if there is room."""
        self._room -= len(line) + 1
        if self._room < 0:
            self.cut = True
        else:
            self._lines.append(line)

    @property
    def text(self) -> str:
        """All of them."""
        return "\n".join(self._lines)

    def gaps(self, where: str) -> Iterator[Gap]:
        """That it was more than is kept, or ends within a line, where it was so."""
        if self.cut:
            yield Gap(where, f"longer than {MAX_TEXT} characters: the rest was not read", "listing")
        elif not self.ended:
            yield Gap(where, "its last line has no end: it may be cut short", "listing")


class Lines:
    """Every line of a stream without its end, cut at `MAX_LINE`, never more than that in memory."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self.ended = True
        """Whether the last line that was read had its end."""

    def __iter__(self) -> Iterator[str]:
        fresh = True
        while piece := self._stream.readline(MAX_LINE):
            self.ended = piece.endswith("\n")
            if fresh:
                yield piece.rstrip("\r\n")
            fresh = self.ended


def pile_of(document: Document) -> Pile:
    """Everything a document says."""
    pile = Pile()
    with document.text() as stream:
        lines = Lines(stream)
        for line in lines:
            pile.add(line)
            if pile.cut:
                break
    pile.ended = lines.ended
    return pile


def device_of(properties: dict[str, str], name: str, fingerprint: str = "") -> Device:
    """The phone whose properties these are; ``name`` stands for a serial that they do not tell."""
    serial = next((properties[key] for key in SERIALS if properties.get(key)), name)
    release = properties.get(RELEASE)
    for build in chain((properties.get(key, "") for key in FINGERPRINTS), (fingerprint,)):
        match = _RELEASE_IN_FINGERPRINT.match(build)
        release = release or (match[1] if match else None)
    model = properties.get(MODEL)
    return Device(printable(serial), printable(model) if model else None, printable(release) if release else None, None)


def blank_app(device: Device, spec: str, where: str) -> Installed:
    """An app of this phone about which nothing is known yet."""
    return Installed(device, spec, "", where=where)


def gaps_of(problems: Noted | Iterable[str], where: str, what: str = "row") -> Iterator[Gap]:
    """Each problem as a gap."""
    for problem in problems.told() if isinstance(problems, Noted) else problems:
        yield Gap(where, printable(problem), what)


def nothing_in(where: str) -> Gap:
    """What to say where an inventory names no app: an empty one is not a clean one."""
    return Gap(where, "names no package", "listing")
