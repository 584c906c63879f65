"""``app-scanner scan`` over exports, dumps and tables: what is found, how sure it is, and what was not seen."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from scanner.model import Assurance
from tests.conftest import Ran
from tests.sources.inventories.readers.samples import DUMPSTATE, colons
from tests.test_cli_scan import apk, write

Scan = Callable[..., Ran]
WECHAT = "com.tencent.mm"
HASH32 = "962f5b7"
SHA256 = "0fe4ff85c215918396dadc7cd8ce6963339af33d37751a56e54c7206b63a3c7c"
SHA1 = "cc80d76aa9fe94ec205ef0c336bfc424596da290"
OTHER = "ab" * 32


def dumpsys(*packages: tuple[str, str], version: int = 2600) -> str:
    blocks = "".join(
        f"""  Package [{name}] (de9cb72):
    userId=10123
    codePath=/data/app/~~0aX7==/{name}-hc==
    versionCode={version} minSdk=24 targetSdk=34
    versionName=8.0.50
    signatures=PackageSignatures{{a5fdf92 version:3, signatures:[{hash32}], past signatures:[]}}
    User 0: ceDataInode=39050 installed=true hidden=false suspended=false stopped=false notLaunched=false enabled=0
"""
        for name, hash32 in packages
    )
    return f"Packages:\n{blocks}\nPackage Changes:\n  User 0:\n"


def app_links(name: str, sha256: str) -> str:
    return f"""  {name}:
    ID: 01234567-89ab-cdef-0123-456789abcdef
    Signatures: [{colons(sha256)}]
    Domain verification state:
      www.example.org: verified
"""


def amapi(serials: list[str], sha1: str, version: int = 2600) -> str:
    report = {
        "packageName": WECHAT,
        "displayName": "WeChat",
        "versionCode": version,
        "signingKeyCertFingerprints": [sha1],
        "state": "INSTALLED",
        "applicationSource": "INSTALLED_FROM_PLAY_STORE",
    }
    devices = [
        {
            "name": f"enterprises/LC0/devices/{serial}",
            "hardwareInfo": {"serialNumber": serial, "model": "Pixel 7"},
            "softwareInfo": {"androidVersion": "14"},
            "applicationReports": [report, {"packageName": "com.example.plain", "displayName": "Plain"}],
        }
        for serial in serials
    ]
    return json.dumps({"devices": devices})


def only(rows: list[dict[str, Any]], name: str = WECHAT) -> dict[str, Any]:
    (row,) = [row for row in rows if row["package_name"] == name]
    return row


def said(ran: Ran) -> str:
    return json.dumps(ran.summary["coverage"])


@pytest.mark.parametrize(
    ("text", "verdict", "assurance"),
    [
        (dumpsys((WECHAT, HASH32)), "likely", Assurance.HINT),
        (dumpsys((WECHAT, "12345678")), "impostor", Assurance.HINT),
        (app_links(WECHAT, SHA256), "confirmed", Assurance.PLATFORM),
        (app_links(WECHAT, OTHER), "impostor", Assurance.PLATFORM),
        (amapi(["R58ONE"], SHA1), "confirmed", Assurance.REPORTED),
        (amapi(["R58ONE"], "00" * 20), "impostor", Assurance.REPORTED),
        (f"package:{WECHAT}\n", "name-only", None),
    ],
    ids=["hash", "other-hash", "app-links", "other-app-links", "sha1", "other-sha1", "name"],
)
def test_the_verdict_is_as_sure_as_the_evidence(
    scan_rows: Scan, tmp_path: Path, text: str, verdict: str, assurance: Assurance | None
) -> None:
    (tmp_path / "export").write_text(text)
    ran = scan_rows(tmp_path / "export")
    row = only(ran.apps)
    assert (row["verdict"], row["assurance"], ran.code) == (verdict, assurance, 1)


def test_a_fleet_in_six_formats_is_one_row_for_each_app_of_each_device(scan_rows: Scan, tmp_path: Path) -> None:
    saved = scan_rows(write_one(tmp_path, "R58TWO-old", dumpsys((WECHAT, HASH32), ("com.example.saved", "1"))))
    earlier = saved.out.replace(str(tmp_path / "R58TWO-old"), "R58TWO")
    files = {
        "R58ONE.txt": dumpsys((WECHAT, HASH32), ("com.example.plain", "12345678")),
        "links of R58ONE": app_links(WECHAT, SHA256),
        "devices.json": amapi(["R58ONE", "R58TWO"], SHA1),
        "table.csv": f"Serial,App ID,Version\nr58two,{WECHAT},8.0.50\nR58THREE,com.example.plain,1\n",
        "R58TWO.pm": f"package:{WECHAT}\npackage:com.example.only.here\n",
        "earlier.jsonl": earlier,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    ran = scan_rows(*(tmp_path / name for name in files))
    seen = {(row["device"]["serial"], row["package_name"]): row for row in ran.apps}
    assert len(seen) == len(ran.apps)
    assert set(seen) == {
        ("R58ONE", WECHAT),
        ("R58ONE", "com.example.plain"),
        ("R58TWO", WECHAT),
        ("R58TWO", "com.example.plain"),
        ("R58TWO", "com.example.saved"),
        ("R58TWO", "com.example.only.here"),
        ("R58THREE", "com.example.plain"),
    }
    one, two = seen["R58ONE", WECHAT], seen["R58TWO", WECHAT]
    assert (one["verdict"], one["assurance"], one["installer"]) == ("confirmed", "platform", None)
    assert (one["version_code"], one["device"]["model"], one["label"]) == (2600, "Pixel 7", "WeChat")
    assert (two["verdict"], two["assurance"]) == ("confirmed", "reported")
    assert not one["contradictions"]
    assert any("devices.json" in issue for issue in one["issues"])
    holes = {hole["reason"]: hole["hole"] for hole in ran.summary["coverage"]}
    told = "names no device, and its file name does: taken for"
    assert holes[f"{told} R58ONE"] == f"{tmp_path}/R58ONE.txt and 1 more"
    assert holes[f"{told} R58TWO"] == f"{tmp_path}/R58TWO.pm"
    assert ran.code == 1


def write_one(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text)
    return folder / name


def test_contradictions_are_shown(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path, {"R58ONE.txt": dumpsys((WECHAT, "12345678"), version=1).encode()})
    write(tmp_path, {"links-R58ONE.txt": app_links(WECHAT, OTHER).encode()})
    ran = scan_rows(tmp_path / "R58ONE.txt", write_one(tmp_path, "amapi", amapi(["R58ONE"], SHA1)))
    row = only(ran.apps)
    assert (row["verdict"], row["assurance"]) == ("confirmed", "reported")
    assert [text.partition(":")[0] for text in row["contradictions"]] == ["version-code", "certificate"]
    assert "an impostor's" in row["contradictions"][1]
    stated = only(scan_rows(tmp_path / "links-R58ONE.txt", write_one(tmp_path, "amapi", amapi(["R58ONE"], SHA1))).apps)
    assert (stated["verdict"], stated["assurance"]) == ("impostor", "platform")
    twice = scan_rows(tmp_path / "links-R58ONE.txt", write_one(tmp_path, "R58ONE.links", app_links(WECHAT, SHA256)))
    assert len(twice.apps) == 2, "neither names a device, so nothing says that these are one phone"


def test_an_impostor_is_not_outvoted_by_an_export_that_is_as_sure(scan_rows: Scan, tmp_path: Path) -> None:
    table = write_one(tmp_path, "t.csv", f"Serial,App ID,Certificate SHA-256\nR58ONE,{WECHAT},{OTHER}\n")
    export = write_one(tmp_path, "devices.json", amapi(["R58ONE"], SHA1))
    for specs in ((table, export), (export, table)):
        row = only(scan_rows(*specs).apps)
        assert (row["verdict"], row["assurance"]) == ("impostor", "reported")
        assert any("the publisher's" in text for text in row["contradictions"])


def test_devices_that_have_no_name_are_not_one(scan_rows: Scan, tmp_path: Path) -> None:
    context = "https://graph.microsoft.com/v1.0/$metadata#deviceManagement/detectedApps"
    apps = [{"id": str(number), "displayName": "WeChat", "platform": "androidWorkProfile"} for number in (1, 2)]
    exports = [json.dumps({"@odata.context": context, "value": [one]}) for one in apps]
    files = [write_one(tmp_path, f"{number}.json", text) for number, text in enumerate(exports)]
    ran = scan_rows(*files)
    assert [row["verdict"] for row in ran.apps] == ["display-name", "display-name"]


def test_exports_among_other_files_of_a_folder_are_read(scan_rows: Scan, tmp_path: Path) -> None:
    files = {
        "a.apk": apk("com.example.a"),
        "list.csv": f"Serial,App ID\nR1,{WECHAT}\n".encode(),
        "notes.txt": b"Hello.",
    }
    ran = scan_rows(write(tmp_path / "mixed", files))
    assert [row["package_name"] for row in ran.apps] == ["com.example.a", WECHAT]
    assert (ran.summary["counts"]["other_files"], ran.code) == (1, 1)


def test_what_went_wrong_among_the_exports_of_a_folder_is_unread(scan_rows: Scan, tmp_path: Path) -> None:
    """A page that asks for a password, a command that said nothing: each may be the phone that has it."""
    good = {"R58ONE.txt": b"package:com.example.a\n", "README.txt": b"Hello."}
    bad = {"devices.json": b"<html>Sign in</html>", "R58TWO.txt": b"", "list.csv": b"a,b\n1,2\n"}
    folder = write(tmp_path / "exports", good | bad)
    ran = scan_rows(folder)
    assert {row["which"] for row in ran.unread} == {str(folder / name) for name in bad}
    assert (ran.code, ran.summary["counts"]["other_files"]) == (3, 1)


def test_a_zip_of_bug_reports_in_a_folder_is_read(scan_rows: Scan, tmp_path: Path) -> None:
    report = write(tmp_path / "r", {"bugreport-1.txt": DUMPSTATE.encode()})
    inner = shutil.make_archive(str(tmp_path / "z" / "R58ONE" / "bugreport"), "zip", report)
    outer = shutil.make_archive(str(tmp_path / "exports" / "all"), "zip", tmp_path / "z")
    ran = scan_rows(tmp_path / "exports")
    assert {row["location"] for row in ran.apps} == {f"{outer}!/R58ONE/{Path(inner).name}!/bugreport-1.txt"}
    assert ran.summary["counts"]["other_files"] == 0


def test_a_zip_of_exports_on_stdin(scan_rows: Scan, tmp_path: Path) -> None:
    folder = write(tmp_path / "z", {"export.csv": f"Serial,App ID\nR1,{WECHAT}\n".encode()})
    shutil.make_archive(str(tmp_path / "z"), "zip", folder)
    assert only(scan_rows("-", stdin=(tmp_path / "z.zip").read_bytes()).apps)["verdict"] == "name-only"


def test_a_column_that_holds_no_package_names_is_not_read_as_one(scan_rows: Scan, tmp_path: Path) -> None:
    table = write_one(tmp_path, "t.csv", f"Device,Package\nR58M1,{WECHAT}\n")
    ran = scan_rows(table, "--columns", "package=Device")
    assert (ran.apps, ran.code) == ([], 3)
    other = scan_rows(write_one(tmp_path, "requirements.csv", "package,version\nsix,1.0\n"))
    assert (other.apps, other.code) == ([], 3)
    assert "--columns" in other.unread[0]["reason"]


def test_two_dumps_that_name_no_device_are_two_devices(scan_rows: Scan, tmp_path: Path) -> None:
    for name in ("a", "b"):
        write(tmp_path, {f"{name}/packages.txt": f"package:{WECHAT}\n".encode()})
    ran = scan_rows(tmp_path / "a" / "packages.txt", tmp_path / "b" / "packages.txt")
    assert len({row["device"]["serial"] for row in ran.apps}) == 2


def test_a_title_joins_the_app_that_bears_it(scan_rows: Scan, tmp_path: Path) -> None:
    titles = write_one(tmp_path, "titles.csv", "Serial,Application Name\nR58ONE,wechat\nR58ONE,QQ\n")
    ran = scan_rows(titles, write_one(tmp_path, "devices.json", amapi(["R58ONE"], SHA1)))
    assert sorted(row["verdict"] for row in ran.apps) == ["clear", "confirmed", "display-name"]
    alone = scan_rows(titles)
    assert [row["verdict"] for row in alone.apps] == ["display-name", "display-name"]
    assert alone.code == 3
    assert all(row["removal"] == [] for row in alone.apps)


@pytest.mark.parametrize("form", ["plain", "gzip", "zstd", "utf-8-sig", "utf-16"])
def test_compression_and_encodings(scan_rows: Scan, tmp_path: Path, form: str) -> None:
    text = dumpsys((WECHAT, HASH32))
    data = {
        "plain": text.encode(),
        "gzip": gzip.compress(text.encode()),
        "zstd": zstandard.compress(text.encode()),
        "utf-8-sig": text.encode("utf-8-sig"),
        "utf-16": text.replace("\n", "\r\n").encode("utf-16"),
    }[form]
    (tmp_path / "dump").write_bytes(data)
    ran = scan_rows(tmp_path / "dump")
    assert only(ran.apps)["verdict"] == "likely"
    assert only(scan_rows("-", stdin=data).apps)["verdict"] == "likely"


def test_other_systems_are_counted_and_never_clean(scan_rows: Scan, tmp_path: Path) -> None:
    table = write_one(tmp_path, "t.csv", "Serial,Platform,App ID\nF1,iOS,com.tencent.xin\nW1,Windows,Some.App\n")
    ran = scan_rows(table)
    assert (ran.apps, ran.code) == ([], 4)
    assert "1 of iOS" in said(ran)
    assert "1 of Windows" in said(ran)


def test_an_old_scan_gives_the_same_rows(scan_rows: Scan, tmp_path: Path) -> None:
    write(tmp_path / "apks", {"a.apk": apk("com.example.a"), WECHAT: apk(WECHAT)})
    dump = write_one(tmp_path, "dump", dumpsys((WECHAT, HASH32), ("com.example.b", "1")))
    first = scan_rows(tmp_path / "apks", dump)
    again = scan_rows(write_one(tmp_path, "saved.jsonl", first.out))
    unstamped = [{**row, "stamp": None} for row in first.apps]  # what was matched anew was not read by these choices
    assert again.apps == unstamped
    assert again.code == first.code


def test_as_and_columns_overrule_what_is_seen(app_scanner: Scan, scan_rows: Scan, tmp_path: Path) -> None:
    odd = write_one(tmp_path, "odd", f"x|{WECHAT}|{SHA256}\n")
    assert scan_rows(odd).code == 3
    ran = scan_rows(odd, "--columns", "package=2,sha256=3")
    assert (only(ran.apps)["verdict"], only(ran.apps)["assurance"]) == ("confirmed", "reported")
    listing = write_one(tmp_path, "l.csv", "Package name\ncom.example.a\n")
    assert scan_rows(listing).apps != []
    assert scan_rows(listing, "--as", "pm").apps == []
    wrong = app_scanner("scan", listing, "--as", "nothing")
    assert (wrong.code, "google-workspace" in wrong.err, "Traceback" in wrong.err) == (2, True, False)
    wrong = app_scanner("scan", listing, "--columns", "pakage=1")
    assert (wrong.code, "package" in wrong.err) == (2, True)


def test_a_guess_is_told(scan_rows: Scan, tmp_path: Path) -> None:
    ran = scan_rows(write_one(tmp_path, "t.csv", "Device,App ID\nR1,com.example.a\n"))
    assert "package from App ID" in said(ran)
    assert ran.code == 0


def test_standard_input_that_is_nothing_known_fails(scan_rows: Scan, tmp_path: Path) -> None:
    ran = scan_rows("-", stdin=b"hello\n")
    assert ran.code == 5
    assert "--as" in ran.unread[0]["reason"]
    with_more = scan_rows("-", write_one(tmp_path, "p", "package:com.example.a\n"), stdin=b"hello\n")
    assert (with_more.code, len(with_more.apps)) == (3, 1)


def test_what_is_not_understood_is_named_with_its_line(scan_rows: Scan, tmp_path: Path) -> None:
    table = write_one(
        tmp_path, "t.csv", "Device,App ID,SHA-256\nR1,com.example.a,\nR1,not a name,\nR1,com.example.b,zz\n"
    )
    ran = scan_rows(table)
    assert [row["which"].rpartition(": ")[2] for row in ran.unread] == ["line 3", "line 4"]
    assert [row["package_name"] for row in ran.apps] == ["com.example.a", "com.example.b"]
    assert ran.code == 3


def test_apks_that_lie_in_a_bundle_are_read_too(scan_rows: Scan, tmp_path: Path) -> None:
    acquired = [{"name": WECHAT, "files": [], "installer": "", "uid": 1, "third_party": True}]
    folder = write(
        tmp_path / "qf", {"packages.json": json.dumps(acquired).encode(), "apks/x.apk": apk("com.example.x")}
    )
    shutil.make_archive(str(tmp_path / "qf"), "zip", folder)
    for spec in (folder, tmp_path / "qf.zip"):
        ran = scan_rows(spec)
        assert {row["package_name"] for row in ran.apps} == {WECHAT, "com.example.x"}
        assert ran.code == 1


def test_a_folder_of_apks_stays_one(scan_rows: Scan, tmp_path: Path) -> None:
    listing = b"Package name\ncom.example.b\n"
    folder = write(tmp_path / "f", {"a.apk": apk("com.example.a"), "list.xml": listing, "packages.json": b"{}"})
    shutil.make_archive(str(tmp_path / "f"), "zip", folder)
    for spec in (folder, tmp_path / "f.zip"):
        ran = scan_rows(spec)
        assert [row["package_name"] for row in ran.apps] == ["com.example.a"]
        assert ran.summary["counts"]["other_files"] == 2


def test_owners_are_named(scan_rows: Scan, tmp_path: Path) -> None:
    owners = write_one(tmp_path, "owners.csv", "R58ONE,Ada\n")
    ran = scan_rows(write_one(tmp_path, "devices.json", amapi(["R58ONE"], SHA1)), "--owners", owners)
    assert only(ran.apps)["device"]["owner"] == "Ada"


def test_a_broken_inventory_does_not_end_the_others(scan_rows: Scan, tmp_path: Path) -> None:
    broken = write_one(tmp_path, "cut.json", amapi(["R58ONE", "R58TWO"], SHA1)[:-200])
    missing = tmp_path / "missing.json"
    ran = scan_rows(broken, missing, write_one(tmp_path, "p", "package:com.example.a\n"))
    assert {row["package_name"] for row in ran.apps} >= {"com.example.a", WECHAT}
    assert len(ran.unread) == 2
    assert "cut.json" in said(ran)
    assert "missing.json" in said(ran)
