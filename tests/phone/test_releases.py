"""What ``pm``, ``cmd`` and ``dumpsys`` print, release by release, as device-formats says that Android does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.phone import (
    AdbServer,
    FactoryCopy,
    InstalledApp,
    SimulatedPhone,
    UserProfile,
    hash32_of,
    installed,
)
from tests.support.signer import key

Start = Callable[..., SimulatedPhone]
OWNER, WORK, SECURE = (
    UserProfile(),
    UserProfile(10, "Work: profile", 0x1030),
    UserProfile(150, "Secure", 0x10061030, True),
)


@pytest.fixture
def say(adb: AdbServer) -> Callable[[SimulatedPhone, str], tuple[int, str, str]]:
    def run(phone: SimulatedPhone, command: str) -> tuple[int, str, str]:
        said = adb.run("-s", phone.address, "shell", command)
        return said.returncode, said.stdout.replace("\r\n", "\n"), said.stderr

    return run


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    path = tmp_path / "a.apk"
    path.write_bytes(b"PK")
    return path


APPS = (
    InstalledApp("com.a", version_code=7, installer="com.android.vending", path="/data/app/a=/base.apk"),
    InstalledApp("com.b", users={0: "uninstalled", 10: "installed"}, path="/data/app/b/base.apk"),
    InstalledApp("com.s", system=True, users={0: "disabled", 10: "installed"}, path="/system/app/S/S.apk"),
)


FLAGS = {
    "6": {"-i": True, "-U": False},
    "7": {"-U": False, "--show-versioncode": False},
    "9": {"-U": True, "--show-versioncode": True, "--uid 10150": True, "--apex-only": False},
    "13": {"--apex-only": True, "--factory-only": False, "--match-libraries": False},
    "14": {"--factory-only": True, "--match-libraries": True, "--show-stopped": True, "-q": False},
    "15": {"-q": True, "-x": False},
}
"""Release → flag → whether it knows it."""


@pytest.mark.parametrize("release", FLAGS)
def test_pm_knows_the_flags_of_its_release(start_phone: Start, say, release: str) -> None:
    phone = start_phone(release, *APPS)
    for flag, known in FLAGS[release].items():
        _, out, err = say(phone, f"pm list packages {flag} --user 0; echo $?")
        assert (f"Error: Unknown option: {flag}\n" not in out) is known
        assert out.endswith("0\n" if known else "1\n" if release == "6" else "255\n")
        assert not err


def test_a_listing_has_its_fields_in_order(start_phone: Start, say) -> None:
    phone = start_phone("14", *APPS)
    _, out, _ = say(phone, "pm list packages -f -i -U --show-versioncode --user 0 com.a")
    assert out == "package:/data/app/a=/base.apk=com.a versionCode:7  installer=com.android.vending uid:10150\n"


def test_filters_of_a_listing(start_phone: Start, say) -> None:
    phone = start_phone("14", *APPS, users=(OWNER, WORK))

    def listed(flags: str) -> set[str]:
        return {line.removeprefix("package:") for line in say(phone, f"pm list packages {flags}")[1].splitlines()}

    assert listed("--user 0") == {"com.a", "com.s"}
    assert listed("--user 0 -u") == {"com.a", "com.b", "com.s"}
    assert listed("--user 0 -3") == {"com.a"}
    assert listed("--user 0 -s") == {"com.s"}
    assert listed("--user 0 -d") == {"com.s"}
    assert listed("--user 0 -e") == {"com.a"}
    assert listed("--user 10") == {"com.b", "com.s"}
    assert listed("--user 0 --uid 10150") == {"com.a uid:10150"}
    assert listed("--user 77") == set()


def test_without_a_user_newer_releases_merge_all(start_phone: Start, say) -> None:
    both = InstalledApp("com.both", users={0: "installed", 10: "installed"})
    for release, expected in (("12", "package:com.both uid:10150\n"), ("13", "package:com.both uid:10150,1010150\n")):
        phone = start_phone(release, both, users=(OWNER, WORK))
        assert say(phone, "pm list packages -U")[1] == expected


def test_a_denied_user_is_told_in_three_ways(start_phone: Start, say) -> None:
    for release, start_of_err in (
        ("10", "\nSecurity exception: Shell does not have permission to access user 150\n"),
        ("13", "\nException occurred while executing 'list':\njava.lang.SecurityException: Shell does not have"),
    ):
        phone = start_phone(release, *APPS, users=(OWNER, SECURE))
        code, out, err = say(phone, "pm list packages --user 150")
        assert (code, out) == (255, "")
        assert err.startswith(start_of_err)
        assert say(phone, "pm list packages")[0] == (0 if release == "10" else 255), "13 loses the merged listing"
    phone = start_phone("15", *APPS, users=(OWNER, SECURE))
    denied = "Error: java.lang.SecurityException: Shell does not have permission to access user 150\n"
    assert say(phone, "pm list packages --user 150") == (0, "", denied)
    code, out, err = say(phone, "pm list packages")
    assert (code, err) == (0, denied)
    assert out


def test_users_and_paths(start_phone: Start, say, apk: Path) -> None:
    split = installed(apk, "com.split", splits={"config.en": apk, "config.arm64_v8a": apk}, path="/data/app/x/base.apk")
    phone = start_phone("14", split, users=(OWNER, WORK))
    assert (
        say(phone, "pm list users")[1]
        == "Users:\n\tUserInfo{0:Owner:4c13} running\n\tUserInfo{10:Work: profile:1030} running\n"
    )
    expected = ["base.apk", "split_config.en.apk", "split_config.arm64_v8a.apk"]
    assert say(phone, "pm path com.split")[1].split() == [f"package:/data/app/x/{name}" for name in expected]
    assert say(phone, "ls /data/app/x")[1].split() == sorted(expected)
    assert say(phone, "pm path --user 10 com.split") == (1, "", "")
    assert say(phone, "pm path com.none") == (1, "", "")


def test_android_6_has_no_cmd(start_phone: Start, say) -> None:
    phone = start_phone("6")
    assert "not found" in say(phone, "cmd package list packages")[1]


def test_signatures_of_the_dump(start_phone: Start, say) -> None:
    der = key("a").certificate
    app = InstalledApp("com.a", hashes=(hash32_of(der), "0962f5b7"), past_hashes=("00000001",))
    new = say(start_phone("14", app), "dumpsys package packages")[1]
    printed = f"signatures:[{hash32_of(der).lstrip('0')}, 962f5b7], past signatures:[1 flags: 17]}}"
    assert printed in new
    assert "    appId=10150\n" in new
    old = say(start_phone("8", app), "dumpsys package packages")[1]
    assert "962f5b7" not in old, "before Android 9 the numbers are no hashes"
    assert "signatures=PackageSignatures{" in old
    assert "    userId=10150\n" in old
    assert "version:" not in old


def test_states_and_factory_copies_in_the_dump(start_phone: Start, say, apk: Path) -> None:
    factory = FactoryCopy(apk, "/system/app/S/S.apk", 15, ("aaaaaaaa",))
    app = installed(apk, "com.s", system=True, version_code=20, hashes=("bbbbbbbb",), factory=factory)
    app2 = InstalledApp("com.d", users={0: "suspended", 10: "archived"})
    phone = start_phone("16", app, app2, users=(OWNER, WORK))
    dump = say(phone, "dumpsys package packages")[1]
    live, hidden = dump.split("Hidden system packages:")
    assert "versionCode=20 " in live
    assert "signatures:[bbbbbbbb]" in live
    assert "versionCode=15 " in hidden
    assert "signatures:[aaaaaaaa]" in hidden
    assert "installed=true hidden=false suspended=true" in live
    assert "installed=false" in live
    assert "archived=true" in live
    whole = say(phone, "dumpsys package")[1]
    assert dump in whole
    assert say(phone, "stat -c %s /system/app/S/S.apk")[1] == "2\n"
    factory_row = say(phone, "pm list packages -f --factory-only --show-versioncode --user 0")[1]
    assert factory_row == "package:/system/app/S/S.apk=com.s versionCode:15\n"


def test_statements_of_whole_digests(start_phone: Start, say) -> None:
    first, second = "0f" * 32, "a1" * 32
    app = InstalledApp("com.a", app_links_sha256=(first, second), transparency_sha256=(first, second), system=True)
    phone = start_phone("14", app)
    links = say(phone, "pm get-app-links com.a")[1]
    assert max(map(len, links.splitlines())) == 120, "with two signers a digest is broken in the middle"
    assert ":".join(["0F"] * 32) in links
    said = say(phone, "cmd transparency get mba_info -v")[1]
    assert f"Signer cert's SHA256-digest: {first.upper()}\n" in said
    assert f"  Cert SHA256-digest: {second.upper()}\n" in said
    assert say(phone, "cmd transparency get mba_info")[1].splitlines()[1].startswith("com.a,1,CHUNKED_SHA256:")
    assert say(start_phone("13", app), "cmd transparency get mba_info -v")[1] == "ERROR: Unknown info type 'mba_info'\n"
    old = start_phone("11", app)
    assert say(old, "cmd transparency get mba_info -v")[0] == 20
    assert say(old, "pm get-app-links")[0] == 255


def test_a_phone_of_three_hundred_apps_lists_them_quickly(start_phone: Start, say) -> None:
    apps = [InstalledApp(f"com.example.app{number}") for number in range(300)]
    phone = start_phone("14", *apps)
    assert len(say(phone, "pm list packages -f -i -U --show-versioncode --user 0")[1].splitlines()) == 300
    assert say(phone, "dumpsys package packages")[1].count("  Package [") == 300
    assert len(say(phone, "dumpsys package --checkin")[1].splitlines()) == 901
