"""What verifying an APK's signatures says: issues as data, and who signed for certain."""

from __future__ import annotations

from typing import Literal

from scanner.model.identity import Certificate, PastSigner
from scanner.model.vocabulary import Value


class Issue(Value, frozen=True):
    """One thing that is wrong, or worth saying. ``code`` is apksig's name for it where apksig has one."""

    level: Literal["error", "warning"]
    code: str
    parameters: tuple[str, ...]
    scheme: str | None
    signer: str | None

    def __str__(self) -> str:
        where = " ".join(part for part in (self.scheme, self.signer) if part)
        said = ": ".join((self.code, ", ".join(self.parameters))) if self.parameters else self.code
        return f"{where} {said}" if where else said


class VerifiedSigner(Value, frozen=True):
    """A signer whose signature over the whole content was checked, and the releases it holds for."""

    certificate: Certificate
    min_sdk: int | None = None
    max_sdk: int | None = None
    history: tuple[PastSigner, ...] = ()


class VerifiedScheme(Value, frozen=True):
    """One scheme: found, and whether it verified."""

    name: str
    verified: bool
    signers: tuple[VerifiedSigner, ...] = ()


class SourceStamp(Value, frozen=True):
    """A source stamp block: reported, never part of the verdict."""

    certificate_sha256: str | None
    """What the member ``stamp-cert-sha256`` states."""
    present: tuple[str, ...]
    """Which of ``v1``, ``v2`` stamp blocks are there."""


class Verification(Value, frozen=True):
    """The answer for one APK and a range of Android releases."""

    verified: bool
    min_sdk: int
    max_sdk: int
    schemes: tuple[VerifiedScheme, ...]
    signers: tuple[VerifiedSigner, ...]
    """Who signed, by the newest scheme that verified; empty where the APK does not verify."""
    issues: tuple[Issue, ...]
    stamp: SourceStamp | None = None

    @property
    def errors(self) -> tuple[Issue, ...]:
        """The issues that keep it from verifying."""
        return tuple(issue for issue in self.issues if issue.level == "error")
