"""Acquisitions of AndroidQF."""

from __future__ import annotations

import json

import pytest

from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState
from scanner.sources.inventories.readers import androidqf
from tests.sources.inventories.readers.samples import (
    AQF,
    MD5,
    ONE,
    SHA1,
    THREE,
    TWO,
    WHOLE_DUMPSYS,
    apps,
    aqf_entry,
    aqf_file,
    entries,
    gaps,
)

READER, BUNDLE = androidqf.READER, androidqf.BUNDLE_READER
ORIGIN = "androidqf packages.json"
CERTIFICATE = Certificate(sha256=ONE, sha1=SHA1, md5=MD5, subject="CN=Shop")
SPLIT = "/data/app/~~x==/com.shop-1==/split_config.en.apk"


def read(*items, **files):
    return entries(BUNDLE, {**AQF, "packages.json": json.dumps(items), **files})


def stated(*items):
    (app,) = apps(read(*items))
    return app.stated


def test_an_app():
    assert entries(BUNDLE, AQF) == [
        Installed(
            Device("R58N", "SM-A1", "14", None), "the spec", "com.shop", where="saved!/packages.json",
            users=(UserState(0, "installed"),), file_sha256=TWO, installer="com.android.vending", system=False,
            stated=Stated((CERTIFICATE,), origin=ORIGIN, assurance=Assurance.REPORTED),
        )
    ]  # fmt: skip


def test_the_list_alone():
    (app,) = entries(READER, AQF["packages.json"])
    assert (app.device.serial, app.stated.signers) == ("saved", (CERTIFICATE,))


def test_a_certificate_that_was_not_verified_is_a_mere_claim():
    assert stated(aqf_entry(files=[aqf_file(verified=False)])).assurance == Assurance.DECLARED


def test_a_flag_that_is_no_truth_value_verifies_nothing():
    assert stated(aqf_entry(files=[aqf_file(verified="true")])).assurance == Assurance.DECLARED


def test_an_error_beside_a_certificate_is_told_of():
    found = read(aqf_entry(files=[aqf_file(verified=False, error="bad digest")]))
    assert apps(found)[0].stated.assurance == Assurance.DECLARED
    assert gaps(found) == [("row", "com.shop: its certificate was not verified: bad digest")]


def test_trusted_is_no_proof():
    assert stated(aqf_entry(files=[aqf_file(verified=False, trusted_certificate=True)])).assurance == Assurance.DECLARED
    assert stated(aqf_entry(files=[aqf_file(certificate=False, trusted_certificate=True)])) is None


@pytest.mark.parametrize(
    "certificate", [{}, None, [], {"Sha256": "0" * 64}, {"Sha256": "x" * 64}, {"Sha256": ONE[:-1]}]
)
def test_an_empty_certificate_is_none(certificate):
    assert stated(aqf_entry(files=[{**aqf_file(), "certificate": certificate}])) is None


def test_splits_are_files_of_one_app():
    (app,) = apps(read(aqf_entry(files=[aqf_file(SPLIT), aqf_file()])))
    assert (app.splits, app.file_sha256, app.stated.assurance) == (("config.en",), TWO, Assurance.REPORTED)


def test_a_split_with_another_certificate_makes_both_a_claim():
    other = {**aqf_file(SPLIT), "certificate": {"Sha256": THREE}}
    found = read(aqf_entry(files=[aqf_file(), other]))
    assert apps(found)[0].stated == Stated((CERTIFICATE,), origin=ORIGIN, assurance=Assurance.DECLARED)
    assert gaps(found) == [("row", "com.shop: its files have different certificates")]


def test_a_split_alone_claims_no_more_than_that():
    files = [aqf_file(certificate=False, verified=False), aqf_file(SPLIT)]
    assert stated(aqf_entry(files=files)).assurance == Assurance.DECLARED


def test_one_app_of_several_users_is_one_app():
    entry = aqf_entry(user_id=0, installed=True, disabled=True)
    found = read(entry, aqf_entry(user_id=10, installed=False, files=[]))
    (app,) = found
    assert app.users == (UserState(0, "disabled"), UserState(10, "uninstalled"))
    assert app.stated.assurance == Assurance.REPORTED


def test_two_users_copies_that_disagree_are_mere_claims():
    other = {**aqf_file(), "certificate": {"Sha256": THREE}}
    found = read(aqf_entry(user_id=0), aqf_entry(user_id=10, files=[other]))
    assert apps(found)[0].stated.assurance == Assurance.DECLARED
    assert len(gaps(found)) == 1


def test_without_files_nothing_says_whether_it_is_installed():
    (app,) = apps(read(aqf_entry(files=[])))
    assert (app.users, app.present) == ((), True)


def test_a_uid_that_androidqf_could_not_read_names_no_user():
    (app,) = apps(read(aqf_entry(uid=0)))
    assert app.users == ()


def test_an_installer_called_null_is_none():
    (app,) = apps(read(aqf_entry(installer="null")))
    assert app.installer is None


def test_users_who_could_not_be_listed_are_gaps():
    users = [{"id": 0, "inventory_status": "collected"}, {"id": 10, "inventory_status": "failed", "error": "denied"}]
    found = read(aqf_entry(), **{"package_users.json": json.dumps({"users": users, "enumeration_error": "no list"})})
    assert gaps(found) == [("user", "denied"), ("listing", "no list")]


def test_dumpsys_adds_hashes_states_copies_and_apps():
    found = read(aqf_entry(), **{"dumpsys.txt": WHOLE_DUMPSYS})
    shop, kept, factory = apps(found)
    assert (shop.hashes, shop.version_code, shop.splits) == (("2cac3db6",), 7, ("config.en",))
    assert (shop.file_sha256, shop.stated.origin, shop.stated.assurance) == (TWO, "dumpsys package", "platform")
    assert (factory.package_name, factory.copy) == ("com.shop", "factory")
    assert kept.package_name == "com.kept"


def test_domain_verification_and_the_acquisition_may_disagree():
    other = {**aqf_file(), "certificate": {"Sha256": THREE}}
    found = read(aqf_entry(files=[other]), **{"dumpsys.txt": WHOLE_DUMPSYS})
    assert apps(found)[0].stated == Stated((Certificate(sha256=THREE),), (), ORIGIN, Assurance.DECLARED)
    assert ("row", "com.shop: domain verification states another certificate") in gaps(found)


def test_a_list_that_is_cut_short_is_a_gap():
    text = json.dumps([aqf_entry("com.one"), aqf_entry("com.two")])[:-40]
    found = entries(BUNDLE, {"packages.json": text})
    assert [app.package_name for app in apps(found)] == ["com.one"]
    assert gaps(found) == [("listing", "cut short, or not JSON: Expecting ',' delimiter")]


def test_entries_that_name_no_package_are_gaps():
    found = read(aqf_entry(), aqf_entry("a b"), 7)
    assert gaps(found) == [("row", "entry 2 has no package name"), ("row", "1 entry is no object")]


def test_an_acquisition_that_failed_beside_another_is_a_gap():
    one = {f"a/{name}": text for name, text in AQF.items()}
    assert gaps(entries(BUNDLE, {**one, "b/getprop.txt": "", "b/packages.json": "[]"}))[0][0] == "device"
    assert gaps(entries(BUNDLE, {**one, "b/acquisition.json": "{}"}))[0][0] == "device"


def test_a_dump_without_the_package_service_is_a_gap():
    assert [what for what, _ in gaps(read(aqf_entry(), **{"dumpsys.txt": "Can't find service: package\n"}))] == [
        "listing"
    ]
