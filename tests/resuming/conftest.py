"""Scans in this process, over files that count as settled at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scanner.cli import cli
from scanner.resuming import stamping
from tests.support.apk_builder import build_apk
from tests.support.signer import key

LONG_AGO = "2020-01-01T00:00:00Z"
"""When rows are said to have been read that must not be read again."""
TICK = 20_000_000
"""Nanoseconds within which a file system may give two changes one time."""


def apk(package: str = "com.example.app", **options: Any) -> bytes:
    """A small APK that verifies."""
    return build_apk(package, v2=[key("a")], **options)


@dataclass
class Report:
    """What one scan wrote and said."""

    code: int
    err: str
    rows: list[dict[str, Any]]

    @property
    def apps(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["type"] == "app"]

    @property
    def said(self) -> list[dict[str, Any]]:
        """All of it, without what depends on when it was read."""
        return [{key: value for key, value in row.items() if key != "scanned_at"} for row in self.rows]

    @property
    def read(self) -> list[str]:
        """The last part of the location of every app that was read by this scan, and not by one long ago."""
        return [str(row["location"]).rpartition("/")[2] for row in self.apps if row["scanned_at"] != LONG_AGO]


@dataclass
class Desk:
    """A folder of APKs and a report of it."""

    folder: Path
    file: Path
    capture: pytest.CaptureFixture[str]

    def put(self, **files: bytes) -> None:
        """Write files; a double underscore stands for a dot, as in ``a__apk``."""
        for name, data in files.items():
            path = self.folder / name.replace("__", ".")
            while path.exists() and time.time_ns() - path.stat().st_ctime_ns < TICK:
                time.sleep(0.001)
            path.write_bytes(data)

    def scan(self, *words: object, specs: tuple[object, ...] | None = None) -> Report:
        """``app-scanner scan FOLDER -o jsonl=FILE`` and more words, in this process."""
        args = ["scan", *(specs or (self.folder,)), "-o", f"jsonl={self.file}", "-j", "1", "--no-cache", *words]
        code = cli.main([str(word) for word in args], standalone_mode=False)
        return Report(code, self.capture.readouterr().err, rows_of(self.file))

    def resume(self, *words: object, specs: tuple[object, ...] | None = None) -> Report:
        """The same with ``--resume``, the rows that are there marked as read long ago."""
        text = self.file.read_bytes() if self.file.exists() else b""
        self.file.write_bytes(aged(text))
        return self.scan("--resume", *words, specs=specs)


def aged(text: bytes) -> bytes:
    """Rows as of long ago, whole or torn."""
    begin = b'"scanned_at":"'
    first, *parts = text.split(begin)
    return first + b"".join(begin + LONG_AGO.encode()[: len(part)] + part[len(LONG_AGO) :] for part in parts)


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(stamping, "FRESH", 0)
    monkeypatch.setattr(stamping, "FRESH_COARSE", 0)
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "apks"
    folder.mkdir()
    return Desk(folder, tmp_path / "rows.jsonl", capsys)


@pytest.fixture
def three(desk: Desk) -> Callable[[], Report]:
    """Three apps, one of them a listed name, and a scan of them."""
    desk.put(
        a__apk=apk("com.example.a"), b__apk=build_apk("com.tencent.mm", v2=[key("a")]), c__apk=apk("com.example.c")
    )
    desk.put(notes__txt=b"nothing\n")
    return desk.scan
