"""``s3://BUCKET/KEY``: Amazon's S3, and whatever speaks its language.

Credentials, region and endpoint come from where botocore looks for them: AWS_ACCESS_KEY_ID and its like, AWS_PROFILE,
AWS_ENDPOINT_URL, the files below ~/.aws, the machine's own role. Where there are none, requests are not signed.
Source: Amazon S3 API Reference, ListObjectsV2 and GetObject.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, BinaryIO

import aiohttp
import botocore.exceptions
import botocore.session
from fsspec.asyn import sync
from s3fs import S3FileSystem

from scanner.bytesource.remote.store import (
    CHANGED,
    CONNECT_SECONDS,
    NO_SUCH,
    PIECE,
    READ_SECONDS,
    Answer,
    Found,
    Transient,
    checked,
    persistently,
    total_of,
    unquoted,
)
from scanner.errors import LimitExceeded, ReadError, SourceError

log = logging.getLogger(__name__)
CONNECTIONS = 256
"""More than would ever be under way at once: what bounds them is how many threads ask."""
TOO_BUSY = frozenset({408, 429, 500, 502, 503, 504})
_REASONS = {
    "NoSuchBucket": "no such bucket",
    "NoSuchKey": NO_SUCH,
    "404": NO_SUCH,
    "PreconditionFailed": CHANGED,
    "412": CHANGED,
    "InvalidRange": CHANGED,
    "AccessDenied": "access denied: these credentials may not read it",
    "403": "access denied: these credentials may not read it",
    "InvalidAccessKeyId": "the store does not know this access key",
    "SignatureDoesNotMatch": "the secret does not belong to the access key",
    "ExpiredToken": "the credentials have expired: renew them",
    "InvalidObjectState": "archived by its store: restore it first",
}
"""What the store calls an error, and what it means here."""
_BROKEN = (
    OSError,
    asyncio.TimeoutError,
    aiohttp.ClientError,
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.IncompleteReadError,
    botocore.exceptions.ResponseStreamingError,
    botocore.parsers.ResponseParserError,
)


class S3Store:
    """See `scanner.bytesource.remote.store.Store`."""

    def __init__(self) -> None:
        try:
            anonymous = botocore.session.get_session().get_credentials() is None
            if anonymous:
                log.info("s3: no credentials found: requests are not signed")
            self._files = S3FileSystem(
                anon=anonymous,
                use_listings_cache=False,
                config_kwargs={
                    "connect_timeout": CONNECT_SECONDS,
                    "read_timeout": READ_SECONDS,
                    "max_pool_connections": CONNECTIONS,
                    "retries": {"total_max_attempts": 1},  # asking again is our own affair, one way for every store
                },
            )
        except botocore.exceptions.BotoCoreError as error:
            raise SourceError(f"s3: {error}") from error

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A name that is a key and a folder is the key."""
        bucket, key = _parts(address)
        folder = key if not key or key.endswith("/") else key + "/"
        if key and folder != key:
            exact = [found for found, name in self._page(bucket, key, None, 1)[0] if name == key]
            if exact:
                yield from exact
                return
        token: str | None = None
        while True:
            page, token = self._page(bucket, folder, token)
            yield from (found for found, name in page if not name.endswith("/"))
            if token is None:
                return

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`."""
        return checked(self._done(self._get(found, offset, length)), found, offset, length)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        at = 0
        while found.size is None or at < found.size:
            answer = self.read(found, at, PIECE)
            at += out.write(answer.data)
            if at > limit:
                raise LimitExceeded(f"more than {limit} bytes")
            found = found._replace(size=answer.size if found.size is None else found.size)

    def _page(
        self, bucket: str, prefix: str, token: str | None, most: int = 1000
    ) -> tuple[list[tuple[Found, str]], str | None]:
        """Up to a thousand objects whose keys begin so, by key, each with its key; and where the next page begins."""
        more = {"ContinuationToken": token} if token else {}
        try:
            listed = persistently(
                lambda: self._done(
                    self._call("list_objects_v2", bucket, Prefix=prefix, MaxKeys=most, **more),
                )
            )
        except ReadError as error:
            raise SourceError(str(error)) from error
        page = [
            (Found(f"s3://{bucket}/{one['Key']}", one["Size"], unquoted(one.get("ETag"))), one["Key"])
            for one in listed.get("Contents", ())
        ]
        return page, listed.get("NextContinuationToken") if listed.get("IsTruncated") else None

    def _done(self, work: Any) -> Any:  # noqa: ANN401 - what botocore answers has no types
        async def awaited() -> Any:  # noqa: ANN401 - the same
            return await work

        try:
            return sync(self._files.loop, awaited)
        except botocore.exceptions.ClientError as error:
            raise _told(error) from error
        except botocore.exceptions.NoCredentialsError as error:
            raise ReadError("no credentials: set AWS_ACCESS_KEY_ID and its like, or AWS_PROFILE") from error
        except _BROKEN as error:
            raise Transient(f"the store does not answer: {error or type(error).__name__}") from error
        except botocore.exceptions.BotoCoreError as error:
            raise ReadError(f"s3: {error}") from error

    async def _call(self, method: str, bucket: str, **words: Any) -> Any:  # noqa: ANN401 - as botocore's
        await self._files.set_session()
        client = await self._files.get_s3(bucket)
        return await getattr(client, method)(Bucket=bucket, **words)

    async def _get(self, found: Found, offset: int, length: int) -> Answer:
        bucket, key = _parts(found.address)
        same = {"IfMatch": f'"{found.etag}"'} if found.etag else {}
        answer = await self._call("get_object", bucket, Key=key, Range=f"bytes={offset}-{offset + length - 1}", **same)
        async with answer["Body"] as body:
            size = total_of(answer.get("ContentRange"))
            if size is None and answer.get("ContentLength", 0) > length:
                raise ReadError("the store does not send ranges")
            return Answer(await body.read(), size, unquoted(answer.get("ETag")))


def _parts(address: str) -> tuple[str, str]:
    bucket, _, key = address.removeprefix("s3://").partition("/")
    if not bucket:
        raise SourceError("which bucket? An address is s3://BUCKET/KEY")
    return bucket, key


def _told(error: Any) -> ReadError:  # noqa: ANN401 - botocore has no types
    """An error of the store in our words."""
    code = str(error.response.get("Error", {}).get("Code", ""))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _REASONS:
        return ReadError(_REASONS[code])
    text = f"the store answers {status} {code}: {error.response.get('Error', {}).get('Message', '')}".rstrip(": ")
    if status in TOO_BUSY or code in {"SlowDown", "RequestTimeout", "Throttling"}:
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        after = headers.get("retry-after", "")
        return Transient(text, float(after) if after.isdigit() and len(after) < 6 else 0.0)
    return ReadError(text)
