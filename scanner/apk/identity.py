"""The identity of one APK: manifest and signing, gathered in three to six reads."""

from __future__ import annotations

from scanner.apk.jarsigning import FOLDER, SIGNATURE_FILES, read_jar_signers, signature_files, stripped_schemes
from scanner.apk.manifest import Manifest, PlainTextManifest, read_manifest
from scanner.apk.release import contradictions, signing_for
from scanner.apk.schemes import read_schemes
from scanner.apk.signingblock import signing_block_of
from scanner.bytesource import ByteSource, NoEndRecord, ZipDirectory, ZipEntry, member_bytes
from scanner.errors import ApkError
from scanner.model import LIMITS, NEWEST_SDK, ApkIdentity, Limits, Scheme, Signing

MANIFEST = b"AndroidManifest.xml"
STORED, DEFLATED = 0, 8
ZIP_MAGICS = frozenset({b"PK\x03\x04", b"PK\x05\x06"})


class NotAnApk(ApkError):  # noqa: N818 - says what it is
    """It is no APK at all. ``is_zip`` tells a zip without a manifest from anything else."""

    def __init__(self, reason: str, *, is_zip: bool) -> None:
        super().__init__(reason)
        self.is_zip = is_zip


def identify(
    source: ByteSource, sdk: int = NEWEST_SDK, *, every_scheme: bool = False, limits: Limits = LIMITS
) -> ApkIdentity:
    """Who the APK in ``source`` says it is, and who signs it for Android release ``sdk``.

    JAR certificates are read where the release goes by them, or with ``every_scheme``; otherwise scheme
    v1 is listed as present and no more. Signers are as declared: nobody checked a signature.

    Raises:
        NotAnApk: it is no zip, or a zip without a binary manifest.
        ApkError: it is so broken that it names no package.
        LimitExceeded: it takes more than ``limits`` allow.
        ReadError: the transport failed.
    """
    directory = _directory(source, limits)
    entries = directory.select(names=(MANIFEST,), under=(FOLDER,), endings=SIGNATURE_FILES)
    manifest, tamper = _manifest(source, entries, limits)
    signing, notes = _signing(source, directory, entries, sdk, limits, every_scheme=every_scheme)
    return ApkIdentity(
        package_name=manifest.package_name,
        version_code=manifest.version_code,
        version_name=manifest.version_name,
        min_sdk=manifest.min_sdk,
        target_sdk=manifest.target_sdk,
        split=manifest.split,
        signing=signing,
        tamper=(*tamper, *manifest.tamper, *notes, *_prefix_note(source)),
        contradictions=contradictions(signing),
        references=manifest.references,
        version_name_reference=manifest.version_name_reference,
    )


def _directory(source: ByteSource, limits: Limits) -> ZipDirectory:
    """The zip directory. A file that neither begins nor ends as a zip is no APK; one that begins so is a broken one."""
    try:
        return ZipDirectory(source, limits)
    except NoEndRecord as error:
        if source.read_at(0, min(4, source.size)) in ZIP_MAGICS:
            raise
        raise NotAnApk("not an APK: neither begins nor ends as a zip", is_zip=False) from error


def _manifest(source: ByteSource, entries: list[ZipEntry], limits: Limits) -> tuple[Manifest, list[str]]:
    found = [entry for entry in entries if entry.name == MANIFEST]
    if not found:
        raise NotAnApk("no AndroidManifest.xml: a zip, but not an APK", is_zip=True)
    entry, tamper = found[0], []
    if len(found) > 1:
        tamper.append(f"duplicate-entry: {len(found)} members are named AndroidManifest.xml")
    if entry.method not in (STORED, DEFLATED):
        tamper.append(f"compression-method: {entry.method} for the manifest; read as stored, as Android does")
    if entry.encrypted:
        tamper.append("encryption-flag: set for the manifest, ignored as Android does")
    try:
        return read_manifest(member_bytes(source, entry, limits.manifest_size, named="manifest_size"), limits), tamper
    except PlainTextManifest as error:
        raise NotAnApk(str(error), is_zip=True) from error


def _signing(
    source: ByteSource,
    directory: ZipDirectory,
    entries: list[ZipEntry],
    sdk: int,
    limits: Limits,
    *,
    every_scheme: bool,
) -> tuple[Signing, tuple[str, ...]]:
    block = signing_block_of(source, directory, limits)
    schemes = read_schemes(block, limits) if block else ()
    notes = block.tamper if block else ()
    pairs = signature_files(entry for entry in entries if entry.name != MANIFEST)
    if not pairs:
        return signing_for(schemes, sdk), notes
    signing = signing_for((Scheme("v1"), *schemes), sdk)
    if every_scheme or signing.governing == "v1":
        present = frozenset(scheme.name for scheme in schemes)
        notes += tuple(_stripping_notes(source, pairs, present))
        signing = signing_for((read_jar_signers(source, pairs, limits), *schemes), sdk)
    return signing, notes


def _stripping_notes(source: ByteSource, pairs: list[tuple[ZipEntry, ZipEntry]], present: frozenset[str]) -> list[str]:
    try:
        stripped = stripped_schemes(source, pairs, present)
    except ApkError as error:
        return [f"signature-file: {error}"]
    return [f"signature-stripped: {name} was there when v1 was signed" for name in stripped]


def _prefix_note(source: ByteSource) -> tuple[str, ...]:
    if source.read_at(0, 4) in ZIP_MAGICS:
        return ()
    return ("prefixed-data: the file does not begin as a zip; what stands in front may run instead (CVE-2017-13156)",)
