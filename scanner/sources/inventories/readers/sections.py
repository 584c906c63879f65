"""The parts of a bug report, or of a whole ``dumpsys``, that tell of packages, cut out while its lines go by.

::

    ========================================================
    == dumpstate: 2026-01-31 12:00:00
    ========================================================
    Build fingerprint: 'google/panther/panther:14/...'
    ------ SYSTEM PROPERTIES (getprop) ------
    ------ CHECKIN PACKAGE (dumpsys package --checkin) ------
    ------ 0.2s was the duration of 'CHECKIN PACKAGE' ------
    -------------------------------------------------------------------------------
    DUMP OF SERVICE package:
    --------- 0.4s was the duration of dumpsys package, ending at: ...

Other services print what apps tell them, and so may print any of these lines. Where the package service seems to have
been dumped more than once, `parse_dump` compares the dumps and believes no signers that they disagree about, and what
domain verification states is not believed at all. A package that is listed where the dump seems to have ended is told
of: its version name, or that of the one before, may have feigned the end.

Sources: AOSP ``dumpstate.cpp`` (``PrintHeader``, ``RunDumpsys``), ``DumpstateUtil.cpp``, ``dumpsys.cpp``
(``writeDumpHeader``, ``writeDumpFooter``, and what it says of a dump that took too long).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.checkin import Checkin, parse_checkin
from scanner.sources.inventories.dumped import Dump
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.getprop import parse_properties
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.dumpjoin import relevant
from scanner.sources.inventories.readers.phonetext import Pile, gaps_of
from scanner.sources.inventories.reading import Gap

MAX_PROPERTIES = 8 << 20
_RULE = "-" * 60
_SERVICE = re.compile(r"DUMP OF SERVICE (?:(?:CRITICAL|HIGH|NORMAL) )?([^ ]+):\s*")
_TITLE = re.compile(r"------ (.{1,200}) ------\s*")
_FOOTER = re.compile(r"--------- [0-9.]+s was the duration of dumpsys ")
FAILED = re.compile(r"\*\*\* (?:SERVICE 'package' DUMP TIMEOUT|command '.*' (?:timed out|failed))|Can't find service: ")
_PACKAGE = re.compile(r"  Package \[[A-Za-z0-9_.]{1,255}\] \([0-9a-f]{1,8}\):")
_FINGERPRINT = "Build fingerprint: "
OPEN = {"dump": "the package service's dump", "checkin": "the check-in"}
"""Sections after which there is always another line in a text that is whole."""
_PROPERTIES, _CHECKIN = "SYSTEM PROPERTIES (getprop)", "CHECKIN PACKAGE ("


class Sections:
    """What a bug report, or a whole ``dumpsys``, says of packages and of its phone."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.fingerprint = ""
        self.dumps = 0
        self._properties, self._checkin, self._dump = Pile(MAX_PROPERTIES), Pile(), Pile()
        self._failures = Noted()
        self._open = ""
        for line in relevant(self._cut(lines)):
            self._dump.add(line)

    def _cut(self, lines: Iterable[str]) -> Iterator[str]:
        """The lines of the package service's dump; the other sections are kept on the way."""
        section, ruled, headed = "", False, False
        for line in lines:
            start = _start_of(line, ruled=ruled)
            ruled = line.startswith(_RULE)
            if start is not None:
                section, headed = start, True
                if section == "dump":
                    self.dumps += 1
                    yield _RULE
            elif section == "dump":
                yield line
            elif section == "properties":
                self._properties.add(line)
            elif section == "checkin":
                self._checkin.add(line)
            elif not headed and not self.fingerprint and line.startswith(_FINGERPRINT):
                self.fingerprint = line[len(_FINGERPRINT) :].strip().strip("'")
            if section in {"dump", "checkin"} and FAILED.match(line):
                self._failures.add(line)
            elif section != "dump" and _PACKAGE.match(line):
                self._failures.add(f"a package outside the package service's dump: {line}")
        self._open = OPEN.get(section, "")

    @property
    def properties(self) -> dict[str, str]:
        """The system properties; empty where there are none."""
        return parse_properties(self._properties.text)

    def dump(self) -> tuple[Dump, dict[str, tuple[str, ...]]]:
        """What the package service says, and what domain verification states."""
        text = self._dump.text
        return parse_dump(text), parse_app_links(text) if self.dumps == 1 else {}

    def checkin(self) -> Checkin:
        """What the package service says in its short form."""
        return parse_checkin(self._checkin.text)

    def gaps(self, where: str) -> Iterator[Gap]:
        """What is missing, or not to be believed."""
        if self.dumps > 1:
            yield Gap(where, f"{self.dumps} dumps of the package service: only one can be its own", "listing")
        yield from gaps_of(self._failures, where, "listing")
        if self._open:
            yield Gap(where, f"it ends within {self._open}: it is cut short", "listing")
        for pile in (self._dump, self._checkin):
            yield from pile.gaps(where)


def _start_of(line: str, *, ruled: bool) -> str | None:
    """The section that begins here, empty where it is of no interest; null where none begins."""
    service = _SERVICE.fullmatch(line) if ruled else None
    if service is not None:
        return "dump" if service[1] == "package" else ""
    title = _TITLE.fullmatch(line)
    if title is None:
        return "" if _FOOTER.match(line) else None
    if title[1] == _PROPERTIES:
        return "properties"
    return "checkin" if title[1].startswith(_CHECKIN) else ""
