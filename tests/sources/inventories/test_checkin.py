"""``dumpsys package --checkin``."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.sources.inventories.checkin import MAX_PARTS, CheckinPackage, parse_checkin
from scanner.sources.inventories.dumped import DumpedUser
from tests.sources.inventories.insertion import ANYTHING, made_of, noisy

ANDROID_7 = """vers,1
lib,javax.obex,jar,/system/framework/javax.obex.jar
pkg,com.shop,10118,116434610,1486361139496,1491403362196,com.android.vending
pkg-splt,base,0
pkg-splt,config.en,3
pkg-usr,0,IbsusL,0,com.android.vending
pkg-usr,10,iBSUSl,2,?
pkg,com.two,10119,7,1,2,?
pkg-splt,base,0
dis,com.shop,10118,5,1,2,null
dis-usr,0,Ibsl,0,?
"""
ANDROID_16 = """vers,1
pkg,com.new,10234,42,1790000000000,com.android.vending10123com.android.vending,2
pkg-splt,base,0
pkg-usr,0,IbsusLiavpiqha,0,?,1780000000000,
"""


def test_android_7():
    checkin = parse_checkin(ANDROID_7)
    assert checkin.problems == ()
    assert checkin.active == {
        "com.shop": CheckinPackage(
            "com.shop",
            116434610,
            1486361139496,
            1491403362196,
            "com.android.vending",
            ("config.en",),
            (
                DumpedUser(0, installed=True, hidden=False, suspended=False, stopped=False, enabled=0),
                DumpedUser(10, installed=False, hidden=True, suspended=True, stopped=True, enabled=2),
            ),
        ),
        "com.two": CheckinPackage("com.two", 7, 1, 2, None),
    }
    (factory,) = checkin.factory.values()
    assert (factory.version_code, factory.installer, factory.users[0].suspended) == (5, None, None)


def test_android_16_glues_the_installer_to_a_number():
    checkin = parse_checkin(ANDROID_16)
    assert checkin.problems == ()
    user = DumpedUser(0, installed=True, hidden=False, suspended=False, stopped=False, enabled=0)
    assert checkin.active == {"com.new": CheckinPackage("com.new", 42, None, 1790000000000, None, (), (user,))}


@pytest.mark.parametrize(
    "line",
    ["pkg,com.b", "pkg,b c,1,2,3,4,x", "pkg,com.b,x,2,3,4,y", "pkg-usr,0,?,0", "pkg-usr,-1,Ibsl,0", "pkg-usr,0",
     "pkg-splt,", "pkg-new,1", "pkg,com.shop,1,2,3,4,x"],
)  # fmt: skip
def test_what_is_not_understood_is_told_of_and_harms_nothing(line):
    checkin = parse_checkin(ANDROID_7 + "pkg,com.last,1,2,3,4,com.x\n" + line + "\n")
    expected = parse_checkin(ANDROID_7 + "pkg,com.last,1,2,3,4,com.x\n")
    assert (checkin.active, checkin.factory) == (expected.active, expected.factory)
    assert checkin.problems == (line,)


def test_lines_under_a_bad_package_do_not_go_to_the_one_before():
    checkin = parse_checkin("pkg,com.a,1,2,3,4,com.x\npkg,b c,1,2,3,4,com.x\npkg-usr,0,Ibsl,0,?\n")
    assert checkin.active["com.a"].users == ()
    assert len(checkin.problems) == 2


def test_splits_and_users_are_bounded():
    splits = "".join(f"pkg-splt,s{n},0\n" for n in range(MAX_PARTS + 5))
    users = "".join(f"pkg-usr,{n},Ibsl,0\n" for n in range(MAX_PARTS + 5))
    (package,) = parse_checkin("pkg,com.a,1,2,3,4,com.x\n" + splits + users).active.values()
    assert (len(package.splits), len(package.users)) == (MAX_PARTS, MAX_PARTS)


def test_the_second_line_of_one_user_is_told_of():
    checkin = parse_checkin("pkg,com.a,1,2,3,4,com.x\npkg-usr,0,Ibsl,0\npkg-usr,0,ibsl,0\n")
    assert [user.installed for user in checkin.active["com.a"].users] == [True]
    assert checkin.problems == ("pkg-usr,0,ibsl,0",)


def test_lines_of_one_list_do_not_go_to_the_other():
    checkin = parse_checkin("pkg,com.a,1,2,3,4,com.x\ndis-usr,0,Ibsl,0,?\n")
    assert checkin.active["com.a"].users == ()
    assert checkin.factory == {}
    assert checkin.problems == ("dis-usr,0,Ibsl,0,?",)


@given(st.one_of(ANYTHING, made_of("pkg,", "dis,", "com.a,", "1,", "pkg-usr,", "0,Ibsusl,0,", "pkg-splt,", "base")))
def test_no_text_raises(text):
    parse_checkin(text)


@given(ANYTHING.filter(lambda text: not text.startswith(("pkg", "dis"))), st.integers(0, 99))
def test_noise_between_lines_harms_no_package(noise, at):
    checkin, expected = parse_checkin(noisy(ANDROID_7.split("\n"), noise, at)), parse_checkin(ANDROID_7)
    assert (checkin.active, checkin.factory) == (expected.active, expected.factory)
