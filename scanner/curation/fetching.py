"""Bytes of a file, or of an ``https://`` address: never in the clear, and never without a limit."""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import IO

from scanner.errors import RefusedError, SourceError

SECONDS, ALTOGETHER = 30.0, 120.0
"""How long to wait for a server's next bytes, and for all of them."""
PIECE = 1 << 16


def is_address(source: str) -> bool:
    """Whether a source is an address of the web rather than a file."""
    return "://" in source


def fetch(source: str, limit: int) -> bytes:
    """The bytes of a file or an address.

    Raises:
        RefusedError: the address is not ``https://``, or leads to one that is not; or there is too much.
        SourceError: it cannot be read.
    """
    try:
        data = _download(source, limit) if is_address(source) else _read(source, limit)
    except urllib.error.HTTPError as error:
        if error.code // 100 == 3:
            raise RefusedError(f"{source}: leads elsewhere, by something other than https") from error
        raise SourceError(f"{source}: {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = error.reason if isinstance(error, urllib.error.URLError) else error
        raise SourceError(f"{source}: {getattr(cause, 'strerror', None) or cause}") from error
    if len(data) > limit:
        raise RefusedError(f"{source}: larger than {limit} bytes")
    return data


def _read(path: str, limit: int) -> bytes:
    with Path(path).open("rb") as stream:
        return stream.read(limit + 1)


def _download(address: str, limit: int) -> bytes:
    _check(address)
    request = urllib.request.Request(address, headers={"User-Agent": "app-scanner"})  # noqa: S310 - checked above
    until = time.monotonic() + ALTOGETHER
    with _opener().open(request, timeout=SECONDS) as answer:
        return _limited(answer, limit, until)


def _limited(answer: IO[bytes], limit: int, until: float) -> bytes:
    data = bytearray()
    while len(data) <= limit and (piece := answer.read(min(PIECE, limit + 1 - len(data)))):
        data += piece
        if time.monotonic() > until:
            raise TimeoutError(f"not complete after {ALTOGETHER:.0f} seconds")
    return bytes(data)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirection, as long as it is encrypted too."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """An opener that knows no scheme but https: the default one would open ftp:// and file:// too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        _OnlyHttps(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    return opener


def _check(address: str) -> None:
    if not address.casefold().startswith("https://"):
        raise RefusedError(f"{address}: only https:// is fetched, so that nobody on the way sees or changes it")
