"""The whole identity of built APKs, and what it costs."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile

import pytest

from scanner.apk import NotAnApk, identify
from scanner.bytesource import BlockCache, LocalFile, Memory, Slice
from scanner.errors import ApkError, ReadError
from scanner.model import NEWEST_SDK
from tests.bytesource.test_contract import CountingSource
from tests.support import axml, signer
from tests.support.apk_builder import build_apk, directory_offset, sign, with_block, zip_bytes
from tests.support.signer import V3Signer, key

ALICE, BOB, CAROL = key("alice"), key("bob"), key("carol")
MANIFEST = axml.encode(axml.manifest("com.example.app"))


def digests(identity) -> list[str | None]:
    return [one.certificate.sha256 for one in identity.signing.signers]


def names(identity) -> list[str]:
    return [scheme.name for scheme in identity.signing.schemes]


def patched(apk: bytes, field: str, value: int, name: bytes = b"AndroidManifest.xml") -> bytes:
    """The APK with a number changed in the central record of a member, and its local header left as it is."""
    at, form = {"method": (10, "<H"), "flags": (8, "<H"), "size": (24, "<I"), "compressed": (20, "<I")}[field]
    record = apk.index(name, directory_offset(apk)) - 46
    out = bytearray(apk)
    struct.pack_into(form, out, record + at, value)
    return bytes(out)


def test_the_identity_of_a_signed_apk():
    identity = identify(Memory(build_apk("com.example.app", v2=[ALICE], version_code=7, split="config.de")))
    assert (identity.package_name, identity.version_code, identity.version_name) == ("com.example.app", 7, "1.0")
    assert (identity.min_sdk, identity.target_sdk, identity.split) == (21, 34, "config.de")
    assert (identity.signing.sdk, identity.signing.governing, digests(identity)) == (NEWEST_SDK, "v2", [ALICE.sha256])
    assert (identity.tamper, identity.contradictions, identity.references) == ((), (), ())


def test_an_unsigned_apk_is_a_value():
    identity = identify(Memory(build_apk()))
    assert identity.package_name == "com.example.app"
    assert (identity.signing.governing, identity.signing.signers, identity.signing.schemes) == (None, (), ())
    assert identity.signing.problem is None


@pytest.mark.parametrize(
    ("sdk", "governing", "who"),
    [(23, "v1", ALICE), (24, "v2", ALICE), (28, "v3", BOB), (32, "v3", BOB), (33, "v3.1", CAROL), (37, "v3.1", CAROL)],
)
def test_signers_belong_to_one_release(sdk, governing, who):
    apk = build_apk(
        v1=[ALICE],
        v2=[ALICE],
        v3=[V3Signer(BOB, (ALICE,), max_sdk=32)],
        v31=[V3Signer(CAROL, (ALICE, BOB), min_sdk=33)],
    )
    identity = identify(Memory(apk), sdk)
    assert (identity.signing.governing, digests(identity)) == (governing, [who.sha256])
    assert names(identity) == ["v1", "v2", "v3", "v3.1"]
    assert identity.contradictions == ()


def test_scheme_v1_is_listed_without_signers_where_it_does_not_govern():
    apk = Memory(build_apk(v1=[ALICE], v2=[ALICE]))
    assert identify(apk).signing.schemes[0].signers == ()
    every = identify(apk, every_scheme=True).signing.schemes[0]
    assert [one.certificate.sha256 for one in every.signers] == [ALICE.sha256]


def test_two_v2_signers_are_both_told():
    assert digests(identify(Memory(build_apk(v2=[ALICE, BOB])))) == [ALICE.sha256, BOB.sha256]


@pytest.mark.parametrize("number", [signer.V2, signer.V3])
def test_a_broken_scheme_names_no_signer_and_keeps_the_package(number):
    apk = sign(build_apk(v1=[ALICE]), more=[(number, b"torn")])
    identity = identify(Memory(apk))
    assert identity.package_name == "com.example.app"
    assert identity.signing.signers == ()
    assert identity.signing.problem


def test_the_identity_is_the_same_over_every_transport(tmp_path):
    apk = build_apk(v1=[ALICE], v2=[ALICE], v3=[BOB])
    path = tmp_path / "x.apk"
    path.write_bytes(apk)
    expected = identify(Memory(apk))
    with LocalFile(str(path)) as file:
        assert identify(file) == expected
        assert identify(BlockCache(file, 512, 1)) == expected
    assert identify(Slice(Memory(b"before" + apk + b"behind"), 6, len(apk))) == expected


# Cost


def large_apk(**signers) -> CountingSource:
    noise = random.Random(1).randbytes(2_000_000)
    return CountingSource(build_apk(members={"assets/noise.bin": noise}, **signers))


def test_a_v2_apk_of_two_megabytes_costs_at_most_six_reads():
    source = large_apk(v2=[ALICE])
    identify(source)
    assert source.size > 2_000_000
    assert len(source.reads) <= 6
    assert sum(length for _, length in source.reads) < 40_000


def test_v1_certificates_are_read_only_where_they_govern():
    source = large_apk(v1=[ALICE], v2=[ALICE])
    identify(source)
    assert len(source.reads) <= 6
    source.reads.clear()
    identify(source, every_scheme=True)
    assert len(source.reads) > 6


def test_an_apk_of_many_members_costs_no_more_reads():
    source = CountingSource(build_apk(v2=[ALICE], members={f"res/{n}.xml": b"" for n in range(2000)}))
    identify(source)
    assert len(source.reads) <= 6


# What is no APK


@pytest.mark.parametrize("data", [b"", b"PK", b"text", b"\x7fELF" + bytes(1000), bytes(100_000)])
def test_what_neither_begins_nor_ends_as_a_zip_is_no_apk(data):
    with pytest.raises(NotAnApk) as caught:
        identify(Memory(data))
    assert not caught.value.is_zip


@pytest.mark.parametrize("members", [{}, {"a.txt": b"x"}, {"x/AndroidManifest.xml": MANIFEST}])
def test_a_zip_without_a_manifest_is_no_apk(members):
    with pytest.raises(NotAnApk) as caught:
        identify(Memory(zip_bytes(members)))
    assert caught.value.is_zip


def test_a_zip_with_a_plain_text_manifest_is_no_apk():
    with pytest.raises(NotAnApk, match="plain text") as caught:
        identify(Memory(zip_bytes({"AndroidManifest.xml": b"<manifest/>"})))
    assert caught.value.is_zip


def test_a_truncated_apk_is_broken_and_not_merely_no_apk():
    apk = build_apk(v2=[ALICE])
    for length in range(4, len(apk), 97):
        with pytest.raises(ApkError) as caught:
            identify(Memory(apk[:length]))
        assert not isinstance(caught.value, NotAnApk)


def test_bytes_appended_to_an_apk_are_an_error():
    with pytest.raises(ApkError) as caught:
        identify(Memory(build_apk(v2=[ALICE]) + b"x"))
    assert not isinstance(caught.value, NotAnApk)


def test_a_failing_transport_is_a_read_error_and_nothing_else():
    class Unplugged(CountingSource):
        limit = 0

        def _read(self, offset: int, length: int) -> bytes:
            if len(self.reads) >= self.limit:
                raise ReadError("unplugged")
            return super()._read(offset, length)

    apk = build_apk(v1=[ALICE], v2=[ALICE])
    reads = CountingSource(apk)
    identify(reads, every_scheme=True)
    for limit in range(len(reads.reads)):
        source = Unplugged(apk)
        source.limit = limit
        with pytest.raises(ReadError):
            identify(source, every_scheme=True)


# Tricks are noted, and read as Android reads them


def test_a_duplicate_manifest_is_noted_and_the_first_counts():
    other = axml.encode(axml.manifest("com.other"))
    out = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(out, "w") as archive:
            archive.writestr("AndroidManifest.xml", MANIFEST)
            archive.writestr("AndroidManifest.xml", other)
    identity = identify(Memory(out.getvalue()))
    assert identity.package_name == "com.example.app"
    (note,) = identity.tamper
    assert note.startswith("duplicate-entry: 2 members are named AndroidManifest.xml; the first is read")


def with_prefix(apk: bytes, prefix: bytes) -> bytes:
    """The APK behind other bytes, with its offsets corrected."""
    at, eocd = directory_offset(apk), apk.rindex(b"PK\x05\x06")
    directory, record = bytearray(apk[at:eocd]), 0
    while record < len(directory):
        name, extra, comment = struct.unpack_from("<HHH", directory, record + 28)
        (offset,) = struct.unpack_from("<I", directory, record + 42)
        struct.pack_into("<I", directory, record + 42, offset + len(prefix))
        record += 46 + name + extra + comment
    end = apk[eocd : eocd + 16] + struct.pack("<I", at + len(prefix)) + apk[eocd + 20 :]
    return prefix + apk[:at] + bytes(directory) + end


@pytest.mark.parametrize("prefix", [b"dex\n035\0" + bytes(100), b"x", b"PK\x03"])
def test_data_in_front_of_the_zip_is_noted(prefix):
    identity = identify(Memory(with_prefix(build_apk(v1=[ALICE]), prefix)))
    assert identity.package_name == "com.example.app"
    assert digests(identity) == [ALICE.sha256]
    (note,) = identity.tamper
    assert note.startswith("prefixed-data: ")


def test_an_odd_compression_method_of_the_manifest_is_noted_and_read_as_stored():
    apk = patched(build_apk(stored=True, v2=[ALICE]), "method", 0x1234)
    identity = identify(Memory(apk))
    assert identity.package_name == "com.example.app"
    assert identity.tamper == (
        "compression-method: 4660 for the manifest; read as stored, as Android does",
        "local-method: 0 in the manifest's local header, 4660 in the directory, which counts",
    )


def test_an_encryption_flag_on_the_manifest_is_noted_and_ignored():
    identity = identify(Memory(patched(build_apk(v2=[ALICE]), "flags", 1)))
    assert identity.package_name == "com.example.app"
    assert identity.tamper == (
        "encryption-flag: set for the manifest, ignored as Android does",
        "local-flags: the manifest is encrypted by one of its two headers alone; ignored, as on Android",
    )


def test_a_repeated_signing_block_is_noted_and_the_first_counts():
    first, second = (signer.block_of([signer.v2_signer(one, bytes(32))]) for one in (ALICE, BOB))
    apk = with_block(build_apk(), signer.signing_block([(signer.V2, first), (signer.V2, second)]))
    identity = identify(Memory(apk))
    assert digests(identity) == [ALICE.sha256]
    assert identity.tamper == ("signing-block-repeated: v2; the first counts",)


def test_a_manifest_that_says_it_is_too_large_is_refused():
    with pytest.raises(ApkError, match="limit"):
        identify(Memory(patched(build_apk(), "size", 0x7FFFFFFF)))


def test_every_note_of_an_apk_is_kept():
    apk = with_prefix(patched(build_apk(v1=[ALICE], apk_signed="2"), "flags", 1), b"dex\n")
    assert [note.partition(":")[0] for note in identify(Memory(apk)).tamper] == [
        "encryption-flag",
        "local-flags",
        "signature-stripped",
        "prefixed-data",
    ]


# Contradictions between schemes


def test_schemes_that_name_different_signers_contradict():
    identity = identify(Memory(build_apk(v2=[ALICE], v3=[BOB])))
    assert identity.signing.governing == "v3"
    assert identity.contradictions == (f"v2 names signer {ALICE.sha256}, v3 does not",)


def test_a_contradicting_v1_signer_is_seen_where_v1_is_read():
    apk = Memory(build_apk(v1=[ALICE], v2=[BOB]))
    assert identify(apk).contradictions == ()
    assert identify(apk, every_scheme=True).contradictions == (f"v1 names signer {ALICE.sha256}, v2 does not",)


def test_a_rotated_key_does_not_contradict_itself():
    apk = build_apk(v1=[ALICE], v2=[ALICE], v3=[V3Signer(BOB, (ALICE,))])
    assert identify(Memory(apk), every_scheme=True).contradictions == ()


# A broken part that this release does not go by


def spoiled_jar_file(name: str) -> bytes:
    """An APK signed with v1 and v2, whose ``name`` no longer inflates."""
    apk = build_apk(v1=[ALICE])
    at = apk.index(b"PK\x03\x04", apk.index(name.encode()) - 30 - 4)
    begins = at + 30 + struct.unpack_from("<H", apk, at + 26)[0] + struct.unpack_from("<H", apk, at + 28)[0]
    return sign(apk[:begins] + b"\xff\xff\xff\xff" + apk[begins + 4 :], v2=[BOB])


@pytest.mark.parametrize("name", ["META-INF/CERT.EC", "META-INF/CERT.SF"])
def test_a_broken_jar_file_does_not_hide_the_scheme_that_governs(name):
    apk = Memory(spoiled_jar_file(name))
    assert digests(identify(apk)) == [BOB.sha256]
    identity = identify(apk, every_scheme=True)
    assert (identity.package_name, digests(identity)) == ("com.example.app", [BOB.sha256])


def test_a_broken_jar_block_file_is_a_problem_where_v1_governs():
    signing = identify(Memory(spoiled_jar_file("META-INF/CERT.EC")), 23).signing
    assert (signing.governing, signing.signers) == ("v1", ())
    assert signing.problem


# Spoiled anywhere


def test_any_byte_of_an_apk_may_be_flipped():
    apk = build_apk(v1=[ALICE], v2=[ALICE], v3=[V3Signer(BOB, (ALICE,))])
    chance, read = random.Random(20261123), 0
    for at in range(len(apk)):
        spoiled = bytearray(apk)
        spoiled[at] ^= chance.randrange(1, 256)
        try:
            identity = identify(Memory(bytes(spoiled)), chance.choice([23, 24, 28, 37]), every_scheme=at % 2 == 0)
        except ApkError:
            continue
        read += 1
        assert identity.package_name
    assert read > len(apk) // 4
