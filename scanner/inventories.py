"""The inventories of one scan → rows. One is streamed; several are joined: each app of each device is one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from scanner.joining import Joining
from scanner.model import (
    REMOTE,
    SCHEMA_VERSION,
    CoverageHole,
    Device,
    Installed,
    Outcome,
    UnreadRow,
    counted,
    printable,
)
from scanner.phones.installed import InstalledJudge
from scanner.sources.inventories.reading import Gap, NotAndroid
from scanner.sources.inventory import InventorySource, is_promising, open_inventory, why_doubtful

if TYPE_CHECKING:
    from scanner.sources.inventories.detection import InventoryChoices

MAX_NOTES = 100
"""Different things that are told of inventories; of the others, how many there are."""
MAX_DOUBTS = 1000
"""Files of a folder of inventories that are named, because each may be an export that went wrong."""


class Inventories:
    """Finds the inventories among the SPECs, reads them, and keeps what is to be said of them in the end."""

    def __init__(self, judge: InstalledJudge, owners: dict[str, str], choices: InventoryChoices | None) -> None:
        self._judge, self._owners, self._choices = judge, owners, choices
        self._found: dict[str, InventorySource] = {}
        self._elsewhere: Counter[str] = Counter()
        self._afar: Counter[str] = Counter()
        self._notes = _Notes()
        self._archive = ""
        self._exports: set[str] = set()
        self._beside: dict[str, list[str]] = {}

    def take(self, spec: str) -> bool:
        """Whether a SPEC is an inventory, which is told by its content; it is read later, with all others.

        Raises `SourceError` for a pipe that is none.
        """
        if spec not in self._found and (found := open_inventory(spec, self._choices)) is not None:
            self._found[spec] = found
        return spec in self._found

    def take_found(self, source: str, path: str) -> bool:
        """Whether a file that nobody named, found in the folder ``source`` beside APKs, is an inventory; see `take`.

        A member of an archive belongs to that archive, which as a whole may be one: a zip of bug reports.
        """
        path, inside, _ = path.partition("!/")
        if source in self._found or not is_promising(path):
            return False
        if path.startswith(REMOTE):
            self._afar[source] += 1
            return False
        if inside and path == self._archive:
            return path in self._found
        self._archive = path
        if self.take(path):
            self._exports.add(source)
        elif not inside:
            beside = self._beside.setdefault(source, [])
            if len(beside) < MAX_DOUBTS:
                beside.append(path)
        return path in self._found

    def doubts(self) -> Iterator[UnreadRow]:
        """Of folders that hold inventories, the first files that are named like one and are none.

        Each may be a phone that nobody looked at: a page that asks for a password, or a command that said nothing. In
        a folder of APKs alone such files mean nothing.
        """
        for source, paths in self._beside.items():
            for path in paths if source in self._exports else ():
                if (why := why_doubtful(path)) is not None:
                    yield UnreadRow(SCHEMA_VERSION, printable(source), "file", printable(path), why)

    def holds_apks(self, spec: str) -> bool:
        """Whether an inventory that was taken has APKs among its files."""
        return self._found[spec].holds_apks

    def outcomes(self) -> Iterator[Outcome]:
        """A row for each app, and for everything that was not understood."""
        for item in self._joined() if len(self._found) > 1 else self._entries():
            yield item if isinstance(item, UnreadRow) else self._judge.row(self._owned(item), None, None)

    def coverage(self) -> Iterator[CoverageHole]:
        """What is true of the inventories as a whole."""
        for system, count in self._elsewhere.items():
            yield CoverageHole(f"{count} of {printable(system)}", "not Android: counted, and not judged")
        for source, count in self._afar.items():
            files = f"{counted(count, 'file')} of {printable(source)} named like an inventory"
            yield CoverageHole(files, "of stores and web servers only APKs are read: download what is an inventory")
        yield from self._notes.told()

    def _joined(self) -> Iterator[Installed | UnreadRow]:
        with Joining() as joining:
            for item in self._entries():
                if isinstance(item, UnreadRow):
                    yield item
                else:
                    joining.add(item)
            for name, serial in joining.name_devices():
                self._notes.add(name, f"names no device, and its file name does: taken for {serial}")
            yield from joining.apps()

    def _entries(self) -> Iterator[Installed | UnreadRow]:
        for source in self._found.values():
            if source.limit:
                self._notes.add(source.name, f"read as {source.title}; {source.limit}")
            for entry in source.entries():
                if isinstance(entry, Installed):
                    yield entry
                elif isinstance(entry, Gap):
                    yield _unread(source, entry)
                elif isinstance(entry, NotAndroid):
                    self._elsewhere[entry.system] += entry.count
                else:
                    self._notes.add(source.name, entry.text)

    def _owned(self, app: Installed) -> Installed:
        """The app with the owner that the user's own list gives for its device."""
        device = app.device
        if device is None or device.serial not in self._owners:
            return app
        owned = Device(device.serial, device.model, device.android, self._owners[device.serial])
        return msgspec.structs.replace(app, device=owned)


class _Notes:
    """What is to be said of inventories, each thing once, however many of them it is true of."""

    def __init__(self) -> None:
        self._first: dict[str, str] = {}
        self._more: Counter[str] = Counter()
        self._others = 0

    def add(self, source: str, text: str) -> None:
        if text not in self._first and len(self._first) >= MAX_NOTES:
            self._others += 1
        else:
            self._more[text] += self._first.setdefault(text, source) != source

    def told(self) -> Iterator[CoverageHole]:
        for text, first in self._first.items():
            more = f" and {self._more[text]} more" if self._more[text] else ""
            yield CoverageHole(printable(first) + more, printable(text))
        if self._others:
            yield CoverageHole(counted(self._others, "more note"), f"only the first {MAX_NOTES} are named here")


def _unread(source: InventorySource, gap: Gap) -> UnreadRow:
    which = f"{source.name}: {gap.where}" if gap.where else source.name
    return UnreadRow(SCHEMA_VERSION, printable(source.name), gap.what, printable(which), printable(gap.reason))
