"""The identity of one APK: manifest and signing, gathered in three to six reads."""

from __future__ import annotations

import msgspec

from scanner.apk.jarsigning import FOLDER, SIGNATURE_FILES, read_jar_signers, signature_files, stripped_schemes
from scanner.apk.manifest import Manifest, PlainTextManifest, read_manifest
from scanner.apk.oddities import directory_notes, manifest_notes, name_notes
from scanner.apk.release import contradictions, signing_for
from scanner.apk.schemes import read_schemes
from scanner.apk.signingblock import signing_block_of
from scanner.bytesource import ByteSource, NoEndRecord, ZipDirectory, ZipEntry, read_member
from scanner.errors import ApkError
from scanner.model import LIMITS, NEWEST_SDK, ApkIdentity, Limits, Scheme, Signing

MANIFEST = b"AndroidManifest.xml"
ZIP_MAGICS = frozenset({b"PK\x03\x04", b"PK\x05\x06"})


class NotAnApk(ApkError):  # noqa: N818 - says what it is
    """It is no APK at all. ``is_zip`` tells a zip without a manifest from anything else."""

    def __init__(self, reason: str, *, is_zip: bool) -> None:
        super().__init__(reason)
        self.is_zip = is_zip

    def with_advice(self) -> ApkError:
        """The same for who named this one file: what to do next."""
        hint = "; to look into an archive name a member, as in archive.zip!/inner.apk" if self.is_zip else ""
        return ApkError(f"{self}{hint}")


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
    manifest, tamper = _manifest(source, directory, entries, limits)
    signing, notes = _signing(source, directory, entries, sdk, limits, every_scheme=every_scheme)
    return ApkIdentity(
        package_name=manifest.package_name,
        version_code=manifest.version_code,
        version_name=manifest.version_name,
        min_sdk=manifest.kept_sdk.min_sdk,
        target_sdk=manifest.kept_sdk.target_sdk,
        split=manifest.split,
        signing=signing,
        tamper=(
            *tamper,
            *manifest.tamper,
            *notes,
            *directory_notes(source, directory),
            *name_notes(directory, thorough=every_scheme),
        ),
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


def more_notes(source: ByteSource, identity: ApkIdentity, limits: Limits = LIMITS) -> ApkIdentity:
    """The identity with what is odd about any member's name or place, which a scan asks only of few."""
    notes = name_notes(_directory(source, limits), thorough=True)
    return msgspec.structs.replace(identity, tamper=tuple(dict.fromkeys((*identity.tamper, *notes))))


def _manifest(
    source: ByteSource, directory: ZipDirectory, entries: list[ZipEntry], limits: Limits
) -> tuple[Manifest, list[str]]:
    found = [entry for entry in entries if entry.name == MANIFEST]
    if not found:
        raise NotAnApk("no AndroidManifest.xml: a zip, but not an APK", is_zip=True)
    entry = found[0]
    try:
        member = read_member(source, entry, limits.manifest_size, named="manifest_size", native=True)
        tamper = list(manifest_notes(entry, member, directory, len(found)))
        return read_manifest(member.content, limits), tamper
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
