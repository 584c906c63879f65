"""``app-scanner history``: a fleet over many saved scans, and what nobody can tell of it."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.model import AppRow, UnreadRow, UserState
from tests.conftest import Ran
from tests.support.reports import HOSTILE, app, summary, unread

WECHAT, WPS, PLAIN = "com.tencent.mm", "cn.wps.moffice_eng", "com.example"
Rows = Sequence[AppRow | UnreadRow]
History = Callable[..., Ran]


def moment(day: int, hour: int = 8) -> str:
    return f"2026-11-{day:02}T{hour:02}:00:00Z"


def saved(path: Path, day: int, rows: Rows, *, end: bool = True, hour: int = 8, **rest: Any) -> Path:
    dated = [
        msgspec.structs.replace(row, scanned_at=moment(day, hour)) if isinstance(row, AppRow) else row for row in rows
    ]
    lines = [*dated, summary(dated, **rest)] if end else dated
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))
    return path


@pytest.fixture
def history(tmp_path: Path, app_scanner: History) -> History:
    """The rows of ``history`` of one scan a day, from the first of the month on."""

    def run(*days: Rows, words: Sequence[str] = ("-o", "jsonl"), order: Sequence[int] | None = None) -> Ran:
        files = [saved(tmp_path / f"{number}.jsonl", number + 1, rows) for number, rows in enumerate(days)]
        return app_scanner("history", *(files[number] for number in order or range(len(files))), *words)

    return run


def on(serial: str, *packages: str, **rest: Any) -> list[AppRow]:
    """A phone with an app that nobody lists, and these."""
    return [app(package, serial=serial, **rest) for package in (PLAIN, *packages)]


def sightings(ran: Ran) -> list[dict[str, Any]]:
    return [row for row in ran.rows if row["type"] == "sighting"]


def days(ran: Ran) -> list[tuple[Any, ...]]:
    return [
        (row["day"][-2:], row["read"], row["incomplete"], row["known"], row["apps"])
        for row in ran.rows
        if row["type"] == "day"
    ]


# Where an app is, and since when ---------------------------------------------------------------


def test_an_app_that_came_and_stayed(history: History) -> None:
    ran = history(on("S1"), on("S1", WECHAT), on("S1", WECHAT, version_code=9))
    (row,) = sightings(ran)
    assert (row["state"], row["listed"], row["apps"], row["version_code"]) == ("there", True, ["WeChat Pay"], 9)
    assert (row["absent_before"], row["first_seen"], row["last_seen"]) == (moment(1), moment(2), moment(3))
    assert (row["gone_since"], row["last_look"], row["seen"], row["looks"]) == (None, moment(3), 2, 2)
    assert ran.code == 1


def test_an_app_that_went(history: History) -> None:
    ran = history(on("S1", WECHAT), on("S1", WECHAT), on("S1"), on("S1"))
    (row,) = sightings(ran)
    assert (row["state"], row["absent_before"], row["last_seen"]) == ("gone", None, moment(2))
    assert (row["gone_since"], row["last_look"], row["seen"], row["looks"]) == (moment(3), moment(4), 2, 4)
    assert ran.code == 0
    assert ran.summary["counts"]["gone"] == 1


def test_an_app_that_came_back_is_there(history: History) -> None:
    ran = history(on("S1", WECHAT), on("S1"), on("S1", WECHAT))
    (row,) = sightings(ran)
    assert (row["state"], row["gone_since"], row["seen"], row["looks"]) == ("there", None, 2, 3)
    assert [day[-1] for day in days(ran)] == [{"WeChat Pay": 1}, {"WeChat Pay": 0}, {"WeChat Pay": 1}]


def test_a_phone_that_was_not_read_again_stays_as_it_was(history: History) -> None:
    ran = history([*on("S1", WECHAT), *on("S2")], on("S2"))
    (row,) = sightings(ran)
    assert (row["state"], row["last_look"]) == ("there", moment(1))
    assert days(ran) == [("01", 2, 0, 2, {"WeChat Pay": 1}), ("02", 1, 0, 2, {"WeChat Pay": 1})]
    assert ran.code == 1


def test_the_days_of_a_fleet(history: History) -> None:
    ran = history(
        [*on("S1", WECHAT), *on("S2", WECHAT, WPS)],
        [*on("S1"), *on("S3", WPS)],
        [*on("S2", WPS), *on("S3")],
    )
    assert days(ran) == [
        ("01", 2, 0, 2, {"WPS Office": 1, "WeChat Pay": 2}),
        ("02", 2, 0, 3, {"WPS Office": 2, "WeChat Pay": 1}),
        ("03", 2, 0, 3, {"WPS Office": 1, "WeChat Pay": 0}),
    ]
    assert ran.summary["counts"] == {
        "files": 3, "looks": 6, "places": 3, "days": 3, "there": 1, "gone": 3, "unknown": 0, "unread": 0,
    }  # fmt: skip


def test_the_order_of_the_files_does_not_matter_nor_does_a_copy_of_one(history: History, tmp_path: Path) -> None:
    scans = on("S1", WECHAT), [*on("S1"), *on("S2", WPS)], on("S2")
    straight = history(*scans).out
    for order in itertools.permutations(range(3)):
        assert history(*scans, order=order).out == straight
    doubled = history(*scans, order=(0, 1, 2, 1))
    assert sightings(doubled) == sightings(history(*scans))
    (tmp_path / "copy.jsonl").write_bytes((tmp_path / "1.jsonl").read_bytes())
    assert days(history(*scans, words=("-o", "jsonl", str(tmp_path / "copy.jsonl")))) == days(doubled)


def test_several_scans_of_a_day_count_as_that_day_ended(tmp_path: Path, app_scanner: History) -> None:
    files = [
        saved(tmp_path / "a.jsonl", 1, on("S1", WECHAT), hour=8),
        saved(tmp_path / "b.jsonl", 1, on("S1"), hour=17),
        saved(tmp_path / "c.jsonl", 1, on("S2", WPS), hour=12),
    ]
    ran = app_scanner("history", *files, "-o", "jsonl")
    assert days(ran) == [("01", 2, 0, 2, {"WPS Office": 1, "WeChat Pay": 0})]


def test_apps_in_files_have_a_history_too(history: History) -> None:
    ran = history([app(WECHAT, location="apps/a.apk"), app(PLAIN)], [app(PLAIN)])
    (row,) = sightings(ran)
    assert (row["state"], row["device"], row["source"], row["location"]) == ("gone", None, "apps", "apps/a.apk")


def test_a_factory_copy_is_an_app_of_its_own(history: History) -> None:
    ran = history([*on("S1", WECHAT), *on("S1", WECHAT, copy="factory")], on("S1", WECHAT, copy="factory"))
    assert [(row["copy"], row["state"]) for row in sightings(ran)] == [("active", "gone"), ("factory", "there")]


# What nobody can tell --------------------------------------------------------------------------


def test_an_app_of_a_user_who_was_denied_is_not_gone(history: History) -> None:
    there = on("S1", WECHAT, users=(UserState(150, "installed"),))
    denied = unread("user", "150 (Work)", "denied", source="adb:S1")
    ran = history(there, [*on("S1"), denied])
    (row,) = sightings(ran)
    assert (row["state"], row["reason"], row["gone_since"]) == ("unknown", "denied", None)
    assert days(ran)[-1] == ("02", 1, 1, 1, {"WeChat Pay": 1})
    assert ran.code == 1
    again = history(there, [*on("S1"), denied], on("S1"))
    assert [(row["state"], row["gone_since"]) for row in sightings(again)] == [("gone", moment(3))]
    assert again.code == 0


def test_a_user_who_was_denied_hides_no_app_of_another(history: History) -> None:
    denied = unread("user", "150 (Work)", "denied", source="adb:S1")
    (row,) = sightings(history(on("S1", WECHAT), [*on("S1"), denied]))
    assert row["state"] == "gone"


def test_an_incomplete_last_look_without_findings_is_not_clean(history: History) -> None:
    denied = unread("user", "150 (Work)", "denied", source="adb:S1")
    assert history(on("S1"), [*on("S1"), denied]).code == 3
    assert history([*on("S1"), denied], on("S1")).code == 0


def test_a_phone_that_nobody_ever_read_is_named(history: History) -> None:
    lost = unread("device", "S9", "unauthorized", source="adb:S9")
    ran = history([*on("S1"), lost], [*on("S1"), lost])
    assert ran.code == 3
    assert {"hole": "device S9", "reason": "never read: unauthorized"} in ran.summary["coverage"]
    assert history([*on("S1"), lost], [*on("S1"), *on("S9")]).code == 0


def test_a_scan_whose_file_is_cut_short_lets_nothing_be_gone(tmp_path: Path, app_scanner: History) -> None:
    files = [
        saved(tmp_path / "a.jsonl", 1, on("S1", WECHAT)),
        saved(tmp_path / "b.jsonl", 2, on("S1"), end=False),
    ]
    ran = app_scanner("history", *files, "-o", "jsonl")
    (row,) = sightings(ran)
    assert row["state"] == "unknown"
    assert "cut short" in row["reason"]
    assert ran.code == 1


def test_of_a_file_with_many_scans_only_the_torn_last_one_is_in_doubt(tmp_path: Path, app_scanner: History) -> None:
    whole = [saved(tmp_path / f"{day}.jsonl", day, rows) for day, rows in ((1, on("S1", WECHAT)), (2, on("S1")))]
    torn = saved(tmp_path / "3.jsonl", 3, on("S2"), end=False)
    desk = tmp_path / "desk.jsonl"
    desk.write_bytes(b"".join(path.read_bytes() for path in (*whole, torn)))
    ran = app_scanner("history", desk, "-o", "jsonl")
    assert [(row["state"], row["gone_since"]) for row in sightings(ran)] == [("gone", moment(2))]
    assert ran.code == 3


def test_a_scan_that_was_interrupted_lets_nothing_be_gone(tmp_path: Path, app_scanner: History) -> None:
    files = [
        saved(tmp_path / "a.jsonl", 1, on("S1", WECHAT)),
        saved(tmp_path / "b.jsonl", 2, on("S1"), interrupted=True),
    ]
    (row,) = sightings(app_scanner("history", *files, "-o", "jsonl"))
    assert (row["state"], row["reason"]) == ("unknown", "the scan was interrupted")


def test_rows_without_a_moment_are_a_hole(history: History, tmp_path: Path, app_scanner: History) -> None:
    timeless = saved(tmp_path / "x.jsonl", 1, on("S1", WECHAT))
    timeless.write_text(timeless.read_text().replace(moment(1), "yesterday"))
    ran = app_scanner("history", timeless, "-o", "jsonl")
    assert (ran.code, sightings(ran)) == (3, [])
    assert "does not say when" in ran.summary["coverage"][0]["reason"]


def test_files_that_are_none_of_ours_are_told(tmp_path: Path, app_scanner: History) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    ran = app_scanner("history", tmp_path, "-o", "jsonl")
    assert ran.code == 5
    saved(tmp_path / "b.jsonl", 1, on("S1"))
    assert app_scanner("history", tmp_path, "-o", "jsonl").code == 3


def test_what_was_saved_without_rows_is_told(tmp_path: Path, app_scanner: History) -> None:
    rows = on("S1", WECHAT)
    counts = {**summary(rows).counts, "apps": 40}
    file = saved(tmp_path / "a.jsonl", 1, rows[1:], counts=counts)
    (hole,) = app_scanner("history", file, "-o", "jsonl").summary["coverage"]
    assert "39 apps were saved without a row" in hole["reason"]


# How it is told ----------------------------------------------------------------------------------


def test_a_folder_compressed_files_and_stdin(tmp_path: Path, app_scanner: History) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    first = saved(folder / "a.jsonl", 1, on("S1", WECHAT))
    with gzip.open(folder / "b.jsonl.gz", "wb") as packed:
        packed.write(saved(tmp_path / "b.jsonl", 2, on("S1")).read_bytes())
    ran = app_scanner("history", folder, "-o", "jsonl")
    assert (ran.summary["counts"]["files"], sightings(ran)[0]["state"]) == (2, "gone")
    assert app_scanner("history", "-", "-o", "jsonl", stdin=first.read_bytes()).code == 1


def test_since_leaves_out_what_was_long_gone(history: History) -> None:
    scans = on("S1", WECHAT, WPS), on("S1", WPS), on("S1", WPS)
    ran = history(*scans, words=("-o", "jsonl", "--since", "2026-11-03"))
    assert [row["apps"] for row in sightings(ran)] == [["WPS Office"]]
    assert [day[0] for day in days(ran)] == ["03"]
    assert len(sightings(history(*scans, words=("-o", "jsonl", "--since", "2026-11-02")))) == 2
    assert history(*scans, words=("--since", "tomorrow")).code == 2


def test_the_table_says_it_in_words(history: History) -> None:
    out = history(on("S1"), on("S1", WECHAT), on("S1"), words=()).out
    assert "Pixel 7, Android 13, S1" in out
    assert "gone     name-only  WeChat Pay  com.tencent.mm\n" in out
    assert "from 2026-11-02 08:00 (not on 2026-11-01 08:00); 1 of 2 looks since\n" in out
    assert "last seen on 2026-11-02 08:00, gone on 2026-11-03 08:00\n" in out
    assert [line.split() for line in out.splitlines() if line.strip().startswith("2026-11-02")] == [
        ["2026-11-02", "1", "1", "1"]
    ]
    assert out.endswith("exit code 0: no listed app is there any more, as far as was looked\n")


def test_hostile_names_are_harmless_in_table_and_spreadsheet(history: History) -> None:
    rows = [app(WECHAT, serial=f"=1+1{name}", owner=f"={name}", model=name) for name in HOSTILE]
    table = history(rows, words=()).out
    assert "\x1b" not in table
    assert "\u202e" not in table
    lines = list(csv.reader(io.StringIO(history(rows, words=("-o", "csv")).out)))
    assert len(lines) == 1 + len(HOSTILE)
    assert not [cell for line in lines for cell in line if cell.startswith(("=", "+", "-", "@"))]


def test_nothing_at_all_is_nothing(history: History) -> None:
    assert history([]).code == 4
