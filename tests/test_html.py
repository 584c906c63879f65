"""``html`` as a file: what it says, what it leaves out, and what it never lets through."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.formats import new_format
from scanner.formats.html import gathering
from scanner.formats.html.linking import cited
from scanner.model import AppRow, CoverageHole, UnreadRow
from tests.support.reports import HOSTILE, app, summary, unread

Row = AppRow | UnreadRow


def page(rows: list[Row], **end: Any) -> str:
    out = StringIO()
    made = new_format("html", out)
    for row in rows:
        made.row(row)
    made.end(summary(rows, **end))
    return out.getvalue()


def body(text: str) -> str:
    """What is read without JavaScript, as words."""
    text = text.partition("<body>")[2].partition('<script type="application/json"')[0]
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def data(text: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert found
    decoded: dict[str, Any] = json.loads(found[1])
    return decoded


def headline(text: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", text)
    assert found
    return found[1]


def fleet() -> list[Row]:
    return [app(name, serial=f"SER{number}") for number in range(3) for name in ("com.example", "com.tencent.mm")]


@pytest.mark.parametrize(
    ("rows", "end", "sentence"),
    [
        (fleet(), {}, "A listed app was found on 3 of 3 phones."),
        ([*fleet(), app("com.example", serial="SER9")], {}, "A listed app was found on 3 of 4 phones."),
        ([app("com.tencent.mm", serial="S")], {}, "A listed app was found on 1 phone."),
        ([app("com.tencent.mm"), app("x.y")], {}, "A listed app was found: 1 of 2 apps read."),
        ([app("com.example")], {}, "No listed app was found, and everything was read."),
        ([unread("a", "x")], {"exit_code": 3}, "No listed app was found, but not everything could be read or judged."),
        ([], {"exit_code": 1}, "The scan fails, though no app that was found does: see what was not seen."),
        ([], {"exit_code": 4}, "There was nothing to scan, so nothing is known."),
        ([], {"exit_code": 5}, "The scan failed, so nothing is known."),
        ([], {"exit_code": 130}, "The scan was interrupted. Nothing is known of what it had not read."),
        ([], {"exit_code": 77}, "The scan did not say how it ended."),
    ],
)  # fmt: skip
def test_the_answer_comes_first(rows: list[Row], end: dict[str, Any], sentence: str) -> None:
    assert headline(page(rows, **end)) == sentence


def test_findings_and_holes_are_there_without_javascript() -> None:
    said = body(page([*fleet(), unread("user", "150", "Shell is denied")]))
    for word in ("com.tencent.mm", "name-only", "SER2", "Shell is denied", "user 150 (adb:SER1)", "package-name"):
        assert word in said
    assert "Not everything was seen: one thing could not be read" in said


def test_the_legal_state_of_each_list_is_said() -> None:
    text = page(fleet())
    said = body(text)
    assert "US Executive Order 13971, 5 January 2021 (86 FR 1250) revoked on 2021-06-09" in said
    assert "Texas prohibited technologies (state agencies) in force" in said
    assert 'href="https://trumpwhitehouse.archives.gov/' in text
    assert "does not say which lists" in body(page([], lists=(), sought=()))


def test_a_finding_of_many_phones_is_one_card() -> None:
    text = page(fleet())
    assert text.count('<article class="card') == 1
    assert "Where (3)" in body(text)


def test_a_finding_of_many_phones_of_one_export_is_one_card() -> None:
    lines = [app("com.tencent.mm", serial=f"SER{number}", location=f"export.csv:{number}") for number in range(3)]
    text = page([*lines])
    assert text.count('<article class="card') == 1
    said = body(text)
    assert "Where (3)" in said
    assert "package-name from where it was seen : com.tencent.mm is what is known" in said
    assert all(f"export.csv:{number}" in said for number in range(3))


def test_what_somebody_allowed_is_shown_and_fails_nobody() -> None:
    text = page([app("com.tencent.mm", serial="S", allowed_by="ticket 7")])
    assert headline(text) == "Every listed app that was found is let pass by the policy, and everything was read."
    assert "Allowed by: ticket 7" in body(text)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_text_of_an_app_becomes_markup(hostile: str) -> None:
    plain = page([app("com.tencent.mm", serial="S"), unread("file", "x")])
    row = app(
        "com.tencent.mm", serial="S", label=hostile, version_name=hostile, installer=hostile, location=hostile,
        tamper=(hostile,), removal=(hostile,), owner=hostile, model=hostile,
    )  # fmt: skip
    odd = msgspec.structs.replace(app("com.example", serial="S"), package_name=hostile, tamper=(hostile,))
    hole = unread("file", hostile, hostile)
    text = page([row, odd, hole], tool=hostile, coverage=(CoverageHole(hostile, hostile),))
    for tag in ("script", "img", "iframe", "style", "link", "base", "form"):
        assert text.lower().count(f"<{tag}") == plain.lower().count(f"<{tag}"), tag
    assert not set(text) & {"\u202e", "\u2066", "\x1b", "\x07", "\x00"}
    assert "49" not in re.sub(r"[0-9a-f]{8,}|data:[^\"]*", "", body(text)) or "7*7" in text
    assert data(text)["rows"][0][8]


def test_the_policy_names_the_script_and_the_style_by_their_hashes() -> None:
    text = page(fleet())
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert policy
    said = policy[1].replace("&#39;", "'")
    assert "unsafe" not in said
    for tag, directive in (("<script>", "script-src"), ("<style>", "style-src")):
        content = text.partition(tag)[2].partition(tag.replace("<", "</"))[0]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{directive} 'sha256-{digest}'" in said
    assert not re.search(r"\son[a-z]+=|\sstyle=", text.partition("<body>")[2].partition("<script")[0])


def test_rows_have_names_that_stay_and_are_never_twice_the_same() -> None:
    names = [row[0] for row in data(page([*fleet(), *fleet()]))["rows"]]
    assert len(set(names)) == len(names)
    assert names == [row[0] for row in data(page([*fleet(), *fleet()]))["rows"]]
    assert names[0] == data(page(fleet()[:1]))["rows"][0][0]


def test_what_the_page_has_no_room_for_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MAX_CLEAR", "MAX_OTHER", "MAX_CARDS", "MAX_SPOTS", "MAX_PLACES", "MAX_OF_A_REASON", "MAX_REASONS"):
        monkeypatch.setattr(gathering, name, 2)
    rows = [app(name, serial=f"S{n}") for n in range(4) for name in ("com.tencent.mm", "com.uc.vmate", "com.example")]
    rows += [app("cn.wps.moffice_eng", serial="S1")]
    holes = tuple(CoverageHole(f"hole {n}", reason) for n in range(9) for reason in ("a", "b", "c", "d"))
    said = body(page([*rows], coverage=holes))
    assert re.search(r"\d+ apps are counted and not listed here", said)
    assert "1 more finding is not written out" in said
    assert "And 2 more places" in said
    assert "And 2 more: those with findings are shown first" in said
    assert "for other reasons hole 0 hole 0 and 16 more" in said


@pytest.mark.parametrize("text", ["javascript:x()", "data:text/html,x", "see https://a.b", "ftp://x", "//a.b", ""])
def test_only_http_becomes_a_link(text: str) -> None:
    assert cited(text) == (None, text)
    assert cited("https://a.b/c_(d) (a copy)") == ("https://a.b/c_(d)", "(a copy)")


def test_every_row_is_held_in_few_bytes() -> None:
    gathered = gathering.Gathered()
    for number in range(2000):
        gathered.app(app("com.example", serial="S", location=f"/data/app/{number}/base.apk"))
    assert sum(map(len, gathered.data())) / 2000 < 400


def test_the_parts_of_the_page_stay_small() -> None:
    for path in Path(gathering.__file__).parent.iterdir():
        if path.is_file():
            assert path.read_text("utf-8").count("\n") <= 300, path.name
