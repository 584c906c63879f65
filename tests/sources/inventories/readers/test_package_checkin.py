"""``dumpsys package --checkin`` as a saved text."""

from __future__ import annotations

from scanner.model import UserState
from scanner.sources.inventories.readers.package_checkin import READER
from tests.sources.inventories.readers.samples import CHECKIN, apps, entries, gaps


def test_names_states_and_factory_copies():
    shop, short, factory = entries(READER, CHECKIN)
    assert (shop.package_name, shop.version_code, shop.installer) == ("com.shop", 116434610, "com.android.vending")
    assert (shop.splits, shop.updated, shop.stated, shop.hashes) == (("config.en",), "1491403362196", None, ())
    assert short.users == (UserState(0, "disabled"),)
    assert (factory.package_name, factory.copy, factory.version_code, factory.system) == (
        "com.shop",
        "factory",
        5,
        True,
    )


def test_a_user_who_never_had_the_app_is_left_out():
    assert entries(READER, CHECKIN)[0].users == (UserState(0, "installed"),)


def test_an_app_that_every_user_removed_is_uninstalled():
    (app,) = entries(READER, "vers,1\npkg,com.shop,10118,1,2,3,x\npkg-usr,0,ibsusl,0,?\n")
    assert (app.users, app.present) == ((UserState(0, "uninstalled"),), False)


def test_what_is_not_understood_is_a_gap():
    found = entries(READER, CHECKIN + "pkg,b c,1,2,3,4,x\n")
    assert len(apps(found)) == 3
    assert gaps(found) == [("row", "not understood: pkg,b c,1,2,3,4,x")]
