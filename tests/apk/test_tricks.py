"""The catalogue of hostile APKs: each is named, read as Android reads it, and never clear where it was not read."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from scanner.apk import identify
from scanner.bytesource import Memory
from scanner.database import load_database
from scanner.errors import ApkError
from scanner.inspection import inspect_apk
from scanner.model import NEWEST_SDK, Location
from tests.conftest import Ran
from tests.support.tools import require_tool
from tests.support.tricks import MALLORY, PACKAGE, TRICKS, VERSION, Trick
from tests.support.tricks.guide import BEGIN, END, GUIDE, catalogue
from tests.support.tricks.zips import REST, ROOT, Entry, built

each = pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.name)
Rows = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    made: Path = tmp_path_factory.mktemp("tricks")
    for trick in TRICKS:
        (made / f"{trick.name}.apk").write_bytes(trick.build())
    return made


def rows_of(ran: Ran) -> Rows:
    return {Path(row.get("location") or row["which"]).stem: row for row in (*ran.apps, *ran.unread)}


@pytest.fixture(scope="module")
def scanned(folder: Path, scan_rows: Callable[..., Ran]) -> Rows:
    ran = scan_rows(folder, "-j", "1")
    assert (ran.code, len(ran.apps) + len(ran.unread)) == (1, len(TRICKS))
    return rows_of(ran)


@pytest.fixture(scope="module")
def scanned_thoroughly(folder: Path, scan_rows: Callable[..., Ran]) -> Rows:
    ran = scan_rows(folder, "-j", "2", "--verify", "--payments", "--look-alikes")
    assert (ran.code, len(ran.apps) + len(ran.unread)) == (1, len(TRICKS))
    return rows_of(ran)


def test_there_are_enough_of_them() -> None:
    assert len({trick.name for trick in TRICKS}) == len(TRICKS) >= 40


def assert_said(trick: Trick, row: dict[str, Any]) -> None:
    if trick.verdict == "unread":
        assert row["type"] == "unread", row
        assert trick.note in row["reason"]
        return
    assert (row["type"], row["verdict"]) == ("app", trick.verdict)
    assert (row["package_name"].strip(), row["version_code"]) == (PACKAGE, VERSION)
    notes = [*row["tamper"], *row["issues"]]
    assert any(note.startswith(trick.note) for note in notes) if trick.note else not row["tamper"], notes
    if trick.installs:
        assert not any(note.endswith("Android refuses the app") for note in notes), notes
        assert [one["sha256"] for one in row["signers"]] == [MALLORY.sha256]


@each
def test_a_scan_names_it(trick: Trick, scanned: Rows) -> None:
    assert_said(trick, scanned[trick.name])


@each
def test_a_scan_that_looks_for_everything_names_it_too(trick: Trick, scanned_thoroughly: Rows) -> None:
    assert_said(trick, scanned_thoroughly[trick.name])


def test_no_installable_trick_hides_the_listed_app(scanned: Rows) -> None:
    assert {scanned[trick.name].get("verdict") for trick in TRICKS if trick.installs} == {"impostor", None}
    assert {trick.name for trick in TRICKS if trick.installs and scanned[trick.name]["type"] == "unread"} == {
        "manifest-bomb",
        "many-strings",
        "two-directories",
    }


@each
def test_inspect_ends_with_an_answer_or_an_error_of_ours(trick: Trick, folder: Path) -> None:
    location = Location(str(folder / f"{trick.name}.apk"))
    now = "2026-11-27T00:00:00Z"
    if trick.verdict == "unread":
        with pytest.raises(ApkError, match=r".+"):
            inspect_apk(location, load_database(), NEWEST_SDK, now)
    else:
        assert inspect_apk(location, load_database(), NEWEST_SDK, now).row.verdict == trick.verdict


def test_verify_ends_with_an_answer_for_each(folder: Path, app_scanner: Callable[..., Ran]) -> None:
    files = [folder / f"{trick.name}.apk" for trick in TRICKS]
    ran = app_scanner("verify", "--min-sdk", "24", "-j", "1", *files)
    assert ran.code == 5
    assert "Traceback" not in ran.err
    answered = {Path(path).stem for path in re.findall(r"^(\S+\.apk): ", ran.out, re.MULTILINE)}
    refused = {Path(path).stem for path in re.findall(r"^app-scanner: (\S+\.apk): ", ran.err, re.MULTILINE)}
    assert (answered | refused, answered & refused) == ({trick.name for trick in TRICKS}, set())


def test_names_in_a_large_app_are_looked_at_where_it_is_inspected() -> None:
    many = [Entry(b"res/%d" % number, b"x") for number in range(100)]
    apk = Memory(built(ROOT, *REST, *many, Entry(b"x\0", b"x"))())
    assert identify(apk).tamper == ()
    assert identify(apk, every_scheme=True).tamper[0].startswith("entry-name: ")
    folder = Memory(built(ROOT, *REST, *many, Entry(b"AndroidManifest.xml/", b""))())
    assert identify(folder).tamper[0].startswith("path-collision: ")


# What Android's own tools say


class Said(NamedTuple):
    """Whether a tool names the app as the trick wears it, and its words."""

    agrees: bool
    words: str


def ask_aapt2(path: Path) -> Said:
    done = subprocess.run(
        [require_tool("aapt2"), "dump", "badging", str(path)],
        capture_output=True, text=True, errors="replace", timeout=300,
    )  # fmt: skip
    agrees = f"package: name='{PACKAGE}' versionCode='{VERSION}'" in done.stdout
    return Said(agrees, done.stderr[-300:] + done.stdout[:300])


def ask_apksigner(path: Path) -> Said:
    done = subprocess.run(
        [require_tool("apksigner"), "verify", "--print-certs", "--min-sdk-version", "24", str(path)],
        capture_output=True, text=True, errors="replace", timeout=600,
    )  # fmt: skip
    digests = set(re.findall(r"certificate SHA-256 digest: (\w+)", done.stdout))
    return Said(done.returncode == 0 and digests == {MALLORY.sha256}, done.stderr[-300:] + done.stdout[:300])


@pytest.fixture(scope="module")
def tools(folder: Path) -> dict[str, tuple[Said, Said]]:
    """What aapt2 and apksigner say of each; the latter is slow, and asked only where the former has not refused."""
    require_tool("aapt2"), require_tool("apksigner")

    def ask(trick: Trick) -> tuple[Said, Said]:
        path = folder / f"{trick.name}.apk"
        aapt2 = ask_aapt2(path)
        return aapt2, ask_apksigner(path) if trick.installs or aapt2.agrees else Said(False, "not asked")

    with ThreadPoolExecutor(2) as threads:
        return dict(zip((trick.name for trick in TRICKS), threads.map(ask, TRICKS), strict=True))


@pytest.mark.tools
@each
def test_androids_tools_say_the_same_or_the_table_says_why_not(trick: Trick, tools) -> None:
    aapt2, apksigner = tools[trick.name]
    if trick.installs:
        assert (aapt2.agrees, apksigner.agrees) == (not trick.aapt2, not trick.apksigner), (aapt2, apksigner)
    else:
        assert (aapt2.agrees and apksigner.agrees) == bool(trick.aapt2 or trick.apksigner), (aapt2, apksigner)


# The guide


def test_the_guide_is_the_catalogue() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert text.partition(BEGIN)[2].partition(END)[0].strip() == catalogue().strip()
