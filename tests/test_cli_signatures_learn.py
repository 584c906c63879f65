"""``app-scanner signatures learn``: a pin from an APK or from a phone, and what is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.curation.completing import complete_listed
from scanner.curation.writing import file_of
from scanner.database import load_database, read_signature_file
from scanner.database.signaturefile import Package, PinnedSigner, Signature
from scanner.errors import RefusedError
from tests.conftest import ROOT, Ran
from tests.phone.scanning import scanner_of
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.phone import AdbServer, SimulatedPhone, hash32_of, installed
from tests.support.signer import Key, V3Signer, key
from tests.support.tools import lacking
from tests.test_cli_signatures import debug_certificate

Run = Callable[..., Ran]
A, B = key("a"), key("b")


def apk(folder: Path, name: str = "app.apk", **signers: object) -> Path:
    path = folder / name
    path.write_bytes(build_apk("com.example.app", **(signers or {"v1": [A], "v2": [A]})))  # type: ignore[arg-type]
    return path


def learned(path: Path) -> Signature:
    (app,) = read_signature_file(path).apps
    return app


def test_what_is_learned_confirms_the_app_it_came_from(app_scanner: Run, scan_rows: Run, tmp_path: Path) -> None:
    source, out = apk(tmp_path, v1=[A], v2=[A]), tmp_path / "out.yaml"
    ran = app_scanner("signatures", "learn", source, "-o", out)
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    (row,) = scan_rows(source, "--signatures", out).apps
    assert row["verdict"] == "confirmed"
    (other,) = scan_rows(apk(tmp_path, "other.apk", v2=[B]), "--signatures", out).apps
    assert other["verdict"] == "name-only"  # partial: one APK does not show every genuine signer


def test_the_pin_says_where_it_came_from(app_scanner: Run, tmp_path: Path) -> None:
    source, out = apk(tmp_path, v1=[A], v2=[A]), tmp_path / "out.yaml"
    app_scanner("signatures", "learn", source, "-o", out)
    signature = learned(out)
    (signer,), (package,) = signature.signers, signature.packages
    assert (signer.sha256, signer.confidence, package.status, package.pins) == (
        A.sha256, "computed", "single-source", "partial",
    )  # fmt: skip
    for text in (
        str(source),
        hashlib.sha256(source.read_bytes()).hexdigest(),
        "v1, v2",
        signature.updated,
        "app-scanner",
    ):
        assert text in signer.cites[0]
    assert app_scanner("signatures", "lint", out).code == 0


def test_id_name_publisher_and_lists_are_the_users(app_scanner: Run, tmp_path: Path) -> None:
    words = "--name", "Our: App", "--publisher", "Us", "--list", "texas-prohibited-technologies"
    ran = app_scanner("signatures", "learn", apk(tmp_path), *words)
    (tmp_path / "out.yaml").write_text(ran.out)
    signature = learned(tmp_path / "out.yaml")
    assert (signature.id, signature.name, signature.publisher) == ("our-app", "Our: App", "Us")
    assert signature.lists[0].list_id == "texas-prohibited-technologies"
    assert app_scanner("signatures", "show", "our-app", "--signatures", tmp_path / "out.yaml").code == 0


def test_an_unknown_list_is_refused(app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner("signatures", "learn", apk(tmp_path), "--list", "nowhere")
    assert (ran.code, ran.out) == (1, "")
    assert "us-eo-13971" in ran.err


def test_the_certificates_before_a_rotation_are_noted_and_not_pinned(app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner(
        "signatures",
        "learn",
        apk(tmp_path, v1=[A], v2=[A], v3=[V3Signer(B, (A,))], apk_signed="2, 3"),
        "-o",
        tmp_path / "out.yaml",
    )
    assert ran.code == 0
    (signer,) = learned(tmp_path / "out.yaml").signers
    assert signer.sha256 == B.sha256
    assert A.sha256 in (signer.note or "")


def test_an_apk_in_an_archive_is_learned_where_it_lies(app_scanner: Run, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(zip_bytes({"in/app.apk": build_apk("com.example.app", v1=[A], v2=[A])}))
    ran = app_scanner("signatures", "learn", f"{tmp_path}/a.zip!/in/app.apk")
    assert (ran.code, A.sha256 in ran.out) == (0, True)


def test_what_does_not_verify_is_refused(app_scanner: Run, tmp_path: Path) -> None:
    pasted = apk(tmp_path, "pasted.apk", v2=[A.wearing(B.certificate)])
    unsigned = tmp_path / "unsigned.apk"
    unsigned.write_bytes(build_apk("com.example.app"))
    for path in (pasted, unsigned):
        ran = app_scanner("signatures", "learn", path, "-o", tmp_path / "out.yaml")
        assert (ran.code, "does not verify" in ran.err) == (1, True)
    assert not (tmp_path / "out.yaml").exists()


def test_a_debug_build_is_refused(app_scanner: Run, tmp_path: Path) -> None:
    certificate, private = debug_certificate()
    debug = Key(private, certificate)
    ran = app_scanner("signatures", "learn", apk(tmp_path, v1=[debug], v2=[debug]))
    assert (ran.code, "CN=Android Debug" in ran.err) == (1, True)


@pytest.mark.samples
def test_a_real_apk_signed_with_the_public_test_key_is_refused(app_scanner: Run) -> None:
    signed = sorted((ROOT / "samples" / "apks").glob("appium-uiautomator2-server--*v*.apk"))
    if not signed:
        lacking("make samples fetches the APK")
    ran = app_scanner("signatures", "learn", signed[0])
    assert (ran.code, "“testkey”" in ran.err) == (1, True)


def test_what_is_no_apk_is_a_failure_of_one_line(app_scanner: Run, tmp_path: Path) -> None:
    (tmp_path / "x.apk").write_bytes(b"no apk")
    ran = app_scanner("signatures", "learn", tmp_path / "x.apk")
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    assert app_scanner("signatures", "learn", tmp_path / "nope.apk").code == 5


def test_a_phone_needs_a_package_and_a_file_has_none(app_scanner: Run, tmp_path: Path) -> None:
    assert app_scanner("signatures", "learn", "adb:X").code == 2
    assert app_scanner("signatures", "learn", apk(tmp_path), "--package", "com.example.app").code == 2


def test_a_package_of_a_phone_is_learned_with_the_phone_as_citation(
    app_scanner: Run, adb: AdbServer, start_phone: Callable[..., SimulatedPhone], tmp_path: Path
) -> None:
    app = installed(apk(tmp_path), "com.example.app", hashes=(hash32_of(A.certificate),))
    phone = start_phone("14", app)
    run = scanner_of(app_scanner, adb, tmp_path)
    spec, out = f"adb:{phone.address}", tmp_path / "out.yaml"
    ran = run("signatures", "learn", spec, "--package", "com.example.app", "-o", out)
    assert (ran.code, ran.err) == (0, "")
    (signer,) = learned(out).signers
    assert signer.sha256 == A.sha256
    assert f"adb:{phone.address}:/data/app/" in signer.cites[0]
    absent = run("signatures", "learn", spec, "--package", "com.example.other")
    assert (absent.code, "not installed" in absent.err) == (5, True)


def named(folder: Path, name: str) -> Path:
    path = folder / f"{name}.apk"
    path.write_bytes(build_apk(name, v1=[A], v2=[A]))
    return path


def test_a_listed_app_is_completed_and_nothing_of_it_is_forgotten(
    app_scanner: Run, scan_rows: Run, tmp_path: Path
) -> None:
    for name, id_ in {"com.intsig.camscanner": "camscanner", "com.uc.vmate": "vmate"}.items():
        source, out = named(tmp_path, name), tmp_path / f"{id_}.yaml"
        ran = app_scanner("signatures", "learn", source, "-o", out)
        assert (ran.code, f"completes {id_}:" in ran.err) == (0, True)
        before = next(one for one in load_database().signatures if one.id == id_)
        after = learned(out)
        assert (after.id, after.name, after.lists, after.titles) == (id_, before.name, before.lists, before.titles)
        assert {one.name for one in after.packages} == {one.name for one in before.packages}
        assert [one.sha256 for one in after.signers] == [*(one.sha256 for one in before.signers), A.sha256]
        (row,) = scan_rows(source, "--signatures", out).apps
        assert [(one["signature"], one["verdict"]) for one in row["findings"]] == [(id_, "confirmed")]
        assert app_scanner("signatures", "lint", out).code == 0


def test_an_impostor_does_not_complete_an_app_whose_signers_are_all_known(app_scanner: Run, tmp_path: Path) -> None:
    impostor, out = named(tmp_path, "com.tencent.mm"), tmp_path / "out.yaml"
    ran = app_scanner("signatures", "learn", impostor, "-o", out)
    assert (ran.code, "an impostor" in ran.err, out.exists()) == (1, True, False)
    assert app_scanner("signatures", "learn", impostor, "--id", "wechat-pay").code == 1
    assert app_scanner("signatures", "learn", impostor, "--id", "fake-wechat", "-o", out).code == 0
    assert learned(out).id == "fake-wechat"


def signature_of(package: str) -> Signature:
    """What learning an APK of this package, signed by A, gives."""
    signer = PinnedSigner(
        id="cert-a", confidence="computed", sha256=A.sha256, der=A.certificate.hex(), cites=("an APK",)
    )
    name = Package(
        name=package, variant="as learned", status="single-source", pins="partial", signers=("cert-a",),
        cites=("an APK",),
    )  # fmt: skip
    return Signature(
        id="x", name="x", publisher="not stated", updated="2026-11-27", packages=(name,), signers=(signer,)
    )


def test_what_is_pinned_already_is_not_learned_again() -> None:
    first = file_of(signature_of("com.intsig.camscanner"))
    once = complete_listed(first, load_database().signatures)
    with pytest.raises(RefusedError, match=r"pinned for com\.intsig\.camscanner already: camscanner"):
        complete_listed(first, once.apps)


def test_another_name_of_a_listed_app_is_added_by_its_id() -> None:
    new = file_of(signature_of("com.uc.vmate.next"))
    assert complete_listed(new, load_database().signatures) is new
    (vmate,) = complete_listed(new, load_database().signatures, "vmate").apps
    assert [one.name for one in vmate.packages] == ["com.uc.vmate.next", "com.uc.vmate", "com.uc.vmlite"]
    assert vmate.packages[1].pins == "none"
