"""The inventories of one scan → rows. One is streamed; several are joined: each app of each device is one row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from scanner.joining import all_joined
from scanner.model import SCHEMA_VERSION, CoverageHole, Device, Installed, Outcome, UnreadRow, printable
from scanner.phonerows import InstalledJudge
from scanner.sources.inventories.reading import Gap, NotAndroid, Note
from scanner.sources.inventory import InventorySource

MAX_NOTES = 100


class Inventories:
    """Reads inventories against one database, and keeps what is to be said of them in the end."""

    def __init__(self, judge: InstalledJudge, owners: dict[str, str]) -> None:
        self._judge, self._owners = judge, owners
        self._elsewhere: Counter[str] = Counter()
        self._notes: dict[tuple[str, str], None] = {}

    def outcomes(self, sources: Iterable[InventorySource]) -> Iterator[Outcome]:
        """A row for each app, and for everything that was not understood."""
        every = list(sources)
        for source in every:
            if source.limit:
                self._note(source.name, f"{source.title}: {source.limit}")
        gaps: list[UnreadRow] = []
        found = (entry for source in every for entry in self._entries(source, gaps))
        apps = all_joined(found) if len(every) > 1 else found
        for app in apps:
            yield from _emptied(gaps)
            yield self._judge.row(self._owned(app), None, None)
        yield from _emptied(gaps)

    def coverage(self) -> Iterator[CoverageHole]:
        """What is true of the inventories as a whole."""
        for system, count in self._elsewhere.items():
            yield CoverageHole(f"{count} of {printable(system)}", "not Android: counted, and not judged")
        for source, text in self._notes:
            yield CoverageHole(printable(source), printable(text))

    def _entries(self, source: InventorySource, gaps: list[UnreadRow]) -> Iterator[Installed]:
        """The apps of one inventory; gaps are put aside, to be told in their place."""
        for entry in source.entries():
            if isinstance(entry, Installed):
                yield entry
            elif isinstance(entry, Gap):
                gaps.append(_unread(source, entry))
            elif isinstance(entry, NotAndroid):
                self._elsewhere[entry.system] += entry.count
            elif isinstance(entry, Note):
                self._note(source.name, entry.text)

    def _note(self, source: str, text: str) -> None:
        if len(self._notes) < MAX_NOTES:
            self._notes[source, text] = None

    def _owned(self, app: Installed) -> Installed:
        """The app with the owner that the user's own list gives for its device."""
        device = app.device
        if device is None or device.serial not in self._owners:
            return app
        owned = Device(device.serial, device.model, device.android, self._owners[device.serial])
        return msgspec.structs.replace(app, device=owned)


def _emptied(gaps: list[UnreadRow]) -> Iterator[UnreadRow]:
    while gaps:
        yield gaps.pop(0)


def _unread(source: InventorySource, gap: Gap) -> UnreadRow:
    which = f"{source.name}: {gap.where}" if gap.where else source.name
    return UnreadRow(SCHEMA_VERSION, printable(source.name), gap.what, printable(which), printable(gap.reason))
