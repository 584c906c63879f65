"""JAR signing (scheme v1), verified: block file → signature file → manifest → every member.

The rules are those of Google's apksig: a step is taken for all signers before the next one begins, and an error in
any ends the verification, since some release of the range would refuse the APK. A signer whose signature file has a
fault of form is passed over, as Android does, and the fault is a warning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter

from scanner.apk.jarsigning import MAX_BLOCK_FILE
from scanner.apk.verify import jarmanifest
from scanner.apk.verify.issues import Issues
from scanner.apk.verify.jarcontent import MANIFEST_NAME, Job, Members, text
from scanner.apk.verify.jarmanifest import SignatureFile
from scanner.apk.verify.jarsections import MAX_LISTING, NAME, Listing, PlainSection, Section, parse_listing
from scanner.apk.verify.pkcs7 import BlockProblem, verified_certificate
from scanner.bytesource import ByteSource, ZipDirectory, ZipEntry
from scanner.errors import ApkError, LimitExceeded
from scanner.model import LIMITS, Limits

SCHEME = "v1"
FOLDER, MANIFEST = b"META-INF/", MANIFEST_NAME.encode()
MAX_ENTRIES = 0xFFFF
"""An APK's end record, which is never of zip64, cannot count further."""
MAX_SIGNERS = 10


@dataclass
class _Signer:
    """A block file and the signature file that it signs."""

    name: str
    block: ZipEntry
    file: ZipEntry
    content: bytes = b""
    """Of the signature file."""
    certificate: bytes = b""
    names: frozenset[bytes] = frozenset()


@dataclass
class _Jar:
    """One verification under way."""

    directory: ZipDirectory
    members: Members
    min_sdk: int
    max_sdk: int
    issues: Issues
    limits: Limits

    def error(self, code: str, *params: object, signer: str | None = None) -> None:
        """An error of this scheme."""
        self.issues.error(code, *params, scheme=SCHEME, signer=signer)

    def warning(self, code: str, *params: object, signer: str | None = None) -> None:
        """A warning of this scheme."""
        self.issues.warning(code, *params, scheme=SCHEME, signer=signer)


class _Stop(Exception):  # noqa: N818 - says what it does
    """There were errors: later steps would only repeat them."""


def verify_jar(
    source: ByteSource,
    directory: ZipDirectory,
    found: frozenset[int],
    min_sdk: int,
    max_sdk: int,
    issues: Issues,
    limits: Limits = LIMITS,
) -> tuple[bytes, ...]:
    """The certificates of those who signed every member, as DER. None where not verified: then there is an error.

    ``found`` holds the ids of newer schemes in the APK: signature files say which of them must be there.

    Raises:
        ReadError: the transport failed. Bytes that are broken are an issue, and never raise.
    """
    jar = _Jar(directory, Members(source, directory.offset), min_sdk, max_sdk, issues, limits)
    try:
        return _verify(jar, found)
    except _Stop:
        return ()
    except ApkError as error:
        jar.error("JAR_SIG_UNREADABLE", error)
        return ()


def _verify(jar: _Jar, found: frozenset[int]) -> tuple[bytes, ...]:
    before = jar.issues.errors

    def stop_at_errors() -> None:
        if jar.issues.errors > before:
            raise _Stop

    entries = _unique_entries(jar)
    stop_at_errors()
    manifest, by_name = _manifest(jar, entries)
    stop_at_errors()
    signers = _signers(jar, entries)
    stop_at_errors()
    for signer in signers:
        _check_block(jar, signer)
    stop_at_errors()
    signers = [signer for signer in signers if _check_signature_file(jar, signer, manifest, by_name, found)]
    if not signers and jar.issues.errors == before:
        jar.error("JAR_SIG_NO_SIGNATURES")
    stop_at_errors()
    signers = _check_entries(jar, entries, by_name, signers)
    stop_at_errors()
    _warn_of_unprotected(jar, entries, signers)
    return tuple(dict.fromkeys(signer.certificate for signer in signers))


def _unique_entries(jar: _Jar) -> dict[bytes, ZipEntry]:
    """Every member by its name, which no other may have: readers would differ on which one they take."""
    listed = list(islice(jar.directory.entries(), MAX_ENTRIES + 1))
    if len(listed) > MAX_ENTRIES:
        raise LimitExceeded(f"zip directory: more than {MAX_ENTRIES} members")
    entries = {entry.name: entry for entry in listed}
    if len(entries) < len(listed):
        for name, times in Counter(entry.name for entry in listed).items():
            if times > 1:
                jar.error("JAR_SIG_DUPLICATE_ZIP_ENTRY", text(name))
    return entries


def _manifest(jar: _Jar, entries: dict[bytes, ZipEntry]) -> tuple[Listing, dict[bytes, Section | PlainSection]]:
    """The manifest, and its sections by the member they describe."""
    entry = entries.get(MANIFEST)
    if entry is None:
        jar.error("JAR_SIG_NO_MANIFEST")
        raise _Stop
    manifest = parse_listing(jar.members.content(entry, MAX_LISTING))
    by_name = dict(zip(map(NAME, manifest.sections), manifest.sections, strict=True))
    if len(by_name) < len(manifest.sections) or not by_name.keys() <= entries.keys():
        _name_faults(jar, entries, manifest)
    return manifest, by_name


def _name_faults(jar: _Jar, entries: dict[bytes, ZipEntry], manifest: Listing) -> None:
    """Sections of the manifest that name nothing, the same as another one, or what is not there."""
    names: set[bytes] = set()
    for number, section in enumerate(manifest.sections, 1):
        name = section.name
        if name is None:
            jar.error("JAR_SIG_UNNNAMED_MANIFEST_SECTION", number)
        elif name in names:
            jar.error("JAR_SIG_DUPLICATE_MANIFEST_SECTION", text(name))
        else:
            names.add(name)
            if name not in entries:
                jar.error("JAR_SIG_MISSING_ZIP_ENTRY_REFERENCED_IN_MANIFEST", text(name))


def _signers(jar: _Jar, entries: dict[bytes, ZipEntry]) -> list[_Signer]:
    signers = []
    for name, entry in entries.items():
        if not name.startswith(FOLDER) or not name.endswith((b".RSA", b".DSA", b".EC")):
            continue
        signed = name[: name.rindex(b".")] + b".SF"
        if signed in entries:
            signers.append(_Signer(text(name.removeprefix(FOLDER)), entry, entries[signed]))
        else:
            jar.warning("JAR_SIG_MISSING_FILE", text(name), text(signed))
    if not signers:
        jar.error("JAR_SIG_NO_SIGNATURES")
    if len(signers) > MAX_SIGNERS:
        jar.error("JAR_SIG_MAX_SIGNATURES_EXCEEDED", MAX_SIGNERS, len(signers))
    return signers


def _check_block(jar: _Jar, signer: _Signer) -> None:
    """Fill in whose key signed the signature file."""
    block_name, file_name = text(signer.block.name), text(signer.file.name)
    block = jar.members.content(signer.block, MAX_BLOCK_FILE)
    signer.content = jar.members.content(signer.file, MAX_LISTING)
    try:
        certificate = verified_certificate(block, signer.content, jar.min_sdk, jar.max_sdk, jar.limits.certificates)
    except BlockProblem as problem:
        about = (block_name, file_name) if problem.code == "JAR_SIG_VERIFY_EXCEPTION" else (block_name,)
        jar.error(problem.code, *about, *problem.params, signer=signer.name)
        return
    if certificate is None:
        jar.error("JAR_SIG_DID_NOT_VERIFY", block_name, file_name, signer=signer.name)
    else:
        signer.certificate = certificate


def _check_signature_file(
    jar: _Jar, signer: _Signer, manifest: Listing, by_name: dict[bytes, Section | PlainSection], found: frozenset[int]
) -> bool:
    """Whether the signer counts; fills in the members that it signs."""
    listing = parse_listing(signer.content)
    file = SignatureFile(text(signer.file.name), listing, manifest, by_name, jar.min_sdk, jar.max_sdk)
    file.check(found)
    for code, params in file.warnings:
        jar.warning(code, *params, signer=signer.name)
    report = jar.warning if file.ignored else jar.error
    for code, params in file.errors:
        report(code, *params, signer=signer.name)
    signer.names = file.names
    return not file.ignored


def _check_entries(
    jar: _Jar, entries: dict[bytes, ZipEntry], by_name: dict[bytes, Section | PlainSection], signers: list[_Signer]
) -> list[_Signer]:
    """The signers of every member, which must be the same for all, after a look at each member's content."""
    common: tuple[str, list[_Signer]] | None = None
    jobs: list[Job] = []
    by_all = frozenset.intersection(*(signer.names for signer in signers))
    for entry in sorted(entries.values(), key=attrgetter("header_offset")):
        name = entry.name
        if name.startswith(FOLDER) or name.endswith(b"/"):
            continue
        section = by_name.get(name)
        expected = jarmanifest.digests_to_check(section, b"-digest", jar.min_sdk, jar.max_sdk) if section else []
        if section is None or not expected:
            jar.error("JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_MANIFEST", text(name))
            continue
        own = signers if name in by_all else [signer for signer in signers if name in signer.names]
        if not own:
            jar.error("JAR_SIG_ZIP_ENTRY_NOT_SIGNED", text(name))
            continue
        common = common or (text(name), own)
        if own is not common[1] and own != common[1]:
            lists = [", ".join(signer.name for signer in some) for some in (common[1], own)]
            jar.error("JAR_SIG_ZIP_ENTRY_SIGNERS_MISMATCH", common[0], lists[0], text(name), lists[1])
            continue
        jobs.append((entry, expected))
    if common is None:
        jar.error("JAR_SIG_NO_SIGNED_ZIP_ENTRIES")
    for code, params in jar.members.faults(jobs):
        jar.error(code, *params)
    return common[1] if common else []


def _warn_of_unprotected(jar: _Jar, entries: Iterable[bytes], signers: list[_Signer]) -> None:
    known = {MANIFEST} | {entry.name for signer in signers for entry in (signer.block, signer.file)}
    for name in entries:
        if name.startswith(FOLDER) and not name.endswith(b"/") and name not in known:
            jar.warning("JAR_SIG_UNPROTECTED_ZIP_ENTRY", text(name))
