"""``--limit``: every limit has a name, a default, bounds and an effect, and what exceeds one is never clear."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.apk import identify
from scanner.apk.manifest import read_manifest
from scanner.bytesource import LocalFile, Memory
from scanner.cli.limiting import listing, shown
from scanner.errors import LimitExceeded
from scanner.model import LIMITS, Limits, limit_infos, limits_of
from scanner.sources.containers import stream_members
from tests.conftest import ROOT, Ran
from tests.support import axml
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import key

ALICE = key("alice")
NAMES = [info.name for info in limit_infos()]
EXCEEDED = {
    "entries": "2",
    "directory-size": "100",
    "inflated-size": "64",
    "inflated-total": None,
    "inflated-ratio": None,
    "nesting": "0",
    "manifest-size": "64",
    "string-pool": "5",
    "elements": "2",
    "signing-block": "64",
    "signers": "1",
    "certificates": None,
    "item-seconds": None,
}
"""A value that the archive below exceeds; None where another test shows the limit's effect."""


def test_every_limit_is_tried() -> None:
    assert list(EXCEEDED) == NAMES


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """An archive with an app by two signers in it."""
    path: Path = tmp_path_factory.mktemp("limits") / "archive.zip"
    members = {f"res/{number}.txt": b"x" * 100 for number in range(20)}
    deep = [axml.Element("uses-permission"), axml.Element("uses-permission")]
    apk = build_apk("com.tencent.mm", v2=[ALICE, key("bob")], members=members, children=deep)
    path.write_bytes(zip_bytes({"inner.apk": apk}))
    return path


@pytest.mark.parametrize(("name", "value"), [pair for pair in EXCEEDED.items() if pair[1] is not None])
def test_what_exceeds_a_limit_is_said_and_never_clear(name: str, value: str, archive: Path, scan_rows) -> None:
    ran: Ran = scan_rows(archive, "--limit", f"{name}={value}")
    assert ran.code != 0
    assert f"(--limit {name})" in ran.out
    assert not [row for row in ran.apps if row["verdict"] == "clear"]


def test_the_limits_reach_the_workers(archive: Path, tmp_path: Path, scan_rows) -> None:
    for number in range(60):
        (tmp_path / f"{number}.zip").write_bytes(archive.read_bytes())
    ran: Ran = scan_rows(tmp_path, "-j", "2", "--limit", "nesting=0")
    assert [row["reason"] for row in ran.unread] == [
        "an archive nested deeper than is read, the limit is 0 (--limit nesting)"
    ] * 60


def test_an_archive_may_not_inflate_to_more_than_total_and_ratio_allow(tmp_path: Path, scan_rows) -> None:
    path = tmp_path / "archive.zip"
    path.write_bytes(zip_bytes({f"{n}.apk": build_apk(f"com.example.a{n}", members={"z": bytes(9999)}) for n in "ab"}))
    assert len(scan_rows(path).apps) == 2
    assert len(scan_rows(path, "--limit", "inflated-total=1").apps) == 2
    ran = scan_rows(path, "--limit", "inflated-total=1", "--limit", "inflated-ratio=1")
    assert (len(ran.apps), ran.code) == (1, 3)
    assert "1 member was not read: what is in it inflates to more than 1 bytes and 1 times" in ran.unread[0]["reason"]


def test_a_member_of_a_compressed_tar_has_the_same_limit(tmp_path: Path, scan_rows) -> None:
    path, data = tmp_path / "a.tar.gz", build_apk()
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("a.apk")
        member.size = len(data)
        archive.addfile(member, io.BytesIO(data))
    assert len(scan_rows(path).apps) == 1
    ran = scan_rows(path, "--limit", f"inflated-size={len(data) - 1}")
    assert (ran.apps, "(--limit inflated-size)" in ran.unread[0]["reason"]) == ([], True)


def test_a_compressed_tar_may_not_inflate_to_more_than_the_ratio_allows(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("scanner.sources.containers.FREE", 1000)
    path = tmp_path / "a.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        member = tarfile.TarInfo("zeros.apk")
        member.size = 1 << 20
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    with LocalFile(str(path)) as source:
        fine = stream_members(source, Limits(inflated_ratio=5000))
        assert [len(content.read()) for _, _, content in fine] == [1 << 20]
        bomb = stream_members(source, Limits(inflated_ratio=2))
        with pytest.raises(LimitExceeded, match=r"the limit is 2 \(--limit inflated-ratio\)"):
            [content.read() for _, _, content in bomb]


@pytest.mark.parametrize("command", ["inspect", "verify"])
def test_one_apk_has_the_same_limits(command: str, tmp_path: Path, app_scanner: Callable[..., Ran]) -> None:
    path = tmp_path / "a.apk"
    path.write_bytes(build_apk(v2=[ALICE]))
    assert app_scanner(command, "--min-sdk" if command == "verify" else "--sdk", 24, path).code == 0
    ran = app_scanner(command, path, "--limit", "manifest-size=64")
    assert (ran.code, "the limit is 64" in ran.err, "(--limit manifest-size)" in ran.err) == (5, True, True)


@pytest.mark.parametrize("scheme", ["v2", "v3"])
def test_the_verifier_has_the_same_limits(scheme: str, tmp_path: Path, app_scanner: Callable[..., Ran]) -> None:
    path = tmp_path / "a.apk"
    path.write_bytes(build_apk(**{scheme: [ALICE, key("bob")]}))
    ran = app_scanner("verify", "--min-sdk", 28, path, "--limit", "signers=1")
    assert (ran.code, "2 signers, the limit is 1 (--limit signers)" in ran.out) == (1, True)


# The words


def test_help_lists_every_limit_with_default_and_meaning(app_scanner: Callable[..., Ran]) -> None:
    for command in ("scan", "inspect", "verify", "watch"):
        ran = app_scanner(command, "--limit", "help", *(["x.apk"] if command in {"inspect", "verify"} else []))
        assert (ran.code, ran.out) == (0, listing() + "\n")
    shown = dict(re.findall(r"^(\S+)=(\S+)  +\S.*$", listing(), re.MULTILINE))
    assert list(shown) == NAMES
    assert limits_of(shown) == LIMITS
    assert (shown["directory-size"], shown["nesting"], shown["item-seconds"]) == ("256M", "4", "300")


@pytest.mark.parametrize(
    ("word", "says"),
    [
        ("x=1", "x: no such limit; there are entries, directory-size, inflated-size"),
        ("nesting", "want NAME=VALUE"),
        ("nesting=", "nesting: '' is not a whole number"),
        ("nesting=2.5", "nesting: '2.5' is not a whole number"),
        ("nesting=17", "nesting: 17 is not between 0 and 16"),
        ("entries=0", "entries: 0 is not between 1 and"),
        ("entries=1K", "entries: '1K' is not a whole number"),
        ("inflated-size=big", "inflated-size: 'big' is not bytes, such as 512M"),
        ("inflated-size=-1G", "is not between 1 and"),
        ("item-seconds=nan", "item-seconds: nan is not between 0.1 and 86400"),
        ("item-seconds=soon", "item-seconds: 'soon' is not seconds"),
    ],
)
def test_a_wrong_limit_is_a_usage_error_that_says_what_would_do(word: str, says: str, app_scanner) -> None:
    ran = app_scanner("scan", "--limit", word, "x.apk")
    assert (ran.code, ran.out) == (2, "")
    assert says in ran.err
    assert "'help' lists" in ran.err


def test_the_environment_and_the_last_word_count(tmp_path: Path, archive: Path, scan_rows) -> None:
    env = {"APP_SCANNER_SCAN_LIMIT": "nesting=0 entries=9999", "PATH": "/usr/bin:/bin"}
    assert "(--limit nesting)" in scan_rows(archive, env=env, cwd=ROOT).out
    assert scan_rows(archive, "--limit", "nesting=0", "--limit", "nesting=1").apps


def test_limits_are_values_with_suffixes() -> None:
    assert limits_of({"inflated-size": "2g", "item-seconds": "0.5"}) == Limits(inflated_size=2 << 30, item_seconds=0.5)
    assert limits_of({}) == LIMITS
    assert json.dumps(limits_of({"signing-block": "1k"}).signing_block) == "1024"


def test_the_guide_lists_them_as_the_program_does() -> None:
    guide = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8").partition("## Limits")[2]
    assert re.findall(r"^\| `([a-z-]+)` \| (\S+) \| (.+) \|$", guide, re.MULTILINE) == [
        (info.name, shown(info.default, info.unit), info.meaning) for info in limit_infos()
    ]


# Beneath the words


def test_a_manifest_of_many_strings_or_elements_is_given_up() -> None:
    data = axml.encode(axml.manifest("a.b", children=[axml.Element(f"e{number}") for number in range(50)]))
    assert read_manifest(data, Limits(elements=60)).package_name == "a.b"
    with pytest.raises(LimitExceeded, match="string-pool"):
        read_manifest(data, Limits(string_pool=50))
    with pytest.raises(LimitExceeded, match="elements"):
        read_manifest(data, Limits(elements=50))


def test_as_many_signers_as_the_limit_are_read() -> None:
    apk = Memory(build_apk(v2=[ALICE, key("bob")]))
    assert len(identify(apk, limits=Limits(signers=2)).signing.signers) == 2
    assert "more than 1 of signers, the limit is 1 (--limit signers)" in (
        identify(apk, limits=Limits(signers=1)).signing.problem or ""
    )
