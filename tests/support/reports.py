"""Rows of every kind for tests of formats, judged by the real signatures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from scanner.database import SignatureDatabase, load_database
from scanner.model import (
    AppRow,
    CoverageHole,
    Device,
    Installed,
    SummaryRow,
    UnreadRow,
    UserState,
    Verdict,
)
from scanner.phones.installed import InstalledJudge
from scanner.policies.policy import CLEAN, FOUND, fails

NOW = "2026-11-24T03:00:00Z"
HOSTILE = (
    "<script>window.hacked=1</script>",
    '"><img src=x onerror="window.hacked=1">',
    "</script><script>window.hacked=1</script>",
    "<!--<script>",
    "{{7*7}}{% raw %}",
    "abc\u202egpj.exe\u2066",
    "\x1b[31mred\x07\x00",
    "javascript:window.hacked=1",
    "]]></failure><x>&amp;",
    "' onfocus='window.hacked=1' autofocus='",
)


@lru_cache
def database() -> SignatureDatabase:
    """The signatures that come with the program."""
    return load_database()


def app(
    package: str | None, *, serial: str | None = None, owner: str | None = None, model: str | None = "Pixel 7",
    location: str = "apps/x.apk", allowed_by: str | None = None, **rest: Any,
) -> AppRow:  # fmt: skip
    """The row of one app, on a phone or in a file; a listed name gives findings."""
    device = Device(serial, model, "13", owner) if serial else None
    source = f"adb:{serial}" if serial else "apps"
    users = (UserState(0, "installed"),) if serial else ()
    installed = Installed(device, source, package or "", users=users, where=location)
    row = InstalledJudge(database(), NOW).row(installed, None, None)
    findings = tuple(msgspec.structs.replace(one, allowed_by=allowed_by) for one in row.findings)
    return msgspec.structs.replace(row, location=location, findings=findings, **rest)


def unread(what: str, which: str, reason: str = "denied", source: str = "adb:SER1") -> UnreadRow:
    """Something that could not be read."""
    return UnreadRow(1, source, what, which, reason)


def summary(rows: Iterable[AppRow | UnreadRow], **rest: Any) -> SummaryRow:
    """The summary of these rows, by the signatures that come with the program."""
    counts: Counter[str] = Counter()
    holes = [CoverageHole("1 other file", "not an APK: not read")]
    found = False
    for row in rows:
        if isinstance(row, UnreadRow):
            counts["unread"] += 1
            holes.append(CoverageHole(f"{row.what} {row.which}", row.reason))
        else:
            counts.update(("apps", row.verdict))
            found = found or any(map(fails, row.findings))
    values: dict[str, Any] = {
        "schema": 1,
        "tool": "app-scanner 0.1.0",
        "signatures": database().digest,
        "counts": {key: counts[key] for key in ("apps", *Verdict, "other_files", "failing", "allowed")},
        "coverage": tuple(holes),
        "interrupted": False,
        "exit_code": FOUND if found else CLEAN,
        "sought": database().sought(),
        "lists": database().list_states(),
        "signatures_from": (),
    }
    return SummaryRow(**{**values, **rest})
