"""Rows of apps on phones, policies and saved scans, for the tests of policies."""

from __future__ import annotations

from pathlib import Path

import msgspec

from scanner.model import AppRow, Assurance, Device, Finding, SignerRow, SummaryRow, UnreadRow, UserState, Verdict

WECHAT = "0fe4ff85c215918396dadc7cd8ce6963339af33d37751a56e54c7206b63a3c7c"
OTHER = "bb" * 32
SERIAL = "R58M123ABC"


def finding(verdict: Verdict = Verdict.CONFIRMED, signature: str = "wechat-pay", *lists: str) -> Finding:
    """A finding that no policy has judged."""
    return Finding(signature, "WeChat Pay", verdict, "because", lists or ("us-eo-13971",), (), None, None, None, None)


def app_row(
    *findings: Finding,
    package: str | None = "com.tencent.mm",
    serial: str | None = SERIAL,
    users: tuple[int, ...] = (0,),
    signers: tuple[str, ...] = (WECHAT,),
    assurance: Assurance | None = Assurance.PLATFORM,
    tamper: tuple[str, ...] = (),
    label: str | None = None,
) -> AppRow:
    """The row of WeChat on a phone, or of what differs from it."""
    return AppRow(
        schema=1,
        source=f"adb:{serial}",
        location="",
        device=Device(serial, "SM-A515F", "13", None) if serial else None,
        users=tuple(UserState(number, "installed") for number in users),
        package_name=package,
        version_code=2400,
        version_name="8.0.38",
        label=label,
        installer=None,
        system=False,
        copy="active",
        splits=(),
        platform="android",
        min_sdk=24,
        target_sdk=33,
        scanned_at="2026-11-23T18:00:00Z",
        file_sha256=None,
        etag=None,
        stamp=None,
        signers=tuple(SignerRow(sha256, None, None, None, None) for sha256 in signers),
        certificate_history=(),
        schemes=("v2",),
        assurance=assurance,
        verdict=findings[0].verdict if findings else Verdict.CLEAR,
        findings=findings,
        tamper=tamper,
        issues=(),
        contradictions=(),
        unread=None,
        removal=(),
    )


def save(file: Path, *rows: AppRow | UnreadRow) -> Path:
    """A saved scan of these rows, which a scan reads as an inventory and matches anew."""
    counts = {"apps": sum(isinstance(row, AppRow) for row in rows)}
    summary = SummaryRow(
        1, "test", "", counts, (), interrupted=False, exit_code=0, sought=(), lists=(), signatures_from=()
    )
    file.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in (*rows, summary)))
    return file
