"""What fails, and the exit code: the one place where it is decided."""

from __future__ import annotations

from collections.abc import Iterable

from scanner.model import Finding, SummaryRow, Verdict

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

PASSED = {
    CLEAN: "everything read, nothing fails by the policy",
    INCOMPLETE: "nothing fails by the policy, but something could not be read",
}
"""The same where something was found and the policy lets it pass."""


def meaning(summary: SummaryRow) -> str:
    """What the exit code of a scan means, in the light of what its policy lets pass."""
    code, counts = summary.exit_code, summary.counts
    if code == FOUND and counts.get("failing") == 0:
        return "something could not be read, which fails a strict scan"
    passed = counts.get("allowed") or any(counts.get(verdict) for verdict in FAILING)
    if code in PASSED and passed:
        return PASSED[code]
    return MEANINGS.get(code, "unknown")


COMPARISON_MEANINGS = {
    CLEAN: "no listed app appeared or got worse",
    FOUND: "a listed app appeared or got worse",
    INCOMPLETE: "not everything could be compared",
    NOTHING: "nothing to compare",
}


HISTORY_MEANINGS = {
    CLEAN: "no listed app is there any more, as far as was looked",
    FOUND: "a listed app is there, or may be",
    INCOMPLETE: "not everything was seen when it was last looked at",
    NOTHING: "nothing was ever read",
    FAILED: "no file could be read",
}


def fails(finding: Finding) -> bool:
    """Whether a finding fails a scan, as its policy had it; one of a scan that knew none, by its verdict."""
    if finding.fails is None:
        return finding.verdict in FAILING and finding.allowed_by is None
    return finding.fails


def exit_code(
    *,
    interrupted: bool,
    sources: int,
    failed_sources: int,
    failing: int,
    unread: int,
    incomplete: int,
    apps: int,
    strict: bool = False,
) -> int:
    """The exit code of a scan: what is incomplete never looks clean.

    ``failing`` counts apps with a failing finding, ``unread`` what could not be read, ``incomplete`` apps
    that were read but lack a package name or are known by a display name alone. ``strict`` fails what is incomplete.
    """
    if interrupted:
        return INTERRUPTED
    if sources and failed_sources == sources:
        return FAILED
    if failing:
        return FOUND
    if failed_sources or unread or incomplete:
        return FOUND if strict else INCOMPLETE
    return CLEAN if apps else NOTHING


def lint_code(errors: int, warnings: int) -> int:
    """The exit code of a linted file: 2 where a scan would refuse it, 1 where somebody should look at it."""
    return USAGE if errors else FOUND if warnings else CLEAN


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


def worse(before: Iterable[Finding], now: Iterable[Finding]) -> bool:
    """Whether an app's findings got worse: one fails that did not, or what was no impostor is one."""
    was = {finding.signature: finding.verdict for finding in before if fails(finding)}
    return any(
        finding.signature not in was
        or (finding.verdict == Verdict.IMPOSTOR and was[finding.signature] != Verdict.IMPOSTOR)
        for finding in filter(fails, now)
    )


def comparison_code(*, worse: int, incomplete: bool, comparable: bool, apps: int) -> int:
    """The exit code of a comparison: what got worse, then what nobody can tell.

    ``comparable`` says that some phone or source is in both scans, ``incomplete`` that the new one did not see all of
    it, or that either is damaged.
    """
    if worse:
        return FOUND
    if not apps:
        return NOTHING if not incomplete else INCOMPLETE
    return INCOMPLETE if incomplete or not comparable else CLEAN


def history_code(*, failing: int, incomplete: int, places: int, files: int, refused: int) -> int:
    """The exit code of a history: that of the fleet as it was last seen.

    ``failing`` counts listed apps that are there or may be, ``incomplete`` phones whose last look had holes, phones
    that nobody could read and damaged files, ``refused`` files that hold nothing.
    """
    if files and refused == files:
        return FAILED
    if failing:
        return FOUND
    if incomplete:
        return INCOMPLETE
    return CLEAN if places else NOTHING


def devices_code(phones: int, unready: int) -> int:
    """The exit code of a list of phones, ``unready`` of which cannot be scanned."""
    if unready:
        return INCOMPLETE
    return CLEAN if phones else NOTHING
