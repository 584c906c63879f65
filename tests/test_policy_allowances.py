"""What an allowance covers, and what it never does."""

from __future__ import annotations

from datetime import date, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import AppRow, Assurance, CoverageHole, Verdict
from scanner.policies.allowing import MAX_TOLD, Allowance, Policing, Policy, allowing
from scanner.policies.policy import FAILING
from tests.support.policies import OTHER, SERIAL, WECHAT, app_row, finding

TODAY = date(2026, 11, 24)
PACKAGE = frozenset({"com.tencent.mm"})


def allowance(expires: date = TODAY, **scopes: object) -> Allowance:
    return Allowance("Jane Roe", "sales", expires, **(scopes or {"packages": PACKAGE}))  # type: ignore[arg-type]


def judged(row: AppRow, *allowances: Allowance, **policy: object) -> tuple[AppRow, Policing]:
    policing = Policing(Policy(allowances=allowances, **policy), TODAY)  # type: ignore[arg-type]
    return policing.judge(row), policing


def holes(policing: Policing) -> list[CoverageHole]:
    return list(policing.coverage())


def test_an_allowance_holds_until_the_end_of_its_day() -> None:
    for days, allowed in ((1, True), (0, True), (-1, False)):
        row, policing = judged(app_row(finding()), allowance(TODAY + timedelta(days)))
        (one,) = row.findings
        assert (one.allowed_by, one.fails) == (("Jane Roe", False) if allowed else (None, True))
        assert (policing.allowed, policing.failing) == (allowed, not allowed)


def test_an_allowed_finding_says_who_why_and_until_when() -> None:
    (one,) = judged(app_row(finding()), allowance())[0].findings
    assert (one.allowed_by, one.allowed_reason, one.allowed_until) == ("Jane Roe", "sales", "2026-11-24")
    assert one.verdict == Verdict.CONFIRMED


def test_an_expired_allowance_is_named_in_the_row_and_in_the_coverage() -> None:
    row, policing = judged(app_row(finding()), allowance(TODAY - timedelta(1)))
    assert row.issues == ("allowance-expired: allowed until 2026-11-23 by Jane Roe: sales",)
    (hole,) = holes(policing)
    assert (hole.hole, "2026-11-23" in hole.reason) == ("allowance of com.tencent.mm", True)
    assert "1 finding no longer allowed" in hole.reason


def test_a_renewed_allowance_leaves_no_note_of_the_expired_one() -> None:
    row, _ = judged(app_row(finding()), allowance(TODAY - timedelta(1)), allowance())
    assert (row.issues, row.findings[0].fails) == ((), False)


def test_notes_of_an_earlier_scan_do_not_stay() -> None:
    expired, _ = judged(app_row(finding()), allowance(TODAY - timedelta(1)))
    assert judged(expired, allowance())[0].issues == ()
    without = msgspec.structs.replace(expired, findings=(), verdict=Verdict.CLEAR)
    assert judged(without)[0].issues == ()


VALUES = {
    "packages": ("com.tencent.mm", "com.other"),
    "signatures": ("wechat-pay", "alipay"),
    "signers": (WECHAT, OTHER),
    "devices": (SERIAL, "OTHER1"),
    "users": (0, 10),
    "verdicts": (Verdict.CONFIRMED, Verdict.IMPOSTOR),
}
"""Scope → a value that fits WeChat on the phone, and one that does not."""


@given(st.dictionaries(st.sampled_from(sorted(VALUES)), st.sets(st.sampled_from([0, 1]), min_size=1)))
def test_every_scope_that_is_named_must_fit(chosen: dict[str, set[int]]) -> None:
    scopes = {name: frozenset(VALUES[name][index] for index in indexes) for name, indexes in chosen.items()}
    one = Allowance("me", "why", TODAY, **scopes)  # type: ignore[arg-type]
    fits = all(0 in indexes for indexes in chosen.values())
    assert bool(allowing(app_row(finding()), finding(), [one])) == fits


@given(
    users=st.sets(st.integers(0, 3)),
    scopes=st.lists(st.frozensets(st.integers(0, 3)), max_size=4),
)
def test_users_are_covered_all_or_not_at_all(users: set[int], scopes: list[frozenset[int]]) -> None:
    allowances = [Allowance("me", str(scope), TODAY, packages=PACKAGE, users=scope) for scope in scopes]
    row = app_row(finding(), users=tuple(sorted(users)))
    by = allowing(row, finding(), allowances)
    whole = any(not scope for scope in scopes)
    named = frozenset().union(*scopes)
    assert bool(by) == (whole or bool(users and users <= named))
    if by:
        assert any(not one.users for one in by) or users <= frozenset().union(*(one.users for one in by))


def test_allowances_for_several_users_count_together_until_the_first_ends() -> None:
    first = allowance(TODAY + timedelta(5), packages=PACKAGE, users=frozenset({0}))
    second = Allowance("John Doe", "tests", TODAY, packages=PACKAGE, users=frozenset({10}))
    row = app_row(finding(), users=(0, 10))
    (one,) = judged(row, first, second)[0].findings
    assert (one.allowed_by, one.allowed_reason, one.allowed_until) == (
        "Jane Roe; John Doe",
        "sales; tests",
        "2026-11-24",
    )
    alone, policing = judged(row, first)
    assert alone.findings[0].fails
    assert alone.issues == ("allowance-too-narrow: Jane Roe allows it, but not for user 10, who has it too",)
    assert holes(policing) == []


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("named", [set(), {"verdicts"}, {"signers"}, {"devices", "signatures"}])
def test_what_may_be_another_app_is_allowed_only_by_name(verdict: Verdict, named: set[str]) -> None:
    row = app_row(finding(verdict), signers=(OTHER,))
    values = {
        "verdicts": frozenset({verdict}), "signers": frozenset({OTHER}), "devices": frozenset({SERIAL}),
        "signatures": frozenset({"wechat-pay"}),
    }  # fmt: skip
    one = allowance(packages=PACKAGE, **{name: values[name] for name in named})
    after, policing = judged(row, one)
    doubtful = verdict in {Verdict.IMPOSTOR, Verdict.DISPLAY_NAME, Verdict.LOOK_ALIKE}
    allowed = not doubtful or bool(named & {"verdicts", "signers"})
    assert (after.findings[0].allowed_by is not None) == allowed
    assert any(note.startswith("allowance-not-meant:") for note in after.issues) != allowed
    assert bool(holes(policing)) != allowed


@pytest.mark.parametrize(
    ("change", "allowed"),
    [
        ({}, True),
        ({"assurance": Assurance.VERIFIED}, True),
        ({"assurance": Assurance.REPORTED}, True),
        ({"assurance": Assurance.DECLARED}, False),
        ({"assurance": Assurance.HINT}, False),
        ({"assurance": None}, False),
        ({"signers": ()}, False),
        ({"signers": (WECHAT, OTHER)}, False),
        ({"tamper": ("signature-does-not-verify: v2",)}, False),
        ({"tamper": ("split-signer: a.apk is signed by another signer than the base",)}, False),
        ({"tamper": ("duplicate-entry: x",)}, True),
    ],
)
def test_a_signer_that_is_only_claimed_allows_nothing(change: dict[str, object], allowed: bool) -> None:
    one = allowance(packages=PACKAGE, signers=frozenset({WECHAT}))
    row = app_row(finding(Verdict.IMPOSTOR), **change)  # type: ignore[arg-type]
    assert bool(allowing(row, row.findings[0], [one])) == allowed


def test_of_several_signers_all_must_be_named() -> None:
    both = allowance(signers=frozenset({WECHAT, OTHER}))
    assert allowing(app_row(finding(), signers=(WECHAT, OTHER)), finding(), [both])


def test_an_allowance_for_a_device_is_not_for_a_file() -> None:
    one = allowance(packages=PACKAGE, devices=frozenset({SERIAL}))
    assert not allowing(app_row(finding(), serial=None, users=()), finding(), [one])
    assert allowing(app_row(finding(), serial=None, users=()), finding(), [allowance()])


def test_one_of_two_findings_may_be_allowed() -> None:
    two = (finding(signature="qq-wallet"), finding(signature="tencent-qq"))
    row, policing = judged(app_row(*two), allowance(signatures=frozenset({"qq-wallet"})))
    assert [one.fails for one in row.findings] == [False, True]
    assert (policing.failing, policing.allowed) == (1, 1)


@given(
    verdict=st.sampled_from(Verdict),
    fail_on=st.frozensets(st.sampled_from(Verdict)),
    on=st.frozensets(st.sampled_from("abc"), min_size=1),
    lists=st.frozensets(st.sampled_from("abc")),
)
def test_a_finding_fails_by_verdict_and_list(
    verdict: Verdict, fail_on: frozenset[Verdict], on: frozenset[str], lists: frozenset[str]
) -> None:
    row, policing = judged(app_row(finding(verdict, "x", *sorted(on))), fail_on=fail_on, lists=lists)
    fails = verdict in fail_on and (not lists or bool(lists & on))
    assert (row.findings[0].fails, policing.failing) == (fails, fails)


def test_by_default_what_failed_without_a_policy_fails() -> None:
    assert {verdict for verdict in Verdict if judged(app_row(finding(verdict)))[0].findings[0].fails} == FAILING


def test_an_allowance_that_matched_nothing_is_told() -> None:
    elsewhere = allowance(packages=PACKAGE, devices=frozenset({"OTHER1"}))
    unused = allowance(packages=frozenset({"com.other"}), devices=frozenset({SERIAL}))
    _, policing = judged(app_row(finding()), allowance(), unused, elsewhere)
    assert holes(policing) == [
        CoverageHole(f"allowance of com.other, device {SERIAL}", "matched nothing in this scan"),
        CoverageHole("1 allowance", "for devices of which no app was read in this scan"),
    ]


def test_many_allowances_are_told_in_few_lines() -> None:
    many = [allowance(packages=frozenset({f"com.a{number}"})) for number in range(MAX_TOLD + 5)]
    _, policing = judged(app_row(), *many)
    told = holes(policing)
    assert (len(told), told[-1].hole) == (MAX_TOLD + 1, "5 more allowances")


def test_a_row_without_findings_is_the_same_row() -> None:
    row = app_row()
    assert judged(row, allowance())[0] is row
