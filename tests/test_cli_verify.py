"""``app-scanner verify`` from the outside."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from scanner.cli import verifying
from scanner.model import LIMITS
from tests.conftest import Ran
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import V3Signer, key

Run = Callable[..., Ran]
A, B = key("a"), key("b")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    good = build_apk("com.example", v1=[A], v2=[A], v3=[V3Signer(B, (A,))], apk_signed="2, 3")
    broken = bytearray(good)
    broken[40] ^= 1
    (tmp_path / "good.apk").write_bytes(good)
    (tmp_path / "broken.apk").write_bytes(bytes(broken))
    (tmp_path / "unsigned.apk").write_bytes(build_apk("com.example"))
    (tmp_path / "archive.zip").write_bytes(zip_bytes({"in/good.apk": good}))
    return tmp_path


def test_an_apk_that_verifies_is_exit_0_and_one_line(folder: Path, app_scanner: Run) -> None:
    ran = app_scanner("verify", folder / "good.apk")
    assert (ran.code, ran.out) == (0, f"{folder}/good.apk: verifies\n")


def test_what_does_not_verify_says_why(folder: Path, app_scanner: Run) -> None:
    ran = app_scanner("verify", folder / "unsigned.apk")
    assert ran.code == 1
    assert "DOES NOT VERIFY" in ran.out
    assert "JAR_SIG_NO_MANIFEST" in ran.out


def test_certificates_schemes_and_history_are_shown_when_asked(folder: Path, app_scanner: Run) -> None:
    out = app_scanner("verify", "-v", "--print-certs", folder / "good.apk").out
    for text in (B.sha256, "CN=b", f"before  {A.sha256}", "scheme v1: true", "scheme v3: true", "scheme v3.1: false"):
        assert text in out


def test_one_unreadable_apk_does_not_end_the_others(folder: Path, app_scanner: Run) -> None:
    ran = app_scanner("verify", folder / "nope.apk", folder / "good.apk")
    assert ran.code == 5
    assert "good.apk: verifies" in ran.out
    assert ran.err == f"app-scanner: {folder}/nope.apk: No such file or directory\n"


def test_json_is_one_object_a_line(folder: Path, app_scanner: Run) -> None:
    ran = app_scanner("verify", "-o", "json", folder / "good.apk", folder / "unsigned.apk")
    good, unsigned = map(json.loads, ran.out.splitlines())
    assert (good["verified"], unsigned["verified"]) == (True, False)
    assert good["signers"][0]["certificate"]["sha256"] == B.sha256
    assert unsigned["issues"][0]["code"] == "JAR_SIG_NO_MANIFEST"


def test_the_range_of_releases_decides(folder: Path, app_scanner: Run) -> None:
    old = app_scanner("verify", "--max-sdk", 23, "--print-certs", folder / "good.apk")
    new = app_scanner("verify", "--min-sdk", 28, "--print-certs", folder / "good.apk")
    assert A.sha256 in old.out
    assert B.sha256 in new.out
    assert app_scanner("verify", "--min-sdk", 30, "--max-sdk", 28, folder / "good.apk").code == 2


def test_an_apk_in_an_archive_is_verified_where_it_lies(folder: Path, app_scanner: Run) -> None:
    assert app_scanner("verify", f"{folder}/archive.zip!/in/good.apk").code == 0
    ran = app_scanner("verify", folder / "archive.zip")
    assert (ran.code, "name a member, as in archive.zip!/inner.apk" in ran.err) == (5, True)


def test_a_broken_apk_is_never_exit_0(folder: Path, app_scanner: Run) -> None:
    assert app_scanner("verify", folder / "broken.apk").code in {1, 5}


def test_many_apks_are_answered_in_order_whatever_the_number_of_processes(folder: Path, app_scanner: Run) -> None:
    apks = [folder / name for name in ("good.apk", "broken.apk", "missing.apk")] * 17
    alone, spread = (app_scanner("verify", "-j", jobs, *apks) for jobs in (1, 2))
    assert alone.code == spread.code == 5
    assert (alone.out, alone.err) == (spread.out, spread.err)
    assert alone.out.count("good.apk: verifies") == 17


@pytest.mark.parametrize(("happens", "said"), [("hangs", "took too long"), ("breaks", "ZeroDivisionError")])
@pytest.mark.parametrize("times", [1, 2])
def test_what_hangs_or_breaks_is_named_however_few_they_are(
    happens: str, said: str, times: int, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(verifying, "verify_location", lambda *_: time.sleep(3600) if happens == "hangs" else 1 // 0)
    code = verifying.run_verify(
        (f"{folder}/good.apk",) * times,
        min_sdk=None, max_sdk=None, idsig=None, jobs=1, print_certs=False, verbose=False, output="text",
        limits=msgspec.structs.replace(LIMITS, item_seconds=0.2),
    )  # fmt: skip
    told = capsys.readouterr()
    lines = told.err.splitlines()
    assert (code, told.out, len(lines)) == (5, "", times)
    assert all(line.startswith(f"app-scanner: {folder}/good.apk: ") and said in line for line in lines)
