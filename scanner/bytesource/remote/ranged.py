"""Ranges of what a web server holds (RFC 9110, section 14), over fsspec's session of connections that are kept open."""

from __future__ import annotations

import os
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, TypeVar

import aiohttp
from fsspec.asyn import sync
from fsspec.implementations.http import HTTPFileSystem
from yarl import URL

from scanner.bytesource.remote.redirecting import guard
from scanner.bytesource.remote.store import (
    CHANGED,
    CONNECT_SECONDS,
    FOLDER,
    NO_SUCH,
    PIECE,
    READ_SECONDS,
    Answer,
    Found,
    NoRanges,
    Transient,
    checked,
    total_of,
    unquoted,
)
from scanner.errors import LimitExceeded, ReadError

TOO_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})
MAX_SAID = 16 * 1024
"""Bytes of an error's body that are read."""
MAX_NAMED = 200
"""Characters of a server's name that a message holds."""
CONNECTIONS = 1024
"""More than would ever be open at once: what bounds them is how many threads ask."""
Result = TypeVar("Result")
Headers = Mapping[str, str]
_NONE: Headers = MappingProxyType({})
Tells = Callable[[int, bytes], str]
"""What a status other than success, with the first bytes of its body, means here."""


class Ranged:
    """Reads ranges at addresses. Safe to share between threads. The methods are those of `Store`.

    ``named_by``: the header that names an object's content. An ETag is also asked for; another, only compared.
    ``headers`` of a method go with its request: what gives access to the address.
    """

    def __init__(self, tells: Tells, named_by: str = "ETag") -> None:
        self._tells, self._named_by = tells, named_by
        self.files = HTTPFileSystem(
            use_listings_cache=False,
            skip_instance_cache=True,
            encoded=True,
            client_kwargs={
                "timeout": aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS, sock_read=READ_SECONDS),
                "trust_env": _trusted(),
                "headers": {"Accept-Encoding": "identity"},
                "trace_configs": [guard(), _only_safe_redirects()],
            },
            get_client=_client,
        )

    def read(self, url: str, found: Found, offset: int, length: int, headers: Headers = _NONE) -> Answer:
        """A range of the object, which ``url`` gives access to."""
        return checked(self._done(self._get(url, found.etag, offset, length, headers)), found, offset, length)

    def copy(self, url: str, found: Found, out: BinaryIO, limit: int, headers: Headers = _NONE) -> None:
        """All of the object, which ``url`` gives access to."""
        self._done(self._copied(url, found, out, limit, headers))

    def look(self, address: str, headers: Headers = _NONE) -> Found:
        """Size and name of the content, by asking for the first byte: a server may refuse HEAD."""
        found: Found = self._done(self._looked(address, headers))
        return found

    def page(self, address: str, limit: int) -> tuple[str, bytes]:
        """A page of up to so many bytes, and the address it has after redirects. Raises `LimitExceeded`."""
        read: tuple[str, bytes] = self._done(self._paged(address, limit))
        return read

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._done(self._closed())

    async def _closed(self) -> None:
        await (await self.files.set_session()).close()

    def _done(self, work: Any) -> Any:  # noqa: ANN401 - of whatever is awaited
        async def awaited() -> Any:  # noqa: ANN401 - the same
            return await work

        with mapped():
            return sync(self.files.loop, awaited)

    async def _request(self, url: str, headers: Headers, **more: str) -> Any:  # noqa: ANN401 - aiohttp's
        session = await self.files.set_session()
        return session.get(self.files.encode_url(url), headers={**headers, **more})

    async def _get(self, url: str, etag: str | None, offset: int, length: int, headers: Headers) -> Answer:
        same = {"If-Match": f'"{etag}"'} if etag and self._named_by == "ETag" else {}
        async with await self._request(url, headers, Range=f"bytes={offset}-{offset + length - 1}", **same) as answer:
            stated = answer.headers.get("Content-Range")
            if answer.status == 200 and stated is None:
                answer.close()
                raise NoRanges
            if answer.status not in {200, 206}:
                raise await self._told(answer)
            if stated is None or not stated.startswith(f"bytes {offset}-"):
                answer.close()
                raise ReadError(f"the server sent another range than was asked for, at byte {offset}")
            return Answer(await _at_most(answer, length + 1), total_of(stated), self._name(answer))

    async def _looked(self, address: str, headers: Headers) -> Found:
        async with await self._request(address, headers, Range="bytes=0-0") as answer:
            if answer.history and answer.url.path == f"{answer.history[0].url.path}/":
                raise ReadError(FOLDER)
            stated = total_of(answer.headers.get("Content-Range"))
            size: int | None
            if answer.status == 416:
                size = stated or 0
            elif answer.status == 206 or (answer.status == 200 and stated is not None):
                size = stated
            elif answer.status == 200:
                size = answer.content_length
                answer.close()
            else:
                raise await self._told(answer)
            return Found(address, size, self._name(answer))

    async def _paged(self, address: str, limit: int) -> tuple[str, bytes]:
        async with await self._request(address, _NONE) as answer:
            if answer.status != 200:
                raise await self._told(answer)
            data = await _at_most(answer, limit + 1)
            if len(data) > limit:
                raise LimitExceeded(f"the page of the folder is longer than {limit} bytes")
            return str(answer.url) if answer.history else address, data  # the former has no name and password

    async def _copied(self, url: str, found: Found, out: BinaryIO, limit: int, headers: Headers) -> None:
        async with await self._request(url, headers) as answer:
            if answer.status != 200:
                raise await self._told(answer)
            if found.etag and self._name(answer) not in {found.etag, None}:
                raise ReadError(CHANGED)
            written = 0
            async for piece in answer.content.iter_chunked(PIECE):
                written += len(piece)
                if written > limit:
                    raise LimitExceeded(f"its server knows no ranges, and it is longer than the {limit} read whole")
                out.write(piece)

    async def _told(self, answer: Any) -> ReadError:  # noqa: ANN401 - aiohttp's
        """An error of the server in our words. One that may be over soon says when to ask again."""
        text = self._tells(answer.status, await _at_most(answer, MAX_SAID))
        if answer.status in TOO_BUSY:
            return Transient(text, seconds(answer.headers.get("Retry-After", "")))
        return ReadError(text)

    def _name(self, answer: Any) -> str | None:  # noqa: ANN401 - aiohttp's
        return unquoted(answer.headers.get(self._named_by))


def seconds(after: str) -> float:
    """How long ``Retry-After`` asks to wait: seconds, or a date (RFC 9110, section 10.2.3). 0 for what is neither."""
    if after.isascii() and after.isdigit() and len(after) < 6:
        return float(after)
    try:
        return max(0.0, parsedate_to_datetime(after).timestamp() - time.time())
    except (ValueError, OverflowError):
        return 0.0


def _only_safe_redirects() -> aiohttp.TraceConfig:
    """Redirects lead to https, or stay on the server that was asked: never into a network that only a server reaches.

    aiohttp itself takes no name, password or token to another server.
    """

    async def redirected(_session: object, _context: object, told: aiohttp.TraceRequestRedirectParams) -> None:
        here, headers = told.response.url, told.response.headers
        safe, where = False, "what is no address"
        with suppress(ValueError):
            there = here.join(URL(headers.get("Location") or headers.get("URI") or ""))  # read as aiohttp reads it
            where = f"{there.scheme}://{there.host or ''}"[:MAX_NAMED]
            safe = there.scheme == "https" or there.origin() == here.origin()
        if not safe:
            told.response.close()
            raise ReadError(f"it redirects to {where}: followed are https addresses, and those of the same server")

    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(redirected)
    return trace


def _trusted() -> bool:
    """Whether the environment holds a proxy or passwords: to look takes as long as half a request, each time."""
    names = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return bool(urllib.request.getproxies()) or names.exists()


async def _client(**options: Any) -> Any:  # noqa: ANN401 - aiohttp's
    connector = aiohttp.TCPConnector(limit=CONNECTIONS)
    return aiohttp.ClientSession(connector=connector, **options)


async def _at_most(answer: Any, length: int) -> bytes:  # noqa: ANN401 - aiohttp's
    """The body, as far as that many bytes; the connection of a longer one is given up."""
    data = bytearray()
    while len(data) < length and (more := await answer.content.read(length - len(data))):
        data += more
    return bytes(data)


@contextmanager
def mapped() -> Iterator[None]:
    """What aiohttp and fsspec raise, as our own errors."""
    try:
        yield
    except FileNotFoundError as error:
        raise ReadError(NO_SUCH) from error
    except (aiohttp.InvalidURL, aiohttp.TooManyRedirects) as error:
        raise ReadError(f"not an address that can be read: {type(error).__name__}") from error
    except aiohttp.ClientResponseError as error:
        raise ReadError(f"the server answers {error.status}") from error
    except aiohttp.ClientConnectorCertificateError as error:
        why = getattr(error.certificate_error, "verify_message", "") or "not trusted"
        raise ReadError(f"the server's certificate does not verify: {why}") from error
    except (TimeoutError, OSError, aiohttp.ClientError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__  # its text may hold the address, and a secret
        raise Transient(f"the server does not answer: {why}") from error
