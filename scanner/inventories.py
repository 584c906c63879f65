"""The inventories of one scan → rows. One is streamed; several are joined: each app of each device is one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from scanner.errors import ReadError, SourceError
from scanner.joining import Joining
from scanner.model import (
    SCHEMA_VERSION,
    CoverageHole,
    Device,
    Installed,
    Location,
    Outcome,
    Passed,
    UnreadRow,
    counted,
    printable,
)
from scanner.phones.installed import InstalledJudge
from scanner.sources.inventories.reading import Gap, NotAndroid
from scanner.sources.inventory import (
    InventorySource,
    is_promising,
    object_at,
    open_inventory,
    open_object,
    why_doubtful,
)

if TYPE_CHECKING:
    from scanner.sources.inventories.detection import InventoryChoices
    from scanner.sources.inventories.unpacking import Place

MAX_NOTES = 100
"""Different things that are told of inventories; of the others, how many there are."""
MAX_DOUBTS = 1000
"""Files of a folder of inventories that are named, because each may be an export that went wrong."""
MAX_AFAR = 1000
"""Objects of one SPEC that are looked at because of their names, each costing some requests, one after the other."""


class Inventories:
    """Finds the inventories among the SPECs, reads them, and keeps what is to be said of them in the end."""

    def __init__(self, judge: InstalledJudge, owners: dict[str, str], choices: InventoryChoices | None) -> None:
        self._judge, self._owners, self._choices = judge, owners, choices
        self._found: dict[str, InventorySource] = {}
        self._elsewhere: Counter[str] = Counter()
        self._afar: dict[str, dict[str, _Passed]] = {}
        self._left_out: Counter[str] = Counter()
        self._lost: list[UnreadRow] = []
        self._notes = _Notes()
        self._archive = ""
        self._exports: set[str] = set()
        self._beside: dict[str, list[tuple[str, Place | None]]] = {}

    def take(self, spec: str) -> bool:
        """Whether a SPEC is an inventory, which is told by its content; it is read later, with all others.

        Raises `SourceError` for a pipe that is none, and for an address that cannot be asked.
        """
        if spec not in self._found and (found := open_inventory(spec, self._choices)) is not None:
            self._found[spec] = found
        return spec in self._found

    def take_found(self, passed: Passed) -> bool:
        """Whether a file that nobody named, found in a folder or a store beside APKs, is an inventory; see `take`.

        A member of an archive belongs to that archive, which as a whole may be one: a zip of bug reports. Objects are
        only noted: see `look_afar`.
        """
        source, location = passed.source, passed.location
        path, inside, _ = passed.which.partition("!/")
        if source in self._found or not is_promising(path):
            return False
        if location is not None:
            self._note(source, path, location, whole=not inside)
            return False
        if inside and path == self._archive:
            return path in self._found
        self._archive = path
        if self.take(path):
            self._exports.add(source)
        elif not inside:
            self._doubt(source, path)
        return path in self._found

    def _doubt(self, source: str, path: str, place: Place | None = None) -> None:
        beside = self._beside.setdefault(source, [])
        if len(beside) < MAX_DOUBTS:
            beside.append((path, place))

    def _note(self, source: str, path: str, location: Location, *, whole: bool) -> None:
        """Keep an object to be looked at, as long as there are not too many."""
        noted = self._afar.setdefault(source, {})
        if path in noted:
            noted[path].times += 1
            noted[path].whole |= whole
        elif len(noted) < MAX_AFAR:
            noted[path] = _Passed(object_at(location), whole)
        else:
            self._left_out[source] += 1

    def look_afar(self) -> int:
        """Look at the objects that were noted, where they lie; of how many files it turned out that they are of one.

        It asks servers, one object after the other, so it is done when nothing else waits.
        """
        found = 0
        for source, noted in self._afar.items():
            for path, passed in noted.items():
                if path in self._found or self._take_afar(source, path, passed):
                    self._exports.add(source)
                    found += passed.times
        return found

    def _take_afar(self, source: str, path: str, passed: _Passed) -> bool:
        try:
            found = open_object(passed.place, path, self._choices)
        except (ReadError, SourceError) as error:
            self._lost.append(UnreadRow(SCHEMA_VERSION, printable(source), "file", path, printable(str(error))))
            return False
        if found is not None:
            self._found[path] = found
        elif passed.whole:
            self._doubt(source, path, passed.place)
        return found is not None

    def doubts(self) -> Iterator[UnreadRow]:
        """What could not be looked at; of folders that hold inventories, also the first files that are only named so.

        Each may be a phone that nobody looked at: a page that asks for a password, or a command that said nothing. In
        a folder of APKs alone such files mean nothing.
        """
        yield from self._lost
        for source, paths in self._beside.items():
            for path, place in paths if source in self._exports else ():
                if (why := why_doubtful(path, place)) is not None:
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
        for source, count in self._left_out.items():
            files = f"{counted(count, 'more file')} of {printable(source)} named like an inventory"
            yield CoverageHole(files, f"only the first {MAX_AFAR} were looked at: name those that are inventories")
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


class _Passed:
    """An object that may be an inventory: what opens it, and how many of the files that were passed are of it."""

    def __init__(self, place: Place, whole: bool) -> None:
        self.place, self.whole, self.times = place, whole, 1


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
