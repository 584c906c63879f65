"""``scan --payments`` and ``scan --look-alikes``: who can pay through a listed app, and who looks like one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.database import load_database
from tests.conftest import Ran
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.arsc import table
from tests.support.axml import Element, Reference, manifest
from tests.support.dex import dex_bytes
from tests.support.signer import key

Scan = Callable[..., Ran]
A = key("a")
WECHAT_CLASSES = ["Lcom/tencent/mm/opensdk/modelpay/PayReq;", "Lcom/tencent/mm/opensdk/openapi/IWXAPI;"]
LOGIN_CLASSES = ["Lcom/tencent/mm/opensdk/openapi/IWXAPI;", "Lcom/tencent/tauth/Tencent;", "Lcom/shop/A;"]


def activity(name: str, *inside: Element) -> Element:
    return Element("activity", {"android:name": name}, list(inside))


def scheme(name: str) -> Element:
    return Element("intent-filter", {}, [Element("data", {"android:scheme": name})])


def shop(*application: Element, classes: list[str] | None = None, **more: Any) -> bytes:
    """An app of another name and signer, with these components and classes."""
    members = {"classes.dex": dex_bytes(classes if classes is not None else ["Lcom/shop/Main;"])}
    root = manifest("com.shop", application=list(application), children=more.pop("children", None), **more)
    return build_apk(root, v2=[A], members=members)


def scanned(
    scan_rows: Scan, tmp_path: Path, data: bytes, *words: str, name: str = "x.apk"
) -> tuple[Ran, dict[str, Any]]:
    (tmp_path / name).write_bytes(data)
    ran = scan_rows(tmp_path / name, *words)
    return ran, ran.apps[0]


def evidence(row: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["kind"], one["value"], one["from"]) for one in row["findings"][0]["evidence"]]


PAYERS = {
    "wechat": (
        shop(activity(".wxapi.WXPayEntryActivity"), classes=WECHAT_CLASSES),
        "wechat-pay",
        "strong evidence",
        [
            ("manifest-activity", "com.shop.wxapi.WXPayEntryActivity", "AndroidManifest.xml"),
            ("dex-class", WECHAT_CLASSES[0], "classes.dex"),
        ],
    ),
    "wechat, obfuscated": (
        shop(activity(".wxapi.WXPayEntryActivity"), classes=["La/b;"]),
        "wechat-pay",
        "fair evidence, its manifest declares what payment needs; its classes hold the SDK under no name",
        [("manifest-activity", "com.shop.wxapi.WXPayEntryActivity", "AndroidManifest.xml")],
    ),
    "wechat, an alias": (
        shop(Element("activity-alias", {"android:name": "com.shop.wxapi.WXPayEntryActivity"})),
        "wechat-pay",
        "fair evidence",
        [("manifest-activity", "com.shop.wxapi.WXPayEntryActivity", "AndroidManifest.xml")],
    ),
    "wechat, classes alone": (
        shop(classes=WECHAT_CLASSES),
        "wechat-pay",
        "weak evidence",
        [("dex-class", WECHAT_CLASSES[0], "classes.dex")],
    ),
    "alipay, classes alone": (
        shop(classes=["Lcom/alipay/sdk/app/PayTask;"]),
        "alipay",
        "fair evidence, its classes hold",
        [("dex-class", "Lcom/alipay/sdk/app/PayTask;", "classes.dex")],
    ),
    "alipay": (
        shop(activity("com.alipay.sdk.app.H5PayActivity"), classes=["Lcom/alipay/sdk/app/PayTask;"]),
        "alipay",
        "strong evidence",
        [
            ("manifest-activity", "com.alipay.sdk.app.H5PayActivity", "AndroidManifest.xml"),
            ("dex-class", "Lcom/alipay/sdk/app/PayTask;", "classes.dex"),
        ],
    ),
    "qq wallet": (
        shop(activity(".Pay", scheme("qwallet1234")), classes=["Lcom/tencent/mobileqq/openpay/api/IOpenApi;"]),
        "qq-wallet",
        "strong evidence",
        [
            ("manifest-scheme", "qwallet1234", "AndroidManifest.xml"),
            ("dex-class", "Lcom/tencent/mobileqq/openpay/api/IOpenApi;", "classes.dex"),
        ],
    ),
}


@pytest.mark.parametrize("case", PAYERS)
def test_an_app_that_can_pay_is_found_with_its_evidence_and_fails_nothing(
    case: str, tmp_path: Path, scan_rows: Scan
) -> None:
    data, signature, strength, seen = PAYERS[case]
    ran, row = scanned(scan_rows, tmp_path, data, "--payments")
    (finding,) = row["findings"]
    assert (ran.code, row["verdict"], finding["verdict"]) == (0, "embedded-sdk", "embedded-sdk")
    assert (finding["signature"], row["issues"]) == (signature, [])
    assert strength in finding["reason"]
    assert evidence(row) == seen
    assert all(one["cites"] and one["pinned"] and one["agrees"] for one in finding["evidence"])
    assert ran.summary["counts"]["embedded-sdk"] == 1


NOT_PAYING = {
    "login and share": shop(
        activity(".wxapi.WXEntryActivity"),
        activity("com.tencent.tauth.AuthActivity", scheme("tencent1234")),
        classes=LOGIN_CLASSES,
    ),
    "alipay share": shop(classes=["Lcom/alipay/share/sdk/openapi/APApiImlV1;"]),
    "asks only": shop(
        children=[
            Element(
                "queries",
                {},
                [
                    Element("package", {"android:name": "com.tencent.mm"}),
                    Element("intent", {}, [Element("data", {"android:scheme": "qwallet1"})]),
                ],
            )
        ]
    ),
    "names in strings": build_apk(
        "com.shop", v2=[A], members={"classes.dex": dex_bytes(["La;"], strings=["Lcom/alipay/sdk/app/PayTask;"])}
    ),
    "assets": build_apk("com.shop", v2=[A], members={"assets/classes.dex": PAYERS["alipay"][0]}),
}


@pytest.mark.parametrize("case", NOT_PAYING)
def test_login_sharing_and_mere_names_are_no_payment(case: str, tmp_path: Path, scan_rows: Scan) -> None:
    ran, row = scanned(scan_rows, tmp_path, NOT_PAYING[case], "--payments")
    assert (ran.code, row["verdict"], row["findings"], row["issues"]) == (0, "clear", [], [])


def test_without_the_flag_nothing_is_looked_for(tmp_path: Path, scan_rows: Scan) -> None:
    ran, row = scanned(scan_rows, tmp_path, PAYERS["wechat"][0])
    assert (ran.code, row["verdict"]) == (0, "clear")


def test_every_dex_file_is_looked_through(tmp_path: Path, scan_rows: Scan) -> None:
    members = {f"classes{number or ''}.dex": dex_bytes([f"La/A{number};"]) for number in (0, 2, 3)}
    members["classes11.dex"] = dex_bytes(["Lcom/alipay/sdk/app/PayTask;"])
    _, row = scanned(scan_rows, tmp_path, build_apk("com.shop", v2=[A], members=members), "--payments")
    assert evidence(row) == [("dex-class", "Lcom/alipay/sdk/app/PayTask;", "classes11.dex")]


def test_archives_splits_and_several_processes_are_searched_alike(tmp_path: Path, scan_rows: Scan) -> None:
    split = build_apk("com.shop", v2=[A], split="pay", members={"classes.dex": dex_bytes(WECHAT_CLASSES)})
    parts = {"base.apk": shop(activity(".wxapi.WXPayEntryActivity")), "split_pay.apk": split}
    (tmp_path / "set.apks").write_bytes(zip_bytes(parts))
    (tmp_path / "mirror.zip").write_bytes(zip_bytes({"in/shop.apk": PAYERS["alipay"][0]}, stored=True))
    ran = scan_rows(tmp_path, "--payments", "-j", "2")
    found = {Path(row["location"]).name: row["findings"][0] for row in ran.apps}
    assert sorted(found) == ["base.apk", "shop.apk"]
    assert "strong" in found["base.apk"]["reason"]
    assert "strong" in found["shop.apk"]["reason"]


def test_a_listed_app_does_not_pay_through_itself(tmp_path: Path, scan_rows: Scan) -> None:
    data = build_apk("com.tencent.mm", v2=[A], members={"classes.dex": dex_bytes(WECHAT_CLASSES)})
    ran, row = scanned(scan_rows, tmp_path, data, "--payments")
    assert ran.code == 1
    assert [finding["verdict"] for finding in row["findings"]] == ["impostor"]


HOSTILE = [
    dex_bytes(["La;"])[:0x30],
    dex_bytes(["La;"])[:0x38] + b"\xff" * 16 + dex_bytes(["La;"])[0x48:],
    b"dex\n039\0" + b"\xff" * 400,
    b"MZ" * 100,
    b"",
]


@pytest.mark.parametrize("broken", HOSTILE)
def test_a_hostile_dex_file_is_an_issue_and_the_others_are_read(broken: bytes, tmp_path: Path, scan_rows: Scan) -> None:
    members = {"classes.dex": broken, "classes2.dex": dex_bytes(["Lcom/alipay/sdk/app/PayTask;"])}
    ran, row = scanned(scan_rows, tmp_path, build_apk("com.shop", v2=[A], members=members), "--payments")
    assert row["verdict"] == "embedded-sdk"
    assert row["issues"][0].startswith("inside-unread: classes.dex: ")
    assert "parts of the inside of apps: 1" in [hole["hole"] for hole in ran.summary["coverage"]]


# --- look-alikes ---------------------------------------------------------------------------------------------------


def labelled(label: str | Reference, package: str = "com.shop", arsc: bytes | None = None, **more: Any) -> bytes:
    members = {} if arsc is None else {"resources.arsc": arsc}
    return build_apk(manifest(package, label=label, **more), v2=[A], members=members)


def test_a_listed_title_on_another_app_is_a_look_alike_and_verified(tmp_path: Path, scan_rows: Scan) -> None:
    ran, row = scanned(scan_rows, tmp_path, labelled("WeChat"), "--look-alikes")
    (finding,) = row["findings"]
    assert (ran.code, row["verdict"], row["label"], row["assurance"]) == (0, "look-alike", "WeChat", "verified")
    assert finding["reason"] == "another name and another signer, but its label is the listed one"
    assert evidence(row) == [("label", "WeChat", "AndroidManifest.xml")]


def test_a_title_in_another_language_lies_in_the_resources(tmp_path: Path, scan_rows: Scan) -> None:
    resources = table({"": ["The Shop"], "zh": ["支付宝"]})
    _, row = scanned(scan_rows, tmp_path, labelled(Reference(0x7F010000), arsc=resources), "--look-alikes")
    assert (row["label"], row["findings"][0]["signature"]) == ("The Shop", "alipay")
    assert evidence(row) == [("label", "支付宝", "resources.arsc")]


def test_the_label_under_an_icon_counts_as_well(tmp_path: Path, scan_rows: Scan) -> None:
    icon = Element("category", {"android:name": "android.intent.category.LAUNCHER"})
    home = Element(
        "activity", {"android:name": ".Main", "android:label": " wps  OFFICE "}, [Element("intent-filter", {}, [icon])]
    )
    other = Element("activity", {"android:name": ".Share", "android:label": "WeChat"})
    _, row = scanned(scan_rows, tmp_path, labelled("The Shop", application=[other, home]), "--look-alikes")
    assert [finding["signature"] for finding in row["findings"]] == ["wps-office"]


@pytest.mark.parametrize("label", ["QQ Mail", "My WeChat", "WeChat - chat", "Alipay+", "The Shop"])
def test_a_title_that_is_not_exactly_a_listed_one_is_no_likeness(label: str, tmp_path: Path, scan_rows: Scan) -> None:
    _, row = scanned(scan_rows, tmp_path, labelled(label), "--look-alikes")
    assert (row["verdict"], row["label"]) == ("clear", label)


def test_the_code_of_a_listed_app_under_another_name_is_a_look_alike(tmp_path: Path, scan_rows: Scan) -> None:
    _, row = scanned(scan_rows, tmp_path, shop(classes=["Lcom/tencent/mm/ui/LauncherUI;"]), "--look-alikes")
    assert row["findings"][0]["reason"].endswith("it holds the listed app's classes")
    assert evidence(row) == [("dex-class", "Lcom/tencent/mm/ui/LauncherUI;", "classes.dex")]
    sdk_only = shop(classes=[*WECHAT_CLASSES, "Lcom/tencent/mm/sdk/openapi/IWXAPI;"])
    assert scanned(scan_rows, tmp_path, sdk_only, "--look-alikes")[1]["verdict"] == "clear"


def test_a_related_app_of_the_publisher_may_share_code(tmp_path: Path, scan_rows: Scan) -> None:
    members = {"classes.dex": dex_bytes(["Lcom/tencent/mm/ui/LauncherUI;"])}
    data = build_apk("com.tencent.wework", v2=[A], members=members)
    assert scanned(scan_rows, tmp_path, data, "--look-alikes")[1]["verdict"] == "clear"


def test_the_publishers_own_signer_is_same_signer_and_no_look_alike(tmp_path: Path, scan_rows: Scan) -> None:
    ours = tmp_path / "ours.yaml"
    signer = {"id": "own", "confidence": "computed", "sha256": A.sha256, "cites": ["a test"]}
    package = {
        "name": "com.example.app", "variant": "main", "status": "confirmed", "pins": "complete",
        "signers": ["own"], "cites": ["a test"],
    }  # fmt: skip
    app = {
        "id": "example", "name": "Example", "publisher": "Example", "updated": "2026-11-24",
        "packages": [package], "signers": [signer],
    }  # fmt: skip
    ours.write_text(json.dumps({"schema": 1, "apps": [app]}), encoding="utf-8")
    words = ("--look-alikes", "--signatures", ours)
    assert scanned(scan_rows, tmp_path, labelled("Example"), *words)[1]["verdict"] == "same-signer"
    own = labelled("Example", package="com.example.app")
    assert [one["verdict"] for one in scanned(scan_rows, tmp_path, own, *words)[1]["findings"]] == ["confirmed"]


def test_a_pasted_certificate_of_the_publisher_does_not_hide_a_look_alike(tmp_path: Path, scan_rows: Scan) -> None:
    der = next(
        pin.der for one in load_database().signatures if one.id == "wechat-pay" for pin in one.signers if pin.der
    )
    data = build_apk(manifest("com.shop", label="WeChat"), v2=[A.wearing(bytes.fromhex(der))])
    _, row = scanned(scan_rows, tmp_path, data, "--look-alikes")
    assert row["verdict"] == "look-alike"
    assert "a pinned signer's certificate whose signature does not hold" in row["findings"][0]["reason"]
    assert row["tamper"]


def test_an_unsigned_look_alike_is_one(tmp_path: Path, scan_rows: Scan) -> None:
    _, row = scanned(scan_rows, tmp_path, build_apk(manifest("com.shop", label="WeChat")), "--look-alikes")
    assert row["findings"][0]["reason"] == "another name and no signer that was seen, but its label is the listed one"


@pytest.mark.parametrize("arsc", [None, b"", b"\2\0\x0c\0junk" * 20])
def test_resources_that_cannot_be_read_are_an_issue(arsc: bytes | None, tmp_path: Path, scan_rows: Scan) -> None:
    ran, row = scanned(scan_rows, tmp_path, labelled(Reference(0x7F010000), arsc=arsc), "--look-alikes")
    assert (ran.code, row["verdict"], row["label"]) == (0, "clear", None)
    assert row["issues"][0].startswith("inside-unread: resources.arsc: ")


def test_both_may_be_said_of_one_app_and_are_kept_when_rows_are_scanned_again(tmp_path: Path, scan_rows: Scan) -> None:
    data = labelled(
        "微信", application=[activity(".wxapi.WXPayEntryActivity"), activity("com.alipay.sdk.app.H5PayActivity")]
    )
    ran, row = scanned(scan_rows, tmp_path, data, "--payments", "--look-alikes")
    said = [(one["verdict"], one["signature"]) for one in row["findings"]]
    assert said == [("embedded-sdk", "alipay"), ("embedded-sdk", "wechat-pay"), ("look-alike", "wechat-pay")]
    (tmp_path / "rows.jsonl").write_text(ran.out, encoding="utf-8")
    again = scan_rows(tmp_path / "rows.jsonl")
    assert [one["verdict"] for one in again.apps[0]["findings"]] == ["embedded-sdk", "embedded-sdk", "look-alike"]


def test_an_inventory_says_that_nothing_was_looked_for(tmp_path: Path, scan_rows: Scan) -> None:
    (tmp_path / "apps.csv").write_text("device,package\nR1,com.shop\n", encoding="utf-8")
    ran = scan_rows(tmp_path / "apps.csv", "--columns", "package=package,device=device", "--payments")
    holes = {hole["hole"]: hole["reason"] for hole in ran.summary["coverage"]}
    assert holes["the inside of apps in inventories: 1"] == "payments were not looked for: an inventory holds no APK"
