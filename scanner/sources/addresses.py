"""SPECs that look like addresses: ``file://`` is a path, and a kind that nobody reads is said to be one."""

from __future__ import annotations

import os
import re
from urllib.parse import unquote

from scanner.errors import SourceError
from scanner.model import REMOTE

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_ALIKE = {"gcs": "gs://", "s3a": "s3://", "s3n": "s3://", "abfs": "az://", "abfss": "az://", "wasb": "az://"}
"""What other programs call the same stores."""


def path_of(spec: str) -> str:
    """The path on this machine that a SPEC names: itself, or what a ``file://`` address stands for (RFC 8089).

    A path that is there as it is written is taken so, whatever it looks like.

    Raises:
        SourceError: it is the address of another machine, or of a kind that is not read.
    """
    scheme = _SCHEME.match(spec)
    if scheme is None or os.path.lexists(spec):
        return spec
    if (kind := scheme[1].lower()) != "file":
        like = f"write {_ALIKE[kind]}" if kind in _ALIKE else f"read are {', '.join(REMOTE)} and file://"
        raise SourceError(f"{scheme[0]} addresses are not read: {like}")
    host, slash, path = spec[scheme.end() :].partition("/")
    if host.lower() not in {"", "localhost"} or not slash:
        raise SourceError("a file of this machine is file:///PATH, with three slashes")
    return "/" + unquote(path, errors="surrogateescape")
