"""A list in a spreadsheet as signatures: through ``scan --signatures list.csv``, and bad ones, refused by line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.database import load_database, read_signature_file
from scanner.database.signaturelist import to_csv
from scanner.errors import DatabaseError
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import key

Run = Callable[..., Ran]
A, B = key("a"), key("b")


def colons(digest: str) -> str:
    return ":".join(digest[at : at + 2] for at in range(0, len(digest), 2)).upper()


def listed(folder: Path, text: str, name: str = "list.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8", newline="")
    return path


def test_a_list_is_scanned_with_directly(tmp_path: Path, scan_rows: Run) -> None:
    mine = listed(tmp_path, f"package,name,sha256\ncom.example.app,Ours,{A.sha256}\ncom.example.bare,Bare,\n")
    for name, package, signer in (
        ("a", "com.example.app", A),
        ("b", "com.example.app", B),
        ("c", "com.example.bare", A),
    ):
        (tmp_path / f"{name}.apk").write_bytes(build_apk(package, v1=[signer], v2=[signer]))
    ran = scan_rows(*sorted(tmp_path.glob("*.apk")), "--signatures", mine)
    assert [row["verdict"] for row in ran.apps] == ["confirmed", "name-only", "name-only"]
    assert ran.apps[0]["findings"][0]["signature"] == "ours"
    assert f"{mine}: line 2" in str(ran.apps[0]["findings"])


def test_digests_may_stand_as_tools_print_them(tmp_path: Path) -> None:
    text = f'\ufeffPackage;SHA256 ;Name\r\ncom.example.app; {colons(A.sha256)};"Ours; really"\r\n\r\n'
    (app,) = read_signature_file(listed(tmp_path, text)).apps
    assert (app.name, app.id, app.signers[0].sha256) == ("Ours; really", "ours-really", A.sha256)


def test_rows_of_one_app_come_together(tmp_path: Path) -> None:
    text = (
        "package,name,sha256,pins,updated,publisher,cite\n"
        f"com.example.app,Ours,{A.sha256},complete,2026-01-02,Us,our build log\n"
        f"com.example.app,Ours,{B.sha256},complete,2026-03-04,,\n"
        f"com.example.lite,Ours,{A.sha256},,,,\n"
    )
    (app,) = read_signature_file(listed(tmp_path, text)).apps
    assert (app.updated, app.publisher, len(app.signers)) == ("2026-03-04", "Us", 2)
    assert [(package.name, package.pins, len(package.signers)) for package in app.packages] == [
        ("com.example.app", "complete", 2),
        ("com.example.lite", "partial", 1),
    ]
    assert "our build log" in app.signers[0].cites


LISTS = """
schema: 1
lists: [{id: our-policy, title: Our policy on mobile apps, status: in-force, cites: [our intranet]}]
"""


def test_a_column_says_which_lists_name_an_app(tmp_path: Path) -> None:
    text = (
        "package,name,lists\n"
        "com.example.app,Ours,us-eo-13971\n"
        "com.example.lite,Ours,our-policy; us-eo-13971\n"
        "com.example.other,Other,\n"
    )
    mine = listed(tmp_path, text)
    listed(tmp_path, LISTS, "lists.yaml")
    database = load_database([tmp_path])
    named = {one.id: one.lists for one in database.signatures}
    assert [(one.list_id, one.named_as) for one in named["ours"]] == [("us-eo-13971", "Ours"), ("our-policy", "Ours")]
    assert named["other"] == ()
    assert "our-policy" in {state.id for state in database.list_states()}
    with pytest.raises(
        DatabaseError, match=r"list\.csv: ours\.lists\[1\]\.list: no list 'our-policy' is defined, by no YAML"
    ):
        load_database([mine])


def test_a_scan_goes_by_the_lists_of_a_list(tmp_path: Path, scan_rows: Run) -> None:
    text = "package,lists\ncom.example.app,our-policy us-eo-13971\ncom.example.other,\n"
    signatures = "--signatures", listed(tmp_path, text), "--signatures", listed(tmp_path, LISTS, "lists.yaml")
    apks = tmp_path / "apks"
    apks.mkdir()
    (apks / "other.apk").write_bytes(build_apk("com.example.other", v1=[A], v2=[A]))
    ran = scan_rows(apks, *signatures, "--list", "our-policy")
    assert (ran.code, [finding["fails"] for finding in ran.apps[0]["findings"]]) == (0, [False])
    (apks / "app.apk").write_bytes(build_apk("com.example.app", v1=[A], v2=[A]))
    for named in ("our-policy", "us-eo-13971"):
        ran = scan_rows(apks, *signatures, "--list", named)
        fails = {row["package_name"]: [finding["fails"] for finding in row["findings"]] for row in ran.apps}
        assert (ran.code, fails) == (1, {"com.example.app": [True], "com.example.other": [False]})
    assert ran.apps[0]["findings"][0]["lists"] == ["our-policy", "us-eo-13971"]
    assert scan_rows(apks, *signatures, "--list", "taiwan-risk-notices").code == 0


def test_a_list_that_keeps_the_lists_of_an_app_loses_none(tmp_path: Path) -> None:
    (wps,) = [one for one in load_database().signatures if one.id == "wps-office"]
    whole = to_csv([wps])
    assert load_database([listed(tmp_path, whole)]).replaced == ()
    bare = whole.replace("us-eo-13971; texas-prohibited-technologies", "texas-prohibited-technologies")
    assert bare != whole
    ((_, why),) = load_database([listed(tmp_path, bare)]).replaced
    assert "without its list us-eo-13971" in why


def test_a_list_without_dates_is_as_old_as_its_file(tmp_path: Path) -> None:
    mine = listed(tmp_path, "package\ncom.example.app\n")
    os.utime(mine, (1_577_880_000, 1_577_880_000))
    assert read_signature_file(mine).apps[0].updated == "2020-01-01"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1: no column 'package'"),
        ("name,sha256\nx,y\n", "line 1: no column 'package'"),
        ("package,sha265\ncom.example,x\n", "line 1: the column 'sha265' is unknown"),
        ("package,package\na,b\n", "line 1"),
        ("package,name\n,Ours\n", "line 2: no package"),
        ("package,name\ncom.example,Ours,more\n", "line 2: more cells than columns"),
        ("package,pins\ncom.example,complete\n", "line 2: pins: 'complete' without a digest"),
        ("package,status\ncom.example,sure\n", "line 2: status: 'sure' is none of confirmed"),
        ("package,sha256\ncom.example,12\n", "sha256: wants 64 lower-case hex digits"),
        ('package\n"com.example\n', "unexpected end of data"),
    ],
)
def test_a_bad_list_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        load_database([listed(tmp_path, text)])
    assert said in str(caught.value)
    assert "list.csv" in str(caught.value)


def test_a_name_never_becomes_a_formula(tmp_path: Path) -> None:
    read = read_signature_file(listed(tmp_path, "package,name\ncom.example.app,=cmd()\n")).apps
    text = to_csv(read)
    assert ",'=cmd()," in text
    assert read_signature_file(listed(tmp_path, text)).apps[0].name == "=cmd()"


def test_text_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes(b"package\n\xff\n")
    with pytest.raises(DatabaseError, match="UTF-8"):
        load_database([tmp_path / "list.csv"])


def test_a_list_is_linted_like_any_file(tmp_path: Path, app_scanner: Run) -> None:
    good = listed(tmp_path, f"package,name,sha256\ncom.example.app,Ours,{A.sha256}\n")
    unknown = listed(tmp_path, "package,lists\ncom.example.app,us-eo-13917\n", "unknown.csv")
    bad = listed(tmp_path, f"package,sha1\ncom.example.app,{'61ed377e85d386a8dfee6b864bd85b0bfaa5af81'}\n", "bad.csv")
    assert app_scanner("signatures", "lint", good).code == 0
    ran = app_scanner("signatures", "lint", bad)
    assert (ran.code, "[public-key]" in ran.out) == (1, True)
    ran = app_scanner("signatures", "lint", unknown)
    assert (ran.code, "no list 'us-eo-13917' is defined" in ran.out) == (1, True)
    ran = app_scanner(
        "signatures", "lint", unknown, listed(tmp_path, LISTS.replace("our-policy", "us-eo-13917"), "l.yaml")
    )
    assert ran.code == 0


def test_the_shipped_signatures_survive_a_list(tmp_path: Path) -> None:
    def pins(signatures: object) -> set[tuple[object, ...]]:
        return {
            (
                app.id,
                tuple(one.list_id for one in app.lists),
                package.name,
                package.status,
                package.pins,
                signer.sha256 or signer.sha1 or signer.md5 or "?",
            )
            for app in signatures  # type: ignore[attr-defined]
            for package in app.packages
            for signer in app.signers_of(package)
        }

    shipped = load_database().signatures
    again = read_signature_file(listed(tmp_path, to_csv(shipped))).apps
    assert pins(again) == pins(shipped)
    assert {package.name for app in again for package in app.packages} == {
        package.name for app in shipped for package in app.packages
    }
