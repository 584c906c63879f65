"""``--resume`` with phones among the SPECs: they are asked anew, and their old rows make room for what they say."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from tests.phone.conftest import WECHAT, Desk
from tests.support.apk_builder import build_apk
from tests.support.signer import key


def rows_of(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def said(file: Path) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "scanned_at"} for row in rows_of(file)]


def test_a_phone_is_asked_anew_and_every_app_is_there_once(desk: Desk, tmp_path: Path) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    apk, file = tmp_path / "here.apk", tmp_path / "rows.jsonl"
    apk.write_bytes(build_apk("com.example.here", v2=[key("a")]))
    time.sleep(0.1)
    words = [phone, apk, "-q"]
    first = desk.scan(*words, output=f"jsonl={file}")
    before = said(file)
    assert {bool(row["stamp"]): row["package_name"] for row in before if row["type"] == "app"}[
        True
    ] == "com.example.here"
    text = file.read_text().splitlines(keepends=True)
    for rows in (1, 2, 3, 4):  # after a row of the phone, after all of it, whole
        file.write_text("".join(text[:rows]))
        again = desk.scan(*words, "--resume", output=f"jsonl={file}")
        assert (again.code, said(file)) == (first.code, before)


def test_a_phone_that_is_gone_leaves_with_its_rows_and_that_is_said(desk: Desk, tmp_path: Path) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    apk, file = tmp_path / "here.apk", tmp_path / "rows.jsonl"
    apk.write_bytes(build_apk("com.example.here", v2=[key("a")]))
    time.sleep(0.1)
    words = [f"adb:{phone.address}", apk]
    desk.scan(*words, output=f"jsonl={file}")
    desk.server.disconnect(phone)
    phone.close()
    gone = desk.scan(*words, "--resume", output=f"jsonl={file}")
    rows = rows_of(file)
    assert gone.code == 3
    assert [row["type"] for row in rows] == ["unread", "app", "summary"]
    assert any("2 rows of an earlier scan are left out" in hole["reason"] for hole in rows[-1]["coverage"])
