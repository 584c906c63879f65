"""``app-scanner signatures``: list, show and lint, as a user runs them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from scanner.certificate import complete, from_der
from scanner.curation.testkeys import AOSP, public_key_of
from scanner.database import load_database
from scanner.database.signaturefile import PINNED
from scanner.model import Certificate
from scanner.sources import resolve
from scanner.tooling import verify_location
from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import key
from tests.support.tools import lacking
from tests.test_database import document, spoiled, written

Run = Callable[..., Ran]
TESTKEY = next(one for one in AOSP if one.name == "testkey")


def debug_certificate() -> tuple[bytes, ec.EllipticCurvePrivateKey]:
    """What Android Studio makes on each machine."""
    names = (
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.ORGANIZATION_NAME, "Android"),
        (NameOID.COMMON_NAME, "Android Debug"),
    )
    subject = x509.Name([x509.NameAttribute(kind, value) for kind, value in names])
    private = ec.generate_private_key(ec.SECP256R1())
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(private.public_key())
    builder = builder.serial_number(1).not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    builder = builder.not_valid_after(dt.datetime(2050, 1, 1, tzinfo=dt.UTC))
    return builder.sign(private, hashes.SHA256()).public_bytes(Encoding.DER), private


def with_signer(**digests: str) -> dict[str, Any]:
    """The good file with another signer in it."""
    return spoiled("apps.0.signers.0", {"id": "alice", "confidence": "single-source", "cites": ["me"], **digests})


def codes(ran: Ran) -> list[tuple[str, str]]:
    return [(one["level"], one["code"]) for one in json.loads(ran.out)]


# list and show


def test_list_names_every_app_with_what_is_known(app_scanner: Run) -> None:
    ran = app_scanner("signatures", "list")
    assert ran.code == 0
    assert len(ran.out.splitlines()) == 9
    assert "wechat-pay  WeChat Pay  1         1        complete" in ran.out
    assert [one["id"] for one in json.loads(app_scanner("signatures", "list", "-o", "json").out)][-1] == "wps-office"


def test_list_takes_an_own_file_alone(app_scanner: Run, tmp_path: Path) -> None:
    mine = written(tmp_path, document())
    ran = app_scanner("signatures", "list", "--signatures", mine, "--only-signatures", "-o", "json")
    assert [one["id"] for one in json.loads(ran.out)] == ["my-app"]


def test_show_gives_every_value_with_its_citations(app_scanner: Run) -> None:
    out = app_scanner("signatures", "show", "wechat-pay").out
    signature = json.loads(app_scanner("signatures", "show", "wechat-pay", "-o", "json").out)["app"]
    assert signature["signers"][0]["sha256"] in out
    assert "pins complete" in out
    flat = " ".join(out.split())
    for cite in (*signature["packages"][0]["cites"], *signature["signers"][0]["cites"]):
        assert " ".join(cite.split()) in flat


def test_show_names_what_there_is_for_an_unknown_id(app_scanner: Run) -> None:
    ran = app_scanner("signatures", "show", "wechat")
    assert ran.code == 2
    assert "no app 'wechat'; did you mean 'wechat-pay'?" in ran.err
    assert "no app 'x'; there are alipay, " in app_scanner("signatures", "export", "csv", "x").err


def test_text_of_a_file_cannot_steer_the_terminal(app_scanner: Run, tmp_path: Path) -> None:
    mine = written(tmp_path, spoiled("apps.0.publisher", "A\u202eB\x1b[2J"))
    assert "\\u202e" in app_scanner("signatures", "show", "my-app", "--signatures", mine).out


# lint


def test_the_shipped_signatures_are_clean(app_scanner: Run) -> None:
    ran = app_scanner("signatures", "lint")
    assert (ran.code, ran.out) == (0, "9 files, 0 errors, 0 warnings\n")


def test_a_good_file_is_clean(app_scanner: Run, tmp_path: Path) -> None:
    assert app_scanner("signatures", "lint", written(tmp_path, document())).code == 0


@pytest.mark.parametrize("one", AOSP, ids=lambda one: one.name)
def test_a_pin_of_a_public_test_key_is_refused(one: Any, app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner("signatures", "lint", written(tmp_path, with_signer(sha256=one.sha256)), "-o", "json")
    assert (ran.code, codes(ran)) == (1, [("error", "public-key")])
    assert f"“{one.name}”" in json.loads(ran.out)[0]["text"]


@pytest.mark.parametrize("kind", ["sha1", "md5", "spki_sha256", "rsa_modulus_sha256"])
def test_a_public_test_key_is_known_by_every_digest(kind: str) -> None:
    assert all(public_key_of(Certificate(**{kind: getattr(one, kind)})) for one in AOSP if getattr(one, kind))


@pytest.mark.samples
def test_the_digests_of_the_test_key_are_those_of_a_real_apk() -> None:
    signed = sorted((ROOT / "samples" / "apks").glob("appium-uiautomator2-server--*v*.apk"))
    if not signed:
        lacking("make samples fetches the APK")
    certificate = complete(verify_location(resolve(str(signed[0])), None, None).signers[0].certificate)
    for kind in PINNED:
        assert getattr(certificate, kind) == getattr(TESTKEY, kind)


def test_a_pin_of_a_debug_keystore_is_refused_by_certificate_and_by_subject(app_scanner: Run, tmp_path: Path) -> None:
    der, _ = debug_certificate()
    by_der = with_signer(sha256=from_der(der).sha256 or "", der=der.hex())
    by_subject = with_signer(sha256="ab" * 32, subject="C=US, O=Android, CN=Android Debug")
    for number, content in enumerate((by_der, by_subject)):
        ran = app_scanner("signatures", "lint", written(tmp_path, content, f"{number}.yaml"), "-o", "json")
        assert ("error", "public-key") in codes(ran)


@pytest.mark.parametrize(
    ("where", "value", "code"),
    [
        ("apps.0.signers.0.sha1", "0" * 40, "digest"),
        ("apps.0.signers.0.sha256", "abc", "digest"),
        ("apps.0.signers.0.cites", [], "no-citation"),
        ("apps.0.signers.0.not_after", "2049-01-01", "der"),
        ("apps.0.signers.0.not_after", "soon", "date"),
        ("apps.0.packages.0.cites", [], "no-citation"),
        ("apps.0.packages.0.name", "no package", "package-name"),
        ("apps.0.updated", "23.11.2026", "date"),
        ("apps.0.updated", "2999-01-01", "date"),
        ("apps.0.lists.0.list", "nowhere", "unknown-list"),
        ("lists.0.cites", [], "no-citation"),
        ("lists.0.since", "yesterday", "date"),
        ("schema", 7, "unreadable"),
        ("apps.0.packages.0.signers", ["bob"], "unknown-signer"),
    ],
)  # fmt: skip
def test_each_mistake_is_an_error_with_its_place(
    where: str, value: object, code: str, app_scanner: Run, tmp_path: Path
) -> None:
    mine = written(tmp_path, spoiled(where, value))
    ran = app_scanner("signatures", "lint", mine, "-o", "json")
    assert ran.code == 1
    assert ("error", code) in codes(ran)
    assert all(one["file"] == str(mine) for one in json.loads(ran.out))


def test_every_mistake_of_a_file_is_told_at_once(app_scanner: Run, tmp_path: Path) -> None:
    content = spoiled("apps.0.signers.0.sha1", "0" * 40)
    content["apps"][0]["packages"][0]["cites"] = []
    ran = app_scanner("signatures", "lint", written(tmp_path, content))
    assert ran.code == 1
    assert ran.out.endswith("1 file, 2 errors, 0 warnings\n")


def test_a_weak_digest_must_not_make_impostors(app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner("signatures", "lint", written(tmp_path, with_signer(md5="ab" * 16)), "-o", "json")
    assert codes(ran) == [("error", "weak-pin")]


def test_old_data_is_a_warning_that_fails_only_where_asked(app_scanner: Run, tmp_path: Path) -> None:
    mine = written(tmp_path, spoiled("apps.0.updated", "2020-01-01"))
    ran = app_scanner("signatures", "lint", mine, "-o", "json")
    assert (ran.code, codes(ran)) == (0, [("warning", "old")])
    assert app_scanner("signatures", "lint", "--strict", mine).code == 1


def test_one_certificate_under_two_owners_is_found(app_scanner: Run, tmp_path: Path) -> None:
    other = spoiled("apps.0.id", "other")
    del other["lists"]
    other["apps"][0]["publisher"] = "Somebody else"
    other["apps"][0]["packages"][0]["name"] = "com.example.other"
    files = written(tmp_path, document()), written(tmp_path, other, "other.yaml")
    ran = app_scanner("signatures", "lint", *files, "-o", "json")
    assert codes(ran) == [("error", "two-owners")]
    assert key("alice").sha256 in ran.out
    other["apps"][0]["publisher"] = "me"
    assert app_scanner("signatures", "lint", files[0], written(tmp_path, other, "other.yaml")).code == 0


def test_what_is_listed_already_and_what_is_replaced_are_warnings(app_scanner: Run, tmp_path: Path) -> None:
    (wechat,) = (one for one in load_database().signatures if one.id == "wechat-pay")
    (tmp_path / "ours.csv").write_text(
        "package,name,publisher,sha256\n"
        f"com.example.app,Example,Example Ltd,{wechat.signers[0].sha256}\n"
        "com.tencent.mm,Chat,,\n"
        "cn.wps.moffice_eng,WPS Office,,\n"
    )
    ran = app_scanner("signatures", "lint", tmp_path / "ours.csv", "-o", "json")
    said = {one["code"]: one["text"] for one in json.loads(ran.out)}
    assert (ran.code, codes(ran)) == (0, [("warning", code) for code in ("replaces", "two-owners", "listed-already")])
    assert "in wechat-pay, of another owner ('Tencent')" in said["two-owners"]
    assert "com.tencent.mm is listed as wechat-pay already" in said["listed-already"]
    assert "without its package name " in said["replaces"]
    assert app_scanner("signatures", "lint", "--strict", tmp_path / "ours.csv").code == 1


def test_a_scan_says_what_a_list_of_ones_own_makes_it_forget(scan_rows: Run, tmp_path: Path) -> None:
    (tmp_path / "ours.csv").write_text("package,name\ncn.wps.moffice_eng,WPS Office\n")
    (tmp_path / "a.apk").write_bytes(build_apk("com.example.other"))
    coverage = scan_rows(tmp_path / "a.apk", "--signatures", tmp_path / "ours.csv").summary["coverage"]
    (said,) = (one["reason"] for one in coverage if one["hole"] == "some of wps-office")
    assert "ours.csv takes its place without its package name" in said


def test_one_package_in_apps_of_two_owners_and_one_id_twice_are_found(app_scanner: Run, tmp_path: Path) -> None:
    other = with_signer(sha256="ab" * 32)
    other["apps"][0]["publisher"] = "Somebody else"
    files = written(tmp_path, document()), written(tmp_path, other, "other.yaml")
    ran = app_scanner("signatures", "lint", *files, "-o", "json")
    assert sorted(set(codes(ran))) == [("error", "duplicate-id"), ("error", "duplicate-package")]


def test_a_file_that_is_not_there_is_wrong_usage(app_scanner: Run, tmp_path: Path) -> None:
    assert app_scanner("signatures", "lint", tmp_path / "nope.yaml").code == 2
    assert app_scanner("signatures", "lint", tmp_path).code == 2
