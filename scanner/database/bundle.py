"""Where an update of the signatures is installed, and what it says of itself.

It is one file, so that it is replaced in one step: a comment with its facts, then the signature file as it was signed.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

FILE = "bundle.yaml"
HEAD = b"# app-scanner bundle "


class Facts(msgspec.Struct, frozen=True):
    """What is known of an installed bundle."""

    timestamp: int
    """When it was signed, in seconds since 1970, as the signature itself states."""
    key: str
    """The public key that it was checked with, in base64."""
    sha256: str
    """Of the signature file without the comment."""
    source: str


def installed_file() -> Path:
    """Where this user's bundle lies, if there is one."""
    import platformdirs

    return Path(platformdirs.user_data_dir("app-scanner", appauthor=False)) / FILE


def facts_of(data: bytes) -> Facts:
    """What the comment of an installed bundle says. Raises `ValueError` where there is none."""
    line, _, _ = data.partition(b"\n")
    if not line.startswith(HEAD):
        raise ValueError("not an installed bundle")
    return msgspec.json.decode(line.removeprefix(HEAD), type=Facts)


def with_facts(data: bytes, facts: Facts) -> bytes:
    """The bytes to install. JSON has no bare line break, so the comment ends where it should."""
    return HEAD + msgspec.json.encode(facts) + b"\n" + data
