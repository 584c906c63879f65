"""``app-scanner inspect``: one APK, everything about it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from scanner.cli import inspecting
from scanner.errors import SourceError
from scanner.model import LIMITS
from tests.conftest import Ran
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.axml import Element, manifest
from tests.support.dex import dex_bytes
from tests.support.signer import Key, V3Signer, key

Scan = Callable[..., Ran]
A, B = key("a"), key("b")


def paying_app() -> bytes:
    root = manifest(
        "com.shop",
        label="The Shop",
        children=[
            Element("uses-permission", {"android:name": "android.permission.INTERNET"}),
            Element("queries", {}, [Element("package", {"android:name": "com.tencent.mm"})]),
        ],
        application=[
            Element("activity", {"android:name": ".Main"}),
            Element("activity", {"android:name": ".wxapi.WXPayEntryActivity"}),
            Element("activity-alias", {"android:name": "Alias"}),
            Element(
                "activity",
                {"android:name": "com.shop.Pay"},
                [Element("intent-filter", {}, [Element("data", {"android:scheme": "qwallet1234"})])],
            ),
            Element("service", {"android:name": ".S"}),
        ],
    )
    classes = dex_bytes(["Lcom/shop/Main;", "Lcom/alipay/sdk/app/PayTask;", "Lcom/tencent/tauth/Tencent;"])
    strings_only = dex_bytes(["Lcom/shop/Other;"], strings=["Lcom/intsig/csopen/sdk/CSOpenAPI;"])
    members = {"classes.dex": classes, "classes2.dex": strings_only}
    return build_apk(root, v1=[A], v2=[A], v3=[V3Signer(B, (A,))], members=members)


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.apk"
    path.write_bytes(paying_app())
    return path


def test_inspect_shows_identity_contents_and_every_schemes_signers(shop: Path, app_scanner: Scan) -> None:
    ran = app_scanner("inspect", shop, "-o", "json")
    seen = json.loads(ran.out)
    assert ran.code == 0
    assert (seen["row"]["package_name"], seen["label"], seen["row"]["label"]) == ("com.shop", "The Shop", "The Shop")
    assert seen["permissions"] == ["android.permission.INTERNET"]
    assert seen["components"] == {"activity": 3, "activity-alias": 1, "service": 1, "receiver": 0, "provider": 0}
    assert [(one["scheme"], one["role"], one["sha256"]) for one in seen["signers"]] == [
        ("v1", "signer", A.sha256),
        ("v2", "signer", A.sha256),
        ("v3", "signer", B.sha256),
        ("v3", "past signer", A.sha256),
    ]
    assert seen["signers"][3]["capabilities"] == ["installed-data", "shared-user-id", "permission", "auth"]
    assert seen["signers"][0]["details"]["key"] == "EC 256"
    assert len(seen["row"]["file_sha256"]) == 64
    assert seen["problems"] == []


def test_embedded_sdks_that_pay_are_kept_apart_from_those_that_do_not(shop: Path, app_scanner: Scan) -> None:
    found = {
        one["sdk"].partition(":")[0]: one for one in json.loads(app_scanner("inspect", shop, "-o", "json").out)["sdks"]
    }
    assert {name: one["pays"] for name, one in found.items()} == {
        "Alipay": True,
        "QQ Wallet": True,
        "Tencent QQ": False,
        "WeChat Pay": True,
    }
    assert found["Alipay"]["dex"] == ["Lcom/alipay/sdk/app/PayTask;", "Lcom/alipay/sdk/"]
    assert found["QQ Wallet"]["manifest"] == ["scheme qwallet1234"]
    assert found["WeChat Pay"]["manifest"] == ["activity com.shop.wxapi.WXPayEntryActivity"]
    assert found["WeChat Pay"]["queries"] == ["com.tencent.mm"]


def test_inspect_as_text_says_what_matches_and_why(tmp_path: Path, app_scanner: Scan) -> None:
    path = tmp_path / "x.apk"
    path.write_bytes(build_apk("com.tencent.mm", v2=[A]))
    ran = app_scanner("inspect", path)
    assert ran.code == 1
    for text in (
        "Verdict: impostor",
        "[wechat-pay] on us-eo-13971",
        "differs",
        "pinned 0fe4ff85",
        "cited: github",
        "CN=a",
    ):
        assert text in ran.out


def test_a_member_of_an_archive_is_inspected_by_the_name_that_scan_prints(
    shop: Path, tmp_path: Path, app_scanner: Scan
) -> None:
    inner = zip_bytes({"apps/shop.apk": shop.read_bytes()})
    (tmp_path / "outer.zip").write_bytes(zip_bytes({"inner.zip": inner}))
    location = app_scanner("scan", tmp_path / "outer.zip", "-o", "jsonl").apps[0]["location"]
    assert json.loads(app_scanner("inspect", location, "-o", "json").out)["row"]["package_name"] == "com.shop"
    missing = app_scanner("inspect", f"{tmp_path}/outer.zip!/nope")
    assert (missing.code, missing.err) == (5, f"app-scanner: {tmp_path}/outer.zip!/nope: no member nope in it\n")


@pytest.mark.parametrize(
    ("data", "reason"), [(b"", "neither begins nor ends"), (zip_bytes({"a": b"x"}), "name a member")]
)
def test_what_is_no_apk_is_one_line(tmp_path: Path, app_scanner: Scan, data: bytes, reason: str) -> None:
    (tmp_path / "x").write_bytes(data)
    ran = app_scanner("inspect", tmp_path / "x")
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)
    assert reason in ran.err


def test_parts_that_cannot_be_read_are_problems_and_the_rest_is_shown(tmp_path: Path, app_scanner: Scan) -> None:
    from tests.support.axml import Reference

    members = {"classes.dex": b"dex\n039\0" + b"\xff" * 120, "resources.arsc": b"\x02\x00\x0c\x00junk" * 9}
    data = build_apk("com.example", label=Reference(0x7F010001), v2=[A], members=members)
    (tmp_path / "x.apk").write_bytes(data)
    seen = json.loads(app_scanner("inspect", tmp_path / "x.apk", "-o", "json").out)
    assert seen["label"] is None
    assert sorted(problem.partition(":")[0] for problem in seen["problems"]) == ["classes.dex", "resources.arsc"]


@pytest.mark.parametrize(("happens", "said"), [("hangs", "took too long"), ("breaks", "ZeroDivisionError")])
def test_what_hangs_or_breaks_is_named(happens: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspecting, "inspect_apk", lambda *_: time.sleep(3600) if happens == "hangs" else 1 // 0)
    limits = msgspec.structs.replace(LIMITS, item_seconds=0.2)
    with pytest.raises(SourceError, match=rf"^x\.apk: .*{said}"):
        inspecting.run_inspect("x.apk", output="text", signatures=(), only_signatures=False, sdk=None, limits=limits)


def test_a_certificate_of_absurd_size_shows_its_digests_alone(tmp_path: Path, app_scanner: Scan) -> None:
    class Odd(Key):
        @property
        def public(self) -> bytes:
            return A.public

    odd = Odd(A.private, A.certificate + bytes(100_000))
    (tmp_path / "x.apk").write_bytes(build_apk("com.example", v2=[odd]))
    (view,) = json.loads(app_scanner("inspect", "-o", "json", tmp_path / "x.apk").out)["signers"]
    assert (view["sha256"], view["hash32"], view["details"]["subject"]) == (odd.sha256, None, None)
