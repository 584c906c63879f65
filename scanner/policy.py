"""What fails, and the exit code: the one place where it is decided."""

from __future__ import annotations

from scanner.model import Finding, Verdict

FAILING = frozenset({Verdict.CONFIRMED, Verdict.LIKELY, Verdict.NAME_ONLY, Verdict.IMPOSTOR, Verdict.PAST_SIGNER})
"""The verdicts that fail a scan by default; the others ask for a look."""
CLEAN, FOUND, USAGE, INCOMPLETE, NOTHING, FAILED, INTERRUPTED = 0, 1, 2, 3, 4, 5, 130
MEANINGS = {
    CLEAN: "everything read, nothing found",
    FOUND: "a listed app was found",
    USAGE: "wrong usage",
    INCOMPLETE: "nothing found, but something could not be read",
    NOTHING: "nothing to scan",
    FAILED: "the scan failed",
    INTERRUPTED: "interrupted; what was read is written",
}


def fails(finding: Finding) -> bool:
    """Whether a finding fails a scan: by its verdict, unless somebody allowed it."""
    return finding.verdict in FAILING and finding.allowed_by is None


def exit_code(
    *,
    interrupted: bool,
    sources: int,
    failed_sources: int,
    failing: int,
    unread: int,
    incomplete: int,
    apps: int,
) -> int:
    """The exit code of a scan: what is incomplete never looks clean.

    ``failing`` counts apps with a failing verdict, ``unread`` what could not be read, ``incomplete`` apps
    that were read but lack a package name or are known by a display name alone.
    """
    if interrupted:
        return INTERRUPTED
    if sources and failed_sources == sources:
        return FAILED
    if failing:
        return FOUND
    if failed_sources or unread or incomplete:
        return INCOMPLETE
    return CLEAN if apps else NOTHING


def watch_code(codes: list[int]) -> int:
    """The exit code of an audit desk, from those of its phones: a finding first, then what was not seen."""
    if not codes:
        return NOTHING
    if FOUND in codes:
        return FOUND
    return CLEAN if all(code == CLEAN for code in codes) else INCOMPLETE


def combined_code(codes: list[int]) -> int:
    """The exit code of several scans as one; that of a single one is its own."""
    known = [code if code in MEANINGS else INCOMPLETE for code in codes]
    if not known:
        return NOTHING
    for code in (INTERRUPTED, FOUND):
        if code in known:
            return code
    if len(set(known)) == 1:
        return known[0]
    return CLEAN if set(known) == {CLEAN, NOTHING} else INCOMPLETE


def devices_code(phones: int, unready: int) -> int:
    """The exit code of a list of phones, ``unready`` of which cannot be scanned."""
    if unready:
        return INCOMPLETE
    return CLEAN if phones else NOTHING
