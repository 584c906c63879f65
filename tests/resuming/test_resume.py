"""``--resume``: what is unchanged is not read again, everything else is, and the report is that of one scan."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from scanner.database import SignatureDatabase, load_database
from scanner.errors import OutputError
from scanner.formats.jsonlines import JsonLinesFormat
from scanner.model import NEWEST_SDK
from scanner.resuming import Resumption
from scanner.resuming.runs import Rows
from scanner.resuming.stamping import Stamper
from scanner.scanning import Scan
from tests.resuming.conftest import LONG_AGO, Desk, Report, aged, apk, rows_of
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import key
from tests.test_cli_scan import tar_bytes

Rescan = Callable[[], Report]


def test_a_report_that_is_complete_is_not_read_again(desk: Desk, three: Rescan) -> None:
    first = three()
    again = desk.resume()
    assert again.read == []
    assert (again.code, again.said) == (first.code, first.said)
    assert "3 files were read before" in again.err
    assert again.rows[-1]["counts"]["other_files"] == 1


def resumed(file: Path, folder: Path, database: SignatureDatabase) -> None:
    """What the command does, without all that surrounds it: this is done a thousand times."""
    with Resumption(str(file), Stamper(database.digest, NEWEST_SDK)) as earlier:
        scan = Scan([str(folder)], database, earlier=earlier)
        with earlier.part.open("w") as out:
            written = JsonLinesFormat(out)
            for row in scan.rows():
                written.row(row)
            written.end(scan.summary())
        earlier.finish(complete=True)


def last_row(whole: bytes) -> tuple[int, int]:
    """Where the last app's row begins and ends; the summary follows."""
    ends = whole.rindex(b"\n", 0, -1)
    return whole.rindex(b"\n", 0, ends) + 1, ends


def test_torn_at_any_byte_every_whole_row_is_known_and_no_other(desk: Desk, three: Rescan) -> None:
    three()
    whole, choices = desk.file.read_bytes(), Stamper(load_database().digest, NEWEST_SDK).choices
    begins, ends = last_row(whole)
    runs = list(Rows(io.BytesIO(whole), choices).runs())
    assert [run.start + run.length for run in runs][-1] == ends + 1
    for length in range(begins, len(whole)):
        rows = Rows(io.BytesIO(whole[:length]), choices)
        found = list(rows.runs())
        assert [run.content for run in found] == [run.content for run in runs][: 3 if length >= ends else 2]
        assert rows.damaged == (length not in {begins, ends, ends + 1, len(whole) - 1})


def test_torn_anywhere_it_becomes_whole_again(desk: Desk, three: Rescan) -> None:
    first = three()
    whole, database = desk.file.read_bytes(), load_database()
    begins, ends = last_row(whole)
    for length in (*range(begins, ends - 3, 29), *range(ends - 3, ends + 3), len(whole) - 2, len(whole) - 1):
        desk.file.write_bytes(aged(whole[:length]))
        resumed(desk.file, desk.folder, database)
        again = Report(first.code, "", rows_of(desk.file))
        assert again.said == first.said
        assert again.read == (["c.apk"] if length < ends else [])


def test_torn_at_its_very_beginning_it_is_ours_still(desk: Desk, three: Rescan) -> None:
    first = three()
    whole = desk.file.read_bytes()
    for length in range(0, 60, 7):
        desk.file.write_bytes(whole[:length])
        assert desk.resume().said == first.said


def test_a_line_that_a_power_cut_left_empty_costs_its_own_row_alone(desk: Desk, three: Rescan) -> None:
    first = three()
    lines = desk.file.read_bytes().splitlines(keepends=True)
    for number, name in enumerate(("a.apk", "b.apk", "c.apk")):
        holed = [*lines]
        holed[number] = b"\0" * len(lines[number])
        desk.file.write_bytes(b"".join(holed))
        again = desk.resume()
        assert (again.said, again.read) == (first.said, [name])


def test_a_file_that_changed_is_read_again(desk: Desk, three: Rescan) -> None:
    three()
    desk.put(c__apk=apk("com.example.other"))
    again = desk.resume()
    assert again.read == ["c.apk"]
    assert [row["package_name"] for row in again.apps] == ["com.example.a", "com.tencent.mm", "com.example.other"]
    assert "the rows of 1 file are left out" in again.err
    assert again.said == desk.scan().said


def test_a_file_that_was_replaced_is_read_again_though_its_time_was_set_back(desk: Desk, three: Rescan) -> None:
    three()
    target = desk.folder / "a.apk"
    before = target.stat()
    desk.put(a__apk=apk("com.example.z"))
    os.utime(target, ns=(before.st_atime_ns, before.st_mtime_ns))
    after = target.stat()
    assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    assert desk.resume().read == ["a.apk"]


def test_what_is_gone_leaves_the_report_and_what_is_new_joins_it(desk: Desk, three: Rescan) -> None:
    three()
    (desk.folder / "a.apk").unlink()
    desk.put(aa__apk=apk("com.example.new"))
    again = desk.resume()
    assert again.read == ["aa.apk"]
    assert again.said == desk.scan().said


def test_what_was_unread_is_tried_again(desk: Desk) -> None:
    desk.put(a__apk=apk("com.example.a"), b__apk=b"")
    assert desk.scan().code == 3
    tried = desk.resume()
    assert (tried.code, tried.read, [row["type"] for row in tried.rows]) == (3, [], ["app", "unread", "summary"])
    desk.put(b__apk=apk("com.example.b"))
    mended = desk.resume()
    assert (mended.code, mended.read) == (0, ["b.apk"])


def test_verdicts_are_all_by_the_signatures_and_options_of_today(desk: Desk, three: Rescan, tmp_path: Path) -> None:
    three()
    other = tmp_path / "own.csv"
    other.write_text("package,name\ncom.example.a,Own\n")
    again = desk.resume("--signatures", other)
    assert again.read == ["a.apk", "b.apk", "c.apk"]
    assert [row["verdict"] for row in again.apps] == ["name-only", "impostor", "clear"]
    assert "3 rows are read again" in again.err
    for words in (["--signatures", other, "--sdk", "30"], ["--sdk", "30", "--verify"], ["--verify", "--payments"]):
        assert len(desk.resume(*words).read) == 3
        assert desk.resume(*words).read == []


def test_the_policy_of_today_judges_rows_that_are_kept(desk: Desk, three: Rescan) -> None:
    assert three().code == 1
    allowed = desk.resume("--fail-on", "confirmed")
    assert (allowed.code, allowed.read) == (0, [])
    assert allowed.apps[1]["findings"][0]["fails"] is False


def test_splits_stand_for_their_base(desk: Desk) -> None:
    desk.put(base__apk=apk("com.example.s"), split_config__de__apk=apk("com.example.s", split="config.de"))
    assert desk.scan().apps[0]["splits"] == ["config.de"]
    assert desk.resume().read == []
    desk.put(split_config__de__apk=apk("com.example.s", split="config.fr"))
    changed = desk.resume()
    assert (changed.read, changed.apps[0]["splits"]) == (["base.apk"], ["config.fr"])


def containers(desk: Desk) -> None:
    desk.put(
        a__xapk=zip_bytes({"manifest.json": b"{}", "base.apk": apk("com.example.a"), "icon.png": b"x" * 30}),
        b__zip=zip_bytes({f"{number}.apk": apk(f"com.example.b{number}") for number in range(3)} | {"x.txt": b"x"}),
        c__tar=tar_bytes({"1.apk": apk("com.example.c1"), "2.apk": apk("com.example.c2"), "read.me": b"!"}),
        d__tar__gz=gzip.compress(tar_bytes({"1.apk": apk("com.example.d1"), "no.txt": b"n", "2.apk": apk("com.e.d2")})),
        e__zip=zip_bytes({"in.zip": zip_bytes({"1.apk": apk("com.example.e")})}, stored=True),
    )


def test_containers_are_kept_or_read_as_one(desk: Desk) -> None:
    containers(desk)
    first = desk.scan()
    assert first.rows[-1]["counts"]["other_files"] == 5
    again = desk.resume()
    assert (again.read, again.said) == ([], first.said)
    whole = desk.file.read_bytes().splitlines(keepends=True)
    for rows in range(len(whole)):
        desk.file.write_bytes(b"".join(whole[:rows]))
        again = desk.resume()
        assert again.said == first.said
        kept = [row["location"] for row in again.apps if row["scanned_at"] == LONG_AGO]
        assert kept == [row["location"] for row in first.apps][: max(at for at in (0, 1, 4, 6, 8, 9) if at <= rows)]


def test_of_a_large_archive_only_the_members_that_are_missing_are_read(desk: Desk) -> None:
    desk.put(big__zip=zip_bytes({f"{number:03}.apk": apk(f"com.example.n{number}") for number in range(70)}))
    desk.put(more__apk=apk("com.example.more"))
    first = desk.scan()
    assert desk.resume().read == []
    desk.file.write_bytes(b"".join(desk.file.read_bytes().splitlines(keepends=True)[:50]))
    again = desk.resume()
    assert again.said == first.said
    assert again.read == [*(f"{number:03}.apk" for number in range(50, 70)), "more.apk"]


def test_every_other_report_is_whole_too(desk: Desk, three: Rescan, tmp_path: Path) -> None:
    three()
    desk.file.write_bytes(desk.file.read_bytes()[:2500])
    desk.resume("-o", f"csv={tmp_path / 'rows.csv'}", "-o", f"table={tmp_path / 'table.txt'}")
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 4
    assert "com.tencent.mm" in (tmp_path / "table.txt").read_text()


def test_a_place_that_cannot_be_listed_costs_no_row(desk: Desk, three: Rescan) -> None:
    first = three()
    desk.folder.rename(desk.folder.with_name("away"))
    gone = desk.resume()
    assert gone.code == 5
    assert [row["package_name"] for row in gone.apps] == [row["package_name"] for row in first.apps]
    assert any("could not be listed" in hole["reason"] for hole in gone.rows[-1]["coverage"])
    desk.folder.with_name("away").rename(desk.folder)
    back = desk.resume()
    assert (back.said, back.read) == (first.said, [])


def test_inventories_are_read_anew_and_their_rows_replaced(desk: Desk, three: Rescan, tmp_path: Path) -> None:
    del three
    listing = tmp_path / "R58M123.txt"
    listing.write_text("package:com.example.one\npackage:com.tencent.mm\n")
    first = desk.scan(specs=(desk.folder, listing))
    again = desk.resume(specs=(desk.folder, listing))
    assert again.said == first.said
    assert again.read == ["R58M123.txt"] * 2
    listing.unlink()
    without = desk.resume(specs=(desk.folder, listing))
    assert len(without.apps) == 3
    assert any("2 rows of an earlier scan are left out" in hole["reason"] for hole in without.rows[-1]["coverage"])


def test_rows_that_were_matched_anew_bear_no_stamp(desk: Desk, three: Rescan, tmp_path: Path) -> None:
    three()
    saved = tmp_path / "saved.jsonl"
    desk.file.rename(saved)
    assert {row["stamp"] for row in desk.scan(specs=(saved,)).apps} == {None}


def test_a_file_that_changed_a_moment_ago_bears_no_stamp(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr("scanner.resuming.stamping.FRESH", 3_600_000_000_000)
    monkeypatch.setattr("scanner.resuming.stamping.FRESH_COARSE", 3_600_000_000_000)
    desk.put(a__apk=apk())
    assert desk.scan().apps[0]["stamp"] is None
    assert desk.resume().read == ["a.apk"]


def test_a_name_that_is_no_text_is_known_again(desk: Desk) -> None:
    (desk.folder / os.fsdecode(b"\xff.apk")).write_bytes(apk())
    desk.scan()
    assert desk.resume().read == []


def test_without_a_report_it_is_a_scan(desk: Desk, three: Rescan) -> None:
    first = three()
    desk.file.unlink()
    assert desk.resume().said == first.said
    assert [path.name for path in desk.file.parent.iterdir() if path.is_file()] == ["rows.jsonl"]


def test_mode_and_link_of_the_file_stay(desk: Desk, three: Rescan, tmp_path: Path) -> None:
    three()
    real = tmp_path / "real.jsonl"
    desk.file.rename(real)
    real.chmod(0o640)
    desk.file.symlink_to(real)
    desk.scan("--resume")
    assert desk.file.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert len(rows_of(real)) == 4


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ('{"name": "x"}\n', "holds no rows that app-scanner saved"),
        ("package,name\n", "holds no rows that app-scanner saved"),
        ('{"rows": [\n{"type":"app"', "holds rows as -o json"),
        ('{"type":"app","schema":99}\n', "schema 99"),
        ('{"type":"summary","schema":1}\n{"type":"app","schema":99}\n', "schema 99"),
    ],
)
def test_another_programs_file_is_left_alone(desk: Desk, three: Rescan, content: str, why: str) -> None:
    three()
    desk.file.write_text(content)
    with pytest.raises(OutputError, match=why):
        desk.scan("--resume")
    assert desk.file.read_text() == content
    assert not desk.file.with_name("rows.jsonl.part").exists()


@pytest.mark.parametrize("words", [[], ["-o", "jsonl"], ["-o", "jsonl=a", "-o", "jsonl=b"], ["-o", "csv=x"]])
def test_it_must_be_clear_which_file_is_continued(words: list[str], desk: Desk) -> None:
    from scanner.cli import cli

    with pytest.raises(click.UsageError, match="--resume continues the report in a file of rows"):
        cli.main(["scan", str(desk.folder), *words, "--resume"], standalone_mode=False)
    with pytest.raises(click.UsageError, match="only-findings"):
        desk.scan("--resume", "--only-findings")


def test_a_pipe_cannot_be_continued(desk: Desk) -> None:
    os.mkfifo(desk.file)
    with pytest.raises(OutputError, match="regular file"):
        desk.scan("--resume")


def test_signed_by_another_it_is_an_impostor_before_and_after(desk: Desk) -> None:
    desk.put(a__apk=build_apk("com.tencent.mm", v2=[key("a")]))
    assert [desk.scan().apps[0]["verdict"], desk.resume().apps[0]["verdict"]] == ["impostor", "impostor"]


@pytest.mark.parametrize(
    "stamp", ["", "x", "-", f"{'a' * 12}-{'b' * 32}", f"{'a' * 12}-{'z' * 32}+1+0", f"{'a' * 12}-{'b' * 32}+1+99999999"]
)
def test_a_stamp_that_is_none_of_ours_counts_for_nothing(desk: Desk, three: Rescan, stamp: str) -> None:
    first = three()
    text = desk.file.read_text()
    for row in first.apps:
        text = text.replace(row["stamp"], stamp.replace("a" * 12, row["stamp"][:12]))
    desk.file.write_text(text)
    again = desk.resume()
    assert (again.said, len(again.read)) == (first.said, 3)


def test_a_row_that_is_changed_beyond_reading_is_unread_once(desk: Desk, three: Rescan) -> None:
    first = three()
    text = desk.file.read_text()
    desk.file.write_text(text.replace('"copy":"active"', '"copy":"odd"', 1))
    damaged = desk.resume()
    assert (damaged.code, [row["type"] for row in damaged.rows]) == (1, ["unread", "app", "app", "summary"])
    assert "resume once more" in damaged.rows[0]["reason"]
    assert desk.resume().said == first.said
