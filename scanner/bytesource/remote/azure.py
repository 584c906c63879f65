"""``az://CONTAINER/NAME``: Azure's Blob Storage, through adlfs.

Credentials come from where adlfs looks for them: AZURE_STORAGE_CONNECTION_STRING; or AZURE_STORAGE_ACCOUNT_NAME with
AZURE_STORAGE_ACCOUNT_KEY, AZURE_STORAGE_SAS_TOKEN, a service principal, or what ``az login`` or the machine has;
AZURE_STORAGE_ANON=true asks without. Source: Azure Storage REST API, List Blobs and Get Blob.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any, BinaryIO

import adlfs
import azure.core.exceptions as told
from azure.core import MatchConditions
from fsspec.asyn import sync

from scanner.bytesource.remote.ranged import TOO_BUSY, seconds
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
    split_address,
    total_of,
    unquoted,
)
from scanner.errors import LimitExceeded, ReadError, SourceError

DENIED = "access denied: these credentials may not read it"
ACCOUNT = "which storage account? Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
NONE_FOUND = "no credentials: set AZURE_STORAGE_ACCOUNT_KEY and its like, or run az login"
ONCE = {"retry_total": 0, "connection_timeout": CONNECT_SECONDS, "read_timeout": READ_SECONDS}
"""Asking again is our own affair, one way for every store."""
_REASONS = {
    "ContainerNotFound": "no such container",
    "BlobNotFound": NO_SUCH,
    "ConditionNotMet": CHANGED,
    "InvalidRange": CHANGED,
    "BlobArchived": "archived by its store: restore it first",
    "AuthenticationFailed": "the account key or token is not accepted",
    "PublicAccessNotPermitted": "access denied, and requests were not signed",
    "NoAuthenticationInformation": "access denied, and requests were not signed",
}
"""What the store calls an error, and what it means here."""
_BY_STATUS = {401: DENIED, 403: DENIED, 404: NO_SUCH, 412: CHANGED, 416: CHANGED}


class AzureStore:
    """See `scanner.bytesource.remote.store.Store`."""

    def __init__(self) -> None:
        logging.getLogger("azure").setLevel(logging.CRITICAL)  # what it warns of is raised, too
        try:
            self._files = adlfs.AzureBlobFileSystem(use_listings_cache=False, skip_instance_cache=True)
        except ValueError as error:
            malformed = "connection string" in str(error).lower()
            raise SourceError("AZURE_STORAGE_CONNECTION_STRING is malformed" if malformed else ACCOUNT) from error

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A name that is a blob's and a folder's is the blob's."""
        container, name = split_address(address)
        folder = name if not name or name.endswith("/") else name + "/"
        if name and folder != name:
            exact = [found for found in self._page(container, name, None, 1)[0] if found.address == address]
            if exact:
                yield from exact
                return
        token: str | None = None
        while True:
            page, token = self._page(container, folder, token)
            yield from (found for found in page if not found.address.endswith("/"))
            if token is None:
                return

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`."""
        return checked(self._done(self._get(found, offset, length)), found, offset, length)

    def look(self, found: Found) -> Found:
        """See `Store.look`."""
        return found._replace(**self._done(self._looked(found)))

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`. This store knows ranges: nothing asks for whole blobs."""
        at = 0
        while data := self.read(found, at, PIECE).data:
            at += out.write(data)
            if at > limit:
                raise LimitExceeded(f"longer than {limit} bytes")
            if len(data) < PIECE:
                return

    def close(self) -> None:
        """See `Store.close`."""
        self._done(self._files.service_client.close())

    async def _get(self, found: Found, offset: int, length: int) -> Answer:
        same = {"etag": f'"{found.etag}"', "match_condition": MatchConditions.IfNotModified} if found.etag else {}
        container, name = split_address(found.address)
        async with self._files.service_client.get_blob_client(container, name) as blob:
            part = await blob.download_blob(offset=offset, length=length, max_concurrency=1, **same, **ONCE)
            data = await part.readall()
            return Answer(data, total_of(part.properties.content_range), unquoted(part.properties.etag))

    async def _looked(self, found: Found) -> dict[str, Any]:
        container, name = split_address(found.address)
        async with self._files.service_client.get_blob_client(container, name) as blob:
            about = await blob.get_blob_properties(**ONCE)
            return {"size": about.size, "etag": unquoted(about.etag)}

    async def _listed(self, container: str, prefix: str, token: str | None, most: int) -> tuple[list[Any], str | None]:
        async with self._files.service_client.get_container_client(container) as client:
            blobs = client.list_blobs(name_starts_with=prefix or None, results_per_page=most, **ONCE)
            pages: Any = blobs.by_page(continuation_token=token)
            first: AsyncIterator[Any] = await anext(pages)
            return [blob async for blob in first], pages.continuation_token or None

    def _page(self, container: str, prefix: str, token: str | None, most: int = 1000) -> tuple[list[Found], str | None]:
        """Up to a thousand blobs whose names begin so, by name; and where the next page begins."""
        try:
            blobs, following = persistently(lambda: self._done(self._listed(container, prefix, token, most)))
        except ReadError as error:
            raise SourceError(str(error)) from error
        found = [Found(f"az://{container}/{blob.name}", blob.size, unquoted(blob.etag)) for blob in blobs]
        return found, following

    def _done(self, work: Any) -> Any:  # noqa: ANN401 - of whatever is awaited
        async def awaited() -> Any:  # noqa: ANN401 - the same
            return await work

        try:
            return sync(self._files.loop, awaited)
        except told.ClientAuthenticationError as error:
            if error.response is None:
                raise ReadError(NONE_FOUND) from error
            raise _error(error) from error
        except told.HttpResponseError as error:
            raise _error(error) from error
        except (told.AzureError, OSError, TimeoutError) as error:
            raise Transient(f"the store does not answer: {type(error).__name__}") from error
        except ValueError as error:  # of a connection string or a key that is none
            raise ReadError(f"az: {str(error).splitlines()[0]}") from error


def _error(error: Any) -> ReadError:  # noqa: ANN401 - azure has few types
    """An error of the store in our words."""
    code = str(getattr(error, "error_code", None) or "")
    status = error.status_code or 0
    text = _REASONS.get(code) or _BY_STATUS.get(status) or f"the store answers {status} {code}".rstrip()
    if not status:  # the answer began, and broke off
        return Transient("the store does not answer to the end")
    if status in TOO_BUSY:
        headers = error.response.headers if error.response is not None else {}
        return Transient(text, seconds(headers.get("Retry-After", "")))
    return ReadError(text)
