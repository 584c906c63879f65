"""``dumpsys package``, release by release."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.dumped import DumpedPackage, DumpedUser
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.lines import MAX_KEPT, MAX_LINE
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

ANDROID_4 = """Packages:
  Package [com.old] (41e5ab48):
    userId=10052 gids=[3003]
    pkg=Package{41e8 com.old}
    codePath=/data/app/com.old-1.apk
    versionCode=21 targetSdk=17
    versionName=2.1
    flags=[ HAS_CODE ALLOW_CLEAR_USER_DATA ]
    firstInstallTime=2013-11-01 10:00:00
    lastUpdateTime=2014-01-02 03:04:05
    signatures=PackageSignatures{41e5ac28 [41e5ab00]}
    pkgFlags=[ HAS_CODE ]
    User 0:  installed=true blocked=true stopped=true notLaunched=true enabled=0
      disabledComponents:
        com.old.Receiver
    grantedPermissions:
      android.permission.INTERNET
"""
ANDROID_7 = """Packages:
  Package [com.huawei.securitymgr] (de9cb72):
    userId=1000
    codePath=/system/app/HwSecurityMgrService
    versionCode=81101 targetSdk=23
    versionName=8.1.101
    splits=[base]
    flags=[ SYSTEM HAS_CODE ]
    signatures=PackageSignatures{9f68e9 [dbf83ee]}
    installPermissionsFixed=true installStatus=1
    pkgFlags=[ SYSTEM HAS_CODE ]
    User 0:  installed=true hidden=false stopped=false notLaunched=false enabled=0
"""
ANDROID_10 = """Packages:
  Package [com.samsung.x] (6c98c74):
    userId=1000
    codePath=/system/priv-app/x
    versionCode=500700000 minSdk=28 targetSdk=28
    versionName=5.0.07
    splits=[base]
    apkSigningVersion=2
    flags=[ SYSTEM HAS_CODE UPDATED_SYSTEM_APP ]
    installerPackageName=null
    signatures=PackageSignatures{6c98c74 version:2, signatures:[b378e95c], past signatures:[]}
    pkgFlags=[ SYSTEM HAS_CODE UPDATED_SYSTEM_APP ]
    User 0: ceDataInode=-4294835840 installed=true hidden=false suspended=false stopped=false notLaunched=false \
enabled=0 instant=false virtual=false
      runtime permissions:
        android.permission.CAMERA: granted=true, flags=[ SYSTEM_FIXED ]

Hidden system packages:
  Package [com.samsung.x] (1f3b2a0):
    codePath=/system/priv-app/x
    versionCode=15 minSdk=28 targetSdk=28
    apkSigningVersion=3
    signatures=PackageSignatures{1f version:3, signatures:[1], past signatures:[]}
    User 0: ceDataInode=0 installed=true hidden=false
"""
ANDROID_11 = """Packages:
  Package [com.wear] (a5fdf92):
    codePath=/data/app/~~u3zc==/com.wear-XcIw==
    versionCode=248 minSdk=26 targetSdk=36
    versionName=null
    splits=[base:3, config.armeabi_v7a, config.fr, config.xhdpi:12]
    apkSigningVersion=3
    flags=[ HAS_CODE ]
    lastUpdateTime=2025-06-19 08:27:04
    firstInstallTime=2025-06-18 08:27:04
    installerPackageName=com.android.vending
    signatures=PackageSignatures{a5fdf92 version:3, signatures:[2cac3db6], past signatures:[962f5b7 flags: 1f, \
2cac3db6 flags: 17]}
    User 0: ceDataInode=39050 installed=true hidden=false suspended=false distractionFlags=0 stopped=false \
notLaunched=false enabled=3 instant=false virtual=false
      lastDisabledCaller: com.android.vending
"""
ANDROID_16 = """Packages:
  Package [com.new] (fe):
    appId=10123
    codePath=/data/app/~~a==/com.new-b==
    versionCode=9 minSdk=30 targetSdk=36
    minExtensionVersions=[]
    versionName=9
    splits=[base]
    apkSigningVersion=3

    developerVerificationStatus=1
    lastUpdateTime=2026-01-01 00:00:00
    installerPackageName=com.android.vending
    signatures=PackageSignatures{fe version:3, signatures:[abc, def], past signatures:[]}
    User 0: ceDataInode=4032 deDataInode=1866 pccCeDataInode=0 installed=true hidden=false suspended=false \
appLockEnabled=false distractionFlags=0 stopped=true notLaunched=false enabled=1 instant=false virtual=false \
quarantined=false
      installReason=4
      dataDir=/data/user/0/com.new
      firstInstallTime=2025-10-08 17:40:13
      uninstallReason=0
    User 10: ceDataInode=0 deDataInode=7 pccCeDataInode=0 installed=false hidden=false suspended=false enabled=0 \
quarantined=false
      firstInstallTime=2025-11-08 17:40:13
      archiveTime=2026-02-01 00:00:00
      unarchiveInstallerTitle=Google Play Store
        archiveActivityInfo=ArchiveActivityInfo { title = New }
"""


def one(text):
    dump = parse_dump(text)
    assert dump.problems == ()
    (package,) = dump.active.values()
    return package


def test_android_4_4():
    assert one(ANDROID_4) == DumpedPackage(
        name="com.old",
        code_path="/data/app/com.old-1.apk",
        version_code=21,
        version_name="2.1",
        target_sdk=17,
        system=False,
        updated_system=False,
        hashes=None,
        last_update_time="2014-01-02 03:04:05",
        first_install_time="2013-11-01 10:00:00",
        users=(DumpedUser(0, installed=True, hidden=True, stopped=True, enabled=0),),
    )


def test_android_7_has_no_certificate_to_tell():
    assert one(ANDROID_7) == DumpedPackage(
        name="com.huawei.securitymgr",
        code_path="/system/app/HwSecurityMgrService",
        version_code=81101,
        version_name="8.1.101",
        target_sdk=23,
        system=True,
        updated_system=False,
        hashes=None,
        users=(DumpedUser(0, installed=True, hidden=False, stopped=False, enabled=0),),
    )


def test_android_10_and_the_factory_copy_beside_the_live_one():
    dump = parse_dump(ANDROID_10)
    live, factory = dump.active["com.samsung.x"], dump.factory["com.samsung.x"]
    assert dump.problems == ()
    assert (live.version_code, live.hashes, live.signing_version) == (500700000, ("b378e95c",), 2)
    assert (live.system, live.updated_system, live.installer, live.past_hashes) == (True, True, None, ())
    assert live.users == (
        DumpedUser(0, installed=True, hidden=False, suspended=False, stopped=False, enabled=0, has_data=True),
    )
    assert (factory.version_code, factory.hashes, factory.signing_version) == (15, ("00000001",), 3)
    assert (factory.system, factory.users[0].has_data) == (None, False)


def test_android_11_with_splits_and_a_rotated_key():
    package = one(ANDROID_11)
    assert package.splits == ("config.armeabi_v7a", "config.fr", "config.xhdpi")
    assert (package.hashes, package.past_hashes) == (("2cac3db6",), ("0962f5b7", "2cac3db6"))
    assert (package.version_name, package.min_sdk, package.target_sdk) == (None, 26, 36)
    assert package.installer == "com.android.vending"
    assert package.first_install_time == "2025-06-18 08:27:04"
    assert package.users[0].state == "disabled"


def test_android_16_with_times_and_archive_state_under_the_users():
    package = one(ANDROID_16)
    assert (package.first_install_time, package.hashes) == (None, ("00000abc", "00000def"))
    owner, second = package.users
    assert owner == DumpedUser(
        0,
        installed=True,
        hidden=False,
        suspended=False,
        stopped=True,
        quarantined=False,
        enabled=1,
        has_data=True,
        first_install_time="2025-10-08 17:40:13",
    )
    assert (second.archived, second.state, second.has_data) == (True, "archived", True)
    assert second.first_install_time == "2025-11-08 17:40:13"


def test_an_archive_time_of_an_installed_app_means_nothing():
    assert one(ANDROID_16.replace("installed=false", "installed=true")).users[1].state == "installed"


@pytest.mark.parametrize(
    ("stated", "state"),
    [
        ({"archived": True, "installed": False, "hidden": True}, "archived"),
        ({"installed": False, "hidden": True, "suspended": True}, "uninstalled"),
        ({"installed": True, "hidden": True, "suspended": True}, "hidden"),
        ({"installed": True, "suspended": True, "enabled": 2}, "suspended"),
        ({"installed": True, "enabled": 2}, "disabled"),
        ({"installed": True, "enabled": 3}, "disabled"),
        ({"installed": True, "enabled": 4}, "disabled"),
        ({"installed": True, "enabled": 1}, "installed"),
        ({"installed": True, "enabled": 0}, "installed"),
        ({}, "installed"),
    ],
)
def test_the_state_that_says_most(stated, state):
    assert DumpedUser(0, **stated).state == state


@pytest.mark.parametrize(
    ("inodes", "has_data"),
    [
        ("", None),
        ("ceDataInode=0", False),
        ("ceDataInode=5", True),
        ("ceDataInode=0 deDataInode=5", True),
        ("ceDataInode=-1", None),
        ("ceDataInode=-1 deDataInode=0", False),
        ("ceDataInode=x", None),
    ],
)
def test_whether_there_is_data(inodes, has_data):
    text = f"Packages:\n  Package [a.b] (1):\n    User 0: {inodes} installed=false\n"
    assert one(text).users[0].has_data is has_data


WHOLE = f"""Database versions:
  Internal:
    sdkVersion=30 databaseVersion=3
Key Set Manager:
  [com.wear]
      Signing KeySets: 2
    User 0: installed=false
    codePath=/before
{ANDROID_11}
Queries:
  system apps queryable: false
    User 0: installed=false
    codePath=/after
Package Changes:
  Sequence number=5
  User 0:
    seq=0, package=com.wear
Hidden system packages:
  Package [com.wear] (1):
    versionCode=1 minSdk=26 targetSdk=30
Shared users:
  SharedUser [android.uid.system] (2):
    userId=1000
    User 0:
      gids=[1]
"""


def test_other_sections_do_not_leak_in():
    dump = parse_dump(WHOLE)
    assert dump.active == parse_dump(ANDROID_11).active
    assert dump.factory == {"com.wear": DumpedPackage("com.wear", version_code=1, min_sdk=26, target_sdk=30)}
    assert dump.problems == ()


def test_stray_blank_lines_and_carriage_returns_change_nothing():
    torn = ANDROID_16.replace("\n", "\r\n\r\n\n")
    assert parse_dump(torn) == parse_dump(ANDROID_16)


def test_fields_of_a_vendor_change_nothing():
    torn = ANDROID_10.replace(
        "    versionName=", "    semFlag=[ X ]\n    User-thing=1\n      versionCode=9\n    versionName="
    )
    assert parse_dump(torn) == parse_dump(ANDROID_10)


def test_permissions_named_like_fields_change_nothing():
    extra = f"    requested permissions:\n      versionCode=1\n      {signatures('1')}\n"
    assert one(ANDROID_11.replace("    lastUpdate", extra + "    lastUpdate")) == one(ANDROID_11)


def test_a_bug_report_parts_services_with_rules():
    text = ANDROID_11 + "--------- 0.042s was the duration of dumpsys package\n  Package [com.evil] (1):\n"
    dump = parse_dump(text)
    assert list(dump.active) == ["com.wear"]
    assert dump.problems == ("a package outside the lists of packages:   Package [com.evil] (1):",)


def test_a_block_before_any_title_is_told_of():
    dump = parse_dump("  Package [com.a] (1):\n    versionCode=1\n")
    assert dump.active == {}
    assert len(dump.problems) == 1


def test_a_name_that_is_none_takes_no_fields_to_its_neighbour():
    text = (
        "Packages:\n  Package [com.a] (1):\n    codePath=/a\n  Package [b c] (1):\n    codePath=/b\n    versionCode=2\n"
    )
    dump = parse_dump(text)
    assert dump.active == {"com.a": DumpedPackage("com.a", code_path="/a")}
    assert dump.problems == ("not a package name:   Package [b c] (1):",)


def block(name, *lines):
    return "\n".join((f"  Package [{name}] (1f):", *(f"    {line}" for line in lines), ""))


def signatures(*hashes):
    return f"signatures=PackageSignatures{{1 version:2, signatures:[{', '.join(hashes)}], past signatures:[]}}"


def test_the_first_of_two_blocks_is_kept_and_told_of():
    text = (
        "Packages:\n"
        + block("com.a", "versionCode=1", signatures("a"))
        + block("com.a", "versionCode=2", signatures("a"))
    )
    dump = parse_dump(text)
    assert (dump.active["com.a"].version_code, dump.active["com.a"].hashes) == (1, ("0000000a",))
    assert dump.problems == ("com.a stands twice",)


def test_two_blocks_that_disagree_about_signers_state_none():
    evil = "versionName=1\n" + block("com.bank", signatures("bad"))
    for blocks in ([block("com.evil", evil), block("com.bank", signatures("a"))],
                   [block("com.bank", signatures("a")), block("com.evil", evil)]):  # fmt: skip
        dump = parse_dump("Packages:\n" + "".join(blocks))
        assert dump.active["com.bank"].hashes is None
        assert "com.bank stands twice" in dump.problems


def test_a_version_name_with_line_feeds_forges_no_signer():
    dump = parse_dump("Packages:\n" + block("com.evil", "versionName=1\n    " + signatures("962f5b7"), signatures("a")))
    assert dump.active["com.evil"].hashes is None
    assert dump.problems == ("com.evil: signatures stands twice",)


def test_a_version_name_with_line_feeds_hides_no_user():
    dump = parse_dump(
        "Packages:\n" + block("com.evil", "versionName=1\n    User 0: installed=false", "User 0: installed=true")
    )
    assert dump.active["com.evil"].users == (DumpedUser(0),)
    assert dump.active["com.evil"].users[0].state == "installed"
    assert dump.problems == ("com.evil: user 0 stands twice",)


def test_what_follows_the_users_is_no_field():
    package = one("Packages:\n" + block("com.a", "User 0: installed=true", "codePath=/x", signatures("a")))
    assert (package.code_path, package.hashes) == (None, None)


def test_an_odd_line_of_a_user_ends_the_users():
    dump = parse_dump(
        "Packages:\n" + block("com.a", "User 0: installed=false", "User ?", "  archiveTime=1", "codePath=/x")
    )
    assert dump.active["com.a"] == DumpedPackage("com.a", users=(DumpedUser(0, installed=False),))
    assert dump.problems == ("com.a: User ?",)


@pytest.mark.parametrize(
    ("lines", "system", "updated"),
    [
        ([], None, None),
        (["flags=[ HAS_CODE ]"], False, False),
        (["flags=[ SYSTEM ]"], True, False),
        (["pkgFlags=[ SYSTEM UPDATED_SYSTEM_APP ]"], True, True),
        (["flags=[ HAS_CODE ]", "pkgFlags=[ SYSTEM ]"], True, False),
        (["privateFlags=[ SYSTEM ]"], None, None),
        (["flags=[ SYSTEM_EXT ]"], False, False),
    ],
)
def test_flags(lines, system, updated):
    package = one("Packages:\n" + block("com.a", *lines))
    assert (package.system, package.updated_system) == (system, updated)


def test_other_sections_may_say_anything_at_the_margin():
    assert parse_dump("noise\nDatabase versions:\nnoise\n" + ANDROID_7 + "Queries:\nnoise\n").problems == ()


def test_a_title_in_the_margin_of_an_apps_own_text_is_told_of():
    dump = parse_dump("Packages:\n" + block("com.evil", "versionName=1\nQueries:") + block("com.b", "versionCode=1"))
    assert list(dump.active) == ["com.evil"]
    assert dump.problems == ("a package outside the lists of packages:   Package [com.b] (1f):",)


@pytest.mark.parametrize(
    ("value", "hashes", "past", "odd"),
    [
        ("PackageSignatures{1 version:3, signatures:[962f5b7], past signatures:[]}", ("0962f5b7",), (), False),
        ("PackageSignatures{1 version:3, signatures:[a, b]}", ("0000000a", "0000000b"), (), False),
        ("PackageSignatures{1 version:0, signatures:[], past signatures:[]}", None, (), False),
        ("PackageSignatures{1 [2]}", None, (), False),
        ("PackageSignatures{1 []}", None, (), False),
        ("PackageSignatures{1}", None, (), False),
        ("null", None, (), False),
        ("PackageSignatures{1 version:3, signatures:[123456789], past signatures:[]}", None, (), True),
        ("PackageSignatures{1 version:3, signatures:[a, x], past signatures:[]}", None, (), True),
        ("PackageSignatures{1 version:3, signatures:[a], past signatures:[b]}", None, (), True),
        ("PackageSignatures{1 version:3, signatures:[a], past sig", None, (), True),
        ("PackageSignatures{1 version:3, signatures:[a], past signatures:[]} x", None, (), True),
        ("", None, (), True),
    ],
)
def test_signatures(value, hashes, past, odd):
    dump = parse_dump("Packages:\n" + block("com.a", f"signatures={value}"))
    assert (dump.active["com.a"].hashes, dump.active["com.a"].past_hashes) == (hashes, past)
    assert bool(dump.problems) is odd


def test_the_scheme_is_taken_from_the_signatures_where_it_is_not_told_apart():
    assert one("Packages:\n" + block("com.a", signatures("a"))).signing_version == 2
    assert one("Packages:\n" + block("com.a", "apkSigningVersion=4", signatures("a"))).signing_version == 4


def test_a_long_line_is_cut():
    package = one("Packages:\n" + block("com.a", "versionName=" + "x" * (2 * MAX_LINE), "versionCode=1"))
    assert len(package.version_name) < MAX_LINE


def test_problems_are_bounded():
    dump = parse_dump("Packages:\n" + "noise\n" * 500)
    assert len(dump.problems) == MAX_KEPT + 1
    assert dump.problems[-1] == f"and {500 - MAX_KEPT} more"


def calls_for(text):
    """How many functions are called: time without a clock."""
    count = 0

    def tally(frame, event, argument):
        nonlocal count
        count += 1

    sys.setprofile(tally)
    try:
        parse_dump(text)
    finally:
        sys.setprofile(None)
    return count


def test_twice_the_dump_is_twice_the_work():
    def dump(packages):
        body = ANDROID_11.split("\n", 1)[1]
        return "Packages:\n" + "".join(body.replace("com.wear", f"com.wear{n}") for n in range(packages))

    assert calls_for(dump(200)) < 2.5 * calls_for(dump(100))


WORDS = ["Packages:\n", "Hidden system packages:\n", "  Package [a.b] (1):\n", "    User 0: ", "installed=true ",
         "    ", "signatures=PackageSignatures{1 version:2, signatures:[", "], past signatures:[", "]}",
         "versionCode=", "1", "      firstInstallTime=", "splits=[base, ", "enabled=", "\r\n"]  # fmt: skip


@given(st.one_of(ANYTHING, made_of(*WORDS)))
def test_no_text_raises(text):
    parse_dump(text)
    parse_dump("Packages:\n  Package [a.b] (1):\n" + text)


HARMLESS = ANYTHING.filter(
    lambda text: not any(line.startswith((" ", "-----")) or line.rstrip().endswith(":") for line in text.split("\n"))
)


@given(HARMLESS, st.integers(0, 99))
def test_noise_between_lines_harms_no_package(noise, at):
    lines = WHOLE.split("\n")
    dump, expected = parse_dump(noisy(lines, noise, at)), parse_dump(WHOLE)
    assert (dump.active, dump.factory) == (expected.active, expected.factory)
