"""``sarif`` and ``junit``: what build servers and code scanning are told."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import jsonschema
import msgspec
import pytest

from scanner.formats import new_format
from tests.conftest import ROOT, Ran
from tests.support.reports import HOSTILE, app, summary, unread

Scan = Callable[..., Ran]
SCHEMA = ROOT / "samples" / "npm" / "sarif-2.1.0-rtm.5.json"


def written(name: str, rows: list[Any], **end: Any) -> str:
    out = StringIO()
    made = new_format(name, out)
    for row in rows:
        made.row(row)
    made.end(summary(rows, **end))
    return out.getvalue()


def sarif(rows: list[Any], **end: Any) -> dict[str, Any]:
    document = json.loads(written("sarif", rows, **end))
    if not SCHEMA.exists():
        message = "the schema of SARIF is not there: make samples fetches it"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    jsonschema.Draft4Validator(json.loads(SCHEMA.read_text()), format_checker=jsonschema.FormatChecker()).validate(
        document
    )
    (run,) = document["runs"]
    return run


def test_sarif_has_a_rule_for_each_signature_and_a_result_for_each_finding() -> None:
    run = sarif([app("com.tencent.mobileqq", serial="SER1"), app("com.example", serial="SER1"), app("com.tencent.mm")])
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) == 8
    assert [(one["ruleId"], one["level"]) for one in run["results"]] == [
        ("qq-wallet", "error"),
        ("tencent-qq", "error"),
        ("wechat-pay", "error"),
    ]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    assert "revoked on 2021-06-09" in rules[0]["help"]["text"]
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_places_are_paths_that_viewers_can_show() -> None:
    rows = [
        app("com.tencent.mm", location="mirror.zip!/a b/100%.apk"),
        app("com.tencent.mm", location="/srv/微信.apk"),
        app("com.tencent.mm", serial="10.0.0.7:5555", location="/data/app/x==/base.apk"),
    ]
    uris = [one["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for one in sarif(rows)["results"]]
    assert [unquote(uri) for uri in uris] == [
        "mirror.zip!/a b/100%.apk",
        "file:///srv/微信.apk",
        "phones/10.0.0.7:5555/data/app/x==/base.apk",
    ]
    assert all(uri.isascii() and " " not in uri and ":5555" not in uri for uri in uris)


def test_sarif_fingerprints_outlast_an_update_on_a_phone_and_tell_places_apart() -> None:
    def prints(*rows: Any) -> list[str]:
        return [one["partialFingerprints"]["primaryLocationLineHash"] for one in sarif(list(rows))["results"]]

    old = app("com.tencent.mm", serial="A", location="/data/app/1/base.apk", version_name="1")
    new = app("com.tencent.mm", serial="A", location="/data/app/2/base.apk", version_name="2")
    assert prints(old) == prints(new)
    assert len(set(prints(old, app("com.tencent.mm", serial="B"), app("com.tencent.mm", location="x.apk")))) == 3


def test_sarif_says_what_was_not_read() -> None:
    run = sarif([unread("user", "150"), app("com.example")], exit_code=3)
    invocation = run["invocations"][0]
    assert (invocation["executionSuccessful"], invocation["exitCode"]) == (False, 3)
    levels = [one["level"] for one in invocation["toolExecutionNotifications"]]
    assert levels == ["error", "note"]


def test_sarif_shows_what_somebody_allowed_as_suppressed() -> None:
    (result,) = sarif([app("com.tencent.mm", allowed_by="ticket 7")])["results"]
    assert result["level"] == "warning"
    allowed = {"kind": "external", "status": "accepted", "justification": "allowed by ticket 7"}
    assert result["suppressions"] == [allowed]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_names_stay_text(text: str) -> None:
    rows = [app("com.tencent.mm", label=text, version_name=text, location=f"x/{text}"), unread("file", text)]
    sarif(rows, exit_code=3)
    suite = junit(rows, exit_code=3)
    assert len(suite.findall("testcase")) == 3


def junit(rows: list[Any], **end: Any) -> ET.Element:
    """The one suite, checked against what build servers read: Jenkins' schema, by hand."""
    root = ET.fromstring(written("junit", rows, **end).encode())
    assert root.tag == "testsuites"
    (suite,) = root
    cases = suite.findall("testcase")
    assert [child.tag for child in suite] == ["properties", *["testcase"] * len(cases), "system-out"]
    for tag, count in {"failure": "failures", "error": "errors"}.items():
        assert int(suite.get(count, "-1")) == int(root.get(count, "-1")) == len(suite.findall(f"testcase/{tag}"))
    assert int(suite.get("tests", "-1")) == len(cases)
    for case in cases:
        assert set(case.attrib) == {"classname", "name", "time"}
        assert len(case) <= 1
        for child in case:
            assert child.tag in {"failure", "error", "system-out"}
            assert set(child.attrib) == (set() if child.tag == "system-out" else {"type", "message"})
    return suite


def test_junit_has_a_case_for_each_app() -> None:
    rows = [
        app("com.tencent.mm", serial="SER1"),
        msgspec.structs.replace(app("com.example"), issues=(), source="phone"),
        app("com.tencent.mm", serial="SER2", allowed_by="ticket 7"),
        unread("user", "150"),
    ]
    suite = junit(rows)
    outcomes = [(case.get("classname"), case[0].tag if len(case) else "passed") for case in suite.findall("testcase")]
    assert outcomes == [("SER1", "failure"), ("phone", "passed"), ("SER2", "system-out"), ("adb:SER1", "error")]
    assert "ticket 7" in (suite.findall("testcase")[2][0].text or "")


@pytest.mark.parametrize("code", [3, 4, 5, 130])
def test_junit_is_never_green_where_the_scan_is_not_whole(code: int) -> None:
    suite = junit([], exit_code=code)
    assert [case[0].tag for case in suite.findall("testcase")] == ["error"]


def test_both_are_written_by_a_scan(app_scanner: Scan, tmp_path: Path) -> None:
    (tmp_path / "x.apk").write_bytes(b"")
    ran = app_scanner("scan", tmp_path / "x.apk", "-o", f"sarif={tmp_path / 's'}", "-o", f"junit={tmp_path / 'j'}")
    assert ran.code == 3
    assert json.loads((tmp_path / "s").read_text())["runs"][0]["results"] == []
    assert ET.parse(tmp_path / "j").getroot().get("errors") == "2"
