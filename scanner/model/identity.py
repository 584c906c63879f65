"""Where bytes lie, and who an APK says it is."""

from __future__ import annotations

from typing import Literal

from scanner.model.vocabulary import Value, printable, redacted


class Hop(Value, frozen=True):
    """One step from a container to a member: what opening the member needs, so that no directory is read again."""

    name: str
    method: Literal["slice", "stored", "deflated"]
    offset: int
    """``slice``: where the bytes begin. Else: where the member's local header begins."""
    compressed: int
    size: int


class PhoneAddress(Value, frozen=True):
    """How a phone is reached: an adb server, and the phone as that server names it."""

    serial: str
    server: str = "127.0.0.1:5037"
    """``HOST:PORT`` of the adb server."""
    transport: int | None = None
    """The server's number of the connection, where the serial alone names several phones."""

    def __str__(self) -> str:
        return f"adb:{printable(self.serial)}"


REMOTE = ("s3://", "gs://", "az://", "https://", "http://")
"""How addresses of objects begin: object stores and web servers, read in ranges where they lie."""


class Location(Value, frozen=True):
    """Where bytes lie: a file here, on a phone or at an address, then members of containers, outermost first."""

    path: str
    """Of an object, its whole address."""
    hops: tuple[Hop, ...] = ()
    phone: PhoneAddress | None = None
    size: int | None = None
    """Bytes of an object, where its listing told them."""
    etag: str | None = None
    """What names this content of an object, as its server told it: an ETag without its quotes."""

    @property
    def remote(self) -> bool:
        """Whether reading it means asking a server for ranges: many at once cost little more than one."""
        return self.phone is None and self.path.startswith(REMOTE)

    def __str__(self) -> str:
        return printable("!/".join((redacted(self.path), *(hop.name for hop in self.hops))))

    def inside(self, hop: Hop) -> Location:
        """The location of a member of what lies here."""
        return Location(self.path, (*self.hops, hop), self.phone, self.size, self.etag)


class App(Value, frozen=True):
    """A candidate that a source found, before any of its bytes were judged."""

    source: str
    """The SPEC it was found under, as the user wrote it."""
    location: Location
    splits: tuple[Location, ...] = ()
    named: bool = False
    """Whether the user named this very file, so that "not an APK" must be said rather than counted."""


class Certificate(Value, frozen=True):
    """A signing certificate, as far as it is known. Digests are lower-case hex without separators."""

    sha256: str | None = None
    sha1: str | None = None
    md5: str | None = None
    subject: str | None = None
    spki_sha256: str | None = None
    """SHA-256 of the SubjectPublicKeyInfo."""
    rsa_modulus_sha256: str | None = None
    """SHA-256 of the RSA modulus, big-endian without leading zeros."""
    hash32: str | None = None
    """Java's ``Arrays.hashCode`` of the DER, eight hex digits: what ``dumpsys package`` prints."""
    der: bytes | None = None
    """Null where only digests are known, and where it is absurdly large."""


class PastSigner(Value, frozen=True):
    """An earlier certificate of a rotated key, and what it may still do."""

    certificate: Certificate
    capabilities: tuple[str, ...] = ()


class Signer(Value, frozen=True):
    """One signer of one signature scheme."""

    certificate: Certificate
    min_sdk: int | None = None
    max_sdk: int | None = None
    history: tuple[PastSigner, ...] = ()
    """Earlier certificates, oldest first; without the current one."""
    for_dev_release: bool = False
    """Whether a release of its very minimum SDK passes it over, because that number was still the last release's."""


class Scheme(Value, frozen=True):
    """One signature scheme as found in an APK. ``problem`` says why its signers could not be read."""

    name: str
    signers: tuple[Signer, ...] = ()
    problem: str | None = None


class Signing(Value, frozen=True):
    """Who signs for one Android release. Each scheme's signers stay apart in ``schemes``."""

    sdk: int
    schemes: tuple[Scheme, ...] = ()
    governing: str | None = None
    """The scheme that this release goes by; null where there is none."""
    signers: tuple[Signer, ...] = ()
    problem: str | None = None
    """Why the governing scheme names no signer; null where it does, or where there is no scheme at all."""

    @property
    def history(self) -> tuple[PastSigner, ...]:
        """Earlier certificates, oldest first."""
        return self.signers[0].history if self.signers else ()


class ApkIdentity(Value, frozen=True):
    """Who one APK says it is."""

    package_name: str
    version_code: int | None
    version_name: str | None
    min_sdk: int | None
    target_sdk: int | None
    split: str | None
    signing: Signing
    tamper: tuple[str, ...] = ()
    contradictions: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    """Attributes whose value lies in the resource table, which is not read for an identity."""
    version_name_reference: int | None = None
    """The resource id of the version name, where it is one of them."""
