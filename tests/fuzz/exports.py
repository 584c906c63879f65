"""What reads inventories: every reader, by detection and by ``--as``, tables, spreadsheets, and our own saved rows."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import openpyxl

from scanner.comparing import Comparison
from scanner.database import SignatureDatabase, load_database
from scanner.formats import FORMATS, new_format
from scanner.model import AppRow, Device, Installed, SummaryRow, UnreadRow, Verdict, printable
from scanner.phones.installed import InstalledJudge
from scanner.report import SavedReport
from scanner.scanning import Scan
from scanner.sources.inventories.detection import InventoryChoices, formats
from tests.fuzz.target import Target, check_row, numbered, outcome, twice
from tests.sources.inventories.readers import samples, test_mdm_formats
from tests.support import reports
from tests.support.apk_builder import zip_bytes

NOW = datetime(2026, 11, 27, tzinfo=UTC)
CSV = "Package Name,Version,Serial,Certificate SHA-256\ncom.tencent.mm,8.0,S1,\ncom.a.b,1,S1," + "ab" * 32 + "\n"
LONGEST = 16 << 10


@cache
def database() -> SignatureDatabase:
    """The signatures that come with the program."""
    return load_database()


@cache
def memory_folder() -> str | None:
    """Where temporary files cost no disk."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def scanned(data: bytes, choices: InventoryChoices | None, name: str) -> tuple[list[object], SummaryRow]:
    """Rows and summary of a scan of a file with these bytes."""
    with tempfile.NamedTemporaryFile(dir=memory_folder(), suffix=name) as file:
        file.write(data)
        file.flush()
        scan = Scan([file.name], database(), now=NOW, inventories=choices)
        rows = list(scan.rows())
        summary = scan.summary()
        text = msgspec.json.encode([rows, summary]).decode().replace(file.name, "FILE")
    for row in rows:
        check_row(row)
    check_row(summary)
    nameless = any(isinstance(row, AppRow) and not row.package_name for row in rows)
    assert summary.exit_code or not nameless, "clean, with an app that nobody knows"
    return json.loads(text), summary


def check(data: bytes, choices: InventoryChoices | None = None, name: str = "") -> None:
    """Anything at all as an inventory: something is said of it, the same twice, and no app is confirmed by noise."""
    first, summary = scanned(data, choices, name)
    second, _ = scanned(data, choices, name)
    assert first == second, "not the same twice"
    assert not summary.counts[Verdict.CONFIRMED], "confirmed, and no pinned certificate was ever in the seeds"


def by_detection(data: bytes) -> None:
    """Told by content."""
    check(data)


@cache
def _choices() -> tuple[InventoryChoices, ...]:
    named = [InventoryChoices(form) for form in formats()]
    return (
        *named,
        InventoryChoices(None, {"package": "1"}),
        InventoryChoices("csv", {"package": "Name", "serial": "2"}),
    )


def by_name(data: bytes) -> None:
    """With ``--as`` and ``--columns``."""
    choices, rest = numbered(data, _choices())
    check(rest, choices)


def text_seeds() -> Iterator[bytes]:
    """Every sample of every format of one file."""
    for text in samples.TEXTS.values():
        yield text.encode()
    for group in test_mdm_formats.SAMPLES.values():
        for sample in group:
            yield test_mdm_formats.as_text(sample).encode()
    yield CSV.encode()
    yield CSV.replace(",", "\t").encode("utf-16")
    yield json.dumps([{"package": "com.a.b", "title": "T"}]).encode()
    yield b'{"package": "com.a.b"}\n{"package": "com.tencent.mm"}\n'
    yield samples.WHOLE_DUMPSYS.encode()
    yield from row_seeds()


def named_seeds() -> Iterator[bytes]:
    """Each sample under several names of formats."""
    names = [one.form for one in _choices()]
    for text in samples.TEXTS:
        number = names.index(text) if text in names else 0
        yield bytes([number]) + samples.TEXTS[text].encode()
    for number in range(len(names)):
        yield bytes([number]) + CSV.encode()
        yield bytes([number]) + json.dumps([{"package": "com.a.b", "name": "com.a.b", "applications": []}]).encode()


def bundle_seeds() -> Iterator[bytes]:
    """Zips of several files, stored, so that an edit reaches what they hold."""
    for files in samples.BUNDLES.values():
        yield zip_bytes({name: text.encode() for name, text in files.items()}, stored=True)
    yield zip_bytes({"a.csv": CSV.encode(), "b.json": b'[{"package": "com.a.b"}]'})


def workbook_seeds() -> Iterator[bytes]:
    """A small spreadsheet, its parts stored."""
    book = openpyxl.Workbook()
    book.active.append(["Package Name", "Version"])
    book.active.append(["com.tencent.mm", 8.5])
    out = io.BytesIO()
    book.save(out)
    import zipfile

    with zipfile.ZipFile(out) as archive:
        kept = {
            name: archive.read(name) for name in archive.namelist() if "theme" not in name and "docProps" not in name
        }
    yield zip_bytes(kept, stored=True)


def by_bundle(data: bytes) -> None:
    """Zips: bug reports, AndroidQF, MVT, Hubble, exports."""
    check(data, name=".zip")


# Our own rows ------------------------------------------------------------------------------------


def rows() -> list[AppRow | UnreadRow]:
    """Rows of several kinds."""
    return [reports.app("com.tencent.mm", serial="S1"), reports.app("com.a.b"), reports.unread("user", "10")]


def row_seeds() -> Iterator[bytes]:
    """What a scan saves, as lines and as one document."""
    made = rows()
    lines = [msgspec.json.encode(row) for row in (*made, reports.summary(made))]
    yield b"\n".join(lines) + b"\n"
    yield b'{"rows": [\n' + b",\n".join(lines[:-1]) + b'\n], "summary": ' + lines[-1] + b"}\n"


def saved_rows(data: bytes) -> None:
    """Saved rows, scanned again, reported and compared with an honest scan."""
    check(data, InventoryChoices("rows") if "rows" in formats() else None, ".jsonl")
    with tempfile.TemporaryDirectory(dir=memory_folder()) as folder:
        old, new = Path(folder, "old.jsonl"), Path(folder, "new.jsonl")
        old.write_bytes(next(row_seeds()))
        new.write_bytes(data)
        twice(lambda: _reported(str(new)))
        twice(lambda: _compared(str(old), str(new)))


def _reported(file: str) -> object:
    report = SavedReport([file], database())
    found = list(report.rows())
    for row in found:
        check_row(row)
    return found, report.summary()


def _compared(old: str, new: str) -> object:
    with Comparison(SavedReport([old], database()), SavedReport([new], database())) as comparison:
        changes = list(comparison.changes())
        return changes, comparison.summary()


TEXTUAL = tuple(name for name in FORMATS if name != "parquet")
CONTROL = {chr(code) for code in (*range(32), 0x7F, *range(0x80, 0xA0), 0x202E, 0x2066, 0x200B)} - {"\n"}


def reported(data: bytes) -> None:
    """Whatever an app calls itself: no format fails, no control character reaches a terminal, no cell is a formula."""
    chosen, data = numbered(data, TEXTUAL)
    text = data.decode("utf-8", "surrogateescape")
    words = [*map(printable, text.split("\n")), "", "", "", ""][:4]
    app = Installed(
        Device(words[0] or "S", words[1], "13", None), "fuzz", "com.tencent.mm", title=words[2], where=words[3]
    )
    judged = InstalledJudge(database(), "2026-11-27T00:00:00Z").row(app, None, None)
    made = [judged, reports.unread("user", words[1], words[3] or "denied")]
    for name in (chosen,):
        out = io.StringIO()
        written = new_format(name, out)
        for row in made:
            written.row(row)
        written.end(reports.summary(made))
        said = out.getvalue()
        said.encode()
        if name == "table":
            assert not CONTROL & set(said), sorted(CONTROL & set(said))
        elif name == "csv":
            import csv

            cells = [cell for line in csv.reader(io.StringIO(said, newline="")) for cell in line]
            assert not [cell for cell in cells if cell[:1] in {"=", "+", "-", "@", "\t", "\r"}]
        elif name in {"json", "sarif", "stix"}:
            json.loads(said)
        elif name == "junit":
            import xml.etree.ElementTree as ET

            ET.fromstring(said)


def hostile_seeds() -> Iterator[bytes]:
    """Words that would be a formula, a command to a terminal, or markup."""
    words = (
        *reports.HOSTILE,
        "=1+1",
        "@SUM(A1)",
        "+1",
        "\t=1",
        "\u200f\u202e",
        "a" * 3000,
        "\x1b]0;x\x07",
        "-1",
        "\r=1",
    )
    for at in range(0, len(words), 4):
        for number in range(len(TEXTUAL)):
            yield bytes([number]) + "\n".join(words[at : at + 4]).encode("utf-8", "surrogatepass")


assert outcome
TARGETS = (
    Target("inventory", by_detection, text_seeds, longest=LONGEST),
    Target("inventory-as", by_name, named_seeds, longest=LONGEST),
    Target("inventory-zip", by_bundle, bundle_seeds, longest=LONGEST),
    Target("spreadsheet", by_bundle, workbook_seeds, longest=LONGEST),
    Target("saved-rows", saved_rows, row_seeds, longest=LONGEST),
    Target("reports", reported, hostile_seeds, longest=4 << 10),
)
