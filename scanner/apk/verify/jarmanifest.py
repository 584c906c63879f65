"""What signs what in JAR signing: the digests of a section that count, and a signature file against the manifest.

Which digest counts on which release, and which fault of a signature file makes Android pass its signer over, are the
rules of Google's apksig.
"""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field
from functools import cache, lru_cache

from scanner.apk.verify.jarcontent import DIGEST_DID_NOT_VERIFY, HASHES, MANIFEST_NAME, Digest, Fault, mismatches, text
from scanner.apk.verify.jarsections import NAME, Listing, PlainSection, Section

GINGERBREAD, JELLY_BEAN_MR2, NOUGAT, PIE = 9, 18, 24, 28
_STRONGEST = (("SHA-512", b"sha-512"), ("SHA-384", b"sha-384"), ("SHA-256", b"sha-256"), ("SHA-1", b"sha1"))
_SHA_1, _SINCE_GINGERBREAD = {b"sha", b"sha1", b"sha-1"}, {"SHA-384", "SHA-512"}


def digests_to_check(section: Section | PlainSection, suffix: bytes, min_sdk: int, max_sdk: int) -> list[Digest]:
    """The digests that some release of the range looks at. None where the oldest would find none.

    Releases before 4.3 take the first that ``Digest-Algorithms`` lists, newer ones the strongest there is.
    """
    if isinstance(section, PlainSection):
        algorithm = _algorithm_of(section.attribute, suffix, min_sdk, max_sdk)
        return [(algorithm, _decoded(section.value))] if algorithm else []
    return _digests_to_check(section.attributes(), suffix, min_sdk, max_sdk)


@lru_cache(maxsize=128)
def _algorithm_of(attribute: bytes, suffix: bytes, min_sdk: int, max_sdk: int) -> str | None:
    """The algorithm of a lone attribute, if it is a digest that counts: that does not depend on its value."""
    digests = _digests_to_check({attribute.lower(): b""}, suffix, min_sdk, max_sdk)
    return digests[0][0] if digests else None


def _digests_to_check(attributes: dict[bytes, bytes], suffix: bytes, min_sdk: int, max_sdk: int) -> list[Digest]:
    chosen = _first_listed(attributes, suffix, min_sdk) if min_sdk < JELLY_BEAN_MR2 else []
    if min_sdk < JELLY_BEAN_MR2 and not chosen:
        return []
    if max_sdk >= JELLY_BEAN_MR2:
        for algorithm, attribute in _strongest_first(suffix):
            value = attributes.get(attribute)
            if value is not None:
                strongest = (algorithm, _decoded(value))
                return chosen if strongest in chosen else [*chosen, strongest]
    return chosen


@cache
def _strongest_first(suffix: bytes) -> tuple[tuple[str, bytes], ...]:
    """The algorithms that count since Android 4.3, and the attributes that hold their digests."""
    return tuple((algorithm, prefix + suffix) for algorithm, prefix in _STRONGEST)


def _first_listed(attributes: dict[bytes, bytes], suffix: bytes, min_sdk: int) -> list[Digest]:
    listed = attributes.get(b"digest-algorithms")
    for name in (b"SHA SHA1" if listed is None else listed).lower().split():
        value = attributes.get(name + suffix)
        algorithm = "SHA-1" if name in _SHA_1 else name.upper().decode("latin-1")
        known = algorithm in HASHES and (min_sdk >= GINGERBREAD or algorithm not in _SINCE_GINGERBREAD)
        if value is not None and known:
            return [(algorithm, _decoded(value))]
    return []


def _decoded(value: bytes) -> bytes:
    """The digest; what is no base64 becomes an empty one, which nothing has. Padding may be missing, as in Java."""
    try:
        return binascii.a2b_base64(value if b"=" in value else value + b"=" * (-len(value) % 4), strict_mode=True)
    except binascii.Error:
        return b""


@dataclass
class SignatureFile:
    """One ``.SF`` held against the manifest.

    Faults are gathered as code and parameters: where the signer is passed over, they keep nobody else from verifying.
    """

    file_name: str
    listing: Listing
    manifest: Listing
    by_name: dict[bytes, Section | PlainSection]
    min_sdk: int
    max_sdk: int
    names: frozenset[bytes] = frozenset()
    """The members that this file signs."""
    ignored: bool = False
    errors: list[Fault] = field(default_factory=list)
    warnings: list[Fault] = field(default_factory=list)
    _main: dict[bytes, bytes] = field(default_factory=dict)
    """Attributes of the file's first section."""

    def check(self, found: frozenset[int]) -> None:
        """Fill in `names`, `ignored`, `errors` and `warnings`. ``found``: ids of the newer schemes in the APK."""
        self._main = self.listing.main.attributes()
        if b"signature-version" not in self._main:
            self._pass_over("JAR_SIG_MISSING_VERSION_ATTR_IN_SIG_FILE")
            return
        self._check_stripping(found)
        if self.errors:
            return
        signtool = b"signtool" in (self._main.get(b"created-by") or b"")
        whole = self._manifest_holds(b"-digest" if signtool else b"-digest-manifest")
        if not signtool:
            self._check_main_section()
        if not self.errors:
            self._check_sections(whole=whole, signtool=signtool)

    def _pass_over(self, code: str, *params: object) -> None:
        self.errors.append((code, (self.file_name, *params)))
        self.ignored = True

    def _chosen(self, section: Section | PlainSection, suffix: bytes) -> list[Digest]:
        return digests_to_check(section, suffix, self.min_sdk, self.max_sdk)

    def _check_stripping(self, found: frozenset[int]) -> None:
        """The schemes the APK was signed with, says the signer, must still be there."""
        if self.max_sdk < NOUGAT:
            return
        value = self._main.get(b"x-android-apk-signed")
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
        names = set(map(NAME, self.listing.sections))
        if whole and None not in names and len(names) == len(self.listing.sections):
            self.names = frozenset(names)
            return
        names.clear()
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

    def _check_section(self, name: bytes, section: Section | PlainSection, *, signtool: bool) -> None:
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
