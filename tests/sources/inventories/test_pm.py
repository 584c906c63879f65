"""``pm list packages``, ``pm list users``, ``pm path``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.lines import MAX_KEPT, MAX_LINE, MAX_SHOWN
from scanner.sources.inventories.pm import ListedPackage, User, parse_packages, parse_users, why_denied
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

PATH = "/data/app/~~0aX7BWdP29TqZaPPXkHNIA==/org.jitsi.meet-hcYO-DrfCgXIZKdu4pcUeA==/base.apk"
DENIED = "Shell does not have permission to access user 150"


def only(line):
    listing = parse_packages(line)
    assert listing.odd == ()
    (package,) = listing.packages
    return package


@pytest.mark.parametrize(
    ("line", "package"),
    [
        ("package:com.a", ("com.a", None, None, None, ())),
        ("package:android", ("android", None, None, None, ())),
        ("package:/system/app/A.apk=com.a", ("com.a", "/system/app/A.apk", None, None, ())),
        ("package:/data/app/com.a-1.apk=com.a  installer=null", ("com.a", "/data/app/com.a-1.apk", None, None, ())),
        ("package:com.a  installer=com.android.vending", ("com.a", None, None, "com.android.vending", ())),
        ("package:com.a  installer=", ("com.a", None, None, None, ())),
        ("package:com.a uid:10123", ("com.a", None, None, None, (10123,))),
        ("package:com.a versionCode:34", ("com.a", None, 34, None, ())),
        ("package:com.a versionCode:9223372036854775807", ("com.a", None, 2**63 - 1, None, ())),
        (
            f"package:{PATH}=org.jitsi.meet  installer=com.android.packageinstaller uid:10152",
            ("org.jitsi.meet", PATH, None, "com.android.packageinstaller", (10152,)),
        ),
        (
            f"package:{PATH}=org.jitsi.meet versionCode:20800  installer=null uid:10152",
            ("org.jitsi.meet", PATH, 20800, None, (10152,)),
        ),
        ("package:com.a versionCode:1 stopped=true  installer=com.b uid:1", ("com.a", None, 1, "com.b", (1,))),
        (
            "package:com.example  installer=com.android.vending uid:10123,1010123",
            ("com.example", None, None, "com.android.vending", (10123, 1010123)),
        ),
        (
            "package:/apex/com.android.adbd.apex=com.android.adbd versionCode:360",
            ("com.android.adbd", "/apex/com.android.adbd.apex", 360, None, ()),
        ),
        ("package:null=com.archived versionCode:7", ("com.archived", None, 7, None, ())),
    ],
    ids=[
        "4.4", "no-dot", "4.4-f", "7-f-i", "7-i", "no-installer", "8-U", "8-version", "long-version", "11-f-i-U",
        "12-f-i-U-version", "14-stopped", "13-all-users", "10-apex", "15-archived",
    ],
)  # fmt: skip
def test_a_line_of_any_flags(line, package):
    assert only(line) == ListedPackage(*package)


@pytest.mark.parametrize(
    "path",
    [
        "/data/app/My App/base.apk",
        "/data/app/a==/b=c/base.apk",
        "/data/app/x uid:10001/base.apk",
        "/data/app/x  installer=com.evil uid:1",
        "/data/app/x versionCode:1",
        '/data/app/\'; rm -rf $(id) `id` "x"',
        "/data/app/\x1b[31m\x85\u2028\x0b\x1c\x00",
        "/data/app/x=com.other",
        "/data/app/\udcff\ud800",
        "/data/app/ ",
    ],
)
def test_a_hostile_path_moves_no_field(path):
    line = f"package:{path}=com.a versionCode:5  installer=com.b uid:10001"
    assert only(line) == ListedPackage("com.a", path, 5, "com.b", (10001,))
    assert only(f"package:{path}=com.a") == ListedPackage("com.a", path, None, None, ())


def test_a_path_with_a_line_feed_costs_its_name_and_says_so():
    listing = parse_packages("package:/data/a\nb/base.apk=com.a\npackage:com.b\n")
    assert [package.name for package in listing.packages] == ["com.b"]
    assert listing.odd == ("package:/data/a", "b/base.apk=com.a")


@pytest.mark.parametrize(
    "rest",
    [
        "", "com.a.", ".com.a", "com..a", "com.\u00e4", "com.a b", "com-a", "com.a\x00", "com.a uid:", "com.a uid:x",
        "com.a uid:1,", "com.a uid:1 uid:2", "com.a versionCode:" + "9" * 20, "com.a stopped=maybe", "relative/p=com.a",
        "/system/app/HwJetPack/HwJetPack.apk=com.huawei.androidx  in...", "a" * 256, "com.a  installer=b c", "com.a\t",
    ],
)  # fmt: skip
def test_a_name_that_android_would_not_install_is_odd(rest):
    listing = parse_packages(f"package:{rest}\n")
    assert listing.packages == ()
    assert (len(listing.odd), listing.odd_count) == (1, 1)


def test_a_line_cut_for_its_length_is_odd_even_where_the_cut_leaves_a_name():
    line = "package:/" + "x" * (MAX_LINE - 18) + "=com.abcdef"
    assert parse_packages(line).packages == ()
    assert parse_packages(line).odd_count == 1


def test_carriage_returns_of_old_shells():
    listing = parse_packages("package:com.a\r\r\npackage:com.b  installer=null\r\n\r\n")
    assert [package.name for package in listing.packages] == ["com.a", "com.b"]
    assert listing.odd_count == 0


@pytest.mark.parametrize(
    "line",
    [
        "Error: java.lang.SecurityException: " + DENIED,
        "java.lang.SecurityException: " + DENIED,
        "Exception occurred while executing 'list':",
        "Security exception: " + DENIED,
        "Unknown option: -U",
        "Error: Unknown option: --uid",
        "Failure [not installed for 0]",
        "Failure calling service package: Broken pipe (32)",
        "cmd: Can't find service: package",
        "Can't find service: package",
        "android.os.DeadSystemException",
    ],
)
def test_an_error_is_an_error_and_costs_no_package(line):
    listing = parse_packages(f"package:com.a\n{line}\npackage:com.b\n")
    assert listing.errors == (line,)
    assert len(listing.packages) == 2
    assert listing.odd_count == 0


def test_odd_lines_are_counted_and_a_few_are_kept():
    listing = parse_packages("WARNING: linker\n" + "\n".join("x" * 500 for _ in range(500)))
    assert listing.odd_count == 501
    assert len(listing.odd) == MAX_KEPT
    assert listing.odd[:2] == ("WARNING: linker", "x" * MAX_SHOWN)


def test_errors_beyond_those_kept_are_counted_as_odd():
    listing = parse_packages("Error: x\n" * 50)
    assert len(listing.errors) == MAX_KEPT
    assert listing.odd_count == 50 - MAX_KEPT


USERS = """Users:
\tUserInfo{0:Owner:4c13} running
\tUserInfo{10:Work profile:1030} running
\tUserInfo{11:Private space:1090}
\tUserInfo{95:DUAL_APP:20001010} running
\tUserInfo{150:Secure Folder:10061030} running
\tUserInfo{999:a:b}{:} running:1:30}
"""


def test_users_of_several_vendors():
    listing = parse_users(USERS)
    assert listing.odd == listing.errors == ()
    assert listing.users == (
        User(0, "Owner", 0x4C13, running=True),
        User(10, "Work profile", 0x1030, running=True),
        User(11, "Private space", 0x1090, running=False),
        User(95, "DUAL_APP", 0x20001010, running=True),
        User(150, "Secure Folder", 0x10061030, running=True),
        User(999, "a:b}{:} running:1", 0x30, running=False),
    )
    assert [user.id for user in listing.users if user.managed_profile] == [10, 150, 999]


@pytest.mark.parametrize(
    "entry",
    ["UserInfo{0:Owner}", "UserInfo{x:Owner:13}", "UserInfo{0:Owner:xyz}", "UserInfo{0:Owner:13", "UserInfo{0:O:13}!"],
)
def test_an_odd_user_is_said(entry):
    assert parse_users(f"Users:\n\t{entry}\n").users == ()
    assert parse_users(f"Users:\n\t{entry}\n").odd_count == 1


def test_the_second_user_of_one_id_is_odd():
    listing = parse_users("\tUserInfo{0:Owner:13} running\n\tUserInfo{0:Other:30}\n")
    assert [user.name for user in listing.users] == ["Owner"]
    assert listing.odd == ("\tUserInfo{0:Other:30}",)


def test_an_error_for_users():
    assert parse_users("Security exception: You need MANAGE_USERS").errors == (
        "Security exception: You need MANAGE_USERS",
    )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Error: java.lang.SecurityException: " + DENIED, DENIED),
        ("Exception occurred while executing 'list':\njava.lang.SecurityException: " + DENIED + "\n\tat x.y", DENIED),
        ("Exception occurred while executing 'list': java.lang.SecurityException: " + DENIED, DENIED),
        ("package:com.a\r\nSecurity exception: " + DENIED + "\r\n", DENIED),
        ("java.lang.SecurityException", "SecurityException"),
        ("package:/data/SecurityException: x=com.a", None),
        ("Error: Unknown option: -U", None),
        ("", None),
    ],
)
def test_why_a_user_was_denied(text, reason):
    assert why_denied(text) == reason


VALID = [f"package:{PATH}=org.jitsi.meet versionCode:2  installer=null uid:10152", "package:com.b uid:1,2"]
WORDS = ["package:", "com.a", "/x", "  installer=", " uid:", "1", ",", " versionCode:", "null", "Error: ", "UserInfo{",
         "0:", "}", " running", "SecurityException", "\r\n"]  # fmt: skip


@given(st.one_of(ANYTHING, made_of(*WORDS)))
def test_no_text_raises_and_no_line_is_lost(text):
    listing = parse_packages(text)
    said = [line for line in text.split("\n") if line.strip("\r").strip()]
    assert len(listing.packages) + len(listing.errors) + listing.odd_count == len(said)
    parse_users(text)
    why_denied(text)


@given(ANYTHING, st.integers(0, 9))
def test_noise_between_lines_harms_no_package(noise, at):
    packages = parse_packages("\n".join(VALID)).packages
    assert len(packages) == 2
    found = parse_packages(noisy(VALID, noise, at)).packages
    assert [package for package in found if package in packages] == list(packages)


@given(ANYTHING.filter(lambda text: "UserInfo" not in text), st.integers(0, 9))
def test_noise_between_lines_harms_no_user(noise, at):
    lines = USERS.split("\n")
    assert parse_users(noisy(lines, noise, at)).users == parse_users(USERS).users
