"""``s3://BUCKET/KEY``: Amazon's S3, and whatever speaks its language.

Credentials, region and endpoint come from where botocore looks for them: AWS_ACCESS_KEY_ID and its like, AWS_PROFILE,
AWS_ENDPOINT_URL, the files below ~/.aws, the machine's own role. Where there are none, requests are not signed.
Source: Amazon S3 API Reference, ListObjectsV2 and GetObject.
"""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any, BinaryIO

import aiohttp
import botocore.exceptions
import botocore.session
import fsspec.config
from fsspec.asyn import sync
from s3fs import S3FileSystem

from scanner.bytesource.remote.ranged import TOO_BUSY, Ranged
from scanner.bytesource.remote.store import (
    CHANGED,
    CONNECT_SECONDS,
    NO_SUCH,
    READ_SECONDS,
    Answer,
    Found,
    Transient,
    persistently,
    split_address,
    unquoted,
)
from scanner.errors import ReadError, SourceError

log = logging.getLogger(__name__)
SIGNED_SECONDS = 1800
"""How long a signed address is used; it is good for twice as long."""
KEPT = 4096
"""Signed addresses that are kept."""
DENIED = "access denied: these credentials may not read it"
UNSIGNED = "access denied, and no credentials were found: set AWS_ACCESS_KEY_ID and its like, or AWS_PROFILE"
_CODE = re.compile(rb"<Code>([A-Za-z0-9.]{1,64})</Code>")
_REASONS = {
    "NoSuchBucket": "no such bucket",
    "NoSuchKey": NO_SUCH,
    "404": NO_SUCH,
    "416": CHANGED,
    "PreconditionFailed": CHANGED,
    "412": CHANGED,
    "InvalidRange": CHANGED,
    "AccessDenied": DENIED,
    "403": DENIED,
    "InvalidAccessKeyId": "the store does not know this access key",
    "SignatureDoesNotMatch": "the secret does not belong to the access key",
    "ExpiredToken": "the credentials have expired: renew them",
    "InvalidObjectState": "archived by its store: restore it first",
}
"""What the store calls an error, and what it means here."""
_BUSY = frozenset({"SlowDown", "RequestTimeout", "Throttling"})
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
            self._anonymous = _anonymous()
            if self._anonymous:
                log.info("s3: requests are not signed")
            self._files = S3FileSystem(
                anon=self._anonymous,
                cache_regions=True,  # a bucket may lie in another region than the one that is set
                use_listings_cache=False,
                skip_instance_cache=True,
                config_kwargs={
                    "connect_timeout": CONNECT_SECONDS,
                    "read_timeout": READ_SECONDS,
                    "signature_version": "s3v4",
                    "retries": {"total_max_attempts": 1},  # asking again is our own affair, one way for every store
                },
            )
        except botocore.exceptions.BotoCoreError as error:
            raise SourceError(f"s3: {error}") from error
        self._ranged = Ranged(self._tells)
        self._urls: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()
        self._of_no_region: set[str] = set()
        """Buckets whose store was asked for their region, and named none."""

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A name that is a key and a folder is the key."""
        bucket, key = split_address(address)
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
        return self._ranged.read(self._url(found.address), found, offset, length)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        self._ranged.copy(self._url(found.address), found, out, limit)

    def look(self, found: Found) -> Found:
        """See `Store.look`."""
        return self._ranged.look(self._url(found.address))._replace(address=found.address)

    def close(self) -> None:
        """See `Store.close`."""
        self._ranged.close()
        self._done(self._closed())

    async def _closed(self) -> None:
        await (await self._files.set_session()).close()

    def _url(self, address: str) -> str:
        """A signed address, good for all ranges of an object: signing once costs a fifth of a request by botocore."""
        now = time.monotonic()
        with self._lock:
            url, until = self._urls.get(address, ("", 0.0))
            if now > until:
                bucket, key = split_address(address)
                call = self._call(
                    "generate_presigned_url",
                    bucket,
                    ClientMethod="get_object",
                    Params={"Bucket": bucket, "Key": key},
                    ExpiresIn=2 * SIGNED_SECONDS,
                )
                url = self._done(call)
                self._urls[address] = url, now + SIGNED_SECONDS
                while len(self._urls) > KEPT:
                    self._urls.popitem(last=False)
        return url

    def _page(
        self, bucket: str, prefix: str, token: str | None, most: int | None = None
    ) -> tuple[list[tuple[Found, str]], str | None]:
        """Objects whose keys begin so, by key, each with its key, as many as are listed at once; and what follows."""
        more: dict[str, Any] = {"ContinuationToken": token} if token else {}
        if most is not None:
            more["MaxKeys"] = most
        try:
            listed = persistently(
                lambda: self._done(
                    self._call("list_objects_v2", bucket, Bucket=bucket, Prefix=prefix, **more),
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
            raise self._listing_error(error) from error
        except botocore.exceptions.NoCredentialsError as error:
            raise ReadError("no credentials: set AWS_ACCESS_KEY_ID and its like, or AWS_PROFILE") from error
        except _BROKEN as error:
            raise Transient(f"the store does not answer: {_why(error)}") from error
        except botocore.exceptions.BotoCoreError as error:
            raise ReadError(f"s3: {error}") from error

    def _listing_error(self, error: Any) -> ReadError:  # noqa: ANN401 - botocore has no types
        """An error of the store in our words."""
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        text = self._said(status, code)
        return Transient(text) if status in TOO_BUSY or code in _BUSY else ReadError(text)

    def _tells(self, status: int, body: bytes) -> str:
        """What an answer to a read means: S3 puts a code into a little XML."""
        code = _CODE.search(body)
        return self._said(status, code[1].decode("ascii") if code else "")

    def _said(self, status: int, code: str) -> str:
        reason = _REASONS.get(code) or _REASONS.get(str(status))
        if self._anonymous and status in {400, 401, 403} and reason in {None, DENIED}:
            return UNSIGNED
        return reason or f"the store answers {status} {code}".rstrip()

    async def _call(self, method: str, bucket: str, **words: Any) -> Any:  # noqa: ANN401 - as botocore's
        return await getattr(await self._client(bucket), method)(**words)

    async def _client(self, bucket: str) -> Any:  # noqa: ANN401 - botocore's
        """The client for a bucket's region. Where a store names no region, s3fs alone would ask before each object."""
        general = await self._files.set_session()
        if bucket in self._of_no_region:
            return general
        client = await self._files.get_s3(bucket)
        if client is general and await _answers(general, bucket):
            self._of_no_region.add(bucket)
        return client


async def _answers(client: Any, bucket: str) -> bool:  # noqa: ANN401 - botocore's
    """Whether the store says anything of a bucket, be it no; one that is too busy may say more another time."""
    try:
        await client.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as error:
        status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status not in TOO_BUSY
    return True


def _anonymous() -> bool:
    """Whether requests are sent unsigned: fsspec's configuration says so, or nobody has credentials."""
    settings = fsspec.config.conf.get("s3", {})
    if "anon" in settings:
        return bool(settings["anon"])
    return not settings.keys() & {"key", "profile"} and botocore.session.get_session().get_credentials() is None


def _why(error: Any) -> str:  # noqa: ANN401 - of many libraries
    """An error's text without what follows the address that was asked, which may be signed."""
    return (str(error) or type(error).__name__).partition("?")[0]
