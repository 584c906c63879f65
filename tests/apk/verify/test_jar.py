"""JAR signing, verified: against Google's suite, against apksigner, and by hand where neither reaches."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import io
import json
import random
import re
import subprocess
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from asn1crypto import cms
from asn1crypto import x509 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.apk import identify
from scanner.apk.verify import jarsections, pkcs7
from scanner.apk.verify.issues import Issues
from scanner.apk.verify.jar import verify_jar
from scanner.apk.verify.jarmanifest import digests_to_check
from scanner.apk.verify.jarsections import parse_listing
from scanner.bytesource import ByteSource, LocalFile, Memory, ReadsByOffset, ZipDirectory
from scanner.errors import LimitExceeded, ReadError, ScannerError
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.signer import Key, jar_files, key
from tests.support.tools import require_tool

NEWEST = 0x7FFFFFFF
SUITE = Path(__file__).resolve().parents[3].parent / "shared" / "peer-suite" / "apksig"
LISTING = SUITE / "expected.jsonl"
EXPECTED = [json.loads(line) for line in LISTING.read_text().splitlines()] if LISTING.is_file() else []
JUDGED = [one for one in EXPECTED if "format_error" not in one]
IDS = {"v2": 2, "v3": 3, "v3.1": 31, "v3.2": 32}
ALICE, BOB = key("alice"), key("bob")
CONTENT = {"AndroidManifest.xml": b"manifest", "classes.dex": b"code" * 1000, "res/": b"", "res/a": b"1"}


def judge(
    source: ByteSource | bytes, *, found=(), min_sdk=23, max_sdk=NEWEST
) -> tuple[list[str], list[str], list[str]]:
    """Signers by digest, error codes, warning codes."""
    source = Memory(source) if isinstance(source, bytes) else source
    issues = Issues()
    signers = verify_jar(source, ZipDirectory(source), frozenset(found), min_sdk, max_sdk, issues)
    codes = {level: [one.code for one in issues.all() if one.level == level] for level in ("error", "warning")}
    assert bool(signers) == (issues.errors == 0), issues.all()
    assert all(one.scheme == "v1" for one in issues.all())
    return [hashlib.sha256(one).hexdigest() for one in signers], codes["error"], codes["warning"]


# Google's suite


@pytest.mark.skipif(not EXPECTED, reason="the peer suite is not here")
@pytest.mark.parametrize("expected", JUDGED, ids=[one["name"] for one in JUDGED])
def test_the_suite_is_judged_as_the_reference_does(expected):
    with LocalFile(str(SUITE / "apk" / expected["name"])) as source:
        identity = identify(source, NEWEST, every_scheme=True)
        found = frozenset(IDS[one.name] for one in identity.signing.schemes if one.name in IDS)
        signers, errors, _ = judge(source, found=found, min_sdk=identity.min_sdk or 1)
    if expected["v1"]:
        assert signers
        assert not errors
        rotated = (expected["v3"] and "lineage" in expected["name"]) or expected["v31"]
        if expected["verified"] and not rotated:
            assert set(signers) == set(expected["signer_sha256"])
    elif any(re.search("JAR|META-INF", text) for text in expected["errors"]):
        assert errors
        assert not signers


# Against apksigner


def _private(kind: str):
    if kind == "rsa":
        return rsa.generate_private_key(65537, 2048)
    return dsa.generate_private_key(2048) if kind == "dsa" else ec.generate_private_key(ec.SECP256R1())


def _apksigner(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [require_tool("apksigner"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def key_files(tmp_path_factory) -> dict[str, list[str]]:
    """For each kind of key the options that tell apksigner of it."""
    folder, options = tmp_path_factory.mktemp("keys"), {}
    for kind in ("rsa", "dsa", "ec"):
        private, subject = _private(kind), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, kind)])
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).serial_number(7)
        builder = builder.public_key(private.public_key()).not_valid_before(dt.datetime(2020, 1, 1))
        certificate = builder.not_valid_after(dt.datetime(2050, 1, 1)).sign(private, hashes.SHA256())
        (folder / f"{kind}.cer").write_bytes(certificate.public_bytes(Encoding.DER))
        pkcs8 = private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        (folder / f"{kind}.pk8").write_bytes(pkcs8)
        options[kind] = ["--key", f"{folder}/{kind}.pk8", "--cert", f"{folder}/{kind}.cer"]
    return options


@pytest.fixture(scope="module")
def signed(tmp_path_factory, key_files):
    """Signs an APK by scheme v1 with these kinds of keys, once for each."""
    folder, made = tmp_path_factory.mktemp("signed"), {}

    def sign(*kinds: str) -> bytes:
        if kinds not in made:
            path, out = folder / "in.apk", folder / "out.apk"
            path.write_bytes(
                build_apk(min_sdk=23, target_sdk=29, members={"classes.dex": b"code" * 500, "assets/x": b"x"})
            )
            options = [word for kind in kinds for word in ("--next-signer", *key_files[kind])][1:]
            schemes = [
                "--v2-signing-enabled",
                "false",
                "--v3-signing-enabled",
                "false",
                "--v4-signing-enabled",
                "false",
            ]
            done = _apksigner("sign", *options, *schemes, "--min-sdk-version", 23, "--in", path, "--out", out)
            assert done.returncode == 0, done.stderr
            made[kinds] = out.read_bytes()
        return made[kinds]

    return sign


def members_of(apk: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(apk)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.tools
@pytest.mark.parametrize("kinds", [("rsa",), ("ec",), ("dsa",), ("rsa", "ec"), ("dsa", "rsa")], ids="-".join)
def test_what_apksigner_signs_verifies(signed, key_files, kinds):
    certificates = [Path(key_files[kind][3]).read_bytes() for kind in kinds]
    signers, errors, warnings = judge(signed(*kinds))
    assert set(signers) == {hashlib.sha256(one).hexdigest() for one in certificates}
    assert (errors, warnings) == ([], [])


def _edit(name: str, old: bytes, new: bytes):
    def change(members: dict[str, bytes]) -> None:
        changed = {each: data.replace(old, new) if each.endswith(name) else data for each, data in members.items()}
        assert changed != members
        members.update(changed)

    return change


def _add(name: str):
    return lambda members: members.update({name: b"new"})


def _remove(name: str):
    return lambda members: members.pop(name)


def _foreign_block(members: dict[str, bytes]) -> None:
    """Somebody else's block file, over the same content."""
    block = next(name for name in members if name.endswith(".RSA"))
    files = {name: data for name, data in members.items() if not name.startswith("META-INF/")}
    members[block.replace(".RSA", ".EC")] = jar_files(files, [BOB])["META-INF/CERT.EC"]
    members.pop(block)


TAMPERED = {
    "byte flipped": (_edit("classes.dex", b"code", b"c0de"), "JAR_SIG_ZIP_ENTRY_DIGEST_DID_NOT_VERIFY"),
    "entry added": (_add("lib/evil.so"), "JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST"),
    "entry removed": (_remove("assets/x"), "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST"),
    "signature file edited": (_edit(".SF", b"Android", b"Someone"), "JAR_SIG_DID_NOT_VERIFY"),
    "manifest edited": (
        _edit("MANIFEST.MF", b"assets/x\r\nSHA-256-Digest: ", b"assets/x\r\nSHA-256-Digest: A"),
        "JAR_SIG_MANIFEST_SECTION_DIGEST_DID_NOT_VERIFY",
    ),
    "manifest gone": (_remove("META-INF/MANIFEST.MF"), "JAR_SIG_NO_MANIFEST"),
    "block swapped": (_foreign_block, "JAR_SIG_DID_NOT_VERIFY"),
}


@pytest.mark.tools
@pytest.mark.parametrize("how", TAMPERED)
def test_tampering_is_seen_as_apksigner_sees_it(signed, tmp_path, how):
    change, code = TAMPERED[how]
    members = members_of(signed("rsa"))
    (tmp_path / "a.apk").write_bytes(zip_bytes(members))
    assert _apksigner("verify", tmp_path / "a.apk").returncode == 0
    change(members)
    (tmp_path / "a.apk").write_bytes(zip_bytes(members))
    signers, errors, _ = judge(zip_bytes(members))
    assert not signers
    assert code in errors
    assert _apksigner("verify", tmp_path / "a.apk").returncode != 0


@pytest.mark.tools
@pytest.mark.parametrize("fault", ["version", "unnamed"])
def test_a_passed_over_signer_keeps_nobody_from_verifying(tmp_path, fault):
    """apksigner says so too: Android ignores a signer whose signature file has a fault of form."""
    apk = build_apk(min_sdk=23, target_sdk=29)
    members = members_of(apk)
    good = jar_files(members, [ALICE])
    text = good["META-INF/CERT.SF"]
    text = text.replace(b"Signature-Version", b"Signature-Vers") if fault == "version" else text + b"Odd: 1\r\n\r\n"
    members |= good | {"META-INF/ODD.SF": text, "META-INF/ODD.EC": block(BOB, text)}
    (tmp_path / "a.apk").write_bytes(zip_bytes(members))
    signers, errors, warnings = judge(zip_bytes(members))
    assert signers == [ALICE.sha256]
    assert not errors
    assert "JAR_SIG_UNPROTECTED_ZIP_ENTRY" in warnings
    assert _apksigner("verify", tmp_path / "a.apk").returncode == 0


# By hand


def block(signer: Key, text: bytes) -> bytes:
    """A block file over the text, as the support's signer makes it."""
    from tests.support.signer import _pkcs7

    return _pkcs7(signer, text)


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return base64.b64encode(hashlib.new(algorithm, data).digest()).decode()


def jar(manifest: bytes, text: bytes, content: dict[str, bytes] | None = None, signer: Key = ALICE) -> bytes:
    files = {"META-INF/MANIFEST.MF": manifest, "META-INF/CERT.SF": text, "META-INF/CERT.EC": block(signer, text)}
    return zip_bytes((content or {"a": b"1"}) | files)


def manifest_of(content: dict[str, bytes], newline: str = "\r\n") -> bytes:
    head = "Manifest-Version: 1.0\r\n\r\n"
    return (
        (head + "".join(f"Name: {name}\r\nSHA-256-Digest: {digest_of(data)}\r\n\r\n" for name, data in content.items()))
        .replace("\r\n", newline)
        .encode()
    )


def signature_of(manifest: bytes, names=("a",), extra: str = "") -> bytes:
    text = f"Signature-Version: 1.0\r\nSHA-256-Digest-Manifest: {digest_of(manifest)}\r\n{extra}\r\n"
    return (text + "".join(f"Name: {name}\r\nSHA-256-Digest: x\r\n\r\n" for name in names)).encode()


def test_two_signers_and_a_folder():
    signers, errors, warnings = judge(
        zip_bytes(
            CONTENT | jar_files({name: data for name, data in CONTENT.items() if not name.endswith("/")}, [ALICE, BOB])
        )
    )
    assert signers == [ALICE.sha256, BOB.sha256]
    assert (errors, warnings) == ([], [])


def test_a_pasted_certificate_does_not_verify():
    pasted = BOB.wearing(ALICE.certificate)
    manifest = manifest_of({"a": b"1"})
    text = signature_of(manifest)
    apk = cms.ContentInfo.load(block(ALICE, text))
    apk["content"]["signer_infos"][0]["signature"] = pasted.sign(text)
    files = {"META-INF/MANIFEST.MF": manifest, "META-INF/CERT.SF": text, "META-INF/CERT.EC": apk.dump(force=True)}
    assert judge(zip_bytes({"a": b"1"} | files))[:2] == ([], ["JAR_SIG_DID_NOT_VERIFY"])


@pytest.mark.parametrize("newline", ["\r\n", "\n", "\r"])
def test_lines_end_in_three_ways(newline):
    manifest = manifest_of({"a": b"1"}, newline)
    assert judge(jar(manifest, signature_of(manifest)))[0] == [ALICE.sha256]


def test_sections_are_cut_with_their_blank_line():
    data = b"\r\nA: 1\r\n 2\r\n\r\n\r\nNAME: x\ny: 2\n\nname: z\rB: 1"
    listing = parse_listing(data)
    assert listing.main.raw == b"A: 1\r\n 2\r\n\r\n"
    assert listing.main.attributes()[b"a"] == b"12"
    assert [one.name for one in listing.sections] == [b"x", b"z"]
    assert [one.raw for one in listing.sections] == [b"NAME: x\ny: 2\n\n", b"name: z\rB: 1"]
    assert parse_listing(b"").main.name is None


PARTS = [
    "Name: a",
    "Name: b c",
    "name: d",
    "\r\n",
    "\r\n\r\n",
    "\r",
    "\n",
    " e",
    "SHA-256-Digest: AA==",
    "x: ",
    ": y",
    "z",
]
PLAIN = "Name: a\r\nSHA-256-Digest: AA==\r\n\r\n"


@given(st.lists(st.sampled_from([*PARTS, PLAIN, PLAIN.replace(": a", ": f")])).map("".join), st.booleans())
def test_plain_sections_are_the_sections_that_cutting_finds(text, main):
    data = (("Manifest-Version: 1.0\r\n\r\n" if main else "") + text).encode()
    listing = parse_listing(data)
    cut = [jarsections.section(raw) for raw in jarsections._cut_anywhere(data)] or [jarsections.section(b"")]
    for one, other in zip((listing.main, *listing.sections), cut, strict=True):
        assert (one.raw, one.name) == (other.raw, other.name)
        assert one.attributes() | {b"": b""} == other.attributes() | {b"": b""}
        for sdks in ((1, 17), (1, NEWEST), (18, NEWEST)):
            assert digests_to_check(one, b"-digest", *sdks) == digests_to_check(other, b"-digest", *sdks)


def test_a_listing_of_plain_sections_is_not_cut(monkeypatch):
    text = "Manifest-Version: 1.0\r\n\r\n" + PLAIN + PLAIN.replace(": a", ": b")
    assert {type(one) for one in parse_listing(text.encode()).sections} == {jarsections.PlainSection}
    assert {type(one) for one in parse_listing((text + "\r\n").encode()).sections} == {jarsections.Section}


def test_a_line_that_begins_a_section_again_and_again_is_read_once():
    """Not once from each beginning on, which would take minutes for a file of a few kilobytes in the zip."""
    (section,) = parse_listing(b"Manifest-Version: 1.0\r\n\r\n" + b"Name: " * 170_000).sections
    assert section.name == (b"Name: " * 169_999)


def test_a_listing_has_limits(monkeypatch):
    with pytest.raises(LimitExceeded):
        parse_listing(b"Name: " + b"x" * (jarsections.MAX_SECTION + 1))
    monkeypatch.setattr(jarsections, "MAX_SECTIONS", 3)
    with pytest.raises(LimitExceeded):
        parse_listing(b"Name: x\n\n" * 5)


@pytest.mark.parametrize(
    ("attributes", "min_sdk", "max_sdk", "algorithms"),
    [
        ("SHA1-Digest: AA==", 1, NEWEST, ["SHA-1"]),
        ("SHA-Digest: AA==\nSHA-256-Digest: AA==", 1, NEWEST, ["SHA-1", "SHA-256"]),
        ("SHA-Digest: AA==\nSHA1-Digest: AQ==", 1, NEWEST, ["SHA-1", "SHA-1"]),
        ("SHA-256-Digest: AA==", 17, NEWEST, []),
        ("SHA-256-Digest: AA==", 18, NEWEST, ["SHA-256"]),
        ("SHA-256-Digest: AA==\nDigest-Algorithms: SHA-512 SHA-256", 17, 17, ["SHA-256"]),
        ("SHA-512-Digest: AA==\nSHA1-Digest: AA==\nDigest-Algorithms: SHA-512 SHA1", 8, 17, ["SHA-1"]),
        ("SHA-512-Digest: AA==\nSHA1-Digest: AA==\nDigest-Algorithms: SHA-512 SHA1", 9, 17, ["SHA-512"]),
        ("MD5-Digest: AA==\nDigest-Algorithms: MD5", 1, 17, ["MD5"]),
        ("MD5-Digest: AA==", 18, NEWEST, []),
        ("SHA1-Digest: AA==\nSHA-384-Digest: AA==", 18, NEWEST, ["SHA-384"]),
    ],
)
def test_digests_that_count(attributes, min_sdk, max_sdk, algorithms):
    section = parse_listing(attributes.encode()).main
    assert [name for name, _ in digests_to_check(section, b"-digest", min_sdk, max_sdk)] == algorithms


def test_names_in_the_manifest():
    good = manifest_of({"a": b"1"})
    for odd, code in (
        (good + b"Odd: 1\r\n\r\n", "JAR_SIG_UNNNAMED_MANIFEST_SECTION"),
        (good + b"Odd: 1\r\nName: a\r\n\r\n", "JAR_SIG_UNNNAMED_MANIFEST_SECTION"),
        (good + b"Name: a\r\n\r\n", "JAR_SIG_DUPLICATE_MANIFEST_SECTION"),
        (good + b"Name: b\r\n\r\n", "JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST"),
    ):
        assert judge(jar(odd, signature_of(odd)))[1] == [code]


def test_who_signs_what():
    content = {"a": b"1", "b": b"2"}
    manifest = manifest_of(content)
    assert judge(jar(manifest, signature_of(manifest), content))[1] == ["JAR_SIG_ZIP_ENTRY_NOT_SIGNED"]
    both, one = signature_of(manifest, ("a", "b")), signature_of(manifest, ("a",))
    files = {"META-INF/B.SF": one, "META-INF/B.EC": block(BOB, one)}
    apk = zip_bytes(members_of(jar(manifest, both, content)) | files)
    assert judge(apk)[1] == ["JAR_SIG_ZIP_ENTRY_SIGNERS_MISMATCH"]
    empty = manifest_of({})
    assert judge(jar(empty, signature_of(empty, ()), {"META-INF/x": b""}))[1] == ["JAR_SIG_NO_SIGNED_ZIP_ENTRIES"]


def test_stripping_protection():
    manifest = manifest_of({"a": b"1"})
    apk = jar(manifest, signature_of(manifest, extra="X-Android-APK-Signed: 2, 3, 9, x,\r\n"))
    assert judge(apk, found=(2, 3))[1:] == ([], ["JAR_SIG_UNKNOWN_APK_SIG_SCHEME_ID"])
    assert judge(apk, found=(2, 31, 32))[1] == ["JAR_SIG_MISSING_APK_SIG_REFERENCED"]
    assert judge(apk)[1] == ["JAR_SIG_MISSING_APK_SIG_REFERENCED"] * 2
    assert judge(apk, found=(2,), max_sdk=27)[1:] == ([], ["JAR_SIG_UNKNOWN_APK_SIG_SCHEME_ID"] * 2)
    assert judge(apk, max_sdk=23)[1:] == ([], [])
    plain = jar(manifest, signature_of(manifest))
    assert judge(plain, found=(2,))[1:] == ([], ["JAR_SIG_NO_APK_SIG_STRIP_PROTECTION"])


def test_main_section_and_signtool():
    manifest = manifest_of({"a": b"1"}, "\n")
    name = "SHA-256-Digest-Manifest-Main-Attributes"
    wrong = signature_of(manifest, extra=f"{name}: {digest_of(b'')}\r\n")
    assert judge(jar(manifest, wrong))[1] == ["JAR_SIG_MANIFEST_MAIN_SECTION_DIGEST_DID_NOT_VERIFY"]
    right = signature_of(manifest, extra=f"{name}: {digest_of(parse_listing(manifest).main.raw)}\r\n")
    assert not judge(jar(manifest, right))[1]
    section = parse_listing(manifest).sections[0].raw
    for covered, verifies in ((section[:-1], True), (section, False)):
        text = f"Signature-Version: 1.0\nCreated-By: signtool 1.3\n\nName: a\nSHA-256-Digest: {digest_of(covered)}\n\n"
        signers, _, warnings = judge(jar(manifest, text.encode()))
        assert bool(signers) is verifies
        assert warnings[0] == "JAR_SIG_NO_MANIFEST_DIGEST_IN_SIG_FILE"


def test_block_files():
    good = members_of(jar(manifest_of({"a": b"1"}), signature_of(manifest_of({"a": b"1"}))))
    lone = {name: data for name, data in good.items() if not name.endswith(".SF")}
    assert judge(zip_bytes(lone))[1:] == (["JAR_SIG_NO_SIGNATURES"], ["JAR_SIG_MISSING_FILE"])
    text = good["META-INF/CERT.SF"]
    many = {f"META-INF/{n}.{kind}": text for n in range(11) for kind in ("SF", "EC")}
    assert judge(zip_bytes(good | many))[1] == ["JAR_SIG_MAX_SIGNATURES_EXCEEDED"]
    assert judge(zip_bytes(good | {"META-INF/CERT.EC": b"\x30\x03\x02\x01\x01"}))[1] == ["JAR_SIG_PARSE_EXCEPTION"]
    content = cms.ContentInfo.load(good["META-INF/CERT.EC"])
    content["content"]["signer_infos"] = []
    assert judge(zip_bytes(good | {"META-INF/CERT.EC": content.dump(force=True)}))[1] == ["JAR_SIG_NO_SIGNERS"]
    content = cms.ContentInfo.load(good["META-INF/CERT.EC"])
    content["content"]["certificates"] = []
    assert judge(zip_bytes(good | {"META-INF/CERT.EC": content.dump(force=True)}))[1] == ["JAR_SIG_VERIFY_EXCEPTION"]


def test_the_newest_releases_try_every_signer_info():
    manifest = manifest_of({"a": b"1"})
    text = signature_of(manifest)
    content = cms.ContentInfo.load(block(ALICE, text))
    good, bad = content["content"]["signer_infos"][0].dump(), b"\xff"
    while bad > good:  # a set is written in the order of its bytes, and each signature is another
        bad = cms.ContentInfo.load(block(ALICE, b"other"))["content"]["signer_infos"][0].dump()
    content["content"]["signer_infos"] = [cms.SignerInfo.load(one) for one in (bad, good)]
    apk = zip_bytes(members_of(jar(manifest, text)) | {"META-INF/CERT.EC": content.dump(force=True)})
    assert judge(apk, min_sdk=24)[0] == [ALICE.sha256]
    assert judge(apk, min_sdk=23)[1] == ["JAR_SIG_DID_NOT_VERIFY"]


def test_algorithms_and_their_releases():
    sha256, plain, named = "2.16.840.1.101.3.4.2.1", "1.2.840.10045.2.1", "1.2.840.10045.4.3.2"
    assert pkcs7.supported_levels(sha256, plain) == ((18, NEWEST),)
    assert pkcs7.supported_levels(sha256, named) == ((21, NEWEST),)
    assert pkcs7.supported_levels("1.3.14.3.2.26", named) == ((21, 23),)
    assert pkcs7.supported_levels(sha256, "1.2.840.113549.1.1.5") == ((21, 21),)
    assert pkcs7.supported_levels(sha256, "1.2.3") == pkcs7.supported_levels("1.2.3", plain) == ()
    assert pkcs7._gaps(((0, 8), (18, NEWEST)), 1, NEWEST) == "9-17"
    assert pkcs7._gaps(((21, 23),), 21, NEWEST) == "24+"
    assert pkcs7._gaps(((21, 23),), 20, 24) == "20, 24"
    assert pkcs7._gaps((), 5, 5) == "5"
    assert pkcs7._gaps(((30, NEWEST),), 5, 20) == "5-20"
    assert judge(build_apk(v1=[ALICE]), min_sdk=17)[1] == ["JAR_SIG_UNSUPPORTED_SIG_ALG"]


def test_repeated_names_and_differing_headers():
    apk = build_apk(v1=[ALICE], members={"twin1": b"1", "twin2": b"1"})
    assert judge(apk.replace(b"twin2", b"twin1"))[1] == ["JAR_SIG_DUPLICATE_ZIP_ENTRY"]
    at = apk.index(b"twin1")
    other = apk[:at] + b"twinX" + apk[at + 5 :]
    assert judge(other)[1] == ["JAR_SIG_ZIP_ENTRY_UNREADABLE"]


class _Failing(ReadsByOffset):
    """Bytes whose transport fails below the directory."""

    def __init__(self, data: bytes) -> None:
        super().__init__(len(data))
        self.data, self.fails = data, False

    def _read(self, offset: int, length: int) -> bytes:
        if self.fails:
            raise ReadError("gone")
        return self.data[offset : offset + length]


def test_a_failing_transport_is_no_issue():
    source = _Failing(build_apk(v1=[ALICE]))
    directory = ZipDirectory(source)
    source.fails = True
    with pytest.raises(ReadError):
        verify_jar(source, directory, frozenset(), 23, NEWEST, Issues())


def test_memory_stays_flat():
    content = {"big": bytes(96 << 20)}
    apk = zip_bytes(content | jar_files(content, [ALICE]))
    del content
    tracemalloc.start()
    assert judge(apk)[0] == [ALICE.sha256]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 16 << 20


def key_of(certificate: bytes) -> bytes:
    return asn1.Certificate.load(certificate)["tbs_certificate"]["subject_public_key_info"]["public_key"].native


SMALL = build_apk(v1=[ALICE, BOB], members={"x": b"x" * 300})


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SMALL) - 1), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_key_and_never_raises(at, change):
    """A JAR signature covers the key, not the rest of the certificate that the block file brings with it."""
    odd = SMALL[:at] + bytes([SMALL[at] ^ change]) + SMALL[at + 1 :]
    source, issues = Memory(odd), Issues()
    try:
        directory = ZipDirectory(source)
    except ScannerError:
        return
    signers = verify_jar(source, directory, frozenset(), 23, NEWEST, issues)
    assert bool(signers) == (issues.errors == 0)
    assert {key_of(one) for one in signers} <= {key_of(ALICE.certificate), key_of(BOB.certificate)}


def test_broken_block_files_are_issues():
    text = signature_of(manifest_of({"a": b"1"}))
    good, chance, codes = block(ALICE, text), random.Random(7), set()
    for _ in range(1500):
        odd = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            odd[chance.randrange(len(odd))] = chance.randrange(256)
        try:
            found = pkcs7.verified_certificate(bytes(odd[: chance.choice((len(odd), 200))]), text, 23, NEWEST, 256)
        except pkcs7.BlockProblem as problem:
            found = None
            codes.add(problem.code)
        assert found is None or key_of(found) == key_of(ALICE.certificate)
    assert "JAR_SIG_PARSE_EXCEPTION" in codes
    assert all(code.startswith("JAR_SIG_") for code in codes)
