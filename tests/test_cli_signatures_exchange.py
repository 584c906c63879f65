"""``app-scanner signatures import`` and ``export``: other tools' formats, there and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from scanner.cli.signatures import FOREIGN
from scanner.curation.exchange import FORMATS
from scanner.database import default_folder, load_database, read_signature_file
from scanner.database.signaturefile import PINNED, Signature
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import key
from tests.test_signaturelist import colons

Run = Callable[..., Ran]
A, B = key("a"), key("b")
TESTKEY_SHA1 = "61ED377E85D386A8DFEE6B864BD85B0BFAA5AF81"
SAYS = {
    "stalkerware": ("sha1",),
    "stix": ("sha256", "sha1", "md5"),
    "verified-apps": ("sha256",),
    "appverifier": ("sha256",),
    "csv": PINNED,
    "yaml": PINNED,
}
IOC = f"""
- name: Some Spy
  names:
  - Some Spy
  - Other Spy
  type: stalkerware
  packages:
  - com.some.spy
  - com.other.spy
  certificates:
  - {"0123456789ABCDEF0123456789ABCDEF01234567"}
  - {TESTKEY_SHA1}
  websites:
  - spy.example
  c2:
    ips:
    - 192.0.2.1
    domains:
    - c2.spy.example
- name: Only Certificates
  certificates:
  - {"FEDCBA98765432100123456789ABCDEF01234567"}
"""
STIX = {
    "type": "bundle",
    "id": "bundle--1",
    "objects": [
        {"type": "malware", "id": "malware--1", "name": "some spy", "is_family": False},
        {"type": "indicator", "id": "indicator--1", "pattern": "[app:id='com.some.spy']", "pattern_type": "stix",
         "modified": "2024-05-06T07:08:09.000Z"},
        {"type": "relationship", "source_ref": "indicator--1", "target_ref": "malware--1"},
        {"type": "indicator", "id": "indicator--2", "pattern": f"[app:cert.md5 = '{'ab' * 20}']"},
        {"type": "relationship", "source_ref": "indicator--2", "target_ref": "malware--1"},
        {"type": "indicator", "id": "indicator--3", "pattern": "[domain-name:value='spy.example']"},
        {"type": "indicator", "id": "indicator--4", "pattern": "[app:id='com.lone.app']"},
        {"type": "indicator", "id": "indicator--5", "pattern": f"[app:cert.sha256='{'cd' * 32}']"},
        {"type": "report", "id": "report--1", "name": "A report", "object_refs": ["indicator--5"]},
    ],
}  # fmt: skip
DATA = f"""
schema: 4
packages:
  - package: com.example.app
    signature:
      - fingerprint: {colons(A.sha256)}
        sources:
          - name: Google Play
            issue: GH-198
            apk:
              sha256: {"ef" * 32}
          - name: Accrescent
            issue: GH-66
      - fingerprint: {colons(B.sha256)}
        sources:
          - name: F-Droid
            issue: 7
"""
TEXT = f"com.example.app\n{colons(A.sha256)}\n{colons(B.sha256)}\n\n  com.example.other  \n{colons(B.sha256)}\n"


def imported(app_scanner: Run, folder: Path, format_: str, text: str) -> tuple[tuple[Signature, ...], Ran]:
    (folder / "foreign").write_text(text, encoding="utf-8")
    ran = app_scanner("signatures", "import", format_, folder / "foreign", "-o", folder / "out.yaml")
    assert ran.code == 0, ran.err
    return read_signature_file(folder / "out.yaml").apps, ran


def pins(apps: Iterable[Signature], kinds: Iterable[str]) -> set[tuple[str, str, str]]:
    return {
        (package.name, kind, value)
        for app in apps
        for package in app.packages
        if package.status != "unconfirmed"
        for signer in app.signers_of(package)
        for kind in kinds
        if (value := getattr(signer, kind))
    }


def test_the_formats_of_the_command_line_are_those_there_are() -> None:
    assert tuple(FORMATS) == FOREIGN


@pytest.mark.parametrize("format_", FOREIGN)
def test_export_then_import_gives_the_same_pins(format_: str, app_scanner: Run, tmp_path: Path) -> None:
    shipped = load_database().signatures
    exported = app_scanner("signatures", "export", format_)
    assert exported.code == 0
    again, _ = imported(app_scanner, tmp_path, format_, exported.out)
    assert pins(again, SAYS[format_]) == pins(shipped, SAYS[format_])
    assert len(pins(again, SAYS[format_])) >= 9
    lists = default_folder() / "lists.yaml"  # which the list of a spreadsheet names, and cannot define
    assert load_database([tmp_path / "out.yaml", lists], replace=True).signatures == tuple(
        sorted(again, key=lambda one: one.id)
    )


@pytest.mark.parametrize("format_", [*FOREIGN, "yaml"])
def test_an_export_is_the_same_bytes_every_time(format_: str, app_scanner: Run) -> None:
    words = "signatures", "export", format_, "tencent-qq", "wechat-pay"
    assert app_scanner(*words).out == app_scanner(*words).out


def test_an_export_of_our_own_is_everything(app_scanner: Run, tmp_path: Path) -> None:
    app_scanner("signatures", "export", "yaml", "-o", tmp_path / "all.yaml")
    again = load_database([tmp_path / "all.yaml"], replace=True)
    assert again.signatures == load_database().signatures
    assert again.lists.keys() <= load_database().lists.keys()


def test_what_a_format_cannot_say_is_told(app_scanner: Run) -> None:
    ran = app_scanner("signatures", "export", "verified-apps", "tencent-qq")
    assert "left out: tencent-qq: com.tencent.tim: tencent-tim has no sha256" in ran.err
    assert app_scanner("signatures", "export", "csv", "nope").code == 2


def test_a_family_of_stalkerware_binds_each_certificate_to_each_package(app_scanner: Run, tmp_path: Path) -> None:
    (spy, lone), ran = imported(app_scanner, tmp_path, "stalkerware", IOC)
    assert (spy.id, spy.name, [package.name for package in spy.packages]) == (
        "some-spy", "Some Spy", ["com.some.spy", "com.other.spy"],
    )  # fmt: skip
    assert [signer.sha1 for signer in spy.signers] == ["0123456789abcdef0123456789abcdef01234567"]
    assert {(package.status, package.pins) for package in spy.packages} == {("single-source", "partial")}
    assert spy.packages[0].cites == (f"{tmp_path}/foreign : Some Spy (stalkerware)",)
    assert (lone.packages, len(lone.signers)) == ((), 1)
    assert "“testkey”" in ran.err


def test_a_stix_bundle_gathers_by_malware_and_by_report(app_scanner: Run, tmp_path: Path) -> None:
    (spy, lone, report), _ = imported(app_scanner, tmp_path, "stix", json.dumps(STIX))
    assert (spy.name, spy.updated, spy.packages[0].name) == ("some spy", "2024-05-06", "com.some.spy")
    assert spy.signers[0].sha1 == "ab" * 20  # written as md5, and a SHA-1 by its length
    assert [package.name for package in lone.packages] == ["com.lone.app"]
    assert (report.name, report.signers[0].sha256) == ("A report", "cd" * 32)


def test_a_stix_export_is_what_mvt_reads(app_scanner: Run) -> None:
    bundle = json.loads(app_scanner("signatures", "export", "stix", "tencent-qq").out)
    indicators = {one["id"]: one for one in bundle["objects"] if one["type"] == "indicator"}
    reports = [one for one in bundle["objects"] if one["type"] == "report"]
    assert sorted(ref for one in reports for ref in one["object_refs"]) == sorted(indicators)
    assert not [one for one in bundle["objects"] if one["type"] == "malware"]
    for one in indicators.values():
        kind, value = one["pattern"].strip("[]").split("=")  # MVT's own way of reading it
        assert kind in {"app:id", "app:cert.sha256", "app:cert.sha1", "app:cert.md5"}
        assert value.strip("'")


def test_verified_apps_cite_every_source(app_scanner: Run, tmp_path: Path) -> None:
    (app,), _ = imported(app_scanner, tmp_path, "verified-apps", DATA)
    assert [signer.sha256 for signer in app.signers] == [A.sha256, B.sha256]
    assert app.signers[0].cites == (
        f"{tmp_path}/foreign : Google Play, issue GH-198, APK sha256 {'ef' * 32}",
        f"{tmp_path}/foreign : Accrescent, issue GH-66",
    )


def test_appverifiers_text_is_read_and_scanned_with(app_scanner: Run, scan_rows: Run, tmp_path: Path) -> None:
    (app, other), _ = imported(app_scanner, tmp_path, "appverifier", TEXT)
    assert [len(one.signers) for one in (app, other)] == [2, 1]
    (tmp_path / "b.apk").write_bytes(build_apk("com.example.app", v1=[B], v2=[B]))
    (row,) = scan_rows(tmp_path / "b.apk", "--signatures", tmp_path / "out.yaml").apps
    assert row["verdict"] == "confirmed"


@pytest.mark.parametrize(
    ("format_", "text", "said"),
    [
        ("stalkerware", "- names: [x]\n", "name"),
        ("stalkerware", "- name: x\n  certificates: [12]\n", "str"),
        ("stalkerware", "- name: x\n  certificates: [ABC]\n", "'ABC' is no SHA-256, SHA-1 or MD5"),
        ("stix", "not json", "JSON"),
        ("stix", "[]", "object"),
        ("verified-apps", "schema: 9\npackages: []\n", "schema 9 is unknown"),
        ("appverifier", "AB:CD\n", "line 1: 'AB:CD' is no package name"),
        ("appverifier", f"com.example\n{'ab' * 20}\n", "line 2: wants a SHA-256"),
        ("csv", "name\nx\n", "no column 'package'"),
    ],
)
def test_what_is_not_of_the_format_is_one_line(
    format_: str, text: str, said: str, app_scanner: Run, tmp_path: Path
) -> None:
    (tmp_path / "foreign").write_text(text)
    ran = app_scanner("signatures", "import", format_, tmp_path / "foreign")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (5, "", 1)
    assert said in ran.err
