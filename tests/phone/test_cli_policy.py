"""Policies on phones: whose phone, which of its users, and what the desk says of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.conftest import Ran
from tests.phone.scanning import app, pinned, scanner_of
from tests.phone.test_cli_watch import PATIENCE, desk
from tests.support.phone import AdbServer, SimulatedPhone, UserProfile

Run = Callable[..., Ran]
Start = Callable[..., SimulatedPhone]
USERS = (UserProfile(), UserProfile(10, "Anna's work", 0x1030))


def policy(folder: Path, *scopes: str) -> Path:
    end = "owner: Jane Roe, reason: sales, expires: 9999-12-31"
    file = folder / "policy.yaml"
    file.write_text("allow:\n" + "".join(f"- {{package: com.tencent.mm, {scope}, {end}}}\n" for scope in scopes))
    return file


def test_an_allowance_is_for_the_phone_and_the_users_that_it_names(
    app_scanner: Run, adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    wechat = app(tmp_path, "com.tencent.mm", pinned("wechat-pay"), users={0: "installed", 10: "installed"})
    phone = start_phone("13", wechat, users=USERS, serial="SALES1")
    scan = scanner_of(app_scanner, adb, tmp_path)
    for scopes, code in (
        (["device: SALES1"], 0),
        (["device: SALES2"], 1),
        (["device: [SALES1, SALES2], user: 10"], 1),
        (["device: SALES1, user: 10", "user: 0"], 0),
        (["device: SALES1, user: 10", "device: SALES2, user: 0"], 1),
    ):
        ran = scan("scan", f"adb:{phone.address}", "--policy", policy(tmp_path, *scopes), "-o", "jsonl")
        assert ran.code == code, (scopes, ran.out)
        assert ran.apps[0]["verdict"] == "confirmed"


def test_the_desk_clears_what_is_allowed_and_names_who_allows_it(
    adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    phone = start_phone("13", app(tmp_path, "com.tencent.mm", pinned("wechat-pay")), connected=False, serial="SALES1")
    with desk(adb, tmp_path, "--count", "1", "--policy", str(policy(tmp_path, "device: SALES1"))) as running:
        adb.connect(phone)
        assert running.process.wait(PATIENCE) == 0
    assert "CLEAR" in running.said
    assert "allowed by Jane Roe" in running.said
    assert "1 phone: 1 clear, 0 with findings, 0 not complete" in running.said


def test_an_incomplete_phone_fails_a_strict_desk_and_is_no_finding(
    adb: AdbServer, start_phone: Start, tmp_path: Path
) -> None:
    denied = (UserProfile(), UserProfile(150, "Secure Folder", 0x1030, denied=True))
    phone = start_phone("13", app(tmp_path, "com.example.a"), users=denied, connected=False, serial="SALES1")
    with desk(adb, tmp_path, "--count", "1", "--strict") as running:
        adb.connect(phone)
        assert running.process.wait(PATIENCE) == 1
    assert "1 phone: 0 clear, 0 with findings, 1 not complete" in running.said
