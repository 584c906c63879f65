"""How the answer of ``verify`` is written: as text for people, or as a line of JSON."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TextIO

import msgspec

from scanner.formats.cleaning import clean
from scanner.model import Verification, VerifiedSigner, printable


def write_json(location: str, verification: Verification, out: TextIO) -> None:
    """One object on one line: the location and the whole answer."""
    answer = {"location": printable(location), **msgspec.to_builtins(verification)}
    for signer in answer["signers"]:
        signer["certificate"].pop("der")
    for scheme in answer["schemes"]:
        for signer in scheme["signers"]:
            signer["certificate"].pop("der")
    out.write(msgspec.json.encode(answer).decode() + "\n")


def write_text(
    location: str, verification: Verification, out: TextIO, *, certificates: bool = False, verbose: bool = False
) -> None:
    """The answer, then what was asked for. Every text from the APK is cleaned."""
    out.writelines(line + "\n" for line in _lines(location, verification, certificates=certificates, verbose=verbose))


def _lines(location: str, verification: Verification, *, certificates: bool, verbose: bool) -> Iterator[str]:
    answer = "verifies" if verification.verified else "DOES NOT VERIFY"
    yield f"{clean(printable(location))}: {answer}"
    for issue in verification.issues:
        if verbose or issue.level == "error":
            yield f"  {issue.level}: {clean(str(issue))}"
    if verbose:
        upper = "and newer" if verification.max_sdk >= 1 << 30 else f"to {verification.max_sdk}"
        yield f"  for API levels {verification.min_sdk} {upper}"
        yield from (
            f"  scheme {scheme.name}: {'true' if scheme.verified else 'false'}" for scheme in verification.schemes
        )
    if certificates:
        for number, signer in enumerate(verification.signers, 1):
            yield from _signer(number, signer)


def _signer(number: int, signer: VerifiedSigner) -> Iterator[str]:
    certificate = signer.certificate
    pairs = (("SHA-256", certificate.sha256), ("SHA-1", certificate.sha1), ("MD5", certificate.md5))
    yield f"  signer {number} {clean(certificate.subject or 'subject unknown')}"
    yield from (f"    {name:<8}{value}" for name, value in pairs if value)
    for past in signer.history:
        yield f"    before  {past.certificate.sha256} (may still: {', '.join(past.capabilities) or 'nothing'})"
