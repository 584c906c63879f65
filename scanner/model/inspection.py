"""What `inspect` shows of one APK."""

from __future__ import annotations

from scanner.model.rows import AppRow
from scanner.model.verification import Verification
from scanner.model.vocabulary import Value


class CertificateDetails(Value, frozen=True):
    """What an analyst asks of a certificate. Anything that could not be read is null."""

    subject: str | None
    issuer: str | None
    serial: str | None
    """Lower-case hex."""
    not_before: str | None
    """Date, ISO 8601."""
    not_after: str | None
    key: str | None
    """Algorithm and size, such as ``RSA 2048``."""
    signature_algorithm: str | None
    spki_sha256: str | None
    rsa_modulus_sha256: str | None


class SdkTrace(Value, frozen=True):
    """What was found of one SDK."""

    sdk: str
    pays: bool
    """Whether a marker of payment was found; otherwise the SDK is there for login or sharing."""
    manifest: tuple[str, ...]
    dex: tuple[str, ...]
    queries: tuple[str, ...]
    """Packages it asks to see: weak evidence, since sharing asks too."""


class SignerView(Value, frozen=True):
    """One certificate of one scheme, with all that an analyst compares."""

    scheme: str
    role: str
    """``signer``, or ``past signer`` for a certificate of its history."""
    sdk_range: str | None
    capabilities: tuple[str, ...]
    sha256: str | None
    sha1: str | None
    md5: str | None
    hash32: str | None
    details: CertificateDetails


class Inspection(Value, frozen=True):
    """Everything about one APK. ``row`` is what `scan` says of it."""

    row: AppRow
    size: int
    """Bytes."""
    label: str | None
    permissions: tuple[str, ...]
    components: dict[str, int]
    governing: str | None
    verification: Verification | None
    """For the release that `row` is about."""
    signers: tuple[SignerView, ...]
    sdks: tuple[SdkTrace, ...]
    problems: tuple[str, ...]
    """Parts that could not be read, each with its reason."""
