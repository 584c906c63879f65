"""The real samples, against what ``aapt`` and ``apksigner`` say of them; and the impostors."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import ROOT, Ran
from tests.support.tools import require_tool

REAL = sorted((ROOT / "samples" / "apks").glob("*.apk"))
IMPOSTORS = ROOT / "samples" / "impostors"
pytestmark = pytest.mark.samples


@pytest.fixture(scope="module", autouse=True)
def fetched() -> None:
    if len(REAL) < 8 or not IMPOSTORS.is_dir():
        message = f"{len(REAL)} real samples are there, make samples fetches at least 8"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


def test_there_are_samples_from_every_package() -> None:
    from tests.support.samples import NPM, PYPI

    assert {path.name.partition("--")[0] for path in REAL} == {*NPM, *PYPI}


@pytest.mark.tools
@pytest.mark.parametrize("path", REAL, ids=lambda path: path.name)
def test_identity_equals_aapt_and_apksigner(path: Path, scan_rows: Callable[..., Ran]) -> None:
    (row,) = scan_rows(path).apps
    badging = subprocess.run([require_tool("aapt"), "dump", "badging", path], capture_output=True, text=True).stdout
    said = dict(re.findall(r"(\w+)='([^']*)'", badging.splitlines()[0]))
    assert row["package_name"] == said["name"]
    assert str(row["version_code"] or "") == said["versionCode"]
    assert (row["version_name"] or "") == said["versionName"]
    targets = dict(re.findall(r"^(sdkVersion|targetSdkVersion):'(\d+)'", badging, re.MULTILINE))
    assert str(row["min_sdk"]) == targets["sdkVersion"]
    assert str(row["target_sdk"] or "") == targets.get("targetSdkVersion", "")
    verified = subprocess.run(
        [require_tool("apksigner"), "verify", "--print-certs", "--min-sdk-version", "24", path],
        capture_output=True,
        text=True,
    ).stdout
    digests = re.findall(r"certificate (SHA-256|SHA-1|MD5) digest: ([0-9a-f]+)", verified)
    ours = [(name, signer[column]) for signer in row["signers"] for name, column in COLUMNS]
    assert sorted(ours) == sorted(digests)
    assert ours


COLUMNS = (("SHA-256", "sha256"), ("SHA-1", "sha1"), ("MD5", "md5"))


def test_the_impostors_are_found_and_the_real_samples_are_clear(scan_rows: Callable[..., Ran]) -> None:
    ran = scan_rows(ROOT / "samples")
    assert ran.code == 1
    assert ran.unread == []
    found = {row["package_name"]: row["verdict"] for row in ran.apps if row["verdict"] != "clear"}
    assert found == {
        "com.eg.android.AlipayGphone": "impostor",
        "com.intsig.camscanner": "name-only",
        "com.tencent.mobileqq": "impostor",
        "com.lenovo.anyshare.gps": "name-only",
        "com.uc.vmate": "name-only",
        "com.tencent.mm": "impostor",
        "cn.wps.moffice_eng": "name-only",
    }
    named = {finding["app"] for row in ran.apps for finding in row["findings"]}
    assert len(named) == 8
    assert len([row for row in ran.apps if row["verdict"] == "clear"]) == len(REAL)
