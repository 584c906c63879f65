"""Signature files, written: YAML that loads as it was, with nothing in it that says nothing."""

from __future__ import annotations

from typing import Any

import msgspec

from scanner.database.signaturefile import SCHEMA, Signature, SignatureFile
from scanner.strictyaml import dump_yaml


def to_yaml(content: SignatureFile, remark: str = "") -> str:
    """The file as YAML, under a comment of one line."""
    head = f"# {' '.join(remark.split())}\n" if remark else ""
    return head + dump_yaml(_said(msgspec.to_builtins(content)))


def file_of(*apps: Signature) -> SignatureFile:
    """A signature file of these apps."""
    return SignatureFile(schema=SCHEMA, apps=apps)


def _said(value: Any) -> Any:  # noqa: ANN401 - what msgspec makes of a struct
    """The value without keys that are null, or empty where that is the default."""
    if isinstance(value, dict):
        return {key: _said(one) for key, one in value.items() if one is not None and (one or key in _ALWAYS)}
    return [_said(one) for one in value] if isinstance(value, list | tuple) else value


_ALWAYS = {"packages", "cites", "publisher", "variant", "named_as"}
"""Keys without a default: they are written even where they are empty."""
