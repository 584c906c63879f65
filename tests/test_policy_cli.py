"""Policies from the outside: ``scan --policy``, its options, ``policy lint`` and the example of docs/policies.md."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from scanner.model import Assurance, UnreadRow
from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk
from tests.support.policies import OTHER, app_row, save
from tests.support.signer import key

Run = Callable[..., Ran]
DOC = (ROOT / "docs" / "policies.md").read_text(encoding="utf-8")


TODAY = datetime.now(UTC).date()
"""Once for all: midnight may come while a test runs."""


def day(offset: int) -> str:
    return (TODAY + timedelta(offset)).isoformat()


def write(folder: Path, *allowances: str, **keys: str) -> Path:
    """A policy with these allowances, each in YAML's flow style without who, why and until when."""
    said = [f"{name}: {value}" for name, value in keys.items() if name != "expires"]
    if allowances:
        end = keys.get("expires", day(60))
        said += ["allow:", *(f"- {{{one}, owner: Jane Roe, reason: =sales, expires: {end}}}" for one in allowances)]
    file = folder / "policy.yaml"
    file.write_text("\n".join(said) + "\n", encoding="utf-8")
    return file


@pytest.fixture
def wechat(tmp_path: Path) -> Path:
    return save(tmp_path / "wechat.jsonl", app_row())


def test_what_expired_yesterday_fails_today(app_scanner: Run, wechat: Path, tmp_path: Path) -> None:
    for offset, code in ((-1, 1), (2, 0)):
        ran = app_scanner(
            "scan", wechat, "-o", "jsonl", "--policy", write(tmp_path, "package: com.tencent.mm", expires=day(offset))
        )
        assert ran.code == ran.summary["exit_code"] == code
        assert [hole["hole"] for hole in ran.summary["coverage"] if "allowance" in hole["hole"]] == (
            [f"allowance of com.tencent.mm ({tmp_path}/policy.yaml, line 2)"] if code else []
        )
        assert any(issue.startswith("allowance-expired: ") for issue in ran.apps[0]["issues"]) == (code == 1)


def test_every_format_says_who_allows_why_and_until_when(app_scanner: Run, wechat: Path, tmp_path: Path) -> None:
    policy = write(tmp_path, "package: com.tencent.mm")
    files = {name: tmp_path / f"out.{name}" for name in ("json", "jsonl", "csv")}
    words = [word for name, file in files.items() for word in ("-o", f"{name}={file}")]
    ran = app_scanner("scan", wechat, "-o", "table", *words, "--policy", policy)
    assert ran.code == 0
    assert f"allowed by Jane Roe until {day(60)}: =sales" in ran.out
    assert "1 app read, 1 confirmed, 1 allowed\nexit code 0: everything read, nothing fails by the policy" in ran.out
    (cells,) = csv.DictReader(io.StringIO(files["csv"].read_text()))
    assert (cells["allowed_by"], cells["allowed_reason"], cells["allowed_until"]) == ("Jane Roe", "'=sales", day(60))
    assert (cells["verdict"], cells["fails"]) == ("confirmed", "no")
    lines = [json.loads(line) for line in files["jsonl"].read_text().splitlines()]
    document = json.loads(files["json"].read_text())
    assert document == {"rows": lines[:-1], "summary": lines[-1]}
    (finding,) = lines[0]["findings"]
    assert [finding[name] for name in ("allowed_by", "allowed_reason", "allowed_until", "fails")] == [
        "Jane Roe", "=sales", day(60), False,
    ]  # fmt: skip
    assert (lines[-1]["counts"]["allowed"], lines[-1]["counts"]["failing"], lines[-1]["counts"]["confirmed"]) == (
        1,
        0,
        1,
    )


def test_an_allowance_hides_no_impostor(app_scanner: Run, tmp_path: Path) -> None:
    apk = tmp_path / "wechat.apk"
    apk.write_bytes(build_apk("com.tencent.mm", v2=[key("a")]))
    scopes = {
        "package: com.tencent.mm": 1,
        "package: com.tencent.mm, verdict: confirmed": 1,
        "package: com.tencent.mm, verdict: impostor": 0,
        f"signer: {key('a').sha256}": 0,
        f"signer: {OTHER}, package: com.tencent.mm": 1,
    }
    for scope, code in scopes.items():
        ran = app_scanner("scan", apk, "-o", "jsonl", "--policy", write(tmp_path, scope))
        assert (ran.apps[0]["verdict"], ran.code) == ("impostor", code), scope
    ran = app_scanner("scan", apk, "--policy", write(tmp_path, "package: com.tencent.mm"))
    assert "! allowance-not-meant: Jane Roe allows the app, but not as impostor" in ran.out


def test_the_options_win_over_the_file(app_scanner: Run, wechat: Path, tmp_path: Path) -> None:
    policy = write(tmp_path, fail_on="[impostor]", lists="[india-2020-07]", strict="true")
    holes = save(tmp_path / "holes.jsonl", app_row(), UnreadRow(1, "adb:A", "user", "150", "denied"))
    both = ("--fail-on", "likely, confirmed", "--list", "india-2020-06", "--list", "us-eo-13971")
    expected = {
        (wechat, ()): 0,
        (wechat, ("--fail-on", "confirmed")): 0,
        (wechat, ("--list", "us-eo-13971")): 0,
        (wechat, both): 1,
        (holes, ()): 1,
        (holes, ("--no-strict",)): 3,
        (holes, ("--no-strict", *both)): 1,
    }
    for (file, words), code in expected.items():
        assert app_scanner("scan", file, "--policy", policy, *words).code == code, words
    assert app_scanner("scan", holes).code == 1
    assert app_scanner("scan", holes, "--list", "india-2020-07").code == 3
    strict = app_scanner("scan", holes, "--list", "india-2020-07", "--strict")
    assert (strict.code, "exit code 1: something could not be read, which fails a strict scan" in strict.out) == (
        1,
        True,
    )


def test_what_is_on_no_list_that_counts_is_reported(app_scanner: Run, wechat: Path) -> None:
    ran = app_scanner("scan", wechat, "--list", "india-2020-07")
    assert ran.code == 0
    assert "confirmed     WeChat Pay" in ran.out
    assert "does not fail by the policy" in ran.out
    assert "exit code 0: everything read, nothing fails by the policy" in ran.out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--fail-on", "confirmd"), "'confirmd' is no verdict on a finding; did you mean 'confirmed'?"),
        (("--fail-on", "clear"), "'clear' is no verdict on a finding; there are confirmed"),
        (("--list", "us-eo-13917"), "no list 'us-eo-13917'; did you mean 'us-eo-13971'?"),
        (("--policy", "missing.yaml"), "missing.yaml: No such file or directory"),
    ],
)
def test_a_word_that_is_not_understood_is_a_usage_error(
    app_scanner: Run, wechat: Path, words: object, said: str
) -> None:
    ran = app_scanner("scan", wechat, *words)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_scan_refuses_a_policy_with_a_typo(app_scanner: Run, wechat: Path, tmp_path: Path) -> None:
    for keys, said in (
        ({"fail-on": "[confirmed]"}, "line 1: fail-on: no such key; did you mean 'fail_on'?"),
        ({"lists": "[us-eo-13917]"}, "line 1: lists: no list 'us-eo-13917'; did you mean 'us-eo-13971'?"),
    ):
        policy = write(tmp_path, **keys)
        ran = app_scanner("scan", wechat, "--policy", policy)
        assert (ran.code, ran.out) == (2, "")
        assert f"Error: {policy}, {said}" in ran.err


def test_rows_of_an_older_version_are_still_read(app_scanner: Run, tmp_path: Path, wechat: Path) -> None:
    saved = app_scanner("scan", wechat, "-o", "jsonl", "--policy", write(tmp_path, "package: com.tencent.mm"))
    older = re.sub(r',"allowed_reason":"[^"]*","allowed_until":"[^"]*","fails":false', "", saved.out)
    assert older != saved.out
    for text in (saved.out, older):
        (tmp_path / "old.jsonl").write_text(text)
        ran = app_scanner("scan", tmp_path / "old.jsonl", "-o", "jsonl")
        assert (ran.code, ran.unread) == (1, [])
        assert [(one["fails"], one["allowed_by"]) for one in ran.apps[0]["findings"]] == [(True, None)]


def test_lint_says_what_a_scan_would_refuse_and_what_needs_a_look(app_scanner: Run, tmp_path: Path) -> None:
    good, soon = write(tmp_path, "package: com.tencent.mm"), day(10)
    assert app_scanner("policy", "lint", good).code == 0
    ran = app_scanner("policy", "lint", write(tmp_path, "package: com.tencent.mm", expires=soon))
    assert (ran.code, f"line 2: note: allow[0]: expires in 10 days, at the end of {soon}" in ran.out) == (0, True)
    ran = app_scanner("policy", "lint", write(tmp_path, "package: com.tencent.mm", expires=day(-1)))
    assert (ran.code, "line 2: warning: allow[0]: expired" in ran.out) == (1, True)
    ran = app_scanner("policy", "lint", write(tmp_path, strict="yes"))
    assert (ran.code, "line 1: error: strict: want true or false; this is 'yes'" in ran.out) == (2, True)
    assert app_scanner("policy", "lint", write(tmp_path, lists="[us-eo]")).code == 2
    assert app_scanner("policy", "lint", tmp_path / "missing.yaml").code == 2


def test_lint_cleans_what_it_prints(app_scanner: Run, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text('"\\e[31mlists": [a]\nowner\u202e: b\n', encoding="utf-8")
    ran = app_scanner("policy", "lint", policy)
    assert ran.code == 2
    assert not set(ran.out) & {"\x1b", "\u202e"}


def test_show_says_what_a_policy_means(app_scanner: Run, tmp_path: Path) -> None:
    policy = write(tmp_path, "package: com.tencent.mm, user: 10", fail_on="[impostor, confirmed]", expires=day(-1))
    ran = app_scanner("policy", "show", policy)
    assert ran.code == 0
    assert ran.out.splitlines() == [
        "fails on   confirmed, impostor",
        "lists      every app, whatever list it is on",
        "strict     no",
        f"allowed    EXPIRED {day(-1)}  com.tencent.mm, user 10 ({policy}, line 3)",
        "           by Jane Roe: =sales",
    ]
    assert app_scanner("policy", "show", write(tmp_path, lists="[nowhere]")).code == 2


# docs/policies.md -----------------------------------------------------------------------------


def block(name: str) -> str:
    found = re.search(rf"<!-- {re.escape(name)} -->\n```\w*\n(.*?)```", DOC, re.DOTALL)
    assert found, name
    return found[1]


def test_the_worked_example_of_the_manual_runs(app_scanner: Run, tmp_path: Path) -> None:
    (tmp_path / "policy.yaml").write_text(block("policy.yaml"), encoding="utf-8")
    assert app_scanner("policy", "lint", tmp_path / "policy.yaml").code == 0
    rows = {
        "ours": (app_row(), 0),
        "another phone": (app_row(serial="R58M999XYZ"), 1),
        "an impostor": (app_row(signers=(OTHER,)), 1),
        "a WPS Office nobody vouches for": (app_row(package="cn.wps.moffice_eng", signers=(OTHER,)), 0),
        "a claim": (app_row(assurance=Assurance.DECLARED), 0),
    }
    for name, (row, code) in rows.items():
        ran = app_scanner("scan", save(tmp_path / "rows.jsonl", row), "--policy", tmp_path / "policy.yaml")
        assert ran.code == code, (name, ran.out)
        if name == "ours":
            assert block("allowed") in ran.out
            assert block("allowed sum") in ran.out


def test_the_lint_of_the_manual_is_the_programs(app_scanner: Run, tmp_path: Path) -> None:
    (tmp_path / "typo.yaml").write_text(block("typo.yaml"), encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = app_scanner("policy", "lint", "typo.yaml", cwd=tmp_path, env=environment)
    assert (ran.code, ran.out) == (2, block("lint"))
    mended = block("typo.yaml").replace("expire:", "expires:")
    (tmp_path / "typo.yaml").write_text(mended, encoding="utf-8")
    ran = app_scanner("policy", "lint", "typo.yaml", cwd=tmp_path, env=environment)
    assert (ran.code, "no list 'us-eo-13917'" in ran.out) == (2, True)
