"""``-o stix``: MVT itself finds again what was found, and the reference library of STIX accepts every object."""

from __future__ import annotations

import io
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from scanner.formats import new_format
from scanner.model import AppRow, SignerRow, UnreadRow
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.mvt import require_mvt
from tests.support.reports import HOSTILE, app, summary, unread
from tests.support.signer import key
from tests.test_cli_scan import wechats_certificate

Scan = Callable[..., Ran]
Bundle = dict[str, Any]
OTHER = {"Md5": "11" * 16, "Sha1": "22" * 20, "Sha256": "33" * 32}


@pytest.fixture(scope="session")
def mvt() -> Path:
    return require_mvt()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory, app_scanner: Scan) -> Path:
    """What a scan of an impostor of WeChat and of a clear app gives."""
    folder = tmp_path_factory.mktemp("planted")
    (folder / "apks").mkdir()
    (folder / "apks" / "a.apk").write_bytes(build_apk("com.tencent.mm", v2=[key("a")]))
    (folder / "apks" / "b.apk").write_bytes(build_apk("com.example", v2=[key("b")]))
    ran = app_scanner("scan", folder / "apks", "-o", f"stix={folder / 'found.stix2'}", "-o", "jsonl", "--verify")
    assert ran.code == 1
    (folder / "rows.jsonl").write_text(ran.out, encoding="utf-8")
    return folder


def bundle_of(rows: Iterable[AppRow | UnreadRow]) -> Bundle:
    out, rows = io.StringIO(), list(rows)
    made = new_format("stix", out)
    for row in rows:
        made.row(row)
    made.end(summary(rows))
    bundle: Bundle = json.loads(out.getvalue())
    return bundle


def of_type(bundle: Bundle, kind: str) -> list[dict[str, Any]]:
    return [one for one in bundle["objects"] if one["type"] == kind]


def patterns(bundle: Bundle) -> list[str]:
    return [one["pattern"] for one in of_type(bundle, "indicator")]


def certificate(sha256: str = "ab" * 32, subject: str = "CN=x") -> SignerRow:
    return SignerRow(sha256, None, None, subject, None)


def checked_by_mvt(mvt: Path, iocs: Path, folder: Path, *packages: dict[str, Any]) -> list[dict[str, Any]]:
    """The alerts of ``mvt-android check-androidqf`` over an acquisition with these packages."""
    acquired = folder / "acquired"
    acquired.mkdir()
    (acquired / "packages.json").write_text(json.dumps(packages))
    command = [mvt / "mvt-android", "--disable-update-check", "--disable-indicator-update-check", "check-androidqf"]
    command += ["--iocs", iocs, "--output", folder / "out", acquired]
    environment = {**os.environ, "MVT_DATA_FOLDER": str(folder / "data"), "MVT_NETWORK_ACCESS_ALLOWED": "false"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    alerts = json.loads((folder / "out" / "alerts.json").read_text())
    return [one for one in alerts if one["matched_indicator"]]


def package(name: str, digests: dict[str, str], sha256: str = "44" * 32) -> dict[str, Any]:
    file = {"path": f"/data/app/{name}/base.apk", "sha256": sha256, "certificate": digests}
    return {"name": name, "installer": "com.android.vending", "system": False, "files": [file]}


def test_mvt_finds_the_package_the_certificate_and_the_file_again(mvt: Path, planted: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (planted / "rows.jsonl").read_text().splitlines()]
    (found,) = [row for row in rows if row.get("package_name") == "com.tencent.mm"]
    (signer,) = found["signers"]
    digests = {"Md5": signer["md5"], "Sha1": signer["sha1"], "Sha256": signer["sha256"]}
    alerts = checked_by_mvt(
        mvt, planted / "found.stix2", tmp_path,
        package("com.tencent.mm", OTHER), package("com.other", {**OTHER, "Sha256": digests["Sha256"].upper()}),
        package("com.old", {**OTHER, "Sha1": digests["Sha1"]}), package("com.file", OTHER, found["file_sha256"]),
        package("com.example", OTHER),
    )  # fmt: skip
    named = {
        one["event"]["name"]: (one["matched_indicator"]["value"], one["matched_indicator"]["name"]) for one in alerts
    }
    assert named == {
        "com.tencent.mm": ("com.tencent.mm", "WeChat Pay"),
        "com.other": (signer["sha256"], "Impostors of WeChat Pay"),
        "com.old": (signer["sha1"], "Impostors of WeChat Pay"),
        "com.file": (found["file_sha256"], "Impostors of WeChat Pay"),
    }


def test_the_reference_library_accepts_every_object(mvt: Path, planted: Path, tmp_path: Path) -> None:
    hostile = tmp_path / "hostile.stix2"
    rows = [
        msgspec.structs.replace(
            app("com.tencent.mm"), signers=(certificate(subject=text),), package_name=text, scanned_at=text
        )
        for text in HOSTILE
    ]
    hostile.write_text(json.dumps(bundle_of(rows)))
    check = (
        "import sys, stix2\n"
        "for path in sys.argv[1:]:\n"
        "    bundle = stix2.parse(open(path, encoding='utf-8'), allow_custom=False, version='2.1')\n"
        "    print(len(bundle.objects))\n"
    )
    command = [mvt / "python", "-c", check, planted / "found.stix2", hostile]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [int(line) for line in done.stdout.split()] == [9, 4]


def test_the_same_finding_has_the_same_id_tomorrow() -> None:
    today = app("com.tencent.mm", serial="SER1", signers=(certificate(),))
    tomorrow = app("com.tencent.mm", serial="SER2", signers=(certificate(),), scanned_at="2026-11-25T03:00:00Z")
    one, other = bundle_of([today]), bundle_of([tomorrow])
    assert [found["id"] for found in one["objects"]] == [found["id"] for found in other["objects"]]
    assert bundle_of([today]) == one
    (indicator, *_), (later, *_) = of_type(one, "indicator"), of_type(other, "indicator")
    assert (indicator["created"], indicator["modified"]) == (later["created"], "2026-11-24T03:00:00Z")
    assert later["modified"] == "2026-11-25T03:00:00Z"
    assert one["id"] != other["id"]


def test_nothing_tells_whose_phone_it_was() -> None:
    row = app("com.tencent.mm", serial="SER1", owner="Ann Other", model="Pixel 7")
    text = json.dumps(bundle_of([row, unread("user", "150", "denied for Ann Other")]))
    assert not [secret for secret in ("SER1", "Ann", "Pixel", "150") if secret in text]
    assert "Not seen: 2 things" in text


def test_an_app_of_two_signatures_is_one_indicator_in_two_reports() -> None:
    bundle = bundle_of([app("com.tencent.mobileqq")])
    (indicator,) = of_type(bundle, "indicator")
    assert indicator["pattern"] == "[app:id = 'com.tencent.mobileqq']"
    reports = of_type(bundle, "report")
    assert sorted(one["name"] for one in reports) == ["QQ Wallet", "Tencent QQ"]
    assert all(one["object_refs"] == [indicator["id"]] for one in reports)


def test_what_does_not_fail_is_nothing_to_look_for() -> None:
    allowed = app("com.tencent.mm", allowed_by="the board", signers=(certificate(),))
    assert patterns(bundle_of([allowed, app("com.example", signers=(certificate(),))])) == []
    assert [one["type"] for one in bundle_of([])["objects"]] == ["identity", "note"]


def test_a_certificate_that_an_impostor_only_claims_is_not_its_own(tmp_path: Path, app_scanner: Scan) -> None:
    pasted = key("a").wearing(wechats_certificate())
    (tmp_path / "claims.apk").write_bytes(build_apk("com.tencent.mm", v2=[pasted]))
    ran = app_scanner("scan", tmp_path / "claims.apk", "-o", "stix")
    assert ran.code == 1
    kinds = [one.partition(" ")[0] for one in patterns(json.loads(ran.out))]
    assert kinds == ["[app:id", "[file:hashes.'SHA-256'"], "its file is its own, the certificate is not"
