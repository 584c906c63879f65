"""Binary XML by Android's rules: the same as androguard on honest documents, and its own way on others."""

from __future__ import annotations

import random
import struct
from pathlib import Path

import pytest

from scanner.apk.binaryxml import BinaryXml, Element
from scanner.apk.lenientxml import lenient_elements
from scanner.apk.manifest import manifest_bytes, read_manifest
from scanner.bytesource import LocalFile, ZipDirectory
from scanner.errors import ApkError
from tests.conftest import ROOT
from tests.support import axml

SAMPLES = sorted((ROOT / "samples").glob("*/*.apk"))
PEERS = sorted((ROOT.parent / "shared" / "peer-suite" / "apksig").rglob("*.apk"))
BUILT = axml.manifest(
    "com.example.app", version_name="1.0 — 版本 🎉", label="x" * 200,
    children=[axml.Element("uses-permission", {"android:name": f"p{number}"}) for number in range(20)],
    application=[axml.Element("activity", {"android:name": ".Main", "exported": True})],
)  # fmt: skip


def comparable(elements: list[Element]) -> list[tuple[int, str, dict[object, object]]]:
    """What androguard knows, too: it looks at raw values of strings alone, and by name only where there is no id."""
    return [
        (one.depth, one.name, {key: value if value[0] == 3 else value[:2] for key, value in one.attributes.items()})
        for one in elements
    ]


def assert_androguard_agrees(data: bytes) -> None:
    document = BinaryXml(data)
    ours, theirs = comparable(list(document.elements())), comparable(list(lenient_elements(data)))
    assert document.notes == {}
    assert [one[:2] for one in ours] == [one[:2] for one in theirs]
    for (_, _, mine), (_, _, other) in zip(ours, theirs, strict=True):
        assert mine.items() >= other.items()


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_real_manifests_are_read_as_androguard_reads_them(path: Path) -> None:
    with LocalFile(str(path)) as source:
        (entry,) = ZipDirectory(source).select(names=(b"AndroidManifest.xml",))
        assert_androguard_agrees(manifest_bytes(source, entry))


@pytest.mark.skipif(not PEERS, reason="Google's test APKs do not lie beside the checkout")
def test_the_manifests_of_the_peer_suite_are_read_as_androguard_reads_them() -> None:
    seen = 0
    for path in PEERS:
        with LocalFile(str(path)) as source:
            try:
                found = ZipDirectory(source).select(names=(b"AndroidManifest.xml",))
                data = manifest_bytes(source, found[0]) if found else b"<"
            except ApkError:
                continue
        if not data.startswith(b"<"):
            assert_androguard_agrees(data)
            seen += 1
    assert seen > 100


@pytest.mark.parametrize("utf8", [False, True])
def test_a_built_manifest_is_read_as_androguard_reads_it(utf8: bool) -> None:
    assert_androguard_agrees(axml.encode(BUILT, utf8=utf8))


@pytest.mark.parametrize("utf8", [False, True])
def test_any_byte_may_be_flipped(utf8: bool) -> None:
    data, chance = axml.encode(BUILT, utf8=utf8), random.Random(20261127)
    for at in range(len(data)):
        spoiled = bytearray(data)
        spoiled[at] ^= chance.randrange(1, 256)
        try:
            assert list(BinaryXml(bytes(spoiled)).elements())
        except ApkError as error:
            assert str(error).startswith("manifest: ")  # noqa: PT017 - some are read, most of them refused


def test_what_android_refuses_is_read_by_androguard_and_says_so() -> None:
    pool = bytearray(axml.encode(BUILT))
    end = 8 + struct.unpack_from("<I", pool, 12)[0]
    pool[end - 2 : end] = b"xx"
    found = read_manifest(bytes(pool))
    assert found.package_name == "com.example.app"
    assert found.tamper[0] == ("manifest-refused: the string pool does not end with a zero; Android refuses the app")


def test_nothing_is_held_of_a_pool_that_announces_more_than_there_is() -> None:
    data = bytearray(axml.encode(BUILT))
    struct.pack_into("<I", data, 16, 0x3FFFFFFF)
    with pytest.raises(ApkError, match="smaller than what it announces"):
        BinaryXml(bytes(data))
