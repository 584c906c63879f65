"""Results of MVT."""

from __future__ import annotations

import json

import pytest

from scanner.model import Assurance, Device, Installed, UserState
from scanner.sources.inventories.readers.mvt import READER
from tests.sources.inventories.readers.samples import (
    MVT,
    MVT_ENTRY,
    ONE,
    TWO,
    apps,
    aqf_entry,
    aqf_file,
    entries,
    gaps,
)
from tests.support.documents import FilesBundle


def test_packages_of_a_bug_report():
    assert entries(READER, MVT) == [
        Installed(
            Device("R58N", "A1", None, None), "the spec", "com.shop", where="saved!/dumpsys_packages.json",
            version_code=7, version_name="1.2", min_sdk=24, target_sdk=34, updated="2026-01-02 03:04:05",
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "expected"), [("7 minSdk", 7), ("7", 7), ("7 targetSdk=23", 7), ("", None), ("x", None)]
)
def test_version_codes_of_any_release_of_mvt(code, expected):
    (app,) = entries(READER, {"dumpsys_packages.json": json.dumps([{**MVT_ENTRY, "version_code": code}])})
    assert app.version_code == expected


def test_packages_of_a_phone():
    entry = {**MVT_ENTRY, "installer": None, "disabled": True, "system": True, "third_party": False,
             "files": [{"path": "/x/base.apk", "sha256": TWO}]}  # fmt: skip
    (app,) = entries(READER, {"packages.json": json.dumps([entry])})
    assert (app.users, app.system, app.file_sha256) == ((UserState(0, "disabled"),), True, TWO)
    assert (app.version_code, app.stated, app.device.serial) == (7, None, "saved")


def test_androidqf_entries_keep_their_certificates_and_gain_versions():
    files = {**MVT, "aqf_packages.json": json.dumps([aqf_entry(), aqf_entry("com.two", [aqf_file(verified=False)])])}
    shop, two = entries(READER, files)
    assert (shop.version_code, shop.stated.signers[0].sha256, shop.stated.assurance) == (7, ONE, Assurance.REPORTED)
    assert shop.stated.origin == "mvt aqf_packages.json"
    assert two.stated.assurance == Assurance.DECLARED


def test_the_second_entry_of_a_name_never_overwrites_the_first():
    text = json.dumps([MVT_ENTRY, {**MVT_ENTRY, "version_code": "5"}])
    (app,) = entries(READER, {"dumpsys_packages.json": text})
    assert app.version_code == 7


def test_properties_of_old_versions():
    files = {**MVT, "getprop.json": '{"ro.product.model": "A1", "ro.build.version.release": "11"}'}
    assert apps(entries(READER, files))[0].device == Device("saved", "A1", "11", None)


@pytest.mark.parametrize("text", ["", "[", "7", "[" * 100_000, '[{"name": 7, "value": []}]'])
def test_properties_that_are_none(text):
    assert apps(entries(READER, {**MVT, "getprop.json": text}))[0].device.serial == "saved"


def test_a_file_of_another_kind_is_a_gap():
    assert gaps(entries(READER, {**MVT, "packages.json": "[]"})) == [
        ("listing", "not the list of packages that MVT writes")
    ]


def test_results_of_another_system_are_not_recognised():
    assert not READER.recognises(FilesBundle("b", {"info.json": MVT["info.json"], "sms.json": "[]"}))
