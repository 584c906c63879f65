"""What reads an APK: directory, signing block, PKCS#7, JAR signing, manifest, DEX, resources, v4, and the whole."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import zstandard

from scanner.apk.contents import read_contents
from scanner.apk.dex import DexTypes
from scanner.apk.identity import identify
from scanner.apk.insides import read_insides
from scanner.apk.jarsigning import signer_certificate
from scanner.apk.labels import texts_of
from scanner.apk.manifest import read_manifest
from scanner.apk.release import contradictions, signing_for
from scanner.apk.schemes import read_lineage, read_schemes
from scanner.apk.signingblock import read_signing_block
from scanner.apk.verify import verify
from scanner.apk.verify.pkcs7 import BlockProblem, verified_certificate
from scanner.apk.verify.v4 import parse_idsig
from scanner.bytesource import Memory, ZipDirectory, ZipEntry, member_bytes, open_forward
from scanner.certificate import complete, from_der
from scanner.database import SignatureDatabase, load_database
from scanner.embedding import wanted
from scanner.model import LIMITS, App, AppRow, Assurance, Location, Search, UnreadRow, Verdict
from scanner.reading import Reader
from scanner.rows import Judge
from tests.fuzz.recipes import cooked, step
from tests.fuzz.target import Refused, Target, check_row, numbered, outcome, twice
from tests.support import arsc, axml, dex
from tests.support.apk_builder import build_apk, directory_offset, zip_bytes
from tests.support.idsig import Idsig
from tests.support.signer import V3Signer, jar_files, key, lineage, post_quantum_key

A, B, C = key("a"), key("b"), key("c")
OURS, NOW = "com.example.ours", "2026-11-27T00:00:00Z"
DATABASE = """
schema: 1
lists:
  - {{id: ours, title: Our list, status: in-force, cites: [our policy]}}
apps:
  - id: ours
    name: Our app
    publisher: us
    updated: '2026-11-23'
    lists: [{{list: ours, named_as: Our app}}]
    packages:
      - {{name: com.example.ours, variant: main, status: confirmed, pins: complete, signers: [us], cites: [our build]}}
    signers:
      - {{id: us, confidence: computed, sha256: {sha256}, cites: [our build]}}
"""
MEMBER = 1 << 20
"""Bytes of a member that are read for a try."""


@cache
def our_database() -> SignatureDatabase:
    """The signatures that come with the program, and an app of key ``a``."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "ours.yaml"
        file.write_text(DATABASE.format(sha256=A.sha256))
        return load_database([file])


# Parts -------------------------------------------------------------------------------------------


def zip_directory(data: bytes) -> None:
    """Every member lies where the directory says or is refused; a choice of members is a part of them all."""
    source = Memory(data)

    def read() -> tuple[list[ZipEntry], list[bytes | Refused]]:
        directory = ZipDirectory(source)
        entries = list(directory.entries())
        picked = directory.select(names=(b"AndroidManifest.xml",), under=(b"META-INF/", b"classes"))
        assert all(entry in entries for entry in picked)
        return entries, [outcome(lambda one=one: member_bytes(source, one, MEMBER)) for one in entries[:50]]  # type: ignore[misc]

    found = twice(read)
    if not isinstance(found, Refused):
        for entry, content in zip(*found, strict=False):
            entry.text_name.encode()
            assert isinstance(content, Refused) or len(content) <= MEMBER


def zip_seeds() -> Iterator[bytes]:
    """Zips of every kind."""
    yield zip_bytes({"AndroidManifest.xml": b"x" * 99, "META-INF/A.SF": b"y", "classes.dex": b"z" * 3000})
    yield zip_bytes({"AndroidManifest.xml": b"x" * 99, "b": b""}, stored=True, comment=b"PK\x05\x06" + bytes(30))
    yield zip_bytes({})
    yield build_apk(v1=[A], v2=[A])
    out = bytearray(zip_bytes({"a": b"1"}, stored=True))
    end, size = out.rindex(b"PK\x05\x06"), len(out)
    wide = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 1, 1, 47, directory_offset(bytes(out)))
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1)
    yield bytes(out[:end]) + wide + locator + b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 1, 1, 47, 0xFFFFFFFF, 0)
    assert size


def signing_block(data: bytes) -> None:
    """A block is none, or schemes each with signers or a problem; a newer release never trusts a broken one."""

    def read() -> object:
        block = read_signing_block(Memory(data), len(data))
        if block is None:
            return None
        schemes = read_schemes(block)
        for scheme in schemes:
            assert bool(scheme.signers) != bool(scheme.problem), "signers, or a problem, and never both or neither"
        signings = [signing_for(schemes, sdk) for sdk in (19, 24, 28, 33, 37)]
        return schemes, signings, [contradictions(signing) for signing in signings], block.tamper

    twice(read)
    twice(lambda: read_lineage(data))


def block_seeds() -> Iterator[bytes]:
    """Signing blocks with what stands before them, and a lineage."""
    rotated, pair = V3Signer(C, (A, B)), (V3Signer(A, min_sdk=37), V3Signer(post_quantum_key("q"), min_sdk=37))
    for apk in (
        build_apk(v2=[A, B]),
        build_apk(v2=[A], v3=[V3Signer(A, max_sdk=32)], v31=[V3Signer(B, (A,), min_sdk=33)]),
        build_apk(v3=[rotated]),
        build_apk(v2=[A], v3=[A], v32=pair),
    ):
        end = directory_offset(apk)
        size = int.from_bytes(apk[end - 24 : end - 16], "little") + 8
        yield apk[end - size : end]
    yield lineage(rotated)


SIGNED = b"Signature-Version: 1.0\r\n\r\n"


def pkcs7(data: bytes) -> None:
    """A block file names the certificate of a key that signed, or nobody."""
    twice(lambda: signer_certificate(data, "META-INF/A.RSA"))

    def verified() -> bytes | Refused | None:
        try:
            return verified_certificate(data, _signed(), 24, 37, LIMITS.certificates)
        except BlockProblem as error:
            return Refused("BlockProblem", str(error))

    found = twice(verified)
    # A certificate that is not ours can only verify with a key that signed it: nobody's but these were used.
    assert found is None or isinstance(found, Refused) or _key_of(found) in map(_key_of, (A.certificate, B.certificate))


@cache
def _signed() -> bytes:
    return jar_files({"AndroidManifest.xml": b"x"}, [A])["META-INF/CERT.SF"]


def _key_of(der: bytes) -> str | None:
    return complete(from_der(der)).spki_sha256


def pkcs7_seeds() -> Iterator[bytes]:
    """Block files of one signer."""
    yield jar_files({"AndroidManifest.xml": b"x"}, [A])["META-INF/CERT.EC"]
    yield jar_files({"AndroidManifest.xml": b"x"}, [B])["META-INF/CERT.EC"]


JAR_SPLIT = b"\n@@@@\n"


def jar_signing(data: bytes) -> None:
    """Listing, signature file and block file of a JAR: where they hold, the honest key made them.

    The certificate around the key may be another one: nobody checks who issued it, on Android neither.
    """
    parts = [*data.split(JAR_SPLIT), b"", b"", b""][:3]
    content = {"AndroidManifest.xml": _MANIFEST, "a": b"1"}
    names = ("META-INF/MANIFEST.MF", "META-INF/CERT.SF", "META-INF/CERT.EC")
    apk = zip_bytes(content | dict(zip(names, parts, strict=True)), stored=True)
    answer = twice(lambda: verify(Memory(apk), 24, 37))
    assert not isinstance(answer, Refused), answer
    if answer.verified:
        assert {_key_of(one.certificate.der or b"") for one in answer.signers} == {_key_of(A.certificate)}


_MANIFEST = axml.encode(axml.manifest(OURS, target_sdk=28))


def jar_seeds() -> Iterator[bytes]:
    """The three files of an honest signature, and what releases differ on."""
    content = {"AndroidManifest.xml": _MANIFEST, "a": b"1"}
    files = jar_files(content, [A])
    yield JAR_SPLIT.join(files.values())
    yield JAR_SPLIT.join(jar_files(content, [A], apk_signed="2, 3").values())
    yield JAR_SPLIT.join(one.replace(b"\r\n", b"\n") for one in files.values())


def certificate(data: bytes) -> None:
    """Whatever the bytes are, they have digests, and the rest is known or not."""
    one = twice(lambda: complete(from_der(data)))
    assert not isinstance(one, Refused)
    assert one.sha256


def certificate_seeds() -> Iterator[bytes]:
    """Certificates of two kinds of key."""
    yield A.certificate
    yield post_quantum_key("q").certificate


def manifest(data: bytes) -> None:
    """A manifest names a package, or is refused."""
    found = twice(lambda: read_manifest(data))
    assert isinstance(found, Refused) or found.package_name
    twice(lambda: read_contents(data))


def manifest_seeds() -> Iterator[bytes]:
    """Binary manifests in both encodings of strings."""
    activity = axml.Element("activity", {"android:name": ".wxapi.WXPayEntryActivity"})
    root = axml.manifest(
        "com.example.app", version_code_major=1, label=axml.Reference(0x7F010000), application=[activity]
    )
    yield axml.encode(root)
    yield axml.encode(root, utf8=True)
    yield axml.encode(axml.manifest("com.example.app", split="config.en", min_sdk=None, target_sdk=None), use_ids=False)


def dex_types(data: bytes) -> None:
    """A DEX file's types are found by their beginning, or it is refused."""

    def read() -> tuple[str | None, ...]:
        entry = ZipEntry(b"classes.dex", 0, 0, 0, len(member), len(member), 0)
        types = DexTypes(open_forward(Memory(header + member), entry, MEMBER))
        found = tuple(types.first_under(prefix) for prefix in ("Lcom/tencent/mm/", "La", "Lz", ""))
        assert found[0] is None or found[0].startswith("Lcom/tencent/mm/")
        return found

    member, header = data, b"PK\x03\x04" + bytes(26)
    twice(read)


def dex_seeds() -> Iterator[bytes]:
    """DEX files, one that Android accepts."""
    names = ("La/b;", "Lcom/tencent/mm/opensdk/X;", "Lz;")
    yield dex.dex_bytes(names, strings=("hello",))
    yield dex.class_dex(names)


def resources(data: bytes) -> None:
    """A label has texts, or the table is refused."""
    for number in (0x7F010000, 0x7F010001, 0x7F01FFFF):
        found = twice(lambda number=number: texts_of(Memory(data), number))  # type: ignore[misc]
        assert isinstance(found, Refused) or all(isinstance(text, str) for text in found)


def resource_seeds() -> Iterator[bytes]:
    """Tables in every form of index, and a resource that stands for another."""
    texts = {"": ("Name", axml.Reference(0x7F010000), None), "de": ("Titel", None, "x")}
    for form in ("wide", "narrow", "sparse"):
        yield arsc.table(texts, form=form)
    yield arsc.table(texts, utf8=False, compact=True)


@cache
def _v4() -> tuple[bytes, bytes]:
    apk = build_apk("com.example.app", v2=[A], v3=[A])
    return apk, Idsig(apk).file()


def idsig(data: bytes) -> None:
    """A v4 file holds with the signer of the APK, or does not."""
    apk, _ = _v4()
    twice(lambda: parse_idsig(Memory(data)))
    answer = twice(lambda: verify(Memory(apk), 24, 37, Memory(data)))
    assert not isinstance(answer, Refused), answer
    if answer.verified:
        assert [one.certificate.sha256 for one in answer.signers] == [A.sha256]


def idsig_seeds() -> Iterator[bytes]:
    """An honest one, and one without its tree."""
    apk, made = _v4()
    yield made
    yield Idsig(apk, with_tree=False).file()


# Wholes ------------------------------------------------------------------------------------------


@cache
def bases() -> tuple[bytes, ...]:
    """APKs that recipes begin with; what they hold is stored, so that an edit is no broken checksum of deflate."""
    table = arsc.table({"": ("WeChat",), "de": ("Titel",)})
    inside = {"classes.dex": dex.dex_bytes(("Lcom/tencent/mm/opensdk/X;",)), "resources.arsc": table}
    label = axml.Reference(0x7F010000)
    return (
        build_apk(OURS, v2=[A], stored=True),
        build_apk(OURS, v1=[A], v2=[A], v3=[A], stored=True, apk_signed="2, 3"),
        build_apk(OURS, v1=[A], stored=True, target_sdk=28),
        build_apk(OURS, v2=[A], v3=[V3Signer(A, max_sdk=32)], v31=[V3Signer(B, (A,), min_sdk=33)], stored=True),
        build_apk(OURS, v3=[V3Signer(A), V3Signer(B)], stored=True),
        build_apk(OURS, v2=[B], stored=True),
        build_apk("com.tencent.mm", v2=[A], stored=True),
        build_apk("com.example.app", v2=[A], members=inside, label=label, stored=True),
        build_apk("com.example.app", stored=True),
        zip_bytes({"a.apk": build_apk(OURS, v2=[A]), "b/c.zip": zip_bytes({"d.apk": build_apk(v2=[B])})}, stored=True),
        build_apk(OURS, v2=[A]),
    )


@cache
def _reader(verify_all: bool) -> Reader:
    search = Search(payments=True, look_alikes=True)
    return Reader(Judge(our_database(), 37, NOW, verify_all=verify_all, search=search))


def _outcomes(data: bytes, *, verify_all: bool = False, name: str = "x.apk") -> list[object]:
    """What a scan says of a file with these bytes, which it must say twice in the same words."""
    with tempfile.NamedTemporaryFile(dir=_memory_folder(), suffix=name) as file:
        file.write(data)
        file.flush()
        app = App("fuzz", Location(file.name), named=True)
        first = list(_reader(verify_all).stream(app))
        assert first == list(_reader(verify_all).stream(app)), "not the same twice"
    assert first, "a file of which nothing is said"
    for one in first:
        if isinstance(one, AppRow | UnreadRow):
            check_row(one)
    return list(first)


@cache
def _memory_folder() -> str | None:
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def _content(apk: bytes) -> tuple[bytes, bytes, bytes]:
    """What a v2 signature covers: members, directory, end record without where the directory lies."""
    directory, end = directory_offset(apk), apk.rindex(b"PK\x05\x06")
    block = directory - 8 - int.from_bytes(apk[directory - 24 : directory - 16], "little")
    return apk[:block], apk[directory:end], apk[end : end + 16] + apk[end + 20 :]


def whole_apk(data: bytes) -> None:
    """Edits of an APK through a whole scan: never confirmed but by the key and for the content that was signed."""
    (number, base), recipe = numbered(data, enumerate(bases()))
    apk = cooked(recipe[1:], base)
    for row in _outcomes(apk, verify_all=bool(recipe[:1] and recipe[0] & 1)):
        if not isinstance(row, AppRow):
            continue
        assert row.package_name != OURS or row.verdict != Verdict.CLEAR, "a listed name called clear"
        if row.verdict is Verdict.CONFIRMED:
            assert row.assurance is Assurance.VERIFIED
            assert [one.sha256 for one in row.signers] == [A.sha256]
            if number == 0:
                assert _content(apk) == _content(base), "confirmed, and what was signed is not what is there"


def recipe_seeds() -> Iterator[bytes]:
    """Each APK as it is, and one with each kind of edit at each place."""
    for number in range(len(bases())):
        yield bytes([number, 0])
        yield bytes([number, 1])
    for action in range(10):
        for anchor in range(8):
            yield bytes([action % 4, 1]) + step(action, anchor, 8 + action, 0x0203)


def any_file(data: bytes) -> None:
    """Any bytes at all as a file that the user names: archives, compressed archives, and what is none."""
    number, rest = numbered(data, range(3))
    for row in _outcomes(rest, name=("x.apk", "x.zip", "x")[number]):
        assert not isinstance(row, AppRow) or row.verdict != Verdict.CONFIRMED or row.assurance is Assurance.VERIFIED


def file_seeds() -> Iterator[bytes]:
    """Archives of every kind with an APK in them."""
    small = zip_bytes({"AndroidManifest.xml": _MANIFEST})
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name in ("a.apk", "b" * 120 + ".apk"):
            info = tarfile.TarInfo(name)
            info.size = len(small)
            archive.addfile(info, io.BytesIO(small))
    tar = out.getvalue()
    for one in (
        small,
        tar,
        gzip.compress(tar, mtime=0),
        zstandard.compress(tar),
        zip_bytes({"a.apk": small}, stored=True),
    ):
        yield b"\0" + one
    yield b"\1" + zip_bytes({"toc.pb": b"", "splits/base-master.apk": small, "splits/base-en.apk": small}, stored=True)


def verifying(data: bytes) -> None:
    """Edits of an APK through the verifier, for old and new releases, and its insides."""
    base, recipe = numbered(data, bases())
    source = Memory(cooked(recipe, base))
    for low, high in ((1, 23), (24, 37), (37, 37)):
        answer = twice(lambda low=low, high=high: verify(source, low, high))  # type: ignore[misc]
        assert isinstance(answer, Refused) or not answer.verified or answer.signers
    twice(lambda: identify(source, 28, every_scheme=True))
    twice(lambda: read_insides(source, _wanted()))


@cache
def _wanted():  # type: ignore[no-untyped-def]
    return wanted(our_database(), Search(payments=True, look_alikes=True))


ZIP_WORDS = (
    b"PK\x01\x02",
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"PK\x06\x06",
    b"PK\x06\x07",
    b"AndroidManifest.xml",
    b"META-INF/",
)
TARGETS = (
    Target("zip-directory", zip_directory, zip_seeds, words=ZIP_WORDS),
    Target("signing-block", signing_block, block_seeds, words=(b"APK Sig Block 42",)),
    Target("pkcs7", pkcs7, pkcs7_seeds, longest=8 << 10),
    Target("jar-signing", jar_signing, jar_seeds, longest=8 << 10, words=(JAR_SPLIT, b"Name: ", b"SHA-256-Digest: ")),
    Target("certificate", certificate, certificate_seeds, longest=8 << 10),
    Target("manifest", manifest, manifest_seeds),
    Target("dex", dex_types, dex_seeds),
    Target("resources", resources, resource_seeds),
    Target("idsig", idsig, idsig_seeds),
    Target("verify", verifying, recipe_seeds, longest=256),
    Target("any-file", any_file, file_seeds, longest=32 << 10, words=ZIP_WORDS),
    Target("whole-apk", whole_apk, recipe_seeds, longest=256),
)
