"""Policy files: what is understood, and how a mistake is told."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.database import load_database
from scanner.errors import PolicyError
from scanner.model import Verdict
from scanner.policies.allowing import Policy
from scanner.policies.policy import FAILING
from scanner.policies.policyfile import (
    FINDINGS,
    WANTED,
    AllowanceEntry,
    FindingName,
    PolicyFile,
    load_policy,
    parse_policy,
)
from scanner.policies.policylint import lint
from scanner.policies.policyschema import policy_schema
from scanner.strictyaml import line_numbers, load_yaml
from tests.conftest import ROOT
from tests.support.policies import WECHAT

DATABASE = load_database()
TODAY = date(2026, 11, 24)
ALLOWANCE = {"package": "com.a", "owner": "Jane Roe", "reason": "sales", "expires": "2027-03-31"}
COLONS = ":".join(WECHAT[at : at + 2].upper() for at in range(0, 64, 2))


def text(**changes: object) -> bytes:
    """A policy with one allowance, in which these keys are changed, or left out where they are None."""
    entry = {key: value for key, value in (ALLOWANCE | changes).items() if value is not None}
    return json.dumps({"allow": [entry]}, indent=0).encode()


def problems(data: bytes) -> list[tuple[int, str]]:
    document, found = parse_policy(data, "p.yaml")
    gc.collect()
    assert (document is None) == bool(found)
    return [(problem.line, problem.text) for problem in found]


def policy(data: bytes) -> Policy:
    document, found = parse_policy(data, "p.yaml")
    assert document, found
    return document.policy()


def linted(data: bytes) -> list[tuple[int, str, str]]:
    document, found = parse_policy(data, "p.yaml")
    assert document, found
    return [(one.line, one.level, one.text) for one in lint(document, DATABASE, TODAY)]


# What is understood ---------------------------------------------------------------------------


def test_an_empty_policy_is_the_default() -> None:
    assert policy(b"schema: 1") == policy(b"{}") == Policy()
    assert Policy().fail_on == FAILING


def test_every_key_is_understood() -> None:
    whole = policy(
        b"lists: [us-eo-13971]\nfail_on: [impostor]\nstrict: true\nallow:\n- package: [com.a, com.b]\n"
        b"  signature: wechat-pay\n  signer: " + COLONS.encode() + b"\n  device: '0123'\n  user: [0, 10]\n"
        b"  verdict: impostor\n  owner: Jane Roe\n  reason: sales\n  expires: 2027-03-31\n"
    )
    assert (whole.lists, whole.fail_on, whole.strict) == ({"us-eo-13971"}, {Verdict.IMPOSTOR}, True)
    (one,) = whole.allowances
    assert (one.packages, one.signatures, one.signers) == ({"com.a", "com.b"}, {"wechat-pay"}, {WECHAT})
    assert (one.devices, one.users, one.verdicts) == ({"0123"}, {0, 10}, {Verdict.IMPOSTOR})
    assert (one.owner, one.reason, one.expires, one.where) == ("Jane Roe", "sales", date(2027, 3, 31), "p.yaml, line 5")


def test_the_verdicts_of_a_policy_are_those_of_findings() -> None:
    assert FindingName.__args__ == FINDINGS  # type: ignore[attr-defined]
    assert {*FINDINGS} == {*Verdict} - {"clear", "unread"}


def test_every_key_has_words_for_what_it_wants() -> None:
    assert {*PolicyFile.__struct_fields__, *AllowanceEntry.__struct_fields__} == {*WANTED}


# Mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "line", "said"),
    [
        (b"strict: true\nlist: [us-eo-13971]", 2, "list: no such key; did you mean 'lists'?"),
        (b"strict: true\n\n# why\nfail-on: [confirmed]", 4, "fail-on: no such key; did you mean 'fail_on'?"),
        (b"fail_on:\n- likely\n- impostr", 3, "'impostr' is no verdict on a finding; did you mean 'impostor'?"),
        (b"fail_on: [unread]", 1, "fail_on: 'unread' is no verdict on a finding; there are confirmed"),
        (b"fail_on: []", 1, "fail_on: want verdicts, such as [confirmed, impostor]; this is empty"),
        (b"lists:", 1, "this is empty"),
        (b"strict: yes", 1, "strict: want true or false; this is 'yes'"),
        (b"schema: 2", 1, "schema: want 1; this is 2"),
        (b"allow: {package: com.a}", 1, "allow: want allowances, each behind a dash"),
        (b"allow:\n- com.a", 2, "allow[0]: want an allowance with owner, reason and expires"),
        (b"colour: red", 1, "colour: no such key; there are schema, lists, fail_on, strict, allow"),
        (b"", 1, "want a policy with the keys"),
        (b"- a", 1, "want a policy with the keys"),
        (b"strict: true\nstrict: true", 2, "the key 'strict' stands twice"),
        (b"strict: [", 2, ""),
        (b"strict: true\nlists: *x", 2, "aliases are not allowed"),
        (b"\xff", 1, ""),
        (text(expires=None), 3, "allow[0]: expires is missing; want the last day on which it holds"),
        (text(owner=None), 3, "allow[0]: owner is missing; want who allows it"),
        (text(reason=None), 3, "allow[0]: reason is missing; want why it is allowed"),
        (text(package=None), 3, "allow[0]: names none of package, signature, signer"),
        (text(package=None, device="A", user=0, verdict="likely"), 3, "allow[0]: names none of package"),
        (text(reason="  "), 6, "allow[0].reason: want why it is allowed"),
        (text(owner=7), 5, "allow[0].owner: want who allows it; this is 7"),
        (text(expires="2027-02-29"), 7, "allow[0].expires: want the last day on which it holds"),
        (text(expires="2027-03-31T10:00:00Z"), 7, "allow[0].expires: want"),
        (text(expires="never"), 7, "allow[0].expires: want"),
        (text(expires=20270331), 7, "allow[0].expires: want"),
        (text(package="com.*"), 4, "allow[0].package: want a package name such as com.example.app, without wildcards"),
        (text(package=[]), 4, "allow[0].package: want"),
        (text(signer="aa"), 8, "allow[0].signer: want the SHA-256 of a signing certificate: 64 hex digits"),
        (text(device=123456), 8, "allow[0].device: want a serial number, in quotes where it is all digits"),
        (text(device=""), 8, "allow[0].device: want"),
        (text(user="10"), 8, "allow[0].user: want the number of an Android user"),
        (text(user=-1), 8, "allow[0].user: want"),
        (text(user=True), 8, "allow[0].user: want"),
        (text(verdict="name_only"), 8, "'name_only' is no verdict on a finding; did you mean 'name-only'?"),
        (text(verdict=["likely", "clear"]), 10, "allow[0].verdict: 'clear' is no verdict on a finding"),
        (text(until="2027-01-01"), 8, "allow[0].until: no such key"),
        (text(expire="2027-01-01"), 8, "allow[0].expire: no such key; did you mean 'expires'?"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line_and_what_would_be_right(data: bytes, line: int, said: str) -> None:
    found = problems(data)
    assert len(found) == 1
    assert (found[0][0], said in found[0][1]) == (line, True), found


def test_a_scope_without_a_value_is_no_wider_scope() -> None:
    assert problems(b"allow:\n- {package: com.a, owner: a, reason: b, expires: 2027-03-31,\n   device: }")[0][0] == 3


def test_all_mistakes_are_told_in_the_order_of_their_lines() -> None:
    data = b"list: [a]\nallow:\n- package: com.a\n  owner: a\n  reson: b\n  expires: soon\nstrict: maybe"
    assert [line for line, _ in problems(data)] == [1, 3, 5, 6, 7]


def test_the_first_mistake_ends_a_scan_and_the_others_are_counted(tmp_path: Path) -> None:
    file = tmp_path / "p.yaml"
    file.write_bytes(b"list: [a]\nstrict: maybe")
    with pytest.raises(PolicyError, match=r"p\.yaml, line 1: list: .* \(and 1 more: app-scanner policy lint\)"):
        load_policy(file)
    with pytest.raises(PolicyError, match="No such file"):
        load_policy(tmp_path / "missing.yaml")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.sampled_from(["com.a", "2027-03-31", "likely", WECHAT, ""]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(sorted(WANTED)), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted(WANTED)), values, max_size=5))
def test_what_is_understood_is_what_the_published_schema_allows(content: dict[str, object]) -> None:
    whole = dict(content)
    if isinstance(allow := content.get("allow"), list):
        whole["allow"] = [{**ALLOWANCE, **one} if isinstance(one, dict) else one for one in allow]
    data = json.dumps(whole).encode()
    document, found = parse_policy(data, "p.yaml")
    valid = jsonschema.Draft202012Validator(policy_schema(), format_checker=jsonschema.FormatChecker()).is_valid(whole)
    assert (document is not None) == valid, found


@given(st.text(max_size=60))
def test_any_text_is_a_policy_or_a_problem(data: str) -> None:
    document, found = parse_policy(data.encode("utf-8", "surrogatepass"), "p.yaml")
    assert (document is None) == bool(found)


def test_lines_are_those_of_keys_and_items() -> None:
    data = b"a: 1\nb:\n\n  - c: |\n      x\n      y\n    d: {e: 1,\n      f: 2}\n  - - z\n"
    assert load_yaml(data)["b"][0]["d"] == {"e": 1, "f": 2}
    assert line_numbers(data) == {
        (): 1, ("a",): 1, ("b",): 2, ("b", 0): 4, ("b", 0, "c"): 4, ("b", 0, "d"): 7, ("b", 0, "d", "e"): 7,
        ("b", 0, "d", "f"): 8, ("b", 1): 9, ("b", 1, 0): 9,
    }  # fmt: skip


# Lint -----------------------------------------------------------------------------------------


def test_what_is_in_order_needs_no_word() -> None:
    assert linted(text(package="com.tencent.mm")) == []


@pytest.mark.parametrize(
    ("expires", "level", "said"),
    [
        ("2026-11-23", "warning", "expired at the end of 2026-11-23 (UTC)"),
        ("2026-11-24", "note", "expires today"),
        ("2026-11-25", "note", "expires in 1 day,"),
        ("2026-12-24", "note", "expires in 30 days"),
    ],
)
def test_what_expired_or_will_soon_is_told(expires: str, level: str, said: str) -> None:
    (found,) = linted(text(package="com.tencent.mm", expires=expires))
    assert (found[0], found[1], said in found[2]) == (7, level, True), found


def test_what_expires_in_more_than_30_days_is_not_told() -> None:
    assert linted(text(package="com.tencent.mm", expires="2026-12-25")) == []


@pytest.mark.parametrize(
    ("data", "line", "level", "said"),
    [
        (b"lists:\n- us-eo-13917", 2, "error", "no list 'us-eo-13917'; did you mean 'us-eo-13971'?"),
        (b"lists: [us-eo-13971,\n us-eo-13971]", 2, "warning", "us-eo-13971 stands twice"),
        (b"fail_on:\n- likely\n- likely", 3, "warning", "likely stands twice"),
        (text(package=None, signature="wechat_pay"), 7, "warning", "no signature 'wechat_pay', so nothing is allowed"),
        (text(package="com.tencent.nm"), 4, "note", "no package name of a listed app; did you mean 'com.tencent.mm'?"),
        (text(package="com.tencent.mm", user=10), 3, "note", "for user 10 of every device"),
    ],
)  # fmt: skip
def test_what_nobody_knows_or_stands_twice_is_told(data: bytes, line: int, level: str, said: str) -> None:
    (found,) = linted(data)
    assert (found[0], found[1], said in found[2]) == (line, level, True), found


def test_two_allowances_of_the_same_are_told() -> None:
    one = "- {package: com.tencent.mm, user: [0, 10], device: A, owner: a, reason: b, expires: 2027-03-31}\n"
    two = one.replace("[0, 10]", "[10, 0]").replace("owner: a", "owner: c")
    other = one.replace("device: A", "device: B")
    found = linted(f"allow:\n{one}{other}{two}".encode())
    assert found == [(4, "warning", "allow[2]: allows the same as allow[0] on line 2")]


# The published schema -------------------------------------------------------------------------


def test_the_published_schema_is_the_generated_one() -> None:
    published = json.loads((ROOT / "docs" / "policy.schema.json").read_text())
    assert published == policy_schema(), "run: make schema"
    jsonschema.Draft202012Validator.check_schema(published)


def test_the_module_prints_the_published_schema() -> None:
    out = subprocess.run(
        [sys.executable, "-m", "scanner.policies.policyschema"], capture_output=True, cwd=ROOT, check=True
    ).stdout
    assert out == (ROOT / "docs" / "policy.schema.json").read_bytes()
    assert msgspec.json.decode(out)["title"] == "app-scanner policy, schema 1"
