"""``dumpsys package`` as a saved text."""

from __future__ import annotations

import pytest

from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState
from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.readers.dumpjoin import relevant
from scanner.sources.inventories.readers.dumpsys_package import READER
from tests.sources.inventories.readers.samples import BLOCKS, DUMPSYS, LINKS, ONE, apps, entries, gaps

DEVICE = Device("saved", None, None, None)
SHOP = Installed(
    DEVICE,
    "the spec",
    "com.shop",
    where="saved",
    users=(UserState(0, "installed"),),
    version_code=7,
    version_name="1.2",
    min_sdk=24,
    target_sdk=34,
    installer="com.android.vending",
    system=True,
    splits=("config.en",),
    hashes=("2cac3db6",),
    stated=Stated((Certificate(sha256=ONE),), origin="dumpsys package", assurance=Assurance.PLATFORM),
    updated="2026-01-02 03:04:05",
)


def test_a_whole_dump():
    kept, shop, factory = apps(entries(READER, DUMPSYS))
    assert shop == SHOP
    assert factory == Installed(
        DEVICE, "the spec", "com.shop", copy="factory", where="saved",
        version_code=5, min_sdk=24, target_sdk=30, system=True, hashes=("2cac3db6",),
    )  # fmt: skip
    assert (kept.package_name, kept.users, kept.present) == ("com.kept", (UserState(0, "uninstalled"),), False)


def test_the_list_of_packages_alone_has_no_sha256():
    assert READER.recognises(BLOCKS)
    shop = apps(entries(READER, BLOCKS))[1]
    assert (shop.stated, shop.hashes) == (None, ("2cac3db6",))


def test_what_nobody_has_is_no_app():
    assert "com.gone" not in {app.package_name for app in apps(entries(READER, DUMPSYS))}


def test_a_release_that_does_not_tell_of_data_hides_nothing():
    text = (
        "Packages:\n  Package [com.old] (1):\n    versionCode=3 targetSdk=19\n    User 0:  installed=false enabled=0\n"
    )
    (app,) = apps(entries(READER, text))
    assert app.users == (UserState(0, "uninstalled"),)


def test_a_dump_cut_before_the_list_still_has_the_stated_certificates():
    found = entries(READER, f"Libraries:\nFeatures:\nDomain verification status:\n{LINKS}")
    (app,) = apps(found)
    assert app.stated == SHOP.stated
    assert gaps(found) == [("listing", "names no package")]


def test_android_8_states_no_hash():
    text = BLOCKS.replace("version:3, signatures:[2cac3db6], past signatures:[]", "[dbf83ee]")
    assert apps(entries(READER, text))[1].hashes == ()


def test_two_blocks_of_one_name_that_disagree_are_not_believed():
    second = "  Package [com.shop] (9):\n    signatures=PackageSignatures{1 version:2, signatures:[11111111]}\n"
    found = entries(READER, BLOCKS.replace("  Package [com.gone]", second + "  Package [com.gone]"))
    assert apps(found)[1].hashes == ()
    assert ("row", "com.shop stands twice") in gaps(found)


@pytest.mark.parametrize("lines", [DUMPSYS, BLOCKS, DUMPSYS.replace("]\n", ",\n       ]\n"), "      \n" + DUMPSYS])
def test_what_is_left_out_makes_no_difference(lines):
    kept = "\n".join(relevant(lines.split("\n")))
    assert parse_dump(kept) == parse_dump(lines)
    assert parse_app_links(kept) == parse_app_links(lines)
    assert "android.permission.INTERNET" not in kept


def test_the_list_may_lie_far_behind_the_head():
    filler = "  x\n" * 40_000
    assert READER.recognises(f"Verifiers:\nLibraries:\n{filler}"[:65536])


def test_a_dump_that_ran_out_of_time_is_a_gap():
    late = "*** SERVICE 'package' DUMP TIMEOUT (10000ms) EXPIRED ***"
    assert gaps(entries(READER, f"{DUMPSYS}\n{late}\n")) == [("listing", late)]


def test_a_last_package_without_a_user_may_be_cut_short():
    cut = BLOCKS.partition("    User ")[0]
    assert "may be cut short" in gaps(entries(READER, cut))[-1][1]
