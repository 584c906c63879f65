"""APKs made and judged by Android's own tools: aapt2 links, apksigner signs, aapt and apksigner are asked."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from scanner.apk import identify
from scanner.apk.verify import verify
from scanner.bytesource import LocalFile
from scanner.certificate import complete
from scanner.model import ApkIdentity
from tests.support.apk_builder import build_apk
from tests.support.keyfiles import write_key
from tests.support.signer import V3Signer, key
from tests.support.tools import lacking, require_tool

pytestmark = pytest.mark.tools

FRAMEWORK = Path("/usr/share/android-framework-res/framework-res.apk")
MANIFEST = """<?xml version="1.0" encoding="utf-8"?>
<manifest xmlns:android="http://schemas.android.com/apk/res/android" {attributes}>
  <uses-permission android:name="android.permission.INTERNET"/>
  {uses_sdk}
  <application android:hasCode="false"/>
</manifest>
"""


def run(tool: str, *arguments: str | Path) -> str:
    done = subprocess.run([require_tool(tool), *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"{tool} {arguments}: {done.stdout}{done.stderr}"
    return done.stdout


class Keys:
    """Private keys and certificates as files, as apksigner takes them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}
        for name in ("ec-1", "ec-2", "rsa-1", "rsa-2"):
            private = ec.generate_private_key(ec.SECP256R1()) if name < "f" else rsa.generate_private_key(65537, 2048)
            self.digests[name] = write_key(folder, name, private)

    def options(self, name: str) -> list[str | Path]:
        return ["--key", self.folder / f"{name}.pk8", "--cert", self.folder / f"{name}.cer"]


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> Keys:
    return Keys(tmp_path_factory.mktemp("keys"))


def linked(folder: Path, *, attributes: str, uses_sdk: str = "", options: tuple[str, ...] = ()) -> Path:
    if not FRAMEWORK.is_file():
        lacking("android-framework-res is not installed")
    (folder / "AndroidManifest.xml").write_text(MANIFEST.format(attributes=attributes, uses_sdk=uses_sdk))
    apk = folder / "linked.apk"
    run("aapt2", "link", "-o", apk, "--manifest", folder / "AndroidManifest.xml", "-I", FRAMEWORK, *options)
    return apk


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory) -> Path:
    return linked(
        tmp_path_factory.mktemp("linked"),
        attributes='package="com.example.tool" android:versionCode="7" android:versionName="1.5"',
        uses_sdk='<uses-sdk android:minSdkVersion="21" android:targetSdkVersion="29"/>',
    )


def identity_of(apk: Path, sdk: int = 37, *, every_scheme: bool = False) -> ApkIdentity:
    with LocalFile(str(apk)) as source:
        return identify(source, sdk, every_scheme=every_scheme)


def badging(apk: Path) -> dict[str, str | None]:
    """What aapt says of package, versions and SDK range; what is absent it prints as nothing."""
    text = run("aapt", "dump", "badging", apk)
    wanted = {
        "package_name": r"^package: name='([^']*)'",
        "version_code": r" versionCode='(\d+)'",
        "version_name": r" versionName='([^']*)'",
        "min_sdk": r"^sdkVersion:'(\d+)'",
        "target_sdk": r"^targetSdkVersion:'(\d+)'",
    }
    return {
        name: match[1] or None if (match := re.search(form, text, re.MULTILINE)) else None
        for name, form in wanted.items()
    }


def assert_aapt_agrees(apk: Path) -> None:
    identity, theirs = identity_of(apk), badging(apk)
    ours = {name: getattr(identity, name) for name in theirs}
    assert {name: None if value is None else str(value) for name, value in ours.items()} == theirs


def verified(apk: Path, *options: str | int) -> list[dict[str, str]]:
    """The digests and subject that apksigner prints of each signer, after verifying the whole APK."""
    text = run("apksigner", "verify", "--print-certs", *map(str, options), apk)
    found: dict[str, dict[str, str]] = {}
    for number, label, value in re.findall(r"^Signer #(\d+) certificate (\S+)(?: digest)?: (.*)$", text, re.MULTILINE):
        found.setdefault(number, {})[label] = value.strip()
    return list(found.values())


def assert_apksigner_agrees(apk: Path, sdk: int = 37, *options: str | int) -> None:
    theirs = verified(apk, *options)
    assert theirs
    ours = [complete(one.certificate) for one in identity_of(apk, sdk).signing.signers]
    assert [{"DN": one.subject, "SHA-256": one.sha256, "SHA-1": one.sha1, "MD5": one.md5} for one in ours] == theirs


def signed(unsigned: Path, out: Path, *options: str | Path) -> Path:
    run("apksigner", "sign", "--in", unsigned, "--out", out, *options)
    return out


# Manifests that aapt2 writes


@pytest.mark.parametrize(
    ("attributes", "uses_sdk"),
    [
        (
            'package="com.example.one" android:versionCode="42" android:versionName="1.2.3 beta"',
            '<uses-sdk android:minSdkVersion="19" android:targetSdkVersion="28"/>',
        ),
        ('package="com.example.three" android:versionCode="2147483647" android:versionName="版本 8"', "<uses-sdk/>"),
        ('package="com.example.four" android:versionCode="1"', '<uses-sdk android:minSdkVersion="14"/>'),
    ],
)
def test_aapt_reads_the_same_of_a_linked_manifest(tmp_path, attributes, uses_sdk):
    apk = linked(tmp_path, attributes=attributes, uses_sdk=uses_sdk)
    assert identity_of(apk).package_name == re.search(r'package="([^"]+)"', attributes)[1]
    assert identity_of(apk).signing.governing is None
    if "<uses-sdk/>" not in uses_sdk:
        assert_aapt_agrees(apk)


def test_a_linked_manifest_without_uses_sdk_has_no_sdk_range(tmp_path):
    identity = identity_of(linked(tmp_path, attributes='package="com.example.two" android:versionCode="1"'))
    assert (identity.package_name, identity.min_sdk, identity.target_sdk) == ("com.example.two", None, None)


def test_the_major_part_of_a_linked_version_code_counts(tmp_path):
    options = ("--version-code", "5", "--version-code-major", "3", "--min-sdk-version", "28")
    apk = linked(tmp_path, attributes='package="com.example.major"', options=options)
    assert (identity_of(apk).version_code, identity_of(apk).min_sdk) == (3 * 2**32 + 5, 28)


TWICE = '<uses-sdk android:minSdkVersion="{}" android:targetSdkVersion="29"/>' * 2
"""Both elements target Android 10, so that scheme v1 alone is enough."""


@pytest.mark.parametrize("minimums", [(21, 24), (24, 21), (24, 24)])
def test_several_uses_sdk_are_read_as_android_does_and_verified_as_apksigner_does(keys, tmp_path, minimums):
    apk = linked(tmp_path, attributes='package="com.example.twice"', uses_sdk=TWICE.format(*minimums))
    assert re.findall(r"^sdkVersion:'(\d+)'", run("aapt", "dump", "badging", apk), re.MULTILINE) == [
        *map(str, minimums)
    ]
    out, schemes = tmp_path / "signed.apk", ["--v1-signing-enabled", "false", "--v3-signing-enabled", "false"]
    apk = signed(apk, out, *keys.options("ec-1"), "--v4-signing-enabled", "false", *schemes, "--min-sdk-version", "24")
    assert (identity_of(apk).min_sdk, identity_of(apk).target_sdk) == (minimums[-1], 29)
    # Scheme v2 alone holds from Android 7 (24) on, which is as far down as either element lets the app be installed.
    assert len(verified(apk)) == 1
    with LocalFile(str(apk)) as source:
        found = verify(source)
    assert (found.verified, found.min_sdk) == (True, 24)


# APKs that apksigner signs


@pytest.mark.parametrize("name", ["ec-1", "rsa-1"])
@pytest.mark.parametrize(
    ("options", "governing"),
    [
        (["--v2-signing-enabled", "false", "--v3-signing-enabled", "false"], "v1"),
        (["--v3-signing-enabled", "false"], "v2"),
        (["--v1-signing-enabled", "false", "--min-sdk-version", "24"], "v3"),
        ([], "v3"),
    ],
    ids=["v1", "v1+v2", "v2+v3", "v1+v2+v3"],
)
def test_apksigner_names_the_same_signer(unsigned, keys, tmp_path, name, options, governing):
    apk = signed(unsigned, tmp_path / "signed.apk", *keys.options(name), "--v4-signing-enabled", "false", *options)
    identity = identity_of(apk)
    assert identity.signing.governing == governing
    assert [one.certificate.sha256 for one in identity.signing.signers] == [keys.digests[name]]
    assert (identity.package_name, identity.tamper, identity.contradictions) == ("com.example.tool", (), ())
    # Android 11 refuses an app for it with scheme v1 alone; so does apksigner, unless asked for older releases.
    below = ("--max-sdk-version", 29) if governing == "v1" else ()
    minimum = ("--min-sdk-version", 24) if "--min-sdk-version" in options else ()
    assert_apksigner_agrees(apk, 37, *minimum, *below)
    assert_aapt_agrees(apk)


def test_a_signed_apk_names_its_signer_in_every_scheme(unsigned, keys, tmp_path):
    apk = signed(unsigned, tmp_path / "signed.apk", *keys.options("rsa-2"), "--v4-signing-enabled", "false")
    schemes = identity_of(apk, every_scheme=True).signing.schemes
    assert {scheme.name: [one.certificate.sha256 for one in scheme.signers] for scheme in schemes} == {
        "v1": [keys.digests["rsa-2"]],
        "v2": [keys.digests["rsa-2"]],
        "v3": [keys.digests["rsa-2"]],
    }
    assert all(identity_of(apk, sdk).signing.signers for sdk in (19, 23, 24, 28, 33, 37))


def test_two_signers_are_the_same_two(unsigned, keys, tmp_path):
    options = [*keys.options("rsa-1"), "--next-signer", *keys.options("ec-2"), "--v3-signing-enabled", "false"]
    apk = signed(unsigned, tmp_path / "signed.apk", *options, "--v4-signing-enabled", "false")
    both = [keys.digests["rsa-1"], keys.digests["ec-2"]]
    assert [one.certificate.sha256 for one in identity_of(apk).signing.signers] == both
    assert {one.certificate.sha256 for one in identity_of(apk, 23).signing.signers} == set(both)
    assert_apksigner_agrees(apk)


def test_a_rotated_key_has_the_history_that_apksigner_wrote(unsigned, keys, tmp_path):
    lineage = tmp_path / "lineage"
    old, new = keys.options("rsa-1"), keys.options("ec-1")
    run(
        "apksigner", "rotate", "--out", lineage, "--old-signer", *old, "--set-rollback", "true", "--set-auth", "false",
        "--new-signer", *new,
    )  # fmt: skip
    options = [*old, "--next-signer", *new, "--lineage", lineage, "--v4-signing-enabled", "false"]
    apk = signed(unsigned, tmp_path / "signed.apk", *options)
    identity = identity_of(apk)
    assert identity.signing.governing == "v3"
    assert [one.certificate.sha256 for one in identity.signing.signers] == [keys.digests["ec-1"]]
    (past,) = identity.signing.history
    assert past.certificate.sha256 == keys.digests["rsa-1"]
    assert past.capabilities == ("installed-data", "shared-user-id", "permission", "rollback")
    assert [one.certificate.sha256 for one in identity_of(apk, 27).signing.signers] == [keys.digests["rsa-1"]]
    assert identity_of(apk, every_scheme=True).contradictions == ()
    assert_apksigner_agrees(apk, 28, "--min-sdk-version", 28)
    assert_apksigner_agrees(apk, 27, "--max-sdk-version", 27)


def test_an_apk_stripped_of_its_block_is_noticed_as_apksigner_does(unsigned, keys, tmp_path):
    apk = signed(unsigned, tmp_path / "signed.apk", *keys.options("rsa-1"), "--v4-signing-enabled", "false")
    data = bytearray(apk.read_bytes())
    data[data.rindex(b"APK Sig Block 42")] ^= 1
    apk.write_bytes(data)
    identity = identity_of(apk)
    assert identity.signing.governing == "v1"
    assert [note.partition(" was")[0] for note in identity.tamper] == [
        "signature-stripped: v2",
        "signature-stripped: v3",
    ]
    done = subprocess.run([require_tool("apksigner"), "verify", str(apk)], capture_output=True, text=True, timeout=300)
    assert done.returncode != 0


# APKs that the tests build


@pytest.mark.parametrize(
    ("signers", "options"),
    [
        ({"v1": ["alice"]}, ("--max-sdk-version", 29)),
        ({"v1": ["alice", "bob"]}, ("--max-sdk-version", 29)),
        ({"v2": ["alice"]}, ("--min-sdk-version", 24)),
        ({"v2": ["alice", "bob"]}, ("--min-sdk-version", 24)),
        ({"v3": ["alice"]}, ("--min-sdk-version", 28)),
        ({"v1": ["alice"], "v2": ["alice"], "v3": ["alice"]}, ()),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else "",
)
def test_apksigner_accepts_what_the_tests_build(tmp_path, signers, options):
    apk = tmp_path / "built.apk"
    built = {scheme: [key(name) for name in names] for scheme, names in signers.items()}
    apk.write_bytes(build_apk("com.example.built", target_sdk=29, **built))
    assert_apksigner_agrees(apk, 37, *options)
    assert_aapt_agrees(apk)


def test_apksigner_accepts_a_rotation_that_the_tests_build(tmp_path):
    apk = tmp_path / "built.apk"
    alice, bob = key("alice"), key("bob")
    apk.write_bytes(build_apk(v1=[alice], v2=[alice], v3=[V3Signer(bob, (alice,), min_sdk=28)], apk_signed="2, 3"))
    assert_apksigner_agrees(apk, 37, "--min-sdk-version", 28)
    assert identity_of(apk).tamper == ()
