"""How one inspected APK is written: as text for people, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import msgspec

from scanner.formats.cleaning import clean
from scanner.model import AppRow, Evidence, Inspection, SignerView, Verification, counted

WIDTH = 14
SEVERAL = {"activity": "activities", "activity-alias": "activity-aliases"}
"""Components whose plural is not formed with an s."""


def write_json(inspection: Inspection, out: TextIO) -> None:
    """The inspection as one JSON document."""
    out.write(msgspec.json.format(msgspec.json.encode(inspection), indent=2).decode() + "\n")


def write_text(inspection: Inspection, out: TextIO) -> None:
    """The inspection as lines of ``name  value``, in sections. Every text from the APK is cleaned."""
    out.writelines(line + "\n" for line in _lines(inspection))


def _lines(inspection: Inspection) -> Iterator[str]:
    row = inspection.row
    yield from _identity(inspection)
    for view in inspection.signers:
        yield ""
        yield from _signer(view, governing=view.scheme == inspection.governing)
    if inspection.permissions:
        yield ""
        yield f"Permissions ({len(inspection.permissions)})"
        yield from (f"  {clean(name)}" for name in inspection.permissions)
    if inspection.sdks:
        yield ""
        yield "Embedded SDKs"
        for trace in inspection.sdks:
            yield f"  {clean(trace.sdk)}: {'can pay' if trace.pays else 'login or sharing, no sign of payment'}"
            yield from (f"    {clean(sign)}" for sign in (*trace.manifest, *trace.dex))
            yield from (f"    asks to see {clean(name)}" for name in trace.queries)
    yield ""
    yield from _verification(inspection.verification)
    yield from _matches(row)
    for note in (*row.tamper, *row.contradictions, *row.issues, *inspection.problems):
        yield f"! {clean(note)}"


def _identity(inspection: Inspection) -> Iterator[str]:
    row = inspection.row
    components = ", ".join(
        counted(count, name, SEVERAL.get(name, "")) for name, count in inspection.components.items() if count
    )
    pairs = (
        ("file", row.location),
        ("size", f"{inspection.size} bytes"),
        ("sha256", row.file_sha256),
        ("package", row.package_name),
        ("label", row.label),
        ("version", f"{row.version_name} ({row.version_code})"),
        ("SDK", f"minimum {row.min_sdk}, target {row.target_sdk}"),
        ("schemes", ", ".join(row.schemes) or "none: unsigned"),
        ("components", components or "none"),
    )
    for name, value in pairs:
        yield f"{name:<{WIDTH}}{clean(str(value))}" if value is not None else f"{name:<{WIDTH}}-"


def _signer(view: SignerView, *, governing: bool) -> Iterator[str]:
    known = view.details
    yield f"{view.scheme} {view.role}{' (the one that counts)' if governing and view.role == 'signer' else ''}"
    validity = f"{known.not_before} to {known.not_after}" if known.not_before else None
    pairs = (
        ("subject", known.subject),
        ("issuer", known.issuer if known.issuer != known.subject else None),
        ("serial", known.serial),
        ("valid", validity),
        ("key", known.key),
        ("signed with", known.signature_algorithm),
        ("sha256", view.sha256),
        ("sha1", view.sha1),
        ("md5", view.md5),
        ("public key", known.spki_sha256),
        ("hash32", view.hash32),
        ("API levels", view.sdk_range),
        ("may still", ", ".join(view.capabilities) or None),
    )
    yield from (f"  {name:<{WIDTH - 2}}{clean(value)}" for name, value in pairs if value)


def _verification(verification: Verification | None) -> Iterator[str]:
    if verification is None:
        return
    held = ", ".join(scheme.name for scheme in verification.schemes if scheme.verified) or "none"
    answer = "verifies" if verification.verified else "DOES NOT VERIFY"
    yield f"Signature: {answer} for API level {verification.min_sdk} (schemes that hold: {held})"
    if verification.stamp is not None:
        yield f"  source stamp, not verified: certificate {verification.stamp.certificate_sha256 or 'not stated'}"
    yield from (f"  {issue.level}: {clean(str(issue))}" for issue in verification.issues)


def _matches(row: AppRow) -> Iterator[str]:
    yield f"Verdict: {row.verdict}" + (f" (certificate {row.assurance})" if row.assurance else "")
    for finding in row.findings:
        lists = ", ".join(finding.lists) or "no list"
        yield f"  {finding.verdict} · {clean(finding.app)} [{finding.signature}] on {lists}"
        yield f"    {clean(finding.reason)}"
        for evidence in finding.evidence:
            yield from (f"    {line}" for line in _evidence(evidence))


def _evidence(evidence: Evidence) -> Iterator[str]:
    outcome = "agrees" if evidence.agrees else "differs"
    yield f"{evidence.kind} {clean(evidence.value)} from {evidence.origin}: {outcome}"
    yield from (f"  pinned {clean(value)}" for value in evidence.pinned if not evidence.agrees)
    yield from (f"  cited: {clean(cite)}" for cite in evidence.cites)
