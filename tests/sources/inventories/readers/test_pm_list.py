"""``pm list packages`` as a saved text."""

from __future__ import annotations

import pytest

from scanner.model import Device, Installed, UserState
from scanner.sources.inventories.readers import phonetext
from scanner.sources.inventories.readers.pm_list import READER
from tests.sources.inventories.readers.samples import PM, apps, entries, gaps

DEVICE = Device("saved", None, None, None)


def test_paths_with_blanks_and_equal_signs_and_several_users():
    users = (UserState(0, "installed"), UserState(10, "installed"))
    assert entries(READER, PM) == [
        Installed(
            DEVICE, "the spec", "com.shop", where="saved", users=users,
            version_code=7, installer="com.android.vending", system=False,
        ),
        Installed(
            DEVICE, "the spec", "com.player", where="saved", users=(UserState(0, "installed"),),
            version_code=1, system=True,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["package:com.shop", "package:com.shop uid:10123", "package:com.shop  installer=null",
     "package:com.shop stopped=true", "package:/data/app/x=/base.apk=com.shop", "package:com.shop versionCode:7",
     "package:com.apex versionCode:3 uid:-1"],
)  # fmt: skip
def test_every_combination_of_flags(text):
    assert READER.recognises(text)
    (app,) = entries(READER, text + "\n")
    assert app.package_name in {"com.shop", "com.apex"}


def test_a_line_without_uid_names_no_user():
    (app,) = apps(entries(READER, "package:com.shop\n"))
    assert (app.users, app.system, app.present) == ((), None, True)


def test_one_app_that_stands_twice_is_one_app_of_both_users():
    (app,) = apps(entries(READER, "package:com.shop uid:10123\npackage:com.shop uid:1010123\n"))
    assert [user.id for user in app.users] == [0, 10]


def test_a_user_who_was_denied_is_a_gap():
    text = PM + "Error: java.lang.SecurityException: Shell does not have permission to access user 150\n"
    assert READER.recognises(text)
    assert gaps(entries(READER, text)) == [("user", "Shell does not have permission to access user 150")]


def test_an_option_that_the_release_does_not_know_is_a_gap():
    assert gaps(entries(READER, "Error: Unknown option: -U\n")) == [
        ("listing", "Error: Unknown option: -U"),
        ("listing", "names no package"),
    ]


def test_lines_that_are_not_understood_are_told_of_and_counted():
    text = "package:com.shop\n" + "package:a b\n" * 25
    found = gaps(entries(READER, text))
    assert len(found) == 21
    assert found[0] == ("row", "not understood: package:a b")
    assert found[-1] == ("row", "and 5 more lines not understood")


def test_a_head_that_ends_within_a_line_is_recognised():
    assert READER.recognises(PM[:-30])


def test_paths_of_one_package_are_no_listing():
    assert not READER.recognises("package:/data/app/~~x==/com.shop-1==/base.apk\n")


def test_what_is_too_long_is_cut_and_told_of(monkeypatch):
    monkeypatch.setattr(phonetext.Pile.__init__, "__defaults__", (40,))
    found = entries(READER, "package:com.one\npackage:com.two\npackage:com.three\n")
    assert [app.package_name for app in apps(found)] == ["com.one", "com.two"]
    assert [what for what, _ in gaps(found)] == ["listing"]


@pytest.mark.parametrize("noise", ["\tat com.android.server.pm.X.y(X.java:1)\n", "\tUserInfo{10:Work:1030} running\n"])
def test_a_stack_trace_behind_a_listing_hides_none_of_it(noise):
    text = PM + "java.lang.SecurityException: Shell does not have permission to access user 150\n" + noise * 50
    assert READER.recognises(text)
    assert any(gap[0] == "user" for gap in gaps(entries(READER, text)))


def test_a_stack_trace_alone_is_no_listing():
    assert not READER.recognises("\tat com.android.server.pm.X.y(X.java:1)\n" * 50)
