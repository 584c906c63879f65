"""``MANIFEST.MF`` and the signature files of JAR signing: sections, the digests that count, one against the other.

Also how members are unpacked for those digests.

Format: the JAR File Specification, "JAR Manifest" and "Signed JAR File". Which digest counts on which release, and
which fault of a signature file makes Android pass its signer over, are the rules of Google's apksig.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from scanner.bytesource import ZipEntry
from scanner.errors import ApkError, LimitExceeded
from scanner.model import printable

MANIFEST_NAME = "META-INF/MANIFEST.MF"
DIGEST_DID_NOT_VERIFY = "JAR_SIG_ZIP_ENTRY_DIGEST_DID_NOT_VERIFY"
MAX_LISTING = 16 << 20
"""Largest manifest or signature file that is read, in bytes."""
MAX_SECTIONS = 1 << 18
MAX_SECTION = 1 << 20
"""Largest section of either, in bytes: one describes a single member."""
PIECE = 1 << 20
"""Bytes of a member that are read, and inflated, at once."""
LOCAL_HEADER = struct.Struct("<4s2xHHxxxxIIIHH")
GINGERBREAD, JELLY_BEAN_MR2, NOUGAT, PIE = 9, 18, 24, 28
_STRONGEST = (("SHA-512", b"sha-512"), ("SHA-384", b"sha-384"), ("SHA-256", b"sha-256"), ("SHA-1", b"sha1"))
HASHLIB = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
"""What Python calls the algorithms."""
_DATA_DESCRIPTOR = 8
_SHA_1, _SINCE_GINGERBREAD = {b"sha", b"sha1", b"sha-1"}, {"SHA-384", "SHA-512"}
_CONTENT = re.compile(rb"[^\r\n]")
_SECTION_END = re.compile(rb"(?:\r\n|\r(?!\n)|\n)(?:\r\n|\r|\n)")
_FOLD = re.compile(rb"(?:\r\n|\r|\n) ")

Digest = tuple[str, bytes]
"""An algorithm and the value that is expected."""
Fault = tuple[str, tuple[object, ...]]
"""The code of an issue, and its parameters."""


class Section:
    """One section, with the blank line behind it: that is what its digest covers."""

    __slots__ = ("_attributes", "name", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        attribute, _, value = (self._lines() or [b""])[0].partition(b": ")
        self.name = value if attribute.lower() == b"name" else None
        """The member it describes. Only a first attribute names: later ones are passed over, as apksig does."""
        self._attributes: dict[bytes, bytes] | None = None

    def _lines(self) -> list[bytes]:
        folded = b"\n " in self.raw or b"\r " in self.raw
        return (_FOLD.sub(b"", self.raw) if folded else self.raw).splitlines()

    def get(self, name: bytes) -> bytes | None:
        """The value of an attribute, asked for in lower case; of a repeated one the first."""
        if self._attributes is None:
            pairs = [line.partition(b": ") for line in reversed(self._lines())]
            self._attributes = {attribute.lower(): value for attribute, _, value in pairs}
        return self._attributes.get(name)


@dataclass(frozen=True)
class Listing:
    """A manifest or signature file in its sections."""

    raw: bytes
    main: Section
    sections: tuple[Section, ...]


def parse_listing(data: bytes) -> Listing:
    """Cut into sections at blank lines; several of them separate as one does. Raises `LimitExceeded`."""
    sections: list[Section] = []
    begin = _CONTENT.search(data)
    while begin:
        end = _SECTION_END.search(data, begin.start())
        stop = end.end() if end else len(data)
        if len(sections) > MAX_SECTIONS or stop - begin.start() > MAX_SECTION:
            raise LimitExceeded(f"more than {MAX_SECTIONS} sections, or one of more than {MAX_SECTION} bytes")
        sections.append(Section(data[begin.start() : stop]))
        begin = _CONTENT.search(data, stop)
    return Listing(data, sections[0] if sections else Section(b""), tuple(sections[1:]))


def digests_to_check(section: Section, suffix: bytes, min_sdk: int, max_sdk: int) -> list[Digest]:
    """The digests that some release of the range looks at. None where the oldest would find none.

    Releases before 4.3 take the first that ``Digest-Algorithms`` lists, newer ones the strongest there is.
    """
    chosen = _first_listed(section, suffix, min_sdk) if min_sdk < JELLY_BEAN_MR2 else []
    if min_sdk < JELLY_BEAN_MR2 and not chosen:
        return []
    if max_sdk >= JELLY_BEAN_MR2:
        for algorithm, prefix in _STRONGEST:
            value = section.get(prefix + suffix)
            if value is not None:
                strongest = (algorithm, _decoded(value))
                return chosen if strongest in chosen else [*chosen, strongest]
    return chosen


def _first_listed(section: Section, suffix: bytes, min_sdk: int) -> list[Digest]:
    listed = section.get(b"digest-algorithms")
    for name in (b"SHA SHA1" if listed is None else listed).lower().split():
        value = section.get(name + suffix)
        algorithm = "SHA-1" if name in _SHA_1 else name.upper().decode("latin-1")
        known = algorithm in HASHLIB and (min_sdk >= GINGERBREAD or algorithm not in _SINCE_GINGERBREAD)
        if value is not None and known:
            return [(algorithm, _decoded(value))]
    return []


def _decoded(value: bytes) -> bytes:
    """The digest; what is no base64 becomes an empty one, which nothing has. Padding may be missing, as in Java."""
    try:
        return binascii.a2b_base64(value if b"=" in value else value + b"=" * (-len(value) % 4), strict_mode=True)
    except binascii.Error:
        return b""


def text(name: bytes) -> str:
    """A member's name for people."""
    return printable(name.decode("utf-8", "surrogateescape"))


def mismatches(pieces: Iterable[bytes], expected: Iterable[Digest]) -> list[tuple[str, str, str]]:
    """Algorithm, actual and expected value in base64 of each digest that these bytes do not have."""
    running = [
        (hashlib.new(HASHLIB[algorithm], usedforsecurity=False), algorithm, value) for algorithm, value in expected
    ]
    for piece in pieces:
        for digest, _, _ in running:
            digest.update(piece)
    return [
        (algorithm, base64.b64encode(digest.digest()).decode(), base64.b64encode(value).decode())
        for digest, algorithm, value in running
        if digest.digest() != value
    ]


@dataclass
class SignatureFile:
    """One ``.SF`` held against the manifest.

    Faults are gathered as code and parameters: where the signer is passed over, they keep nobody else from verifying.
    """

    file_name: str
    listing: Listing
    manifest: Listing
    by_name: dict[bytes, Section]
    min_sdk: int
    max_sdk: int
    names: frozenset[bytes] = frozenset()
    """The members that this file signs."""
    ignored: bool = False
    errors: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)

    def check(self, found: frozenset[int]) -> None:
        """Fill in `names`, `ignored`, `errors` and `warnings`. ``found``: ids of the newer schemes in the APK."""
        if self.listing.main.get(b"signature-version") is None:
            self._pass_over("JAR_SIG_MISSING_VERSION_ATTR_IN_SIG_FILE")
            return
        self._check_stripping(found)
        if self.errors:
            return
        signtool = b"signtool" in (self.listing.main.get(b"created-by") or b"")
        whole = self._manifest_holds(b"-digest" if signtool else b"-digest-manifest")
        if not signtool:
            self._check_main_section()
        if not self.errors:
            self._check_sections(whole=whole, signtool=signtool)

    def _pass_over(self, code: str, *params: object) -> None:
        self.errors.append((code, (self.file_name, *params)))
        self.ignored = True

    def _chosen(self, section: Section, suffix: bytes) -> list[Digest]:
        return digests_to_check(section, suffix, self.min_sdk, self.max_sdk)

    def _check_stripping(self, found: frozenset[int]) -> None:
        """The schemes the APK was signed with, says the signer, must still be there."""
        if self.max_sdk < NOUGAT:
            return
        value = self.listing.main.get(b"x-android-apk-signed")
        if value is None and found:
            self.warnings.append(("JAR_SIG_NO_APK_SIG_STRIP_PROTECTION", (self.file_name,)))
        supported = {2, 3} if self.max_sdk >= PIE else {2}
        for number in sorted(_numbers(value or b"")):
            if number not in supported:
                self.warnings.append(("JAR_SIG_UNKNOWN_APK_SIG_SCHEME_ID", (self.file_name, number)))
            elif number not in found:
                self.errors.append(("JAR_SIG_MISSING_APK_SIG_REFERENCED", (self.file_name, number, f"v{number}")))

    def _manifest_holds(self, suffix: bytes) -> bool:
        """Whether the digest of the whole manifest is there and right; if not, its sections are looked at."""
        expected = self._chosen(self.listing.main, suffix)
        if not expected:
            self.warnings.append(("JAR_SIG_NO_MANIFEST_DIGEST_IN_SIG_FILE", (self.file_name,)))
        wrong = mismatches([self.manifest.raw], expected)
        for algorithm, *values in wrong:
            self.warnings.append((DIGEST_DID_NOT_VERIFY, (MANIFEST_NAME, algorithm, self.file_name, *values)))
        return bool(expected) and not wrong

    def _check_main_section(self) -> None:
        expected = self._chosen(self.listing.main, b"-digest-manifest-main-attributes")
        code = "JAR_SIG_MANIFEST_MAIN_SECTION_DIGEST_DID_NOT_VERIFY"
        for algorithm, *values in mismatches([self.manifest.main.raw], expected):
            self.errors.append((code, (algorithm, self.file_name, *values)))

    def _check_sections(self, *, whole: bool, signtool: bool) -> None:
        names: set[bytes] = set()
        for number, section in enumerate(self.listing.sections, 1):
            name = section.name
            if name is None:
                self._pass_over("JAR_SIG_UNNNAMED_SIG_FILE_SECTION", number)
                return
            if name in names:
                self._pass_over("JAR_SIG_DUPLICATE_SIG_FILE_SECTION", text(name))
                return
            names.add(name)
            if not whole:
                self._check_section(name, section, signtool=signtool)
        self.names = frozenset(names)

    def _check_section(self, name: bytes, section: Section, *, signtool: bool) -> None:
        listed = self.by_name.get(name)
        expected = self._chosen(section, b"-digest")
        if listed is None or not expected:
            self.errors.append(("JAR_SIG_NO_ZIP_ENTRY_DIGEST_IN_SIG_FILE", (text(name), self.file_name)))
            self.ignored |= listed is None
            return
        # Mozilla's signtool leaves the blank line out of a section's digest.
        raw = listed.raw[:-1] if signtool and listed.raw.endswith(b"\n\n") else listed.raw
        for algorithm, *values in mismatches([raw], expected):
            code = "JAR_SIG_MANIFEST_SECTION_DIGEST_DID_NOT_VERIFY"
            self.errors.append((code, (text(name), algorithm, self.file_name, *values)))


def _numbers(value: bytes) -> set[int]:
    """The scheme ids of a comma-separated list; what is no number says nothing."""
    return {int(word) for word in value.split(b",") if re.fullmatch(rb"\s*[+-]?[0-9]{1,10}\s*", word)}


def data_start(head: bytes, entry: ZipEntry) -> int:
    """Where the data begins behind the local header, which must tell of the member what the directory tells.

    Readers differ on which of the two they believe, so that a difference would hide what was not verified.
    """
    if len(head) < LOCAL_HEADER.size:
        raise ApkError("no local header where the directory says")
    magic, flags, _, crc, compressed, size, name, extra = LOCAL_HEADER.unpack_from(head)
    if magic != b"PK\x03\x04" or head[LOCAL_HEADER.size : LOCAL_HEADER.size + name] != entry.name:
        raise ApkError("no local header of that name where the directory says")
    sizes_follow = flags & _DATA_DESCRIPTOR
    if sizes_follow != entry.flags & _DATA_DESCRIPTOR:
        raise ApkError("local header and directory differ on a data descriptor")
    if not sizes_follow and (crc, compressed, size) != (entry.crc, entry.compressed, entry.size):
        raise ApkError("local header and directory differ on the sizes or the checksum")
    return LOCAL_HEADER.size + int(name) + int(extra)


def inflated(raw: Iterable[bytes], entry: ZipEntry) -> Iterator[bytes]:
    """The deflated pieces as content, of exactly the size that the directory announces, in pieces again."""
    inflater, total = zlib.decompressobj(-zlib.MAX_WBITS), 0
    for piece in raw:
        rest, data = piece, b""
        while not inflater.eof and (rest or len(data) == PIECE):
            try:
                data = inflater.decompress(rest, PIECE)
            except zlib.error as error:
                raise ApkError(f"does not inflate ({error})") from error
            rest = inflater.unconsumed_tail
            total += len(data)
            if total > entry.size:
                raise ApkError(f"inflates to more than the {entry.size} bytes announced")
            yield data
    if total != entry.size or (entry.compressed and not inflater.eof):
        raise ApkError(f"inflates to {total} bytes, {entry.size} are announced")
