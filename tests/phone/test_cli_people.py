"""What people need of a scan: whose phone it is, evidence for an auditor, privacy, and how to be rid of an app."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Ran
from tests.phone.scanning import app, pinned, scanner_of
from tests.support.phone import AdbServer, FactoryCopy, SimulatedPhone, UserProfile

Run = Callable[..., Ran]
Start = Callable[..., SimulatedPhone]
USERS = (UserProfile(), UserProfile(10, "Anna's work", 0x1030))


@pytest.fixture
def byod(start_phone: Start, tmp_path: Path) -> SimulatedPhone:
    """Somebody's own phone with a work profile."""
    return start_phone(
        "13",
        app(tmp_path, "com.example.dating"),
        app(tmp_path, "com.example.office", users={10: "installed"}),
        app(tmp_path, "com.tencent.mm", pinned("wechat-pay"), users={0: "installed", 10: "installed"}),
        users=USERS,
        serial="BYOD1",
    )


def test_redact_leaves_out_what_an_employer_need_not_know(
    app_scanner: Run, adb: AdbServer, byod: SimulatedPhone, tmp_path: Path
) -> None:
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", f"adb:{byod.address}", "--redact", "-o", "jsonl")
    assert [row["package_name"] for row in ran.apps] == ["com.example.office", "com.tencent.mm"]
    assert "dating" not in ran.out
    assert (ran.summary["counts"]["apps"], ran.code) == (3, 1)
    assert any("1 app of personal profiles" in hole["hole"] for hole in ran.summary["coverage"])


def test_redact_and_whole_listings_do_not_go_together(app_scanner: Run, adb: AdbServer, tmp_path: Path) -> None:
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", "--redact", "--save-evidence", tmp_path / "evidence")
    assert (ran.code, "--redact" in ran.err) == (2, True)
    assert not (tmp_path / "evidence").exists()


def test_only_findings_writes_no_other_app_but_counts_them(
    app_scanner: Run, adb: AdbServer, byod: SimulatedPhone, tmp_path: Path
) -> None:
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", f"adb:{byod.address}", "--only-findings", "-o", "jsonl")
    assert [row["package_name"] for row in ran.apps] == ["com.tencent.mm"]
    assert ran.summary["counts"]["apps"] == 3


def test_owners_are_told_by_serial_number_or_by_address(
    app_scanner: Run, adb: AdbServer, byod: SimulatedPhone, tmp_path: Path
) -> None:
    run = scanner_of(app_scanner, adb, tmp_path)
    people = tmp_path / "people.csv"
    for key in ("BYOD1", byod.address):
        people.write_text(f"\ufeffserial,owner,room\r\n{key},=Anna Example,12\r\n", encoding="utf-8")
        ran = run("scan", f"adb:{byod.address}", "--owners", people, "-o", "csv")
        assert "'=Anna Example" in ran.out  # a spreadsheet must not take a name for a formula


@pytest.mark.parametrize(
    ("text", "said"),
    [("A,\n", "row 1: want serial,owner"), ("A,x\nA,y\n", "row 2: A has two owners"), ("\xff", "can't decode")],
)
def test_a_bad_list_of_owners_is_one_line(
    app_scanner: Run, adb: AdbServer, tmp_path: Path, text: str, said: str
) -> None:
    (tmp_path / "people.csv").write_text(text, encoding="latin-1")
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", "--owners", tmp_path / "people.csv")
    assert (ran.code, said in ran.err) == (2, True)


def test_saved_evidence_is_what_the_phone_said_with_its_hashes(
    app_scanner: Run, adb: AdbServer, byod: SimulatedPhone, tmp_path: Path
) -> None:
    folder = tmp_path / "evidence"
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", f"adb:{byod.address}", "--save-evidence", folder, "-o", "csv")
    assert ran.code == 1
    (run,) = folder.iterdir()
    done = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=run, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    commands = [json.loads(line) for line in (run / "commands.jsonl").read_text().splitlines()]
    said = {line["command"]: (run / line["file"]).read_text() for line in commands}
    assert "package:/data/app/" in said["pm list packages -f -i -U --show-versioncode --user 10"]
    assert "Package [com.tencent.mm]" in said["dumpsys package packages"]
    identities = [json.loads(line) for line in (run / "identities.jsonl").read_text().splitlines()]
    digest = hashlib.sha256(pinned("wechat-pay")).hexdigest()
    assert {line["package_name"]: line["signers"] for line in identities}["com.tencent.mm"] == [digest]
    assert (run / f"{digest}.der").read_bytes() == pinned("wechat-pay")
    assert run.stat().st_mode & 0o077 == 0


def test_evidence_gives_the_same_verdicts_and_holes_without_the_phone(
    app_scanner: Run, adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    """An auditor repeats the matching next year: the folder is an inventory."""
    denied = UserProfile(150, "Secure Folder", 0x10061030, denied=True)
    phone = start_phone(
        "14",
        app(tmp_path, "com.tencent.mm", pinned("wechat-pay"), users={0: "installed", 10: "disabled"}),
        app(tmp_path, "com.eg.android.AlipayGphone", users={10: "installed"}),
        app(tmp_path, "com.example.a"),
        users=(*USERS, denied),
        serial="EVID1",
    )
    adb.connect(phone)
    run, folder = scanner_of(app_scanner, adb, tmp_path), tmp_path / "evidence"
    live = run("scan", f"adb:{phone.address}", "--save-evidence", folder, "-o", "jsonl")
    again = app_scanner("scan", str(folder), "-o", "jsonl")

    def told(ran: Ran) -> list[tuple[object, ...]]:
        keys = ("package_name", "copy", "verdict", "assurance", "version_code", "users", "system", "device")
        return [(*(row[key] for key in keys), [one["sha256"] for one in row["signers"]]) for row in ran.apps]

    assert told(again) == told(live)
    assert {row["verdict"] for row in again.apps} == {"confirmed", "impostor", "clear"}
    assert (again.code, live.code) == (1, 1)
    (hole,), (before,) = again.unread, live.unread
    assert (hole["what"], hole["reason"]) == (before["what"], before["reason"])
    assert "EVID1: 150 (Secure Folder)" in hole["which"]


def test_evidence_is_never_overwritten(app_scanner: Run, adb: AdbServer, byod: SimulatedPhone, tmp_path: Path) -> None:
    run = scanner_of(app_scanner, adb, tmp_path)
    for _ in range(2):
        run("scan", f"adb:{byod.address}", "--save-evidence", tmp_path / "evidence", "-q", "-o", "csv")
    assert len(list((tmp_path / "evidence").iterdir())) == 2


def test_every_finding_says_how_to_be_rid_of_it(
    app_scanner: Run, adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    rom = app(tmp_path, "cn.wps.moffice_eng")
    phone = start_phone(
        "14",
        app(tmp_path, "com.tencent.mm", users={0: "installed", 10: "disabled"}),
        app(
            tmp_path,
            "cn.wps.moffice_eng",
            system=True,
            factory=FactoryCopy(rom.apk, "/product/app/WPS/WPS.apk", 1, rom.hashes),
        ),
        users=USERS,
    )
    ran = scanner_of(app_scanner, adb, tmp_path)("scan", f"adb:{phone.address}", "-o", "jsonl")
    advice = {(row["package_name"], row["copy"]): row["removal"] for row in ran.apps}
    assert advice["com.tencent.mm", "active"] == [
        f"adb -s {phone.address} shell pm uninstall --user 0 com.tencent.mm",
        f"adb -s {phone.address} shell pm uninstall --user 10 com.tencent.mm",
    ]
    assert "its factory copy stays" in advice["cn.wps.moffice_eng", "active"][0]
    assert "cannot be removed" in advice["cn.wps.moffice_eng", "factory"][0]
    assert not any("uninstall" in command for command in phone.counters.commands)
