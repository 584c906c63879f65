"""The examples of docs/mdm do what their README says. PowerShell is not at hand: its script is checked, not run."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.policies.policy import INTERRUPTED, MEANINGS, USAGE
from tests.conftest import ROOT, Ran
from tests.support.tools import require_tool, write_launcher

EXAMPLES = ROOT / "docs" / "mdm"
CRON, PLAYBOOK, DETECT = EXAMPLES / "cron.sh", EXAMPLES / "scan.yml", EXAMPLES / "Detect-ListedApps.ps1"
CLEAN = "Serial,Package,App name\nR58M1,com.example.mail,Mail\n"
FOUND = "Serial,Package,App name\nR58M1,com.tencent.mm,WeChat\n"
TITLES = "Serial,App name\nR58M2,WeChat\n"
ODD = 'it\'s "odd" $HOME `x`; {{ 1 + 1 }}\n*.csv'


class Place:
    """Folders whose names have what scripts stumble over, and the program beside them."""

    def __init__(self, folder: Path) -> None:
        self.exports, self.reports = folder / "the 'exports'", folder / 'the "reports"'
        self.exports.mkdir()
        self.mailed = folder / "mailed"
        self.mailer = self._script(folder / "a mailer", f'{{ printf "%s\\n" "$@"; cat; }} >"{self.mailed}"')
        self.program = write_launcher(folder / "app's scanner")
        self.environment = {**os.environ, "APP_SCANNER": str(self.program)}

    @staticmethod
    def _script(path: Path, text: str) -> Path:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def export(self, text: str, name: str = ODD) -> None:
        (self.exports / name).write_text(text)

    def pretend(self, text: str) -> None:
        """Put a script in the place of the program."""
        self._script(self.program, text)

    @property
    def saved(self) -> list[Path]:
        return sorted(self.reports.glob("scan-*.jsonl"))

    @property
    def log(self) -> list[str]:
        return (self.reports / "scan.log").read_text().splitlines()

    def cron(self, **more: str) -> Ran:
        done = subprocess.run(
            [str(CRON), str(self.exports), str(self.reports)],
            env={**self.environment, **more}, capture_output=True, text=True, timeout=300,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def play(self, *words: str) -> Ran:
        command = [require_tool("ansible-playbook"), str(PLAYBOOK), "-e", json.dumps({"exports": str(self.exports)})]
        settings = {"ANSIBLE_LOCALHOST_WARNING": "False", "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False"}
        settings |= {"ANSIBLE_HOME": str(self.exports.parent / "ansible"), "ANSIBLE_NOCOLOR": "1", "LC_ALL": "C.UTF-8"}
        done = subprocess.run(
            [*command, *words], env={**self.environment, **settings}, capture_output=True, text=True, timeout=300,
            cwd=self.exports.parent,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


# cron.sh --------------------------------------------------------------------------------------


@pytest.fixture
def cron(place: Place) -> Place:
    require_tool("flock")
    return place


def test_a_clean_night_is_silent_and_leaves_a_report(cron: Place) -> None:
    cron.export(CLEAN)
    ran = cron.cron(MAIL_TO="a@example.com", MAILER=str(cron.mailer))
    assert (ran.code, ran.out, ran.err, cron.mailed.exists()) == (0, "", "", False)
    (report,) = cron.saved
    rows = [json.loads(line) for line in report.read_text().splitlines()]
    assert [row["type"] for row in rows] == ["app", "summary"]
    assert cron.log[0].endswith(f"clean: {report.name}")
    assert report.stat().st_mode & 0o077 == 0
    assert [path.name for path in cron.reports.iterdir() if "part" in path.name] == []


def test_a_listed_app_is_printed_or_mailed(cron: Place) -> None:
    cron.export(FOUND)
    cron.export(CLEAN, "-o")
    printed = cron.cron()
    assert (printed.code, printed.err) == (1, "")
    assert printed.out.startswith("app-scanner: a listed app was found: scan-")
    assert "WeChat Pay  com.tencent.mm" in printed.out
    mailed = cron.cron(MAIL_TO="a b@example.com", MAILER=str(cron.mailer))
    assert (mailed.code, mailed.out) == (1, "")
    option, subject, address, *text = cron.mailed.read_text().splitlines()
    assert (option, address) == ("-s", "a b@example.com")
    assert subject.startswith("app-scanner: a listed app was found: scan-")
    assert "exit code 1: a listed app was found" in text


def test_incomplete_nothing_and_failed_are_told_apart(cron: Place) -> None:
    nothing = cron.cron()
    assert (nothing.code, nothing.out.splitlines()[0][:38]) == (4, "app-scanner: there was nothing to scan")
    cron.export("no export at all")
    incomplete = cron.cron()
    assert incomplete.code == 3
    assert "nothing found, but not everything could be read" in incomplete.out
    (cron.exports / ODD).unlink()
    (cron.exports / "gone").symlink_to("nowhere")
    failed = cron.cron()
    assert (failed.code, failed.out.splitlines()[0][:29]) == (5, "app-scanner: the scan failed:")
    assert "No such file or directory" in failed.out
    assert len(cron.saved) == len(cron.log) == 3
    cron.export(FOUND, "zz")
    assert cron.cron().code == 1, "what can be read is read, though the first name leads nowhere"


@pytest.mark.parametrize(
    ("program", "code", "said"),
    [
        ("exit 0", 5, "wrote no summary"),
        ("echo broken >&2; exit 137", 137, "broken"),
        ('echo \'{"type":"app"\' >"${6#*=}"; exit 5', 5, "the scan failed"),
    ],
)
def test_a_report_that_is_not_whole_is_not_kept(cron: Place, program: str, code: int, said: str) -> None:
    cron.export(CLEAN)
    cron.pretend(program)
    ran = cron.cron()
    assert (ran.code, cron.saved) == (code, [])
    assert said in ran.out


def test_a_missing_program_and_a_mailer_that_fails_are_not_silent(cron: Place) -> None:
    cron.export(FOUND)
    missing = cron.cron(APP_SCANNER="/no/such/program")
    assert missing.code == 127
    assert "did not end well (exit 127)" in missing.out
    unmailed = cron.cron(MAIL_TO="a@example.com", MAILER="false")
    assert (unmailed.code, len(cron.saved)) == (1, 1)
    assert "not mailed: a listed app was found" in unmailed.err


def test_wrong_calls_never_look_like_a_finding(cron: Place) -> None:
    shutil.rmtree(cron.exports)
    assert cron.cron().code == 5
    for words in ([], [str(cron.exports.parent), str(cron.reports)]):
        assert subprocess.run([str(CRON), *words], capture_output=True, env=cron.environment).returncode == 2


def test_two_runs_at_once_are_one_scan(cron: Place) -> None:
    cron.export(CLEAN)
    go, started = cron.exports.parent / "go", cron.exports.parent / "started"
    real = write_launcher(cron.exports.parent / "real")
    cron.pretend(f'touch "{started}"; while [ ! -e "{go}" ]; do sleep 0.05; done; exec "{real}" "$@"')
    words = [str(CRON), str(cron.exports), str(cron.reports)]
    first = subprocess.Popen(words, env=cron.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        _wait_for(started)
        second = cron.cron()
    finally:
        go.touch()
        out, err = first.communicate(timeout=300)
    assert (second.code, second.out.splitlines()[0]) == (75, "app-scanner: not scanned")
    assert (first.returncode, out, err, len(cron.saved)) == (0, b"", b"", 1)
    assert [line.split(" ", 1)[1].partition(":")[0] for line in cron.log] == ["not scanned", "clean"]


def _wait_for(path: Path) -> None:
    until = time.monotonic() + 300
    while not path.exists():
        assert time.monotonic() < until, path
        time.sleep(0.05)


# scan.yml -------------------------------------------------------------------------------------


def test_the_playbook_changes_nothing_and_passes_when_clean(place: Place) -> None:
    place.export(CLEAN)
    for words in ((), ("--check",)):
        ran = place.play(*words)
        assert ran.code == 0, ran.out + ran.err
        assert re.search(r"ok=2 +changed=0 .* failed=0", ran.out)


def test_the_playbook_fails_on_a_finding_and_names_it(place: Place) -> None:
    place.export(FOUND)
    place.export('[{"package": "com.tencent.mm", "serial": "{{ 1 + 1 }}"}]', "hostile.json")
    ran = place.play()
    assert ran.code == 2
    assert '"A listed app was found.", "name-only: WeChat Pay, com.tencent.mm on R58M1"' in ran.out
    assert "com.tencent.mm on {{ 1 + 1 }}" in ran.out, "what an export holds is text, and no template"
    assert "changed=0" in ran.out


def test_the_playbook_fails_when_incomplete_or_empty(place: Place) -> None:
    empty = place.play()
    assert (empty.code, "There was nothing to scan." in empty.out) == (2, True)
    place.export(TITLES)
    place.export("no export at all", "other")
    ran = place.play()
    assert ran.code == 2
    assert "Nothing was found, but not everything could be read." in ran.out
    assert "display-name: WeChat Pay, WeChat on R58M2" in ran.out
    assert f"not read: {place.exports}/other: " in ran.out


def test_the_playbook_fails_without_exports_or_program(place: Place) -> None:
    place.program.unlink()
    assert place.play().code == 2
    shutil.rmtree(place.exports)
    ran = place.play()
    assert (ran.code, "is not a directory" in ran.out) == (2, True)


# Detect-ListedApps.ps1: not run, but what it relies on is true ---------------------------------

POWERSHELL = DETECT.read_bytes().decode("ascii")


def _keys(row: Any, front: str = "") -> set[str]:
    """Every key of a row, those of its objects and of its lists' objects after a dot, and by themselves."""
    if isinstance(row, list):
        return set().union(*(_keys(one) for one in row))
    if not isinstance(row, dict):
        return set()
    inner = [_keys(value, f"{key}.") for key, value in row.items()]
    return {f"{front}{key}" for key in row}.union(*inner)


def test_the_detection_script_asks_for_options_and_keys_that_there_are(
    app_scanner: Callable[..., Ran], tmp_path: Path
) -> None:
    called = re.search(r"& \$AppScanner (.*) \$Export", POWERSHELL)
    assert called
    (tmp_path / "a.csv").write_text(FOUND + "R58M2,com.not a name,x\n")
    ran = app_scanner(*called[1].split(), tmp_path / "a.csv")
    assert (ran.code, ran.err) == (1, "")
    assert {row["type"] for row in ran.rows} == set(re.findall(r"\$_\.type -eq '(\w+)'", POWERSHELL))
    asked = set(re.findall(r"\$(?:_|summary)\.([\w.]+)", POWERSHELL)) - {"Name", "Count", "Exception.Message"}
    assert {key.removeprefix("findings.") for key in _keys(ran.rows)} >= asked
    assert asked == {"type", "findings", "verdict", "app", "reason", "counts.apps"}


def test_the_detection_script_knows_every_exit_code_and_passes_on_the_clean_one_alone() -> None:
    cases = dict(re.findall(r"^ +(\w+) \{ Complete-Detection (\d)", POWERSHELL, re.MULTILINE))
    assert {int(code) for code in cases if code.isdigit()} == MEANINGS.keys() - {USAGE, INTERRUPTED}
    assert cases["default"] == "1"
    assert re.findall(r"Complete-Detection 0 .*", POWERSHELL) == ['Complete-Detection 0 "CLEAR: $read. $counts" }']
    assert [code for code, outcome in cases.items() if outcome == "0"] == ["0"]
    assert re.findall(r"^ *exit .*", POWERSHELL, re.MULTILINE) == ["    exit $Code"]


@pytest.mark.parametrize(("content", "code"), [(CLEAN, 0), (TITLES, 3), ("Package,Platform\nx.y,iOS\n", 4), (None, 5)])
def test_every_outcome_that_the_detection_script_tells_apart_ends_in_a_summary(
    app_scanner: Callable[..., Ran], tmp_path: Path, content: str | None, code: int
) -> None:
    if content is not None:
        (tmp_path / "a.csv").write_text(content)
    ran = app_scanner("scan", "-q", "--only-findings", "-o", "jsonl", tmp_path / "a.csv")
    assert (ran.code, ran.summary["type"], ran.summary["exit_code"]) == (code, "summary", code)
    assert code != 5 or ran.unread[0]["reason"] == "No such file or directory"
