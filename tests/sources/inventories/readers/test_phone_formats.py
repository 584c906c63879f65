"""Every phone format: told from every other, and safe with whatever stands in it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model import Installed
from scanner.sources.inventories.readers.phone_formats import PHONE_BUNDLES, PHONE_READERS
from scanner.sources.inventories.reading import Gap, NotAndroid
from tests.sources.inventories.insertion import ANYTHING, noisy
from tests.sources.inventories.readers.samples import BUNDLES, GETPROP, TEXTS, WHOLE_DUMPSYS, apps, entries
from tests.support.documents import FilesBundle

TEXT_OF_DUMP = next(reader for reader in PHONE_READERS if reader.name == "dumpsys")
STRANGERS = (
    "", "\n", "package,name\ncom.shop,Shop\n", '[{"appId": "com.shop"}]', '{"type":"app","package_name":"com.shop"}',
    "package:/data/app/~~x==/com.shop-1==/base.apk\npackage:/data/app/~~x==/com.shop-1==/split_config.en.apk\n",
    "Users:\n\tUserInfo{0:Owner:4c13} running\n", GETPROP, "Features:\n  a list of features\n", "package: com.shop\n",
    "Packages:\n  none\n", '[{"name": "com.shop", "files": []}]',
)  # fmt: skip
"""Texts that belong to no reader here."""


@pytest.mark.parametrize("reader", PHONE_READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("sample", TEXTS)
def test_a_text_is_recognised_by_its_own_reader_alone(reader, sample):
    assert reader.recognises(TEXTS[sample]) is (reader.name == sample)


@pytest.mark.parametrize("reader", PHONE_READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("text", STRANGERS)
def test_no_reader_takes_a_stranger(reader, text):
    assert reader.recognises(text) is False


@pytest.mark.parametrize("reader", PHONE_BUNDLES, ids=lambda reader: reader.name)
@pytest.mark.parametrize("sample", BUNDLES)
def test_a_bundle_is_recognised_by_its_own_reader_alone(reader, sample):
    assert reader.recognises(FilesBundle("b", BUNDLES[sample])) is (reader.name == sample)


@pytest.mark.parametrize("reader", PHONE_BUNDLES, ids=lambda reader: reader.name)
@pytest.mark.parametrize("text", STRANGERS)
def test_names_alone_make_no_bundle(reader, text):
    names = {name for files in BUNDLES.values() for name in files}
    assert reader.recognises(FilesBundle("b", dict.fromkeys(names, text))) is False


@pytest.mark.parametrize("reader", PHONE_BUNDLES, ids=lambda reader: reader.name)
def test_folders_of_several_phones_are_told_apart(reader):
    files = {f"{phone}/{name}": text for phone in "ab" for name, text in BUNDLES[reader.name].items()}
    assert reader.recognises(FilesBundle("b", files))
    found = apps(entries(reader, files))
    assert len(found) == 2 * len(apps(entries(reader, BUNDLES[reader.name])))
    assert {app.where.split("/")[1] for app in found} == {"a", "b"}


def test_a_whole_dumpsys_is_read_like_a_bug_report():
    assert [reader.name for reader in PHONE_READERS if reader.recognises(WHOLE_DUMPSYS)] == ["bugreport"]


def test_old_line_ends_are_recognised():
    for reader in PHONE_READERS:
        assert reader.recognises(TEXTS[reader.name].replace("\n", "\r\n"))


@pytest.mark.parametrize("reader", PHONE_READERS, ids=lambda reader: reader.name)
def test_every_app_names_the_spec_the_document_and_the_phone(reader):
    for app in apps(entries(reader, TEXTS[reader.name])):
        assert (app.source, app.where, app.phone, app.location) == ("the spec", "saved", None, None)
        assert app.device.serial == ("R58N" if reader.name == "bugreport" else "saved")


@pytest.mark.parametrize("reader", [*PHONE_READERS, *PHONE_BUNDLES], ids=lambda reader: reader.title)
def test_each_says_what_it_cannot_show(reader):
    assert reader.limit
    assert not reader.limit.endswith(".")


@pytest.mark.parametrize("reader", PHONE_READERS, ids=lambda reader: reader.name)
@pytest.mark.parametrize("text", ["", "nothing\n", "[]", "[{", '[{"name": 1}]'])
def test_nothing_understood_is_never_a_clean_phone(reader, text):
    found = entries(reader, text)
    assert not apps(found)
    assert any(isinstance(entry, Gap) and entry.what == "listing" for entry in found)


@pytest.mark.parametrize("reader", PHONE_READERS, ids=lambda reader: reader.name)
@settings(max_examples=30, deadline=None)
@given(text=ANYTHING, at=st.integers(0, 60))
def test_no_text_raises(reader, text, at):
    for given_ in (text, noisy(TEXTS[reader.name].split("\n"), text, at), TEXTS[reader.name][: at * 30] + text):
        assert isinstance(reader.recognises(given_), bool)
        assert all(isinstance(entry, (Installed, Gap, NotAndroid)) for entry in entries(reader, given_))


@pytest.mark.parametrize("reader", PHONE_BUNDLES, ids=lambda reader: reader.name)
@settings(max_examples=30, deadline=None)
@given(text=ANYTHING, at=st.integers(0, 60), member=st.integers(0, 9))
def test_no_bundle_raises(reader, text, at, member):
    files = dict(BUNDLES[reader.name])
    name = list(files)[member % len(files)]
    for broken in (text, noisy(files[name].split("\n"), text, at), files[name][: at * 10]):
        bundle = {**files, name: broken, text: text}
        assert isinstance(reader.recognises(FilesBundle("b", bundle)), bool)
        entries(reader, bundle)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.sampled_from(["com.shop", "", "ab12" * 16, "/x.apk"])),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(
        ["name", "files", "path", "certificate", "Sha256", "uid", "user_id", "installed", "certIds", "signingInfo",
         "apkContentsSigners", "hasMultipleSigners", "splits", "package_name", "version_code"]), inner, max_size=5)),
    max_leaves=20,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(items=st.lists(JSON, max_size=4))
def test_no_json_raises(items):
    import json

    text = json.dumps(items)
    files = {"packages.json": text, "aqf_packages.json": text, "dumpsys_packages.json": text, "getprop.json": text}
    hubble = {"packages.txt": f'{{"version": "2", "totalPackages": 1, "packages": {text}}}', "certificates.txt": text}
    for reader in PHONE_BUNDLES:
        entries(reader, {**files, **hubble})
    entries(PHONE_READERS[5], text)


@pytest.mark.parametrize("sample", sorted({*TEXTS} - {"bugreport", "androidqf"}))
def test_a_text_cut_within_a_line_says_so(sample):
    """But for a cut between two lines, what is left never looks whole."""
    (reader,) = (one for one in PHONE_READERS if one.name == sample)
    text = TEXTS[sample]
    assert not [gap for gap in entries(reader, text) if isinstance(gap, Gap)]
    for end in range(1, len(text)):
        if text[end - 1] != "\n" and text[:end] != text.rstrip("\n"):
            assert any(isinstance(gap, Gap) for gap in entries(reader, text[:end])), text[:end][-80:]


@pytest.mark.parametrize("text", [TEXTS["bugreport"], WHOLE_DUMPSYS])
def test_a_report_cut_within_the_package_services_dump_says_so(text):
    (reader,) = (one for one in PHONE_READERS if one.name == "bugreport")
    listed = len(apps(entries(TEXT_OF_DUMP, TEXTS["dumpsys"])))
    for end in range(1, len(text)):
        found = entries(reader, text[:end])
        assert len(apps(found)) >= listed or any(isinstance(gap, Gap) for gap in found), text[:end][-80:]
