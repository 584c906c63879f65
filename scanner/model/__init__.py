"""Every value that crosses a room's door: frozen, compared by content, importing nothing of ours."""

from __future__ import annotations

from scanner.model.identity import ApkIdentity, App, Certificate, Hop, Location, PastSigner, Scheme, Signer, Signing
from scanner.model.inspection import CertificateDetails, Inspection, SdkTrace, SignerView
from scanner.model.rows import (
    AppRow,
    CoverageHole,
    Device,
    Evidence,
    Expansion,
    Finding,
    Outcome,
    Passed,
    Row,
    SignerRow,
    SummaryRow,
    UnreadRow,
    UserState,
)
from scanner.model.verification import Issue, SourceStamp, Verification, VerifiedScheme, VerifiedSigner
from scanner.model.vocabulary import NEWEST_SDK, SCHEMA_VERSION, Assurance, Value, Verdict, printable

__all__ = [
    "NEWEST_SDK",
    "SCHEMA_VERSION",
    "ApkIdentity",
    "App",
    "AppRow",
    "Assurance",
    "Certificate",
    "CertificateDetails",
    "CoverageHole",
    "Device",
    "Evidence",
    "Expansion",
    "Finding",
    "Hop",
    "Inspection",
    "Issue",
    "Location",
    "Outcome",
    "Passed",
    "PastSigner",
    "Row",
    "Scheme",
    "SdkTrace",
    "Signer",
    "SignerRow",
    "SignerView",
    "Signing",
    "SourceStamp",
    "SummaryRow",
    "UnreadRow",
    "UserState",
    "Value",
    "Verdict",
    "Verification",
    "VerifiedScheme",
    "VerifiedSigner",
    "printable",
]
