"""Objects that were read before: unchanged ones cost no request, and what would be reported is read all the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ran
from tests.objects.conftest import Served
from tests.support.apk_builder import build_apk
from tests.support.signer import key

Scan = Callable[..., Ran]
FILE = "cache/app-scanner/identities.sqlite"


def apk(package: str, **options: Any) -> bytes:
    return build_apk(package, v2=[key("a")], **options)


def asked(bucket: Served) -> set[str]:
    """The objects that were read since this was last asked; the listing is no object."""
    names = {line.split()[1].partition("?")[0].rpartition("/")[2] for line in bucket.link.crossed.requests}
    bucket.link.reset()
    return names - {"apks", ""}


def said(ran: Ran) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "scanned_at"} for row in ran.rows]


@pytest.fixture
def three(bucket: Served) -> Served:
    bucket.put({"a.apk": apk("com.example.a"), "b.apk": apk("com.example.b"), "mm.apk": apk("com.tencent.mm")})
    bucket.put({"set/base.apk": apk("com.example.s"), "set/split_x.apk": apk("com.example.s", split="x")})
    return bucket


SET = {"base.apk", "split_x.apk"}


def test_a_second_scan_reads_what_would_be_reported_and_no_other(three: Served, scan: Scan) -> None:
    first = scan("s3://apks")
    assert asked(three) == {"a.apk", "b.apk", "mm.apk", *SET}
    second = scan("s3://apks")
    assert asked(three) == {"mm.apk"}
    assert said(second) == said(first)
    assert second.code == 1


def test_what_changed_is_read_and_so_is_all_without_the_cache(three: Served, scan: Scan) -> None:
    scan("s3://apks")
    three.put({"a.apk": apk("com.example.other")})
    asked(three)
    assert scan("s3://apks").apps[0]["package_name"] == "com.example.other"
    assert asked(three) == {"a.apk", "mm.apk"}
    for words in (["--no-cache"], ["--verify"], ["--sdk", "30", "--payments"]):
        scan("s3://apks", *words)
        assert asked(three) == {"a.apk", "b.apk", "mm.apk", *SET}


def test_other_signatures_judge_what_is_remembered_and_verify_what_they_find(
    three: Served, scan: Scan, tmp_path: Path
) -> None:
    scan("s3://apks")
    asked(three)
    (tmp_path / "own.csv").write_text("package,name\ncom.example.b,Own\n")
    ran = scan("s3://apks", "--signatures", tmp_path / "own.csv")
    assert asked(three) == {"b.apk", "mm.apk"}
    found = {row["package_name"]: (row["verdict"], row["assurance"]) for row in ran.apps}
    assert found["com.example.b"] == ("name-only", "verified")
    assert found["com.example.a"] == ("clear", "declared")


def test_processes_share_it(bucket: Served, scan: Scan) -> None:
    bucket.put({f"{number}.apk": apk(f"com.example.n{number}") for number in range(60)})
    first = scan("s3://apks", "-j", "2")
    assert len(asked(bucket)) == 60
    second = scan("s3://apks", "-j", "2")
    assert asked(bucket) == set()
    assert said(second) == said(first)


def test_a_web_servers_folder_is_asked_for_each_etag_and_no_more(web: Served, scan: Scan) -> None:
    web.put({"a.apk": apk("com.example.a", members={"x": b"x" * 70_000}), "b.apk": apk("com.example.b")})
    first = scan(web.prefix)
    many = len(web.link.crossed.requests)
    web.link.reset()
    second = scan(web.prefix)
    assert len(web.link.crossed.requests) == 3 < many
    assert said(second) == said(first)


@pytest.mark.parametrize("broken", ["garbage", "folder"])
def test_where_there_can_be_no_cache_everything_is_read(three: Served, scan: Scan, tmp_path: Path, broken: str) -> None:
    file = tmp_path / FILE
    if broken == "garbage":
        file.parent.mkdir(parents=True)
        file.write_bytes(b"no database\n" * 1000)
    else:
        (tmp_path / "cache").write_bytes(b"")
    for _ in range(2):
        ran = scan("s3://apks")
        assert asked(three) == {"a.apk", "b.apk", "mm.apk", *SET}
        assert ran.err.count("no cache of identities, everything is read") == 1
        assert len(ran.apps) == 4


def test_an_entry_that_is_damaged_is_read_again(three: Served, scan: Scan, tmp_path: Path) -> None:
    first = scan("s3://apks")
    with sqlite3.connect(tmp_path / FILE) as base:
        base.execute("UPDATE identities SET identity = x'00'")
    base.close()
    asked(three)
    assert said(scan("s3://apks")) == said(first)
    assert asked(three) == {"a.apk", "b.apk", "mm.apk", *SET}
