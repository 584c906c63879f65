"""What fails: every combination of what a scan can meet, and what its exit code is said to mean."""

from __future__ import annotations

from datetime import date
from itertools import product
from pathlib import Path

import pytest

from scanner.database import load_database
from scanner.model import SummaryRow, UnreadRow, Verdict
from scanner.policies.allowing import Allowance, Policy
from scanner.policies.policy import (
    CLEAN,
    FAILED,
    FAILING,
    FOUND,
    INCOMPLETE,
    INTERRUPTED,
    NOTHING,
    USAGE,
    exit_code,
    lint_code,
    meaning,
)
from scanner.scanning import Scan
from tests.support.policies import OTHER, app_row, save

DATABASE = load_database()
UNREAD = UnreadRow(1, "adb:A", "user", "150", "denied")


def ran(folder: Path, policy: Policy, *rows: object) -> SummaryRow:
    scan = Scan([str(save(folder / "rows.jsonl", *rows))], DATABASE, policy=policy)  # type: ignore[arg-type]
    list(scan.rows())
    return scan.summary()


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("unread", [False, True])
@pytest.mark.parametrize("found", ["nothing", "failing", "allowed", "not in fail_on", "on no list that counts"])
def test_every_combination_has_its_exit_code(tmp_path: Path, found: str, unread: bool, strict: bool) -> None:
    allowance = Allowance("me", "why", date.max, packages=frozenset({"com.tencent.mm"}))
    policy = Policy(
        fail_on=frozenset({Verdict.IMPOSTOR}) if found == "not in fail_on" else FAILING,
        lists=frozenset({"india-2020-07"}) if found == "on no list that counts" else frozenset(),
        strict=strict,
        allowances=(allowance,) if found == "allowed" else (),
    )
    row = app_row(package="com.example.a", signers=(OTHER,)) if found == "nothing" else app_row()
    summary = ran(tmp_path, policy, row, *((UNREAD,) if unread else ()))
    expected = FOUND if found == "failing" or (unread and strict) else INCOMPLETE if unread else CLEAN
    assert summary.exit_code == expected
    assert summary.counts["confirmed"] == (found != "nothing")
    assert summary.counts["failing"] == (found == "failing")
    assert summary.counts["allowed"] == (found == "allowed")
    said = meaning(summary)
    assert ("strict" in said) == (unread and strict and found != "failing")
    assert ("nothing found" in said) == (found == "nothing" and expected != FOUND)
    assert ("could not be read" in said) == (unread and found != "failing")


@pytest.mark.parametrize("strict", [False, True])
def test_strict_changes_incomplete_alone(strict: bool) -> None:
    for interrupted, failed, failing, unread, incomplete, apps in product(*[(0, 1)] * 6):
        for sources in (1, 2):
            code = exit_code(
                interrupted=bool(interrupted), sources=sources, failed_sources=failed, failing=failing, unread=unread,
                incomplete=incomplete, apps=apps, strict=strict,
            )  # fmt: skip
            holes = failed or unread or incomplete
            order = (
                (interrupted, INTERRUPTED),
                (failed == sources, FAILED),
                (failing, FOUND),
                (holes, FOUND if strict else INCOMPLETE),
                (apps, CLEAN),
                (True, NOTHING),
            )
            assert code == next(value for holds, value in order if holds)


def test_a_lint_refuses_warns_or_passes() -> None:
    assert [lint_code(1, 0), lint_code(1, 1), lint_code(0, 1), lint_code(0, 0)] == [USAGE, USAGE, FOUND, CLEAN]


def test_a_title_stays_a_hole_until_somebody_says_that_he_looked(tmp_path: Path) -> None:
    titled = app_row(package=None, signers=(), assurance=None, label="WeChat Pay")
    lists = Policy(lists=frozenset({"india-2020-07"}))
    by_app = Allowance("me", "why", date.max, signatures=frozenset({"wechat-pay"}))
    by_verdict = Allowance(
        "me", "why", date.max, signatures=by_app.signatures, verdicts=frozenset({Verdict.DISPLAY_NAME})
    )
    policies = (Policy(), lists, Policy(allowances=(by_app,)), Policy(allowances=(by_verdict,)))
    assert [ran(tmp_path, policy, titled).exit_code for policy in policies] == [3, 3, 3, 0]
    failing = Policy(fail_on=frozenset({Verdict.DISPLAY_NAME}))
    assert ran(tmp_path, failing, titled).exit_code == FOUND


def test_without_a_policy_each_finding_says_whether_it_fails(tmp_path: Path) -> None:
    rows = list(Scan([str(save(tmp_path / "rows.jsonl", app_row()))], DATABASE).rows())
    (row,) = rows
    assert [(one.fails, one.allowed_by) for one in row.findings] == [(True, None)]  # type: ignore[union-attr]
