"""Intune's exported reports of discovered apps, as CSV.

AppInvRawData, AppInvByDevice, AppInvAggregate and the older DetectedAppsRawData and DetectedAppsAggregate. The
columns are up to whoever asks for the report; ``Platform_loc`` and the like are added on request. Those of
DetectedAppsRawData are not described; its header is taken by the same names.

https://learn.microsoft.com/en-us/mem/intune/fundamentals/reports-export-graph-available-reports and
MicrosoftDocs/memdocs ``memdocs/intune/fundamentals/reports-export-graph-available-reports.md``.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.model import Device, Installed, counted
from scanner.sources.inventories.delimited import rows_of
from scanner.sources.inventories.documents import numbered_lines
from scanner.sources.inventories.readers.intune_platform import other_system
from scanner.sources.inventories.readers.mdm_fields import MAX_ID, MAX_TEXT, Others, first_text, text
from scanner.sources.inventories.reading import Document, Entry, Gap, Reader

_TITLE = "ApplicationName"
_TELLING = {"ApplicationKey", "ApplicationVersion", "ApplicationShortVersion", "ApplicationPublisher"}
_OTHERS = {"DeviceName", "DeviceId", "DeviceCount", "BundleSize", "Platform", "OSVersion", "OSDescription"}


def _recognises(head: str) -> bool:
    line = head.lstrip("\ufeff\r\n ").partition("\n")[0][:MAX_TEXT]
    columns = {column.strip().strip('"') for column in line.split(",")}
    return _TITLE in columns and bool(columns & _TELLING) and len(columns & (_TELLING | _OTHERS)) > 1


def _read(document: Document, spec: str) -> Iterator[Entry]:
    others = Others()
    lines = numbered_lines(document)
    _, header = next(rows_of(lines, ",", 0), (1, "without a header"))
    if isinstance(header, str):
        yield Gap("line 1", header, "listing")
        return
    titles = [title.strip("\ufeff ") for title in header]
    for line, row in rows_of(lines, ",", len(titles)):
        if isinstance(row, str):
            yield Gap(f"line {line}", row)
        elif row in ([], [""]):
            continue
        elif len(row) != len(titles):
            yield Gap(f"line {line}", f"{counted(len(row), 'column')}, where the header has {len(titles)}")
        else:
            yield from _app(dict(zip(titles, row, strict=True)), (document.name, line, spec), others)
    yield from others.entries()


def _app(row: dict[str, str], source: tuple[str, int, str], others: Others) -> Iterator[Entry]:
    document, line, spec = source
    system = other_system(row.get("Platform"), row.get("Platform_loc"), row.get("OSDescription"))
    title = text(row.get(_TITLE))
    if system:
        others.add(system)
    elif title is None:
        yield Gap(f"line {line}", f"without {_TITLE}")
    else:
        yield Installed(
            _device(row),
            spec,
            "",
            where=f"{document}:line {line}",
            title=title,
            version_name=first_text(row.get("ApplicationVersion"), row.get("ApplicationShortVersion")),
        )


def _device(row: dict[str, str]) -> Device:
    return Device(
        first_text(row.get("SerialNumber"), row.get("DeviceId"), row.get("DeviceName"), limit=MAX_ID) or "",
        None,
        text(row.get("OSVersion")),
        first_text(row.get("EmailAddress"), row.get("UserName")),
    )


READER = Reader(
    "intune-csv",
    "Intune report of discovered apps",
    _recognises,
    _read,
    "Intune states display names alone, and only the managed apps of personal phones; an aggregate names no phones.",
)
