"""What several formats say of a row in the same words: which app it is, where it is, and whether it fails."""

from __future__ import annotations

import hashlib

from scanner.model import AppRow, Finding
from scanner.policies.policy import fails


def failing(row: AppRow) -> bool:
    """Whether a finding of the row fails a scan."""
    return any(fails(finding) for finding in row.findings)


def fingerprint(row: AppRow, *more: str) -> str:
    """A name for the row that is the same in the next report of the same app in the same place: 16 hex digits.

    An app on a phone is its package there, since the path of its APK changes with each update.
    """
    device = row.device
    place = (device.serial, row.copy) if device else (row.source, row.location)
    parts = (*place, row.package_name or row.label or row.location, *more)
    return hashlib.blake2b("\0".join(parts).encode(errors="replace"), digest_size=8).hexdigest()


def version(row: AppRow) -> str:
    """Version name and version code, as far as they are known."""
    code = "" if row.version_code is None else f"({row.version_code})"
    return " ".join(part for part in (row.version_name, code) if part)


def users(row: AppRow) -> str:
    """For whom the app is installed on its phone."""
    return ", ".join(f"user {user.id} {user.state}" for user in row.users)


def notes(row: AppRow) -> tuple[str, ...]:
    """What is odd about the app."""
    return (*row.tamper, *row.contradictions, *row.issues)


def allowance(finding: Finding) -> str:
    """Who lets a finding pass, until when and why, as far as its row tells."""
    until = f" until {finding.allowed_until}" if finding.allowed_until else ""
    return f"allowed by {finding.allowed_by}{until}" + (f": {finding.allowed_reason}" if finding.allowed_reason else "")
