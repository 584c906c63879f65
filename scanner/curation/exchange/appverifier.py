"""AppVerifier's text: a package name on a line, below it SHA-256 fingerprints with colons, then a blank line.

Several fingerprints are alternatives for an app with one signer, and together for one with several. Source: github
soupslurpr/AppVerifier : app/src/main/kotlin/dev/soupslurpr/appverifier/data/UserDatabase.kt, AppVerifier.kt.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scanner.curation.exchange.common import Exported, apps_of, colons, left_out, said
from scanner.database.signaturefile import Signature
from scanner.database.signaturelist import Claim, digest_of


def read(data: bytes, file: Path) -> Iterable[Signature]:
    """See the module. Raises `ValueError`."""
    blocks: list[tuple[str, list[Claim]]] = []
    beginning = True
    for number, line in enumerate(data.decode("utf-8-sig").splitlines(), 1):
        text, cites = line.strip(), (f"{file}: line {number}",)
        if not text:
            beginning = True
        elif beginning:
            if "." not in text or ":" in text:
                raise ValueError(f"line {number}: {text[:80]!r} is no package name")
            blocks.append((text, [Claim(text, (), cites)]))
            beginning = False
        else:
            name, claims = blocks[-1]
            claims.append(Claim(name, (_sha256(text, number),), cites))
    return apps_of(blocks, file)


def _sha256(text: str, number: int) -> tuple[str, str]:
    kind, value = digest_of(text)
    if kind != "sha256":
        raise ValueError(f"line {number}: wants a SHA-256, has {text[:80]!r}")
    return kind, value


def write(apps: tuple[Signature, ...]) -> Exported:
    """Each package with a SHA-256 once, whichever apps have it."""
    packages: dict[str, list[str]] = {}
    for app in apps:
        for package in said(app):
            found = [colons(signer.sha256) for signer in app.signers_of(package) if signer.sha256]
            if found:
                packages.setdefault(package.name, []).extend(found)
    blocks = ("\n".join((name, *dict.fromkeys(digests))) for name, digests in sorted(packages.items()))
    return Exported("\n\n".join(blocks) + "\n", tuple(left_out(apps, ("sha256",))))
