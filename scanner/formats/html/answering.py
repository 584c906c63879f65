"""The answer in a sentence, and the words of the page: printed from what the scan decided."""

from __future__ import annotations

from typing import NamedTuple

from scanner.formats.html.gathering import Gathered
from scanner.model import SummaryRow, Verdict, plural
from scanner.policies.policy import CLEAN, FAILED, FOUND, INCOMPLETE, INTERRUPTED, NOTHING

SENTENCES = {
    CLEAN: ("clean", "No listed app was found, and everything was read."),
    INCOMPLETE: ("incomplete", "No listed app was found, but not everything could be read or judged."),
    NOTHING: ("incomplete", "There was nothing to scan, so nothing is known."),
    FAILED: ("incomplete", "The scan failed, so nothing is known."),
    INTERRUPTED: ("incomplete", "The scan was interrupted. Nothing is known of what it had not read."),
}
LET_PASS = {
    CLEAN: ("clean", "Every listed app that was found is let pass by the policy, and everything was read."),
    INCOMPLETE: (
        "incomplete",
        "Every listed app that was found is let pass by the policy, but not everything was read.",
    ),
}
NOTHING_FAILS = ("incomplete", "The scan fails, though no app that was found does: see what was not seen.")
UNKNOWN = ("incomplete", "The scan did not say how it ended.")
MEANS = {
    Verdict.CONFIRMED: "A listed package name, signed by a pinned signer.",
    Verdict.LIKELY: "A listed name, and a hint or an unchecked certificate that agrees.",
    Verdict.NAME_ONLY: "A listed name. Its certificate was not seen, or is none that we know.",
    Verdict.IMPOSTOR: "A listed name whose genuine signers are all known, under another signer or none.",
    Verdict.PAST_SIGNER: "A listed name. The pinned signer is only in the certificate history.",
    Verdict.SAME_SIGNER: "Another app of a listed app's publisher. For review.",
    Verdict.EMBEDDED_SDK: "Another app that can pay through a listed one. For review.",
    Verdict.DISPLAY_NAME: "An export without package names shows a listed title. For review.",
    Verdict.LOOK_ALIKE: "Another name and signer, but the looks of a listed app. For review.",
}
LEFT_OUT = {"phones", "let pass by the policy", "to review"}
"""Figures that are left out where they are zero."""
STATES = {"in-force": "in force", "revoked": "revoked", "unknown": "state not known"}


class Answer(NamedTuple):
    """What the page opens with."""

    tone: str
    """``found``, ``clean`` or ``incomplete``."""
    sentence: str
    more: str
    """The apps that were found."""
    unread: str
    """What was not read, as prominent as what was found; empty where there is nothing of the kind."""


class Number(NamedTuple):
    """One figure under the answer."""

    value: int
    label: str
    tone: str


def answer(report: Gathered, summary: SummaryRow) -> Answer:
    """The scan's answer in one sentence, and what belongs to it."""
    more = "Found: " + ", ".join(report.found_apps) + "." if report.found_apps else ""
    count = summary.counts.get(Verdict.UNREAD, 0)
    things = "one thing" if count == 1 else f"{count:,} things"
    known = plural(count, "nothing is known of it", "nothing is known of them")
    unread = f"Not everything was seen: {things} could not be read, and {known}." if count else ""
    code = summary.exit_code
    if code == FOUND and report.failing:
        return Answer("found", _found(report, summary), more, unread)
    if code == FOUND:
        return Answer(*NOTHING_FAILS, more, unread)
    sentences = {**SENTENCES, **LET_PASS} if report.let_pass else SENTENCES
    return Answer(*sentences.get(code, UNKNOWN), more, unread)


def _found(report: Gathered, summary: SummaryRow) -> str:
    impostors_only = report.failing_verdicts == {Verdict.IMPOSTOR}
    what = "Something that poses as a listed app was found" if impostors_only else "A listed app was found"
    places = [place for place in report.places.values() if place.failing]
    phones = [place for place in places if place.phone]
    if places and len(phones) == len(places):
        known = [place for place in report.places.values() if place.phone]
        of = f" of {len(known)}" if report.apps == summary.counts.get("apps") and len(known) > 1 else ""
        return f"{what} on {len(phones)}{of} {plural(len(known) if of else len(phones), 'phone')}."
    total = summary.counts.get("apps", 0)
    return f"{what}: {report.failing:,} of {total:,} {plural(total, 'app')} read."


def numbers(report: Gathered, summary: SummaryRow) -> list[Number]:
    """The figures under the answer."""
    counts = summary.counts
    phones = sum(place.phone for place in report.places.values())
    unread, apps = counts.get(Verdict.UNREAD, 0), counts.get("apps", 0)
    found = plural(report.failing, "listed app found", "listed apps found")
    shown = [
        Number(phones, plural(phones, "phone"), ""),
        Number(apps, plural(apps, "app read", "apps read"), ""),
        Number(report.failing, found, "found" if report.failing else "clean"),
        Number(report.let_pass, "let pass by the policy", ""),
        Number(report.to_review, "to review", ""),
        Number(unread, "could not be read", "incomplete" if unread else ""),
    ]
    return [one for one in shown if one.value or one.label not in LEFT_OUT]
