"""Newer signatures, installed for this user: only what the given key signed, and never older than what is there.

A bundle is one signature file (``signatures export yaml``) with a detached minisign signature beside it, ``.minisig``.
The signature's trusted comment is signed too; minisign puts ``timestamp:`` there by itself, and it orders the bundles.
Source: https://jedisct1.github.io/minisign/ (signature format, trusted comments).
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from scanner.curation.fetching import fetch
from scanner.curation.testkeys import public_key_of
from scanner.database import MAX_FILE, default_folder, newest_day, read_signature_file, signature_files
from scanner.database.bundle import Facts, facts_of, installed_file, with_facts
from scanner.database.signaturefile import SignatureFile, check_file, parse_shape
from scanner.errors import DatabaseError, OutputError, RefusedError, SourceError

SUFFIX = ".minisig"
MAX_SIGNATURE = 4096
_TIMESTAMP = re.compile(r"(?:^|\t)timestamp:(\d{1,15})(?:\t|$)", re.ASCII)


def update(source: str, key: str) -> tuple[Path, str, bool]:
    """Install the bundle at a path or address; where it lies, its newest day, and whether it is new here.

    Raises:
        RefusedError: no signature, a bad one, another key, an older bundle, or one that cannot be used.
        SourceError: it cannot be read, or the key cannot.
        OutputError: it cannot be installed.
    """
    data = fetch(source, MAX_FILE)
    timestamp, key = _verified(data, _signature_beside(source), key)
    content = _content(data, source)
    facts = Facts(timestamp, key, hashlib.sha256(data).hexdigest(), source)
    day, target = newest_day(content.apps), installed_file()
    before = _installed(target)
    if before is not None and before[0].sha256 == facts.sha256:
        return target, day, False
    _check_newer(facts, day, before)
    _install(with_facts(data, facts), target)
    return target, day, True


def _signature_beside(source: str) -> bytes:
    try:
        return fetch(source + SUFFIX, MAX_SIGNATURE)
    except SourceError as error:
        raise RefusedError(f"no signature beside it: {error}") from error


def _verified(data: bytes, signature: bytes, key: str) -> tuple[int, str]:
    """When the bundle was signed, and the key in base64. Raises `RefusedError` and `SourceError`."""
    import minisign

    public = _key(key)
    try:
        parsed = minisign.Signature.from_bytes(signature)
        public.verify(data, parsed)
    except minisign.Error as error:
        raise RefusedError(f"the signature does not hold: {error}") from error
    stated = _TIMESTAMP.search(parsed.trusted_comment)
    if stated is None:
        raise RefusedError("the signature states no timestamp in its trusted comment, so its age cannot be told")
    return int(stated[1]), public.to_base64().decode()


def _key(text: str) -> Any:  # noqa: ANN401 - minisign has no types
    """A public key: itself in base64, or the file that holds it."""
    import minisign

    try:
        if Path(text).is_file():
            return minisign.PublicKey.from_bytes(Path(text).read_bytes())
        return minisign.PublicKey.from_base64(text)
    except (minisign.Error, OSError, ValueError) as error:
        raise SourceError(f"--key: neither a minisign public key nor the file of one ({error})") from error


def _content(data: bytes, source: str) -> SignatureFile:
    try:
        content = parse_shape(data, Path(source))
        check_file(content, Path(source))
    except DatabaseError as error:
        raise RefusedError(f"signed, but of no use: {error}") from error
    for public in (why for app in content.apps for signer in app.signers if (why := public_key_of(signer))):
        raise RefusedError(f"signed, but of no use: it pins {public}")
    if not content.apps:
        raise RefusedError("signed, but of no use: it holds no app")
    return content


def _installed(file: Path) -> tuple[Facts, str] | None:
    """Facts and newest day of the bundle that is there; one that cannot be read is as good as none."""
    try:
        return facts_of(file.read_bytes()), newest_day(read_signature_file(file).apps)
    except (OSError, ValueError, DatabaseError):
        return None


def _check_newer(facts: Facts, day: str, before: tuple[Facts, str] | None) -> None:
    shipped = newest_day(app for file in signature_files(default_folder()) for app in read_signature_file(file).apps)
    if day < shipped:
        raise RefusedError(f"older ({day}) than the signatures that came with this program ({shipped})")
    if before is not None and (facts.timestamp <= before[0].timestamp or day < before[1]):
        raise RefusedError("older than the bundle that is installed, or as old and another")


def _install(data: bytes, target: Path) -> None:
    """Written beside, flushed, and put in place in one step: a scan sees the old bundle or the new one."""
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, name = tempfile.mkstemp(dir=target.parent, prefix=target.name)
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(name).replace(target)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"{target}: {error.strerror}") from error
