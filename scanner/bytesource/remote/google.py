"""``gs://BUCKET/NAME``: Google's Cloud Storage, through gcsfs.

Credentials come from where gcsfs looks for them: GOOGLE_APPLICATION_CREDENTIALS, what ``gcloud auth`` left, the
machine's own account; else requests are anonymous. What names an object's content is its generation: its ETag changes
with its labels, too. Source: Cloud Storage JSON API reference, ``Objects: list`` and ``Objects: get``.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO
from urllib.parse import quote

import gcsfs
import gcsfs.retry
import google.auth.exceptions
from fsspec.asyn import sync

from scanner.bytesource.remote.ranged import TOO_BUSY, Ranged, mapped
from scanner.bytesource.remote.store import CHANGED, NO_SUCH, Answer, Found, Transient, split_address
from scanner.errors import ReadError, SourceError

DENIED = "access denied: these credentials may not read it"
UNSIGNED = "access denied, and no credentials were found: set GOOGLE_APPLICATION_CREDENTIALS, or run gcloud auth"
_REASONS = {401: DENIED, 403: DENIED, 404: NO_SUCH, 412: CHANGED, 416: CHANGED}


class GoogleStore:
    """See `scanner.bytesource.remote.store.Store`."""

    def __init__(self) -> None:
        for talkative in ("gcsfs", "google.auth"):  # they say a second time what is raised, or tried next, anyway
            logging.getLogger(talkative).setLevel(logging.CRITICAL)
        with _told():
            self._files = gcsfs.GCSFileSystem(use_listings_cache=False, skip_instance_cache=True)
        self._ranged = Ranged(self._tells, named_by="X-Goog-Generation")

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A name that is an object's and a folder's is the object's."""
        bucket, name = split_address(address)
        folder = name if not name or name.endswith("/") else name + "/"
        if name and folder != name:
            exact = [found for found in self._page(bucket, name, None, 1)[0] if found.address == address]
            if exact:
                yield from exact
                return
        token: str | None = None
        while True:
            page, token = self._page(bucket, folder, token)
            yield from (found for found in page if not found.address.endswith("/"))
            if token is None:
                return

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`."""
        return self._ranged.read(self._url(found), found, offset, length, self._headers())

    def look(self, found: Found) -> Found:
        """See `Store.look`."""
        return self._ranged.look(self._url(found), self._headers())._replace(address=found.address)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        self._ranged.copy(self._url(found), found, out, limit, self._headers())

    def close(self) -> None:
        """See `Store.close`."""
        self._ranged.close()
        with _told():
            session, self._files._session = self._files.session, None  # noqa: SLF001 - else it is closed twice, at exit
            if session is not None:
                sync(self._files.loop, session.close)

    def _url(self, found: Found) -> str:
        """The address of an object's bytes, so that a content other than what was found is refused."""
        bucket, name = split_address(found.address)
        url: str = self._files.url(f"{bucket}/x").replace("/o/x?", f"/o/{quote(name, safe='')}?")
        return f"{url}&ifGenerationMatch={found.etag}" if found.etag else url

    def _headers(self) -> dict[str, str]:
        """What the credentials add to a request."""
        headers: dict[str, str] = {}
        with _told():
            self._files.credentials.apply(headers)
        return headers

    def _page(self, bucket: str, prefix: str, token: str | None, most: int = 1000) -> tuple[list[Found], str | None]:
        """Up to a thousand objects whose names begin so, by name; and where the next page begins."""
        words = {"prefix": prefix or None, "pageToken": token, "maxResults": most}
        try:
            with self._clear():
                # gcsfs asks again by itself, with pauses that grow
                page = self._files.call("GET", "b/{}/o", bucket, json_out=True, **words)
        except ReadError as error:
            raise SourceError("no such bucket" if str(error) == NO_SUCH else str(error)) from error
        found = [
            Found(f"gs://{bucket}/{one['name']}", int(one["size"]), one.get("generation"))
            for one in page.get("items", ())
        ]
        return found, page.get("nextPageToken")

    @contextmanager
    def _clear(self) -> Iterator[None]:
        """What a listing raises, as our own errors."""
        try:
            with _told(), self._forbidden():
                yield
        except gcsfs.retry.HttpError as error:
            text = self._tells(int(error.code or 0), b"")
            raise (Transient if error.code in TOO_BUSY else ReadError)(text) from error
        except ValueError as error:
            raise ReadError(f"the store answers: {str(error).splitlines()[0]}") from error

    @contextmanager
    def _forbidden(self) -> Iterator[None]:
        """Gcsfs makes an `OSError` of a refusal, as of a network that fails; their texts tell them apart."""
        try:
            yield
        except OSError as error:
            if not str(error).startswith("Forbidden"):
                raise
            raise ReadError(self._tells(403, b"")) from error

    def _tells(self, status: int, _: bytes) -> str:
        """What a status other than success means here."""
        text = _REASONS.get(status, f"the store answers {status}")
        return UNSIGNED if text == DENIED and self._files.credentials.credentials is None else text


@contextmanager
def _told() -> Iterator[None]:
    """What gcsfs and Google's library for credentials raise, as our own errors."""
    try:
        with mapped():
            yield
    except google.auth.exceptions.GoogleAuthError as error:
        raise ReadError(f"the credentials are not accepted: {str(error).splitlines()[0]}") from error
