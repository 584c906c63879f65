"""What a scan of a phone finds, and on which evidence: every rung of the ladder, every user, every release."""

from __future__ import annotations

import pytest

from scanner.certificate import hash32
from tests.phone.conftest import ALIPAY, QQ, SOMEBODY, WECHAT, Desk
from tests.support.apk_builder import build_apk
from tests.support.phone import FactoryCopy, UserProfile
from tests.support.signer import key

WORK, CLONE = UserProfile(10, "Work profile", 0x1030), UserProfile(95, "DUAL_APP", 0x20001010)
FOLDER = UserProfile(150, "Secure Folder", 0x10061030, denied=True)
WECHAT_SHA256 = "0fe4ff85c215918396dadc7cd8ce6963339af33d37751a56e54c7206b63a3c7c"


def users(row: dict) -> dict[int, str]:
    return {user["id"]: user["state"] for user in row["users"]}


def test_two_phones_are_read_user_by_user_and_the_denied_one_is_named(desk: Desk) -> None:
    first = desk.phone(
        "13",
        desk.app("com.tencent.mm", WECHAT, users={0: "installed", 95: "installed"}),
        desk.app("com.tencent.mobileqq", users={10: "installed"}),
        desk.app("com.example.a", users={0: "installed", 10: "disabled"}),
        desk.app("com.intsig.camscanner", users={10: "suspended"}),
        users=(UserProfile(), WORK, CLONE),
    )
    second = desk.phone(
        "14",
        desk.app("com.tencent.mobileqq", QQ),
        desk.app("com.eg.android.AlipayGphone", ALIPAY, users={150: "installed"}),
        desk.app("com.example.b"),
        users=(UserProfile(), FOLDER),
    )
    ran = desk.scan(first, second)
    found = {(row["source"], row["package_name"]): (row["verdict"], users(row)) for row in ran.apps}
    one, two = f"adb:{first.address}", f"adb:{second.address}"
    assert found == {
        (one, "com.example.a"): ("clear", {0: "installed", 10: "disabled"}),
        (one, "com.intsig.camscanner"): ("name-only", {10: "suspended"}),
        (one, "com.tencent.mm"): ("confirmed", {0: "installed", 95: "installed"}),
        (one, "com.tencent.mobileqq"): ("impostor", {10: "installed"}),
        (two, "com.eg.android.AlipayGphone"): ("likely", {150: "installed"}),
        (two, "com.example.b"): ("clear", {0: "installed"}),
        (two, "com.tencent.mobileqq"): ("confirmed", {0: "installed"}),
    }
    (hole,) = ran.unread
    assert (hole["what"], hole["which"]) == ("user", "150 (Secure Folder)")
    said = "Shell does not have permission to access user 150"
    assert f"user adb:{second.address}: 150 (Secure Folder): {said}" in ran.holes
    assert ran.code == 1


def test_a_denied_user_on_a_phone_without_findings_is_no_clean_phone(desk: Desk) -> None:
    for release in ("14", "15"):
        phone = desk.phone(release, desk.app("com.example.a"), users=(UserProfile(), FOLDER))
        ran = desk.scan(phone)
        assert ran.code == 3, release
        assert "150 (Secure Folder)" in ran.holes


def test_hints_say_likely_for_wechat_by_the_hash_as_dumpsys_prints_it(desk: Desk) -> None:
    phone = desk.phone("10", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    assert "signatures:[962f5b7]" in desk.server.run("-s", phone.address, "shell", "dumpsys package packages").stdout
    phone.reset()
    ran = desk.scan(phone, "--evidence", "hints")
    row = ran.app("com.tencent.mm")
    assert (row["verdict"], row["assurance"], row["signers"][0]["hash32"]) == ("likely", "hint", "0962f5b7")
    assert (ran.code, ran.verdicts["com.example.a"]) == (1, "clear")
    assert row["findings"][0]["evidence"][1]["from"] == "dumpsys package"


def test_names_alone_give_name_only(desk: Desk) -> None:
    phone = desk.phone("14", desk.app("com.tencent.mm", WECHAT, app_links_sha256=(WECHAT_SHA256,)))
    ran = desk.scan(phone, "--evidence", "names")
    row = ran.app("com.tencent.mm")
    assert (ran.code, row["verdict"], row["assurance"], row["signers"]) == (1, "name-only", None, [])


def test_a_wrong_hash_under_complete_pins_is_an_impostor_at_hints(desk: Desk) -> None:
    ran = desk.scan(desk.phone("12", desk.app("com.tencent.mobileqq")), "--evidence", "hints")
    assert ran.verdicts == {"com.tencent.mobileqq": "impostor"}
    assert ran.assurances == {"com.tencent.mobileqq": "hint"}


def test_a_wrong_hash_under_incomplete_pins_is_name_only_at_hints(desk: Desk) -> None:
    ran = desk.scan(desk.phone("12", desk.app("com.intsig.camscanner")), "--evidence", "hints")
    assert ran.verdicts == {"com.intsig.camscanner": "name-only"}


def test_a_pinned_hash_among_the_past_ones_is_likely(desk: Desk) -> None:
    app = desk.app("com.tencent.mm", past_hashes=(hash32(WECHAT), hash32(SOMEBODY.certificate)))
    ran = desk.scan(desk.phone("12", app), "--evidence", "hints")
    assert ran.verdicts == {"com.tencent.mm": "likely"}


def test_app_links_state_a_certificate_in_full(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT, app_links_sha256=(WECHAT_SHA256,)))
    row = desk.scan(phone, "--evidence", "hints").app("com.tencent.mm")
    assert (row["verdict"], row["assurance"]) == ("confirmed", "platform")
    assert row["signers"][0]["sha256"] == WECHAT_SHA256
    assert row["findings"][0]["evidence"][1]["from"] == "pm get-app-links"


def test_transparency_is_asked_for_a_listed_preload_whose_apk_is_unreadable(desk: Desk) -> None:
    apps = [
        desk.app("com.tencent.mm", WECHAT, system=True, readable=False, transparency_sha256=(WECHAT_SHA256,)),
        desk.app("com.example.a"),
    ]
    phone = desk.phone("14", *apps)
    ran = desk.scan(phone)
    row = ran.app("com.tencent.mm")
    assert (row["verdict"], row["assurance"], row["system"]) == ("confirmed", "platform", True)
    assert row["findings"][0]["evidence"][1]["from"] == "cmd transparency"
    assert any("Permission denied" in issue for issue in row["issues"])
    plain = desk.phone("14", apps[1])
    desk.scan(plain)
    assert not any("transparency" in command for command in plain.counters.commands)


@pytest.mark.parametrize("release", ["11", "15"])
def test_each_state_of_each_user_is_told(desk: Desk, release: str) -> None:
    states = {0: "installed", 10: "hidden", 11: "disabled", 12: "suspended", 13: "uninstalled"}
    if release == "15":
        states[14] = "archived"
    profiles = tuple(UserProfile(number, f"user {number}") for number in states)
    kept = desk.app("com.tencent.mm", WECHAT, users=states)
    gone = desk.app("com.tencent.mobileqq", QQ, users={0: "uninstalled"})
    phone = desk.phone(release, kept, gone, users=profiles)
    ran = desk.scan(phone)
    told = users(ran.app("com.tencent.mm"))
    assert {number: told.get(number) for number in (0, 10, 11, 12)} == {
        number: states[number] for number in (0, 10, 11, 12)
    }
    assert ran.verdicts["com.tencent.mm"] == "confirmed"


def test_an_app_of_which_only_data_is_left_is_told_and_not_read(desk: Desk) -> None:
    """The dump of this phone says a data folder is left, so its name is a finding though nobody can run it."""
    phone = desk.phone("9", desk.app("com.tencent.mm", WECHAT, users={0: "uninstalled"}), desk.app("com.example.a"))
    dump = phone.root.at("/sim/dump/packages")
    dump.write_text(dump.read_text().replace("ceDataInode=0 installed=false", "ceDataInode=7 installed=false"))
    row = desk.scan(phone).app("com.tencent.mm")
    assert (users(row), row["verdict"], row["assurance"]) == ({0: "uninstalled"}, "likely", "hint")
    assert any("not-installed" in issue for issue in row["issues"])


def test_an_archived_app_is_told(desk: Desk) -> None:
    phone = desk.phone("15", desk.app("com.tencent.mm", WECHAT, users={0: "archived"}), desk.app("com.example.a"))
    dump = phone.root.at("/sim/dump/packages")
    text = dump.read_text()
    head, _, tail = text.partition("archived=true")
    dump.write_text(f"{head}archived=true\n      archiveTime=2025-06-07 08:09:10{tail}")
    row = desk.scan(phone).app("com.tencent.mm")
    assert (users(row), row["verdict"]) == ({0: "archived"}, "likely")


def test_a_factory_copy_is_read_and_judged_on_its_own(desk: Desk) -> None:
    image = desk.file(build_apk("com.tencent.mm", v2=[key("somebody")], version_code=5))
    factory = FactoryCopy(image, "/system/app/WeChat/WeChat.apk", 5, (hash32(SOMEBODY.certificate),))
    app = desk.app("com.tencent.mm", WECHAT, version_code=20, system=True, factory=factory)
    ran = desk.scan(desk.phone("12", app))
    active, copy = ran.app("com.tencent.mm"), ran.app("com.tencent.mm", "factory")
    assert (active["verdict"], active["version_code"]) == ("confirmed", 20)
    assert (copy["verdict"], copy["version_code"], copy["assurance"]) == ("impostor", 5, "platform")
    assert copy["location"] == "/system/app/WeChat/WeChat.apk"
    assert (active["contradictions"], copy["contradictions"]) == ([], [])
    assert "cannot be removed" in copy["removal"][0]


def test_splits_installer_version_and_system_flag_are_told(desk: Desk) -> None:
    split = desk.file(build_apk("com.tencent.mm", v2=[key("somebody")]))
    more = {"splits": {"config.arm64_v8a": split, "config.en": split}, "installer": "com.android.vending"}
    app = desk.app("com.tencent.mm", WECHAT, version_code=7, version_name="7.1", **more)
    system = desk.app("com.example.sys", system=True)
    ran = desk.scan(desk.phone("14", app, system))
    row = ran.app("com.tencent.mm")
    assert (row["splits"], row["installer"]) == (["config.arm64_v8a", "config.en"], "com.android.vending")
    assert (row["version_code"], row["version_name"], row["system"]) == (7, "7.1", False)
    assert (row["min_sdk"], row["target_sdk"], row["schemes"]) == (21, 33, ["v2"])
    assert ran.app("com.example.sys")["system"] is True
    assert row["removal"] == [f"adb -s {row['source'][4:]} shell pm uninstall --user 0 com.tencent.mm"]


def test_every_release_gives_the_same_verdicts(desk: Desk) -> None:
    """All in one scan, so that phones of all releases are also read at once."""
    pasted = build_apk("com.tencent.mm", v1=[key("somebody").wearing(WECHAT)], v2=[key("somebody").wearing(WECHAT)])
    plain = {name: build_apk(name, v1=[SOMEBODY], v2=[SOMEBODY]) for name in ("com.tencent.mobileqq", "com.example.a")}
    wanted = {"com.example.a": "clear", "com.tencent.mm": "confirmed", "com.tencent.mobileqq": "impostor"}
    releases = ("6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16")
    phones = {
        f"adb:{phone.address}": release
        for release in releases
        for phone in [
            desk.phone(
                release,
                desk.app("com.tencent.mm", WECHAT, apk=pasted),
                *(desk.app(name, apk=data) for name, data in plain.items()),
            )
        ]
    }
    ran = desk.scan(*phones)
    assert (ran.code, ran.unread) == (1, [])
    for spec, release in phones.items():
        rows = [row for row in ran.apps if row["source"] == spec]
        assert {row["package_name"]: row["verdict"] for row in rows} == wanted, release
        assert {row["assurance"] for row in rows} == {"platform"}, release
        assert {row["device"]["android"] for row in rows} == {release}


@pytest.mark.parametrize("release", ["6", "8"])
def test_old_releases_state_no_usable_hash(desk: Desk, release: str) -> None:
    phone = desk.phone(release, desk.app("com.tencent.mm", WECHAT), desk.app("com.tencent.mobileqq"))
    ran = desk.scan(phone, "--evidence", "hints")
    assert set(ran.verdicts.values()) == {"name-only"}
    assert set(ran.assurances.values()) == {None}


def test_one_phone_by_every_order_gives_the_same_rows(desk: Desk) -> None:
    phone = desk.phone("14", *(desk.app(f"com.example.a{number}") for number in range(30)))
    first, second = desk.scan(phone, "--no-cache"), desk.scan(phone, "--no-cache")
    names = [row["package_name"] for row in first.apps]
    assert names == sorted(names)
    assert [row["signers"] for row in first.apps] == [row["signers"] for row in second.apps]
