"""Results of Uraniborg's Hubble."""

from __future__ import annotations

import pytest

from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState
from scanner.sources.inventories.readers.hubble import READER
from tests.sources.inventories.readers.samples import (
    DER,
    OTHER_DER,
    TWO,
    apps,
    entries,
    gaps,
    hubble,
    hubble_package,
    sha256,
)

ORIGIN = "hubble packages.txt"
NEW, OLD = Certificate(sha256=sha256(DER), der=DER), Certificate(sha256=sha256(OTHER_DER), der=OTHER_DER)


def signing(signers, lineage=(), multiple=False):
    return {
        "hasMultipleSigners": multiple,
        "hasPastSigningCertificates": bool(lineage),
        "apkContentsSigners": [sha256(der) for der in signers],
        "signingCertificateLineage": [sha256(der) for der in lineage],
    }


def stated(*args, **more):
    return apps(entries(READER, hubble(hubble_package(*args, **more))))[0].stated


def test_an_app():
    assert entries(READER, hubble(hubble_package())) == [
        Installed(
            Device("saved", "A1", "14", None), "the spec", "com.shop", where="saved!/packages.txt", title="Shop",
            file_sha256=TWO, version_code=7, version_name="1.2", system=False, splits=("config.en",),
            stated=Stated((NEW,), origin=ORIGIN, assurance=Assurance.REPORTED),
        )
    ]  # fmt: skip


def test_several_certificates_without_signing_info_may_be_a_history():
    assert stated(ders=(OTHER_DER, DER)) == Stated((NEW,), (OLD,), ORIGIN, Assurance.DECLARED)


def test_a_rotated_key():
    said = stated(ders=(OTHER_DER, DER), signingInfo=signing([DER], [OTHER_DER, DER]))
    assert said == Stated((NEW,), (OLD,), ORIGIN, Assurance.REPORTED)


def test_two_signers():
    said = stated(ders=(DER, OTHER_DER), signingInfo=signing([DER, OTHER_DER], multiple=True))
    assert said == Stated((NEW, OLD), (), ORIGIN, Assurance.REPORTED)


@pytest.mark.parametrize(
    "info",
    [signing([DER], multiple=True), signing([DER, OTHER_DER]), signing([]), {},
     {**signing([DER]), "signingCertificateLineage": 7}],
)  # fmt: skip
def test_signers_that_were_counted_and_not_named_are_not_stated(info):
    found = entries(READER, hubble(hubble_package(signingInfo=info)))
    assert apps(found)[0].stated is None
    assert gaps(found) == [("row", "com.shop: its signers are not stated clearly")]


def test_a_certificate_under_a_foreign_digest_counts_for_nothing():
    files = hubble(hubble_package())
    files["certificates.txt"] = (
        files["certificates.txt"].replace(sha256(OTHER_DER), TWO).replace(sha256(DER), "ab" * 32)
    )
    files["packages.txt"] = files["packages.txt"].replace(sha256(DER), "ab" * 32)
    found = entries(READER, files)
    assert apps(found)[0].stated is None
    assert len(gaps(found)) == 3


def test_a_digest_without_its_certificate_is_a_digest():
    files = hubble(hubble_package(), certificates=())
    assert apps(entries(READER, files))[0].stated.signers == (Certificate(sha256=sha256(DER)),)


def test_without_the_file_of_certificates():
    files = hubble(hubble_package())
    del files["certificates.txt"]
    found = entries(READER, files)
    assert apps(found)[0].stated.signers[0].der is None
    assert gaps(found) == [("row", "certificates.txt is missing")]


@pytest.mark.parametrize(
    ("more", "state"),
    [({"isHidden": True, "isEnabled": False}, "hidden"), ({"isSuspended": True}, "suspended"),
     ({"isEnabled": False}, "disabled")],
)  # fmt: skip
def test_states(more, state):
    (app,) = entries(READER, hubble(hubble_package(**more)))
    assert app.users == (UserState(0, state),)


def test_modules_of_the_system_are_no_apps():
    found = entries(READER, hubble(hubble_package("com.android.adbd", isApex=True), hubble_package()))
    assert [app.package_name for app in found] == ["com.shop"]


def test_a_file_that_is_cut_short_is_a_gap():
    files = hubble(hubble_package(), hubble_package("com.two"))
    found = entries(READER, {**files, "packages.txt": files["packages.txt"][:-60]})
    assert [app.package_name for app in apps(found)] == ["com.shop"]
    assert gaps(found) == [("listing", "cut short, or not JSON: Unterminated string starting at")]


def test_fewer_packages_than_counted_are_a_gap():
    files = hubble(hubble_package())
    files["packages.txt"] = files["packages.txt"].replace('"totalPackages": 1', '"totalPackages": 3')
    assert gaps(entries(READER, files)) == [("listing", "names 1 of 3 packages")]
