"""Bug reports."""

from __future__ import annotations

import pytest

from scanner.model import Device
from scanner.sources.inventories.readers import bugreport
from tests.sources.inventories.readers.samples import (
    BUGREPORT,
    CHECKIN,
    DUMPSTATE,
    DUMPSYS,
    GETPROP,
    ONE,
    RULE,
    SERVICE,
    WHOLE_DUMPSYS,
    apps,
    colons,
    entries,
    gaps,
)

TEXT, BUNDLE = bugreport.READER, bugreport.BUNDLE_READER
DEVICE = Device("R58N", "SM-A1", "14", None)
NAMES = [("com.kept", "active"), ("com.shop", "active"), ("com.shop", "factory"), ("com.short", "active")]


def named(found):
    return sorted((app.package_name, app.copy) for app in apps(found))


def test_the_text():
    found = entries(TEXT, DUMPSTATE)
    assert named(found) == NAMES
    shop = apps(found)[1]
    assert shop.device == DEVICE
    assert shop.stated is not None
    assert shop.hashes == ("2cac3db6",)
    assert gaps(found) == []


def test_the_archive_says_which_text_is_its_own():
    found = entries(BUNDLE, {**BUGREPORT, "bugreport-other.txt": DUMPSTATE.replace("com.short", "com.other")})
    assert named(found) == NAMES
    assert {app.where for app in apps(found)} == {"saved!/bugreport-a1-TEST.1-2026-01-31-12-00-00.txt"}


@pytest.mark.parametrize("name", ["bugreport-x.txt", "dumpstate-x.txt", "dumpState_x.log", "folder/bugreport-x.txt"])
def test_older_names_of_the_text(name):
    assert named(entries(BUNDLE, {name: DUMPSTATE, "dumpstate-stats.txt": "1"})) == NAMES


def test_main_entry_may_name_nothing():
    files = {"main_entry.txt": "../../etc/passwd\n", "bugreport-x.txt": DUMPSTATE}
    assert named(entries(BUNDLE, files)) == NAMES


def test_without_properties_the_fingerprint_tells_the_release_and_the_name_stands_for_the_serial():
    (app, *_) = apps(entries(TEXT, DUMPSTATE.replace(GETPROP, "")))
    assert app.device == Device("saved", None, "13", None)


def test_a_serial_that_the_release_hides():
    (app, *_) = apps(entries(BUNDLE, {"bugreport-x.txt": DUMPSTATE.replace("R58N", "")}))
    assert app.device.serial == "saved"


def test_a_dump_that_ran_out_of_time_is_a_gap_and_the_check_in_fills_it():
    late = DUMPSTATE.replace(DUMPSYS, "\n*** SERVICE 'package' DUMP TIMEOUT (60000ms) EXPIRED ***\n\n")
    found = entries(TEXT, late)
    assert named(found) == [("com.shop", "active"), ("com.shop", "factory"), ("com.short", "active")]
    assert gaps(found) == [
        ("listing", "*** SERVICE 'package' DUMP TIMEOUT (60000ms) EXPIRED ***"),
        ("listing", "its long listing is missing: hashes of certificates are unknown"),
    ]


@pytest.mark.parametrize("rank", ["CRITICAL ", "HIGH ", "NORMAL "])
def test_services_may_have_a_rank(rank):
    text = DUMPSTATE.replace("DUMP OF SERVICE package", f"DUMP OF SERVICE {rank}package").replace(CHECKIN, "")
    assert len(apps(entries(TEXT, text))) == 3


def test_lists_of_other_services_are_none_of_ours():
    other = f"{RULE}\nDUMP OF SERVICE other:\nPackages:\n  Package com.alien\n"
    assert named(entries(TEXT, DUMPSTATE + other)) == NAMES


def test_a_feigned_dump_takes_no_certificate_along():
    feigned = SERVICE.replace(colons(ONE), colons("9999" * 16)).replace("[2cac3db6]", "[99999999]")
    found = entries(TEXT, DUMPSTATE.replace(SERVICE, feigned + SERVICE))
    shop = apps(found)[1]
    assert (shop.package_name, shop.stated, shop.hashes) == ("com.shop", None, ())
    assert ("listing", "2 dumps of the package service: only one can be its own") in gaps(found)


def test_a_version_name_that_feigns_the_end_hides_no_package_unsaid():
    end = "    versionName=1\n--------- 0.1s was the duration of dumpsys package, ending at: 2026\n"
    found = entries(TEXT, DUMPSTATE.replace("    versionName=1.2\n", end))
    assert ("com.kept", "active") not in named(found)
    told = "a package outside the package service's dump:   Package [com.kept] (2e9cb72):"
    assert ("listing", told) in gaps(found)


def test_a_title_without_its_rule_is_an_apps_own_text_and_hides_no_package_unsaid():
    found = entries(TEXT, DUMPSTATE.replace("    versionName=1.2\n", "    versionName=1\nDUMP OF SERVICE other:\n"))
    told = "a package outside the lists of packages:   Package [com.kept] (2e9cb72):"
    assert ("row", told) in gaps(found)


def test_a_whole_dumpsys():
    found = entries(TEXT, WHOLE_DUMPSYS)
    assert named(found) == [("com.kept", "active"), ("com.shop", "active"), ("com.shop", "factory")]


def test_a_report_without_packages_is_a_gap():
    text = DUMPSTATE.partition("------ DUMPSYS")[0]
    assert TEXT.recognises(text)
    assert gaps(entries(TEXT, text)) == [("listing", "names no package")]
