"""The first elements of a binary manifest, as Android reads them."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.apk.manifest import Manifest, PlainTextManifest, UsesSdk, read_manifest
from scanner.errors import ApkError
from tests.support.axml import Element, Reference, encode, manifest

both_pools = pytest.mark.parametrize("utf8", [False, True], ids=["utf16", "utf8"])


def read(root: Element, *, utf8: bool = False, use_ids: bool = True) -> Manifest:
    return read_manifest(encode(root, utf8=utf8, use_ids=use_ids))


@both_pools
def test_the_identity_is_read(utf8):
    root = manifest("com.example.app", version_code=42, version_name="1.2.3", min_sdk=21, target_sdk=34)
    assert read(root, utf8=utf8) == Manifest("com.example.app", 42, "1.2.3", (UsesSdk(21, 34),), None)


@both_pools
@pytest.mark.parametrize("name", ["1.0 — beta", "版本 8.0.38", "🎉 2", "x" * 127, "x" * 128, "é" * 100, "x" * 20_000])
def test_a_version_name_of_any_text_is_read(utf8, name):
    assert read(manifest("com.example", version_name=name), utf8=utf8).version_name == name


@both_pools
def test_a_manifest_without_uses_sdk_has_no_sdk_range(utf8):
    found = read(manifest("com.example", min_sdk=None, target_sdk=None), utf8=utf8)
    assert (found.uses_sdk, found.kept_sdk) == ((), UsesSdk())


@both_pools
def test_the_word_uses_sdk_alone_is_no_element(utf8):
    root = manifest("com.example", version_name="uses-sdk", min_sdk=None, target_sdk=None)
    assert read(root, utf8=utf8).uses_sdk == ()


@both_pools
def test_uses_sdk_is_found_behind_other_elements(utf8):
    others = [Element("uses-permission", {"android:name": f"p{n}"}) for n in range(50)]
    found = read(manifest("com.example", children=others, min_sdk=19, target_sdk=None), utf8=utf8)
    assert found.uses_sdk == (UsesSdk(19),)


@both_pools
@pytest.mark.parametrize("between", [0, 1, 50])
def test_of_several_uses_sdk_the_last_is_kept_and_all_are_known(utf8, between):
    others = [Element("uses-permission", {"android:name": f"p{n}"}) for n in range(between)]
    first = Element("uses-sdk", {"android:minSdkVersion": 26, "android:targetSdkVersion": 33})
    unnamed = Element("uses-sdk", {"android:minSdkVersion": "Tiramisu"})
    found = read(manifest("com.example", children=[*others, first, *others, unnamed, *others], min_sdk=21), utf8=utf8)
    assert found.uses_sdk == (UsesSdk(26, 33), UsesSdk(codename="Tiramisu"), UsesSdk(21, 34))
    assert found.kept_sdk == UsesSdk(21, 34)


def test_a_uses_sdk_deeper_inside_is_none():
    deep = Element("queries", {}, [Element("uses-sdk", {"android:minSdkVersion": 30})])
    assert read(manifest("com.example", children=[deep, deep], min_sdk=21)).uses_sdk == (UsesSdk(21, 34),)
    assert read(manifest("com.example", children=[deep], min_sdk=None, target_sdk=None)).uses_sdk == ()


def test_an_sdk_written_as_text_is_read_where_it_is_a_number():
    root = Element("manifest", {"package": "a.b"}, [Element("uses-sdk", {"android:minSdkVersion": "23"})])
    assert read(root).uses_sdk == (UsesSdk(23),)
    root = Element("manifest", {"package": "a.b"}, [Element("uses-sdk", {"android:minSdkVersion": "Tiramisu"})])
    assert read(root).uses_sdk == (UsesSdk(codename="Tiramisu"),)


@pytest.mark.parametrize(
    ("code", "major", "expected"),
    [
        (1, None, 1),
        (0, None, 0),
        (2**31 - 1, None, 2**31 - 1),
        (-1, None, 2**32 - 1),
        (5, 0, 5),
        (5, 2, 2 * 2**32 + 5),
        (-1, 1, 2**33 - 1),
        (None, 1, None),
        (None, None, None),
    ],
)
def test_the_version_code_holds_its_major_part(code, major, expected):
    assert read(manifest("a.b", version_code=code, version_code_major=major)).version_code == expected


def test_a_version_name_that_is_a_reference_is_told_and_not_guessed():
    found = read(manifest("a.b", version_name=Reference(0x7F010001)))
    assert found.version_name is None
    assert found.references == ("version name",)


def test_a_version_code_that_is_a_reference_is_told_and_not_guessed():
    found = read(Element("manifest", {"package": "a.b", "android:versionCode": Reference(0x7F010001)}))
    assert found.version_code is None
    assert found.references == ("version code",)


def test_a_version_name_that_is_a_number_is_text():
    assert read(Element("manifest", {"package": "a.b", "android:versionName": 12})).version_name == "12"


def test_a_split_names_itself():
    assert read(manifest("a.b", split="config.arm64_v8a")).split == "config.arm64_v8a"
    assert read(manifest("a.b")).split is None


def test_attributes_are_told_by_resource_id_as_on_android():
    found = read(manifest("a.b", version_code=7, version_name="x"), use_ids=False)
    assert (found.package_name, found.version_code, found.version_name) == ("a.b", None, None)


def test_an_attribute_with_the_right_id_counts_whatever_its_name():
    honest = encode(manifest("a.b", version_code=7))
    renamed = honest.replace("versionCode".encode("utf-16-le"), "versionNope".encode("utf-16-le"))
    assert renamed != honest
    assert read_manifest(renamed).version_code == 7


@pytest.mark.parametrize("attributes", [{}, {"package": ""}, {"package": 5}, {"package": Reference(0x7F010001)}])
def test_a_manifest_that_names_no_package_is_an_apk_error(attributes):
    with pytest.raises(ApkError, match="names no package"):
        read(Element("manifest", attributes))


def test_another_root_element_is_an_apk_error():
    with pytest.raises(ApkError, match="'application', not <manifest>"):
        read(Element("application", {"package": "a.b"}))


@pytest.mark.parametrize(
    "data",
    [b"<manifest package='a.b'/>", b"  \r\n\t<?xml version='1.0'?>", b"\xef\xbb\xbf<manifest/>", b"<"],
)
def test_a_plain_text_manifest_is_told_apart(data):
    with pytest.raises(PlainTextManifest):
        read_manifest(data)


def test_bytes_behind_the_document_are_noted():
    assert read_manifest(encode(manifest("a.b"))).tamper == ()
    found = read_manifest(encode(manifest("a.b")) + bytes(16))
    assert found.package_name == "a.b"
    assert found.tamper == ("manifest-trailing-bytes: data behind the end of the binary XML",)


def test_what_comes_behind_uses_sdk_is_not_read():
    whole = encode(manifest("a.b", application=[Element("activity", {"android:name": "X" * 50}) for _ in range(20)]))
    at = whole.rindex(struct.pack("<HH", 0x0102, 16))
    assert read_manifest(whole[:at] + b"\xff" * (len(whole) - at)) == read_manifest(whole)


# Spoiled


@pytest.mark.parametrize("data", [b"", b"\0", b"garbage", bytes(8), bytes(10_000), b"\xff" * 100, b"\x03\0\x08\0" * 9])
def test_garbage_is_an_apk_error(data):
    with pytest.raises(ApkError) as caught:
        read_manifest(data)
    assert str(caught.value).startswith("manifest: ")


@both_pools
def test_a_manifest_truncated_before_its_identity_is_an_apk_error(utf8):
    data = encode(manifest("com.example.app", version_code=42), utf8=utf8)
    root = data.index(struct.pack("<HH", 0x0102, 16))
    for length in range(root + 40):
        with pytest.raises(ApkError):
            read_manifest(data[:length])


@both_pools
def test_a_manifest_truncated_anywhere_never_names_another_package(utf8):
    data = encode(manifest("com.example.app", version_code=42), utf8=utf8)
    for length in range(len(data)):
        try:
            found = read_manifest(data[:length])
        except ApkError:
            continue
        assert found.package_name == "com.example.app"


@both_pools
def test_any_byte_of_a_manifest_may_be_flipped(utf8):
    data, chance, seen = encode(manifest("com.example.app"), utf8=utf8), random.Random(20261123), set()
    for at in range(len(data)):
        spoiled = bytearray(data)
        spoiled[at] ^= chance.randrange(1, 256)
        try:
            seen.add(bool(read_manifest(bytes(spoiled)).package_name))
        except ApkError:
            seen.add(False)
    assert seen == {True, False}


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.data())
def test_a_manifest_with_any_numbers_in_it_is_read_or_an_apk_error(utf8, data):
    spoiled = bytearray(encode(manifest("com.example.app"), utf8=utf8))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(spoiled) // 4 - 1)) * 4
        struct.pack_into("<I", spoiled, at, data.draw(st.sampled_from([0, 1, 7, 8, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF])))
    try:
        assert read_manifest(bytes(spoiled)).package_name
    except ApkError:
        return
