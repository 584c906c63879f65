"""``app-scanner diff``: what changed between two saved scans, and what nobody can tell."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.model import AppRow, SignerRow, UnreadRow, UserState, Verdict
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.reports import HOSTILE, app, summary, unread
from tests.support.signer import key

Scan = Callable[..., Ran]
Diff = Callable[..., Ran]
WECHAT, WPS, PLAIN = "com.tencent.mm", "cn.wps.moffice_eng", "com.example"
BOTH = (UserState(0, "installed"), UserState(150, "installed"))
DENIED = unread("user", "150 (Work)", "Shell does not have permission to access user 150")


def signer(digit: str, kind: str = "sha256") -> tuple[SignerRow, ...]:
    return (SignerRow(**{**dict.fromkeys(("sha256", "sha1", "md5", "subject", "hash32")), kind: digit * 64}),)


def on(serial: str, package: str | None = PLAIN, **rest: Any) -> AppRow:
    return app(package, serial=serial, **rest)


def saved(path: Path, rows: list[AppRow | UnreadRow], *, end: bool = True, **rest: Any) -> Path:
    lines = [*rows, summary(rows, **rest)] if end else rows
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


@pytest.fixture
def diff(tmp_path: Path, app_scanner: Scan) -> Diff:
    """The rows of ``diff`` between two scans of these rows."""

    def run(old: list[AppRow | UnreadRow], new: list[AppRow | UnreadRow], *words: str) -> Ran:
        files = saved(tmp_path / "old.jsonl", old), saved(tmp_path / "new.jsonl", new)
        return app_scanner("diff", *files, *(words or ("-o", "jsonl")))

    return run


def told(ran: Ran) -> list[tuple[str, str | None]]:
    return [(row["change"], row["package_name"]) for row in ran.rows if row["type"] == "change"]


def aspects(ran: Ran) -> list[str]:
    (row,) = [row for row in ran.rows if row["type"] == "change"]
    return list(row["aspects"])


# What changed ---------------------------------------------------------------------------------


def test_nothing_changed(diff: Diff) -> None:
    ran = diff([on("S1"), on("S1", WECHAT)], [on("S1", WECHAT), on("s1")])
    assert (ran.code, told(ran), ran.summary["counts"]["same"]) == (0, [], 2)


def test_a_listed_app_that_appeared_fails(diff: Diff) -> None:
    ran = diff([on("S1")], [on("S1"), on("S1", WECHAT)])
    assert (ran.code, told(ran)) == (1, [("appeared", WECHAT)])
    assert ran.rows[0]["worse"]
    assert ran.rows[0]["now"]["findings"][0]["app"] == "WeChat Pay"


@pytest.mark.parametrize(
    ("old", "new", "kind"), [([], [on("S1", "x.y")], "appeared"), ([on("S1", "x.y")], [], "vanished")]
)
def test_other_apps_come_and_go_without_failing(diff: Diff, old: list[AppRow], new: list[AppRow], kind: str) -> None:
    ran = diff([on("S1"), *old], [on("S1"), *new])
    assert (ran.code, told(ran)) == (0, [(kind, "x.y")])


def test_a_listed_app_that_vanished_is_good_news(diff: Diff) -> None:
    ran = diff([on("S1"), on("S1", WECHAT)], [on("S1")])
    assert (ran.code, told(ran), ran.rows[0]["listed"]) == (0, [("vanished", WECHAT)], True)


@pytest.mark.parametrize(
    ("before", "now", "expected"),
    [
        ({"version_code": 1}, {"version_code": 2}, ["version"]),
        ({"version_name": "1"}, {"version_name": "2"}, ["version"]),
        ({"version_code": 1, "version_name": "1"}, {"version_code": 1, "version_name": "one"}, None),
        ({"version_code": 1}, {"version_code": None}, None),
        ({"signers": signer("a")}, {"signers": signer("b")}, ["signer"]),
        ({"signers": signer("a")}, {"signers": signer("b", "sha1")}, None),
        ({"signers": signer("a")}, {"signers": ()}, None),
        ({"signers": signer("a")}, {"issues": ("unsigned: no signature",)}, ["signer"]),
        ({"users": BOTH[:1]}, {"users": BOTH}, ["users"]),
        ({"users": BOTH[:1]}, {"users": (UserState(0, "disabled"),)}, ["users"]),
        ({"users": BOTH[:1]}, {"users": ()}, None),
        ({"installer": "com.android.vending"}, {"installer": "com.browser"}, ["installer"]),
        ({"location": "/data/app/a"}, {"location": "/data/app/b"}, None),
    ],
)  # fmt: skip
def test_what_counts_as_a_change(
    diff: Diff, before: dict[str, Any], now: dict[str, Any], expected: list[str] | None
) -> None:
    ran = diff([on("S1", **before)], [on("S1", **now)])
    assert ran.code == 0
    assert (aspects(ran) if expected else told(ran)) == (expected or [])


def test_a_verdict_that_got_worse_fails_and_one_that_was_established_does_not(diff: Diff) -> None:
    def judged(verdict: Verdict) -> AppRow:
        row = on("S1", WECHAT)
        findings = tuple(msgspec.structs.replace(one, verdict=verdict) for one in row.findings)
        return msgspec.structs.replace(row, verdict=verdict, findings=findings)

    sure = diff([judged(Verdict.NAME_ONLY)], [judged(Verdict.CONFIRMED)])
    assert (sure.code, aspects(sure)) == (0, ["verdict"])
    worse = diff([judged(Verdict.CONFIRMED)], [judged(Verdict.IMPOSTOR)])
    assert (worse.code, aspects(worse)) == (1, ["verdict"])


def test_an_app_that_is_no_longer_allowed_got_worse(diff: Diff) -> None:
    allowed, bare = on("S1", WECHAT, allowed_by="the board"), on("S1", WECHAT)
    assert diff([allowed], [bare]).code == 1
    assert diff([bare], [allowed]).code == 0


# What nobody can tell -------------------------------------------------------------------------


def test_a_phone_that_was_not_read_did_not_lose_its_apps(diff: Diff) -> None:
    lost = unread("device", "adb:S2", "unplugged", "adb:S2")
    ran = diff([on("S1"), on("S2"), on("S2", WECHAT)], [on("S1"), lost])
    assert (ran.code, told(ran)) == (3, [("not-seen", WECHAT)])
    (place,) = [row for row in ran.rows if row["type"] == "place"]
    assert (place["missing_in"], place["apps"], place["reason"]) == ("new", 2, "device adb:S2: unplugged")


def test_a_phone_that_is_merely_missing_is_not_seen(diff: Diff) -> None:
    ran = diff([on("S1"), on("S2", WECHAT)], [on("S1")])
    assert (ran.code, told(ran)) == (3, [("not-seen", WECHAT)])
    assert "nothing of it was read now" in str(ran.summary["coverage"])


def test_a_new_phone_with_a_listed_app_fails(diff: Diff) -> None:
    ran = diff([on("S1")], [on("S1"), on("S2"), on("S2", WECHAT)])
    assert (ran.code, told(ran)) == (1, [("newly-seen", WECHAT)])
    assert diff([on("S1")], [on("S1"), on("S2")]).code == 0


def test_a_phone_lost_in_the_middle_lost_nothing(diff: Diff) -> None:
    ran = diff([on("S1"), on("S1", WECHAT)], [on("S1"), unread("device", "adb:S1", "unplugged", "adb:S1")])
    assert (ran.code, told(ran)) == (3, [("not-seen", WECHAT)])


def test_apps_of_a_denied_user_are_not_seen(diff: Diff) -> None:
    row = on("S1").source
    denied = msgspec.structs.replace(DENIED, source=row)
    old = [on("S1", users=BOTH), on("S1", WECHAT, users=BOTH[1:]), on("S1", "x.y")]
    ran = diff(old, [on("S1"), denied])
    assert (ran.code, told(ran)) == (3, [("not-seen", WECHAT), ("vanished", "x.y")])
    back = diff([on("S1"), denied], old)
    assert (back.code, told(back)) == (1, [("newly-seen", WECHAT), ("appeared", "x.y")])


def test_what_a_phone_did_not_say_of_listed_apps_hides_none(diff: Diff) -> None:
    states = unread("listing", "dumpsys package", "timed out", "adb:S1")
    ran = diff([on("S1"), on("S1", "x.y")], [on("S1"), states])
    assert (ran.code, told(ran)) == (3, [("vanished", "x.y")])


def test_an_archive_that_broke_hides_what_was_in_it(diff: Diff) -> None:
    old = [app(PLAIN, location=at) for at in ("apps/a.zip!/b/c.apk", "apps/a.apk", "apps/b.apk")]
    new = [app(PLAIN, location="apps/b.apk"), unread("archive", "apps/a.zip", "cut short", "apps")]
    ran = diff(old, new)
    changes = [(row["change"], row["location"]) for row in ran.rows if row["type"] == "change"]
    assert (ran.code, changes) == (3, [("vanished", "apps/a.apk"), ("not-seen", "apps/a.zip!/b/c.apk")])


@pytest.mark.parametrize("damage", ["cut short", "interrupted", "a broken line"])
def test_a_damaged_scan_proves_nothing(damage: str, tmp_path: Path, app_scanner: Scan) -> None:
    old = saved(tmp_path / "old.jsonl", [on("S1"), on("S1", "x.y")])
    new = saved(tmp_path / "new.jsonl", [on("S1")], end=damage != "cut short", interrupted=damage == "interrupted")
    if damage == "a broken line":
        new.write_bytes(b'{"type":"app","schema":1,\n' + new.read_bytes())
        new.write_bytes(b"\n".join(sorted(new.read_bytes().splitlines(), key=len, reverse=True)))
    ran = app_scanner("diff", old, new, "-o", "jsonl")
    assert (ran.code, told(ran)) == (3, [("not-seen", "x.y")])
    back = app_scanner("diff", new, old, "-o", "jsonl")
    assert (back.code, told(back)) == (3, [("newly-seen", "x.y")])


def test_findings_alone_can_be_compared(tmp_path: Path, app_scanner: Scan) -> None:
    full = saved(tmp_path / "full.jsonl", [on("S1"), on("S1", WECHAT)])
    few = [on("S1", WECHAT, version_code=2)]
    short = saved(tmp_path / "few.jsonl", few, counts={"apps": 2})
    ran = app_scanner("diff", full, short, "-o", "jsonl")
    assert (ran.code, told(ran)) == (0, [])
    assert "1 app without findings" in str(ran.summary["coverage"])


def test_scans_without_a_phone_in_common_are_not_comparable(diff: Diff) -> None:
    assert diff([on("S1")], [on("S2")]).code == 3
    assert diff([], [on("S2")]).code == 3
    assert diff([], []).code == 4


# What is given --------------------------------------------------------------------------------


def test_the_last_scan_of_a_phone_counts(tmp_path: Path, app_scanner: Scan) -> None:
    first, second = [on("S1"), on("S1", WECHAT)], [on("S1")]
    desk = tmp_path / "desk.jsonl"
    texts = [saved(tmp_path / "one.jsonl", rows).read_bytes() for rows in (first, second)]
    desk.write_bytes(b"".join(texts))
    ran = app_scanner("diff", saved(tmp_path / "old.jsonl", first), desk, "-o", "jsonl")
    assert (ran.code, told(ran)) == (0, [("vanished", WECHAT)])


def test_folders_compressed_files_and_stdin(tmp_path: Path, app_scanner: Scan) -> None:
    for name, rows in {"mon": [on("S1")], "tue": [on("S1"), on("S1", WECHAT)]}.items():
        (tmp_path / name).mkdir()
        text = saved(tmp_path / "x.jsonl", rows).read_bytes()
        (tmp_path / name / "desk.jsonl.gz").write_bytes(gzip.compress(text))
        saved(tmp_path / name / "site.jsonl", [on("S2")])
        (tmp_path / name / "notes.txt").write_text("nothing")
    ran = app_scanner("diff", tmp_path / "mon", tmp_path / "tue", "-o", "jsonl")
    assert (ran.code, told(ran), ran.summary["counts"]["old"]) == (1, [("appeared", WECHAT)], 2)
    text = (tmp_path / "tue" / "desk.jsonl.gz").read_bytes()
    piped = app_scanner("diff", tmp_path / "mon" / "desk.jsonl.gz", "-", "-o", "jsonl", stdin=text)
    assert (piped.code, told(piped)) == (1, [("appeared", WECHAT)])
    (tmp_path / "none").mkdir()
    assert app_scanner("diff", tmp_path / "none", tmp_path / "tue").code == 2
    assert app_scanner("diff", "-", "-").code == 2


def test_what_is_no_saved_scan_fails(tmp_path: Path, app_scanner: Scan) -> None:
    good, other = saved(tmp_path / "good.jsonl", [on("S1")]), tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    for words in ((good, other), (other, good), (good, tmp_path / "missing.jsonl")):
        ran = app_scanner("diff", *words)
        assert (ran.code, ran.out, len(ran.err.splitlines())) == (5, "", 1)


def test_real_scans_of_a_folder(tmp_path: Path, app_scanner: Scan) -> None:
    (tmp_path / "apks").mkdir()
    (tmp_path / "apks" / "a.apk").write_bytes(build_apk(PLAIN, v2=[key("a")]))
    app_scanner("scan", tmp_path / "apks", "-o", f"json={tmp_path / 'old.json'}")
    (tmp_path / "apks" / "a.apk").write_bytes(build_apk(PLAIN, v2=[key("b")], version_code=2))
    (tmp_path / "apks" / "b.apk").write_bytes(build_apk(WECHAT, v2=[key("b")]))
    app_scanner("scan", tmp_path / "apks", "-o", f"jsonl={tmp_path / 'new.jsonl'}")
    ran = app_scanner("diff", tmp_path / "old.json", tmp_path / "new.jsonl", "-o", "jsonl")
    assert (ran.code, told(ran)) == (1, [("changed", PLAIN), ("appeared", WECHAT)])
    assert ran.rows[0]["aspects"] == ["version", "signer"]


# How it is shown ------------------------------------------------------------------------------


def test_the_table_tells_people_phone_by_phone(diff: Diff) -> None:
    old = [on("S1", owner="Ann", version_code=1, signers=signer("a")), on("S2"), on("S3", "x.y")]
    new = [on("S1", owner="Ann", version_code=2, signers=signer("b")), on("S1", WECHAT), on("S2"), on("S4")]
    ran = diff(old, new, "-o", "table")
    lines = [line.rstrip() for line in ran.out.splitlines()]
    assert lines == [
        "Ann, Pixel 7, Android 13, S1",
        "  changed     com.example  (2)",
        "              version: (1) → (2)",
        "              signer: the first before, the second now",
        f"              {'a' * 64}",
        f"              {'b' * 64}",
        "  appeared    WeChat Pay  com.tencent.mm  name-only",
        "",
        "Pixel 7, Android 13, S3",
        "  not seen now: 1 app before; nothing of it was read now",
        "",
        "Pixel 7, Android 13, S4",
        "  new: 1 app now; nothing of it was read before",
        "",
        "Not compared",
        "  old: 1 phone or source: nothing of it was read before",
        "  new: 1 phone or source: nothing of it was read now",
        "",
        "1 appeared, 1 changed",
        "exit code 1: a listed app appeared or got worse",
    ]


def test_only_listed_leaves_other_apps_out(diff: Diff) -> None:
    ran = diff([on("S1")], [on("S1"), on("S1", WECHAT), on("S1", "x.y")], "--only-listed", "-o", "jsonl")
    assert (told(ran), ran.summary["counts"]["appeared"]) == ([("appeared", WECHAT)], 2)


def test_json_is_the_rows_of_jsonl_in_one_document(diff: Diff) -> None:
    rows = diff([on("S1")], [on("S1", WECHAT)]).rows
    document = json.loads(diff([on("S1")], [on("S1", WECHAT)], "-o", "json").out)
    assert [*document["rows"], document["summary"]] == rows


def test_no_control_character_reaches_a_terminal(diff: Diff) -> None:
    rows = [on("S1", None, label=text, version_name=text, installer=text) for text in HOSTILE]
    ran = diff([on("S1"), unread("user", HOSTILE[6], HOSTILE[6])], [on("S1"), *rows], "-o", "table")
    assert not set(ran.out) & {"\x1b", "\u202e", "\x07", "\x00"}
    assert "\\x1b[31mred" in ran.out


def test_other_formats_are_refused(diff: Diff) -> None:
    ran = diff([], [], "-o", "csv")
    assert ran.code == 2
    assert "there are table, json, jsonl" in ran.err
