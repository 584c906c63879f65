"""``app-scanner scan`` from the outside: files, folders, archives, bad input, exit codes."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
import zstandard

from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import V3Signer, key

Scan = Callable[..., Ran]
A, B, C = key("a"), key("b"), key("c")


def apk(package: str = "com.example.app", **options: object) -> bytes:
    return build_apk(package, **{"v2": [A], "v3": [A], **options})  # type: ignore[arg-type]


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def tar_bytes(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def names(ran: Ran) -> list[str]:
    return [row["package_name"] for row in ran.apps]


# What is read ---------------------------------------------------------------------------------


def test_one_apk_gives_one_row_with_everything_an_identity_holds(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"a.apk": apk(version_code=7, version_code_major=2, version_name="7.1", min_sdk=24)})
    ran = scan_rows(tmp_path / "a.apk")
    (row,) = ran.apps
    assert (ran.code, row["verdict"], row["assurance"]) == (0, "clear", "declared")
    assert (row["package_name"], row["version_code"], row["version_name"]) == ("com.example.app", 2 << 32 | 7, "7.1")
    assert (row["min_sdk"], row["target_sdk"], row["schemes"]) == (24, 34, ["v2", "v3"])
    assert row["signers"][0]["sha256"] == A.sha256
    assert row["signers"][0]["subject"] == "CN=a"
    assert (row["device"], row["users"], row["file_sha256"], row["unread"]) == (None, [], None, None)
    assert ran.summary["counts"]["apps"] == 1


def test_a_folder_is_read_in_order_and_other_files_are_counted(scan_rows: Scan, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b/no-extension": apk("com.example.b"),
            "a.jpg": apk("com.example.a"),
            "notes.txt": b"nothing",
            "library.aar": zip_bytes({"AndroidManifest.xml": b'<?xml version="1.0"?><manifest/>', "classes.jar": b"x"}),
            "doc.docx": zip_bytes({"word/document.xml": b"<x/>"}),
        },
    )
    ran = scan_rows(tmp_path)
    assert names(ran) == ["com.example.a", "com.example.b"]
    assert (ran.code, ran.summary["counts"]["other_files"]) == (0, 3)
    assert any("3 other files" in hole["hole"] for hole in ran.summary["coverage"])


CONTAINERS = {
    "zip-deflated": zip_bytes,
    "zip-stored": lambda members: zip_bytes(members, stored=True),
    "tar": tar_bytes,
    "tar.gz": lambda members: gzip.compress(tar_bytes(members)),
    "tar.xz": lambda members: lzma.compress(tar_bytes(members)),
    "tar.zst": lambda members: zstandard.compress(tar_bytes(members)),
    "tar.bz2": lambda members: bz2.compress(tar_bytes(members)),
}


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("kind", CONTAINERS)
def test_archives_are_read_where_they_lie(scan_rows: Scan, tmp_path: Path, kind: str, jobs: int) -> None:
    members = {"x/one.apk": apk("com.example.one"), "two.bin": apk("com.example.two"), "readme": b"text"}
    write(tmp_path, {"archive.dat": CONTAINERS[kind](members)})
    ran = scan_rows(tmp_path / "archive.dat", "-j", jobs)
    assert names(ran) == ["com.example.one", "com.example.two"]
    assert [row["location"] for row in ran.apps] == [
        f"{tmp_path}/archive.dat!/{name}" for name in ("x/one.apk", "two.bin")
    ]
    assert (ran.code, ran.summary["counts"]["other_files"]) == (0, 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["archive.dat"], "nothing is unpacked to disk"


def test_archives_within_archives_are_read_to_a_bounded_depth(scan_rows: Scan, tmp_path: Path) -> None:
    data = zip_bytes({"deep.apk": apk("com.example.deep")}, stored=True)
    for kind in ("tar.gz", "zip-deflated", "tar"):
        data = CONTAINERS[kind]({f"in-{kind}": data})
    write(tmp_path, {"good": data, "deep": zip_bytes({"more": zip_bytes({"still": data})})})
    good = scan_rows(tmp_path / "good")
    assert names(good) == ["com.example.deep"]
    assert good.apps[0]["location"].count("!/") == 4
    deep = scan_rows(tmp_path / "deep")
    assert (deep.code, names(deep)) == (3, [])
    assert "nested deeper" in deep.unread[0]["reason"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_large_archive_gives_the_same_rows_with_one_process_and_with_two(
    scan_rows: Scan, tmp_path: Path, jobs: int
) -> None:
    members = {f"apps/{number:03}.apk": apk(f"com.example.n{number}", members={}) for number in range(100)}
    members |= {"set/base.apk": apk("com.example.set"), "set/split_a.apk": apk("com.example.set", split="a")}
    write(tmp_path, {"many.zip": zip_bytes(members, stored=True), "more/x.apk": apk("com.example.x")})
    ran = scan_rows(tmp_path, "-j", jobs)
    assert names(ran) == [*(f"com.example.n{number}" for number in range(100)), "com.example.set", "com.example.x"]
    assert ran.apps[100]["splits"] == ["a"]


# Split sets -----------------------------------------------------------------------------------


def split_set(**options: object) -> dict[str, bytes]:
    return {
        "base.apk": apk("com.example.set", **options),
        "split_config.en.apk": apk("com.example.set", split="config.en", **options),
        "split_feature.apk": apk("com.example.set", split="feature", **options),
    }


def test_a_split_set_in_a_folder_is_one_app(scan_rows: Scan, tmp_path: Path) -> None:
    ran = scan_rows(write(tmp_path, {f"app/{name}": data for name, data in split_set().items()}))
    (row,) = ran.apps
    assert row["splits"] == ["config.en", "feature"]
    assert row["location"].endswith("app/base.apk")
    assert row["tamper"] == row["issues"] == []


@pytest.mark.parametrize(
    ("extension", "mark", "rename"),
    [
        ("apks", {"toc.pb": b"x"}, {"base.apk": "splits/base-master.apk"}),
        ("xapk", {"manifest.json": b"{}"}, {"base.apk": "com.example.set.apk"}),
        ("apkm", {"info.json": b"{}"}, {}),
        ("zip", {}, {}),
        ("tar.gz", {}, {}),
    ],
)
def test_a_split_set_in_one_container_is_one_app(
    scan_rows: Scan, tmp_path: Path, extension: str, mark: dict[str, bytes], rename: dict[str, str]
) -> None:
    members = mark | {rename.get(name, name): data for name, data in split_set().items()}
    data = gzip.compress(tar_bytes(members)) if extension == "tar.gz" else zip_bytes(members)
    write(tmp_path, {f"app.{extension}": data})
    ran = scan_rows(tmp_path)
    (row,) = ran.apps
    assert (row["package_name"], sorted(row["splits"])) == ("com.example.set", ["config.en", "feature"])
    assert ran.code == 0


def test_a_split_under_another_signer_is_a_tamper_note(scan_rows: Scan, tmp_path: Path) -> None:
    stranger = {"split_bad.apk": apk("com.example.set", split="bad", v2=[B], v3=[B])}
    write(tmp_path, {f"app/{name}": data for name, data in (split_set() | stranger).items()})
    write(tmp_path, {"app.xapk": zip_bytes({"manifest.json": b"{}", **split_set(), **stranger})})
    for row in scan_rows(tmp_path).apps:
        assert row["tamper"] == ["split-signer: split_bad.apk is signed by another signer than the base"]


def test_splits_of_another_package_or_version_are_told(scan_rows: Scan, tmp_path: Path) -> None:
    odd = {
        "split_x.apk": apk("com.example.other", split="x"),
        "split_y.apk": apk("com.example.set", split="y", version_code=9),
    }
    write(tmp_path, {f"app/{name}": data for name, data in (split_set() | odd).items()})
    row, other = scan_rows(tmp_path).apps
    assert [note.partition(":")[0] for note in row["tamper"]] == ["split-version"]
    assert (other["package_name"], other["location"]) == ("com.example.other", f"{tmp_path}/app/split_x.apk")


def test_an_unreadable_split_is_unread_and_its_base_still_a_row(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"app/base.apk": apk("com.tencent.mm"), "app/split_a.apk": b"PK\x03\x04 cut short"})
    ran = scan_rows(tmp_path)
    assert names(ran) == ["com.tencent.mm"]
    assert [row["which"] for row in ran.unread] == [f"{tmp_path}/app/split_a.apk"]
    assert ran.code == 1


def test_a_lone_split_says_that_its_base_is_missing(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"split_a.apk": apk(split="a")})
    (row,) = scan_rows(tmp_path).apps
    assert any("split-without-base" in issue for issue in row["issues"])


# Verdicts from real bytes ---------------------------------------------------------------------

LISTED = {
    "com.eg.android.AlipayGphone": {"alipay": "impostor"},
    "com.intsig.camscanner": {"camscanner": "name-only"},
    "com.tencent.mobileqq": {"qq-wallet": "impostor", "tencent-qq": "impostor"},
    "com.lenovo.anyshare.gps": {"shareit": "name-only"},
    "com.uc.vmate": {"vmate": "name-only"},
    "com.tencent.mm": {"wechat-pay": "impostor"},
    "cn.wps.moffice_eng": {"wps-office": "name-only"},
}


def findings(row: dict[str, object]) -> dict[str, str]:
    return {finding["signature"]: finding["verdict"] for finding in row["findings"]}  # type: ignore[attr-defined]


@pytest.mark.parametrize("schemes", [{"v2": [A], "v3": [A]}, {"v1": [A], "v2": [], "v3": []}, {"v2": [], "v3": []}])
def test_all_eight_apps_under_a_throw_away_key_or_unsigned(
    scan_rows: Scan, tmp_path: Path, schemes: dict[str, object]
) -> None:
    write(tmp_path, {f"{number}.apk": apk(name, **schemes) for number, name in enumerate(LISTED)})
    ran = scan_rows(tmp_path)
    assert ran.code == 1
    assert {row["package_name"]: findings(row) for row in ran.apps} == LISTED


TEST_DATABASE = """
schema: 1
lists:
  - {{id: ours, title: Our list, status: in-force, cites: [our policy]}}
apps:
  - id: ours
    name: Our app
    publisher: us
    updated: '2026-11-23'
    lists: [{{list: ours, named_as: Our app}}]
    packages:
      - {{name: com.example.ours, variant: main, status: confirmed, pins: complete, signers: [us], cites: [our build]}}
    signers:
      - {{id: us, confidence: computed, sha256: {sha256}, cites: [our build]}}
"""


@pytest.fixture
def our_database(tmp_path: Path) -> Path:
    path = tmp_path / "database" / "ours.yaml"
    path.parent.mkdir()
    path.write_text(TEST_DATABASE.format(sha256=A.sha256))
    return path


@pytest.mark.parametrize(
    ("options", "verdict"),
    [
        ({"package": "com.example.ours"}, "confirmed"),
        ({"package": "com.example.other"}, "same-signer"),
        ({"package": "com.example.ours", "v2": [A], "v3": [V3Signer(C, (A, B))]}, "past-signer"),
        ({"package": "com.example.ours", "v2": [B], "v3": [V3Signer(C, (B,))]}, "impostor"),
        ({"package": "com.example.ours", "v2": [A, B], "v3": []}, "impostor"),
    ],
)
def test_a_test_database_gives_every_verdict(
    scan_rows: Scan, tmp_path: Path, our_database: Path, options: dict[str, object], verdict: str
) -> None:
    write(tmp_path, {"x.apk": apk(**options)})  # type: ignore[arg-type]
    ran = scan_rows(tmp_path / "x.apk", "--signatures", our_database)
    assert ran.apps[0]["verdict"] == verdict
    assert ran.code == (0 if verdict == "same-signer" else 1)
    assert ran.apps[0]["findings"][0]["lists"] == ["ours"]


def test_the_release_decides_whose_signature_counts(scan_rows: Scan, tmp_path: Path, our_database: Path) -> None:
    rotated = {"v2": [A], "v3": [V3Signer(A, max_sdk=32)], "v31": [V3Signer(B, (A,), min_sdk=33)]}
    write(tmp_path, {"x.apk": apk("com.example.ours", **rotated)})
    for sdk, verdict in ((24, "confirmed"), (30, "confirmed"), (33, "past-signer"), (37, "past-signer")):
        ran = scan_rows(tmp_path / "x.apk", "--signatures", our_database, "--sdk", sdk)
        assert ran.apps[0]["verdict"] == verdict
    assert scan_rows(tmp_path / "x.apk", "--signatures", our_database).apps[0]["verdict"] == "past-signer"


def wechats_certificate() -> bytes:
    import yaml

    (app,) = yaml.safe_load((ROOT / "signatures" / "wechat-pay.yaml").read_text())["apps"]
    return bytes.fromhex(app["signers"][0]["der"])


@pytest.mark.parametrize("schemes", ["v2", "v3", "v2 and v3"])
def test_a_pasted_certificate_makes_an_impostor_and_the_row_says_so(
    scan_rows: Scan, tmp_path: Path, schemes: str
) -> None:
    pasted = A.wearing(wechats_certificate())
    options = {name: [pasted] if name in schemes else [] for name in ("v2", "v3")}
    write(tmp_path, {"pasted.apk": apk("com.tencent.mm", **options)})
    ran = scan_rows(tmp_path)
    (row,) = ran.apps
    assert ran.code == 1
    assert row["signers"][0]["sha256"].startswith("0fe4ff85c215")
    assert (row["verdict"], row["assurance"]) == ("impostor", "declared")
    assert "is claimed, but the signature does not verify" in row["findings"][0]["reason"]
    assert row["tamper"][0].startswith("signature-does-not-verify: ")


def test_a_pasted_certificate_under_another_name_is_a_tamper_note_and_nobodys_app(
    scan_rows: Scan, tmp_path: Path
) -> None:
    write(tmp_path, {"pasted.apk": apk("com.example", v2=[A.wearing(wechats_certificate())], v3=[])})
    (row,) = scan_rows(tmp_path).apps
    assert (row["verdict"], row["findings"]) == ("clear", [])
    assert row["tamper"][0].startswith("signature-does-not-verify: ")


def test_content_changed_after_signing_is_noticed_in_what_would_be_reported(scan_rows: Scan, tmp_path: Path) -> None:
    changed = bytearray(apk("com.tencent.mm", members={"a": b"x" * 5000}, stored=True))
    changed[changed.index(b"x" * 100) + 50] ^= 1
    write(tmp_path, {"changed.apk": bytes(changed)})
    (row,) = scan_rows(tmp_path).apps
    assert row["verdict"] == "impostor"
    assert "APK_DIGEST_DID_NOT_VERIFY" in row["tamper"][0]


def test_only_what_would_be_reported_is_verified_unless_asked(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"plain.apk": apk("com.example"), "listed.apk": apk("com.uc.vmate")})
    listed, plain = scan_rows(tmp_path).apps
    assert (listed["assurance"], plain["assurance"], plain["file_sha256"]) == ("verified", "declared", None)
    for row in scan_rows(tmp_path, "--verify").apps:
        path = Path(row["location"])
        assert row["assurance"] == "verified"
        assert row["file_sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("kind", ["zip-deflated", "zip-stored", "tar", "tar.gz"])
def test_what_lies_in_an_archive_is_verified_too(
    scan_rows: Scan, tmp_path: Path, our_database: Path, kind: str
) -> None:
    members = {"ours.apk": apk("com.example.ours"), "note": b"x"}
    write(tmp_path, {"archive": CONTAINERS[kind](members)})
    (row,) = scan_rows(tmp_path / "archive", "--signatures", our_database).apps
    assert (row["verdict"], row["assurance"]) == ("confirmed", "verified")


def test_only_signatures_replaces_what_came_with_the_program(
    scan_rows: Scan, tmp_path: Path, our_database: Path
) -> None:
    write(tmp_path, {"x.apk": apk("com.tencent.mm")})
    assert scan_rows(tmp_path / "x.apk", "--signatures", our_database).code == 1
    assert scan_rows(tmp_path / "x.apk", "--signatures", our_database, "--only-signatures").code == 0


# Bad input ------------------------------------------------------------------------------------

BAD = {
    "empty": (b"", "empty"),
    "text": (b"hello, this is not an APK at all", "not an APK"),
    "truncated": (apk()[:-40], "end-of-central-directory"),
    "appended": (apk() + b"more", "end-of-central-directory"),
    "no-manifest": (zip_bytes({"classes.dex": b"dex\n"}), "without any APK"),
    "text-manifest": (zip_bytes({"AndroidManifest.xml": b"<manifest/>"}), "without any APK"),
    "broken-manifest": (zip_bytes({"AndroidManifest.xml": b"\x03\x00\x08\x00garbage."}), "manifest"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_file_that_is_no_readable_apk_is_unread_with_a_reason(scan_rows: Scan, tmp_path: Path, name: str) -> None:
    data, reason = BAD[name]
    write(tmp_path, {"bad.apk": data, "folder/bad.apk": data, "folder/good.apk": apk()})
    alone = scan_rows(tmp_path / "bad.apk")
    assert (alone.code, alone.apps) == (3, [])
    assert reason in alone.unread[0]["reason"]
    beside = scan_rows(tmp_path / "folder")
    assert (beside.code, names(beside)) == (3, ["com.example.app"])
    assert beside.summary["coverage"][0]["hole"] == f"file {tmp_path}/folder/bad.apk"


@pytest.mark.parametrize("kind", ["tar.gz", "tar.xz", "tar.zst", "zip-stored", "tar"])
def test_an_archive_cut_short_keeps_what_was_read_and_says_so(scan_rows: Scan, tmp_path: Path, kind: str) -> None:
    data = CONTAINERS[kind](
        {
            "a.apk": apk("com.example.a"),
            "b.apk": apk("com.example.b", members={"x": Random(1).randbytes(900_000)}),
        }
    )
    write(tmp_path, {"cut": data[:-20000]})
    ran = scan_rows(tmp_path / "cut")
    assert ran.code == 3
    assert ran.unread
    if kind.startswith("tar"):
        assert names(ran) == ["com.example.a"]


def test_one_bad_member_does_not_end_an_archive(scan_rows: Scan, tmp_path: Path) -> None:
    good = zip_bytes({"a.apk": apk("com.example.a"), "b.apk": apk("com.example.b"), "c.apk": apk("com.example.c")})
    broken = bytearray(good)
    start = good.index(b"b.apk") + 200
    broken[start : start + 40] = bytes(40)
    write(tmp_path, {"set.zip": bytes(broken)})
    ran = scan_rows(tmp_path / "set.zip")
    assert names(ran) == ["com.example.a", "com.example.c"]
    assert ran.unread[0]["which"].endswith("!/b.apk")
    assert ran.code == 3


def test_a_folder_without_apks_has_nothing_to_scan(scan_rows: Scan, tmp_path: Path) -> None:
    assert scan_rows(write(tmp_path, {"readme.txt": b"x"})).code == 4


def test_a_missing_path_is_one_line_and_exit_5(app_scanner: Scan, tmp_path: Path) -> None:
    ran = app_scanner("scan", tmp_path / "nope.apk")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err.splitlines() == [f"app-scanner: {tmp_path}/nope.apk: No such file or directory"]


def test_a_missing_path_beside_a_readable_one_is_a_hole(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"good.apk": apk(), "bad.apk": apk("com.tencent.mm")})
    assert scan_rows(tmp_path / "good.apk", tmp_path / "nope").code == 3
    ran = scan_rows(tmp_path / "bad.apk", tmp_path / "nope")
    assert (ran.code, ran.unread[0]["what"]) == (1, "source")


@pytest.mark.parametrize(("spec", "like"), [("gcs://bucket/x", "gs://"), ("ftp://example.org/x.apk", "s3://, gs://")])
def test_an_address_of_another_kind_is_told_from_a_file(app_scanner: Scan, spec: str, like: str) -> None:
    ran = app_scanner("scan", spec)
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert like in ran.err


def test_a_file_may_be_named_as_an_address(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"an app 100%.apk": apk()})
    named = (tmp_path / "an app 100%.apk").as_uri()
    assert named.endswith("an%20app%20100%25.apk")
    for spec in (named, named.replace("file://", "file://localhost"), f"file://{tmp_path}"):
        assert [row["package_name"] for row in scan_rows(spec).apps] == ["com.example.app"]
    ran = scan_rows("file://elsewhere/x.apk")
    assert (ran.code, "file:///" in ran.err) == (5, True)


def test_a_broken_signature_file_names_file_field_and_reason(app_scanner: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"x.apk": apk()})
    path = tmp_path / "bad.yaml"
    path.write_text(TEST_DATABASE.format(sha256="abc"))
    ran = app_scanner("scan", tmp_path / "x.apk", "--signatures", path)
    assert ran.code == 5
    assert ran.err.startswith(f"app-scanner: {path}: apps[0].signers[0].sha256: wants 64")
    assert len(ran.err.splitlines()) == 1


def test_odd_things_in_a_folder_are_survived(scan_rows: Scan, tmp_path: Path) -> None:
    folder = write(tmp_path / "odd", {"a.apk": apk(), "sub/b.apk": apk("com.example.b")})
    os.mkfifo(folder / "fifo.apk")
    (folder / "loop").symlink_to(folder)
    (folder / "sub" / "up").symlink_to(folder)
    (folder / "dangling.apk").symlink_to(folder / "gone")
    (folder / os.fsdecode(b"bad-\xff-name.apk")).write_bytes(apk("com.example.c"))
    ran = scan_rows(folder)
    assert names(ran) == ["com.example.app", "com.example.c", "com.example.b"]
    assert [row["reason"] for row in ran.unread] == ["a link to nothing"]
    assert any("\\xff" in row["location"] for row in ran.apps)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_entries_are_holes(scan_rows: Scan, tmp_path: Path) -> None:
    folder = write(tmp_path, {"a.apk": apk(), "locked/b.apk": apk(), "c.apk": apk()})
    (folder / "locked").chmod(0)
    (folder / "c.apk").chmod(0)
    ran = scan_rows(folder)
    (folder / "locked").chmod(0o700)
    assert (ran.code, len(ran.unread)) == (3, 2)


def test_unreadable_entries_are_holes_for_another_user_too(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can become nobody")
    folder = write(tmp_path, {"a.apk": apk(), "locked/b.apk": apk()})
    (folder / "locked").chmod(0)
    for path in (folder, *folder.parents[:3]):
        path.chmod(0o755)
    code = (
        "import os, sys; from scanner.sources import FolderSource; os.setuid(65534)\n"
        "for found in FolderSource(sys.argv[1]).apps(): print(type(found).__name__, getattr(found, 'reason', ''))"
    )
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, cwd=ROOT)
    assert done.stdout.splitlines() == ["App ", "UnreadRow Permission denied"], done.stderr


# Lists, outputs, interruptions ----------------------------------------------------------------


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\0"])
def test_paths_come_from_a_list_on_stdin_or_in_a_file(scan_rows: Scan, tmp_path: Path, separator: str) -> None:
    write(tmp_path, {"a b.apk": apk(), "c.apk": apk("com.example.c")})
    listing = (separator.join([f"{tmp_path}/a b.apk", f"{tmp_path}/c.apk"]) + separator).encode()
    assert names(scan_rows("--files-from", "-", stdin=listing)) == ["com.example.app", "com.example.c"]
    (tmp_path / "list").write_bytes(listing)
    assert names(scan_rows("--files-from", tmp_path / "list")) == ["com.example.app", "com.example.c"]
    assert scan_rows("--files-from", "-", stdin=b"").code == 4
    assert scan_rows("--files-from", tmp_path / "nope").code == 5


@pytest.mark.parametrize(
    "words",
    [
        ["scan", "x", "-o", "nonsense"],
        ["scan", "x", "-o", "json="],
        ["scan", "x", "-o", "json", "-o", "csv"],
        ["scan", "x", "-o", "json=f", "-o", "csv=f"],
        ["scan", "x", "--only-signatures"],
        ["scan", "x", "--sdk", "0"],
        ["scan", "x", "-j", "none"],
        ["frobnicate"],
    ],
)
def test_wrong_usage_is_exit_2(app_scanner: Scan, words: list[str]) -> None:
    ran = app_scanner(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "Traceback" not in ran.err


def test_several_outputs_at_once(app_scanner: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"x.apk": apk("com.tencent.mm")})
    words = ["-o", f"jsonl={tmp_path}/r.jsonl", "-o", f"csv={tmp_path}/r.csv", "-o", f"json={tmp_path}/r.json"]
    ran = app_scanner("scan", tmp_path / "x.apk", "-o", "table", *words)
    assert ran.code == 1
    assert "WeChat Pay" in ran.out
    for name in ("r.jsonl", "r.csv", "r.json"):
        assert "com.tencent.mm" in (tmp_path / name).read_text()


def test_an_output_that_cannot_be_written_is_one_line(app_scanner: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"x.apk": apk()})
    ran = app_scanner("scan", tmp_path / "x.apk", "-o", f"json={tmp_path}/no/such/folder.json")
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    full = app_scanner("scan", tmp_path / "x.apk", "-o", "json=/dev/full")
    assert (full.code, "Traceback" in full.err) == (5, False)


def test_a_broken_pipe_ends_quietly(tmp_path: Path) -> None:
    write(tmp_path, {f"{number}.apk": apk(f"com.example.n{number}") for number in range(200)})
    command = f"{sys.executable} -m scanner scan {tmp_path} -q -o jsonl -j 1 | head -c 10"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, cwd=ROOT)
    assert (len(done.stdout), done.stderr) == (10, "")


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_writes_what_was_read(tmp_path: Path, jobs: int) -> None:
    folder = write(tmp_path / "apks", {f"{number:04}.apk": apk(f"com.example.n{number}") for number in range(150)})
    rows = tmp_path / "rows.jsonl"
    listing = "\n".join([str(folder)] * 4000)
    (tmp_path / "list").write_text(listing)
    command = [sys.executable, "-m", "scanner", "scan", "--files-from", tmp_path / "list", "-o", f"jsonl={rows}"]
    process = subprocess.Popen([*command, "-j", str(jobs)], cwd=ROOT, stderr=subprocess.PIPE, start_new_session=True)
    deadline = time.monotonic() + 300
    while (not rows.exists() or rows.stat().st_size < 20_000) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert b"Traceback" not in err
    ran = Ran(130, rows.read_text(), "")
    assert ran.summary["type"] == "summary"
    assert ran.summary["interrupted"]
    assert 0 < len(ran.apps) == ran.summary["counts"]["apps"] < 4000 * 150
    assert ran.summary["exit_code"] == 130


# What a review found, kept found ------------------------------------------------------------------

WECHAT = apk("com.tencent.mm")
GOOD = apk("com.example.good")


def found(ran: Ran) -> bool:
    """WeChat's name was seen, or something was said to be unread: never silence."""
    return "com.tencent.mm" in names(ran) or bool(ran.unread)


@pytest.mark.parametrize("base", ["apk", "container", "empty", "text"])
def test_a_listed_app_posing_as_a_split_has_its_own_row(scan_rows: Scan, tmp_path: Path, base: str) -> None:
    data = {"apk": GOOD, "container": zip_bytes({"x.apk": GOOD}), "empty": b"", "text": b"nothing here"}[base]
    ran = scan_rows(write(tmp_path, {"base.apk": data, "split_wx.apk": WECHAT}))
    assert "com.tencent.mm" in names(ran)
    assert ran.code == 1


def test_a_listed_app_posing_as_a_split_in_a_large_archive_has_its_own_row(scan_rows: Scan, tmp_path: Path) -> None:
    members = {f"{number}.apk": GOOD for number in range(70)} | {"s/base.apk": GOOD, "s/split_wx.apk": WECHAT}
    write(tmp_path, {"big.zip": zip_bytes(members)})
    assert scan_rows(tmp_path).code == 1


def test_whole_apps_in_one_archive_are_never_taken_for_splits(scan_rows: Scan, tmp_path: Path) -> None:
    members = {
        "manifest.json": b"{}",
        "a.apk": WECHAT,
        "b.apk": apk("com.tencent.mm", v2=[B], v3=[B]),
        "c.apk": GOOD,
        "d.apk": apk("com.example.good", version_code=2),
        "e.apk": apk("com.example.good", version_code=2, split="e"),
    }
    write(tmp_path, {"mirror.zip": zip_bytes(members)})
    ran = scan_rows(tmp_path)
    assert sorted(names(ran)) == ["com.example.good"] * 2 + ["com.tencent.mm"] * 2
    assert len({row["signers"][0]["sha256"] for row in ran.apps if row["package_name"] == "com.tencent.mm"}) == 2


def test_an_archive_that_wears_a_manifest_hides_nothing(scan_rows: Scan, tmp_path: Path) -> None:
    from tests.support.axml import encode, manifest

    write(tmp_path, {"x.zip": zip_bytes({"AndroidManifest.xml": encode(manifest("com.good")), "in/wx.apk": WECHAT})})
    ran = scan_rows(tmp_path)
    assert names(ran) == ["com.good", "com.tencent.mm"]
    assert ran.code == 1


TARS = {
    "damaged header": lambda tar: tar.replace(b"wx.apk", b"wx\xff\xffpk", 1),
    "cut at a header": lambda tar: tar[: tar.index(b"wx.apk")],
    "another behind it": lambda tar: tar_bytes({"g.apk": GOOD}) + tar_bytes({"wx.apk": WECHAT}),
    "data behind the end": lambda tar: tar_bytes({"g.apk": GOOD}) + WECHAT,
}


@pytest.mark.parametrize("packed", ["tar", "tar.gz", "tar.zst"])
@pytest.mark.parametrize("damage", TARS)
def test_what_a_damaged_tar_hides_is_said(scan_rows: Scan, tmp_path: Path, damage: str, packed: str) -> None:
    data = TARS[damage](tar_bytes({"g.apk": GOOD, "wx.apk": WECHAT}))
    data = {"tar": bytes, "tar.gz": gzip.compress, "tar.zst": zstandard.compress}[packed](data)
    write(tmp_path, {"x.bin": data})
    ran = scan_rows(tmp_path)
    assert "com.example.good" in names(ran) or damage == "data behind the end", "it ends as an APK that is broken"
    assert found(ran)
    assert ran.code in {1, 3}


def test_a_zstd_frame_cut_short_is_said(scan_rows: Scan, tmp_path: Path) -> None:
    data = zstandard.compress(
        tar_bytes({"g.apk": GOOD, "wx.apk": apk("com.tencent.mm", members={"x": Random(1).randbytes(400_000)})})
    )
    write(tmp_path, {"x.bin": data[: len(data) // 2]})
    assert scan_rows(tmp_path).code == 3


def lying(data: bytes, name: bytes, size: int) -> bytes:
    """The zip with the directory's uncompressed size of one member changed."""
    at = data.rindex(name) - 46
    return data[: at + 24] + size.to_bytes(4, "little") + data[at + 28 :]


def test_members_that_lie_about_size_or_name_are_not_passed_over(scan_rows: Scan, tmp_path: Path) -> None:
    plain = zip_bytes({"wx.bin": WECHAT, "note": b"x"})
    write(
        tmp_path,
        {
            "size0.zip": lying(plain, b"wx.bin", 0),
            "size10.zip": lying(plain, b"wx.bin", 10),
            "folder.zip": zip_bytes({"wx/": WECHAT}, stored=True),
            "empty.zip": zip_bytes({"wx.apk": b"", "note": b"x"}),
            "prefixed.zip": zip_bytes({"poly.bin": b"dex\n035\0" + WECHAT}, stored=True),
        },
    )
    for path in tmp_path.iterdir():
        ran = scan_rows(path)
        assert found(ran), path.name
        assert ran.code in {1, 3}, path.name


def test_a_compressed_apk_is_read_and_an_archive_named_like_one_is_unread(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"wx.gz": gzip.compress(WECHAT)})
    assert names(scan_rows(tmp_path)) == ["com.tencent.mm"]
    write(tmp_path, {"wx.gz": b"", "tar.apk": gzip.compress(tar_bytes({"a": b"x"}))})
    assert [row["which"] for row in scan_rows(tmp_path).unread] == [f"{tmp_path}/tar.apk"]


def test_the_tar_of_before_1988_is_read(scan_rows: Scan, tmp_path: Path) -> None:
    header = bytearray(tar_bytes({"wx.apk": WECHAT}))
    header[257:512] = bytes(255)
    header[148:156] = b" " * 8
    header[148:156] = f"{sum(header[:512]):06o}\0 ".encode()
    write(tmp_path, {"old.bin": bytes(header)})
    assert names(scan_rows(tmp_path)) == ["com.tencent.mm"]


def test_a_bomb_of_overlapping_members_is_bounded(scan_rows: Scan, tmp_path: Path) -> None:
    import struct

    whole = zip_bytes({"a.apk": b"PK\x03\x04" + bytes(60_000_000)})
    directory = whole.index(b"PK\x01\x02")
    record, end = whole[directory : whole.index(b"PK\x05\x06")], whole[-22:]
    count = 2000
    end = end[:8] + struct.pack("<HHII", count, count, len(record) * count, directory) + end[20:]
    write(tmp_path, {"bomb.zip": whole[:directory] + record * count + end})
    ran = scan_rows(tmp_path / "bomb.zip")
    assert ran.code == 3
    assert any("what is in it inflates to more than" in row["reason"] for row in ran.unread)


def test_a_tar_with_a_gigabyte_of_name_is_bounded(scan_rows: Scan, tmp_path: Path) -> None:
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 64 << 20
    data = info.tobuf(tarfile.GNU_FORMAT) + bytes(64 << 20) + tar_bytes({"wx.apk": WECHAT})
    write(tmp_path, {"x.tar.gz": gzip.compress(data, 1), "x.tar": data})
    for name in ("x.tar.gz", "x.tar"):
        ran = scan_rows(tmp_path / name)
        assert (ran.code, len(ran.unread)) == (3, 1)
        assert "extended header" in ran.unread[0]["reason"]


def test_a_decoy_package_attribute_is_not_the_name(scan_rows: Scan, tmp_path: Path) -> None:
    from tests.support.axml import manifest

    root = manifest("com.tencent.mm")
    root.attributes = {"android:package": "com.example.good", **root.attributes}
    write(tmp_path, {"x.apk": build_apk(root, v2=[A])})
    (row,) = scan_rows(tmp_path).apps
    assert row["package_name"] == "com.tencent.mm"
    assert any("manifest-decoy" in note for note in row["tamper"])


@pytest.mark.parametrize("command", [["scan"], ["scan", "-o", "csv"], ["inspect"]])
def test_a_narrow_terminal_encoding_ends_no_report(app_scanner: Scan, tmp_path: Path, command: list[str]) -> None:
    path = write(tmp_path, {"微信.apk": WECHAT}) / "微信.apk"
    ran = app_scanner(*command, path, env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"})
    assert (ran.code, "Traceback" in ran.err) == (1, False)


@pytest.mark.parametrize("command", [["scan", "-o", "csv"], ["scan"], ["inspect"]])
def test_a_full_disk_is_exit_5_and_never_found(tmp_path: Path, command: list[str]) -> None:
    path = write(tmp_path, {"x.apk": WECHAT}) / "x.apk"
    with Path("/dev/full").open("wb") as full:
        words = [sys.executable, "-m", "scanner", *command, path]
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, cwd=ROOT)
    assert (done.returncode, b"Traceback" in done.stderr) == (5, False)


def test_a_list_from_powershell_is_read_as_it_is_meant(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"x.apk": WECHAT})
    for encoding in ("utf-16", "utf-8-sig"):
        assert names(scan_rows("--files-from", "-", stdin=f"{tmp_path}/x.apk\r\n".encode(encoding))) == [
            "com.tencent.mm"
        ]


def pkcs7_of(apk_bytes: bytes) -> bytes:
    import zipfile

    return zipfile.ZipFile(io.BytesIO(apk_bytes)).read("META-INF/CERT.EC")


@pytest.mark.parametrize("trick", ["lower case", "subfolder"])
def test_whom_a_jar_signature_seems_to_name_never_outweighs_who_signed(
    scan_rows: Scan, tmp_path: Path, our_database: Path, trick: str
) -> None:
    """The pinned signer's old block file beside the attacker's valid one, where two readers might differ."""
    pinned = build_apk("com.example.ours", v1=[A], target_sdk=28)
    content = {"AndroidManifest.xml": b"", "res/raw/note.txt": b""}
    stale = {"META-INF/cert.ec": pkcs7_of(pinned), "META-INF/cert.sf": b"Signature-Version: 1.0\r\n\r\n"}
    if trick == "subfolder":
        stale = {"META-INF/x/CERT.EC": pkcs7_of(pinned), "META-INF/x/CERT.SF": b"Signature-Version: 1.0\r\n\r\n"}
    forged = build_apk("com.example.ours", v1=[B], target_sdk=28)
    import zipfile

    out = io.BytesIO(forged)
    with zipfile.ZipFile(out, "a") as archive:
        for name, data in stale.items():
            archive.writestr(name, data)
    write(tmp_path, {"x.apk": out.getvalue()})
    (row,) = scan_rows(tmp_path / "x.apk", "--signatures", our_database).apps
    assert content
    assert row["verdict"] == "impostor"


def test_a_quiet_scan_that_fails_says_why(app_scanner: Callable[..., Ran], tmp_path: Path) -> None:
    ran = app_scanner("scan", "-q", tmp_path / "none.apk")
    assert (ran.code, ran.out) == (5, "")
    assert ran.err == f"app-scanner: {tmp_path}/none.apk: No such file or directory\n"
