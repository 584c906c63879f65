"""Certificates that the platform states in full: domain verification (12+) and transparency (14+)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from tests.support.phone.listing import Placed
from tests.support.phone.profile import InstalledApp, PhoneProfile

WIDTH = 120
"""Where the platform's indenting writer breaks a line."""


def tables(profile: PhoneProfile, placed: tuple[Placed, ...]) -> dict[str, str]:
    """Files below ``/sim`` for ``pm get-app-links`` and ``cmd transparency``."""
    links = {one.app.package: _links(profile, one.app) for one in placed if one.app.app_links_sha256}
    preloads = [one for one in placed if one.app.transparency_sha256]
    files = {f"links/of/{package}": text for package, text in links.items()}
    files["links/all"] = "".join(links.values())
    files["transparency"] = "".join(_digest_line(one.app) for one in preloads)
    files["transparency.verbose"] = "".join(_digest_line(one.app) + _details(one) for one in preloads)
    return files


def _links(profile: PhoneProfile, app: InstalledApp) -> str:
    signers = ", ".join(":".join(_pairs(one)) for one in app.app_links_sha256)
    lines = [f"  {app.package}:", f"    ID: {_uuid(app.package)}", *_wrapped(f"Signatures: [{signers}]", "    ")]
    lines += ["    Domain verification state:", f"      {app.package}.example.org: verified"]
    for user in profile.users:
        if not user.denied:
            lines += [f"    User {user.id}:", "      Verification link handling allowed: true"]
            lines += ["      Selection state:", "        Disabled:", f"          {app.package}.example.org"]
    return "".join(f"{line}\n" for line in lines)


def _wrapped(text: str, indent: str) -> Iterator[str]:
    room = WIDTH - len(indent)
    for at in range(0, len(text), room):
        yield indent + text[at : at + room]


def _pairs(digest: str) -> list[str]:
    return [digest[at : at + 2].upper() for at in range(0, len(digest), 2)]


def _uuid(text: str) -> str:
    digits = hashlib.md5(text.encode()).hexdigest()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _digest_line(app: InstalledApp) -> str:
    version = app.factory.version_code if app.factory else app.version_code
    return f"{app.package},{version},CHUNKED_SHA256:{hashlib.sha256(app.package.encode()).hexdigest().upper()}\n"


def _details(one: Placed) -> str:
    """Of the copy in the image: the listing asks for the factory's."""
    current, *past = one.app.transparency_sha256
    path = one.app.factory.path if one.app.factory else one.path
    lines = ["--- App Details ---", f"Name: {one.app.package}", "--- Package Installation Info ---"]
    lines += [f"Current install location: {path}", "Installation initiated by: null", "--- Package Signer Info ---"]
    lines += ["Has multiple signers: false", f"Signing key has been rotated: {str(bool(past)).lower()}"]
    lines += [f"Signer cert's SHA256-digest: {current.upper()}"]
    if past:
        lines.append("== Signing Cert Lineage (Excluding The Most Recent) ==")
        for number, digest in enumerate(past, 1):
            lines += [f"  ++ Signer cert #{number} ++", f"  Cert SHA256-digest: {digest.upper()}"]
    return "".join(f"{line}\n" for line in (*lines, ""))
