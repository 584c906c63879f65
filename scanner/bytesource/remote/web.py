"""``https://`` and ``http://``: objects of web servers, by ranges where the server knows them (RFC 9110, section 14).

A name and password in the address are sent as basic authentication; a proxy and ~/.netrc are found in the usual places.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem

from scanner.bytesource.remote.store import (
    CHANGED,
    CONNECT_SECONDS,
    NO_SUCH,
    PIECE,
    READ_SECONDS,
    Answer,
    Found,
    NoRanges,
    Transient,
    checked,
    persistently,
    total_of,
    unquoted,
)
from scanner.errors import LimitExceeded, ReadError, SourceError

TOO_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
MAX_DEPTH = 16
"""Folders below a folder whose pages are read."""
_REASONS = {
    401: "it asks for a name and a password: https://NAME:PASSWORD@HOST/…, or ~/.netrc",
    403: "access denied",
    404: NO_SUCH,
    410: NO_SUCH,
    412: CHANGED,
    416: CHANGED,
}


class WebStore:
    """See `scanner.bytesource.remote.store.Store`."""

    def __init__(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS)
        self._files = HTTPFileSystem(
            use_listings_cache=False,
            encoded=True,
            client_kwargs={
                "timeout": timeout,
                "trust_env": True,
                "headers": {"Accept-Encoding": "identity"},
            },
        )

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A folder is an address that ends with a slash: the links of its page that lie below it."""
        try:
            if not address.partition("?")[0].endswith("/"):
                yield persistently(lambda: self._done(self._found(address)))
                return
            listed = persistently(lambda: self._linked(address))
        except ReadError as error:
            raise SourceError(str(error)) from error
        for one in sorted(listed):
            if one.startswith(address) and not one.endswith("/"):
                yield Found(one, None, None)

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`."""
        return checked(self._done(self._get(found, offset, length)), found, offset, length)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        self._done(self._copied(found, out, limit))

    def _linked(self, address: str) -> list[str]:
        """The addresses that the pages of a folder, and of folders below it, link to."""
        with _mapped():
            listed: list[str] = self._files.find(address, maxdepth=MAX_DEPTH)
            return listed

    def _done(self, work: Any) -> Any:  # noqa: ANN401 - of whatever is awaited
        async def awaited() -> Any:  # noqa: ANN401 - the same
            return await work

        with _mapped():
            return sync(self._files.loop, awaited)

    async def _request(self, address: str, **headers: str) -> Any:  # noqa: ANN401 - aiohttp's
        session = await self._files.set_session()
        return session.get(self._files.encode_url(address), headers=headers)

    async def _found(self, address: str) -> Found:
        """Size and ETag, by asking for the first byte: a server may refuse HEAD, or answer it otherwise."""
        async with await self._request(address, Range="bytes=0-0") as answer:
            if answer.status == 206:
                size = total_of(answer.headers.get("Content-Range"))
            elif answer.status == 416:
                size = total_of(answer.headers.get("Content-Range")) or 0
            elif answer.status == 200:
                size = answer.content_length
                answer.close()
            else:
                raise _told(answer.status, answer.headers)
            return Found(address, size, unquoted(answer.headers.get("ETag")))

    async def _get(self, found: Found, offset: int, length: int) -> Answer:
        same = {"If-Match": f'"{found.etag}"'} if found.etag else {}
        async with await self._request(found.address, Range=f"bytes={offset}-{offset + length - 1}", **same) as answer:
            if answer.status == 200:
                answer.close()
                raise NoRanges
            if answer.status != 206:
                raise _told(answer.status, answer.headers)
            size = total_of(answer.headers.get("Content-Range"))
            data = await answer.content.read(length + 1)
            while len(data) <= length and (more := await answer.content.read(length + 1 - len(data))):
                data += more
            return Answer(data, size, unquoted(answer.headers.get("ETag")))

    async def _copied(self, found: Found, out: BinaryIO, limit: int) -> None:
        async with await self._request(found.address) as answer:
            if answer.status != 200:
                raise _told(answer.status, answer.headers)
            if found.etag and unquoted(answer.headers.get("ETag")) not in {found.etag, None}:
                raise ReadError(CHANGED)
            written = 0
            async for piece in answer.content.iter_chunked(PIECE):
                written += len(piece)
                if written > limit:
                    raise LimitExceeded(f"its server knows no ranges, and it is longer than the {limit} read whole")
                out.write(piece)


@contextmanager
def _mapped() -> Iterator[None]:
    """What aiohttp and fsspec raise, as our own errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReadError(NO_SUCH) from error
    except (aiohttp.InvalidURL, aiohttp.TooManyRedirects) as error:
        raise ReadError(f"not an address that can be read: {type(error).__name__}") from error
    except aiohttp.ClientResponseError as error:
        raise _told(error.status, {}) from error
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        raise Transient(f"the server does not answer: {_why(error)}") from error


def _told(status: int, headers: Any) -> ReadError:  # noqa: ANN401 - a mapping of some kind
    """An error of the server in our words."""
    if status in TOO_BUSY:
        after = headers.get("Retry-After", "") if headers else ""
        return Transient(f"the server answers {status}", float(after) if after.isdigit() and len(after) < 6 else 0.0)
    return ReadError(_REASONS.get(status, f"the server answers {status}"))


def _why(error: BaseException) -> str:
    """An error's text, without the address, which may hold a secret."""
    reason = getattr(error, "strerror", None)
    return str(reason) if reason else type(error).__name__
