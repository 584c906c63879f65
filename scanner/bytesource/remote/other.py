"""``gs://`` and ``az://``: Google's and Microsoft's stores, through what every filesystem of fsspec can do.

Credentials are found where gcsfs and adlfs look for them: GOOGLE_APPLICATION_CREDENTIALS and the machine's own
account; AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCOUNT_NAME and its like.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any, BinaryIO

from scanner.bytesource.remote.store import NO_SUCH, PIECE, Answer, Found, Transient, checked, persistently, unquoted
from scanner.errors import LimitExceeded, ReadError, SourceError


class FilesystemStore:
    """A filesystem of fsspec as a store. See `scanner.bytesource.remote.store.Store`."""

    def __init__(self, scheme: str, files: Any) -> None:  # noqa: ANN401 - fsspec has no types
        self._scheme, self._files = scheme, files

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`."""
        try:
            listed = persistently(lambda: self._mapped("find", address, detail=True, withdirs=False))
        except ReadError as error:
            raise SourceError(str(error)) from error
        for path in sorted(listed):
            about = listed[path]
            etag = about.get("etag") or about.get("ETag") or about.get("md5Hash")
            yield Found(f"{self._scheme}://{path}", about.get("size"), unquoted(etag))

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`. Nothing in the answer tells the content's name: the size alone is compared."""
        data = self._mapped("cat_file", found.address, start=offset, end=offset + length)
        return checked(Answer(data, None, None), found, offset, length)

    def look(self, found: Found) -> Found:
        """See `Store.look`."""
        return next(iter(self.find(found.address)), found)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        at = 0
        while data := self._mapped("cat_file", found.address, start=at, end=at + PIECE):
            at += out.write(data)
            if at > limit:
                raise LimitExceeded(f"more than {limit} bytes")

    def close(self) -> None:
        """See `Store.close`: fsspec's filesystems close what they hold when they go."""

    def _mapped(self, method: str, *words: Any, **options: Any) -> Any:  # noqa: ANN401 - as fsspec's
        try:
            return getattr(self._files, method)(*words, **options)
        except FileNotFoundError as error:
            raise ReadError(NO_SUCH) from error
        except PermissionError as error:
            raise ReadError("access denied: these credentials may not read it") from error
        except (OSError, TimeoutError) as error:
            raise Transient(f"the store does not answer: {error.strerror or type(error).__name__}") from error
        except self._errors() as error:
            raise _told(error) from error

    def _errors(self) -> tuple[type[BaseException], ...]:
        """What the store's own library raises."""
        raise NotImplementedError


class GoogleStore(FilesystemStore):
    """``gs://BUCKET/NAME``."""

    def __init__(self) -> None:
        gcsfs = importlib.import_module("gcsfs")
        super().__init__("gs", gcsfs.GCSFileSystem(use_listings_cache=False))

    def _errors(self) -> tuple[type[BaseException], ...]:
        aiohttp = importlib.import_module("aiohttp")
        auth = importlib.import_module("google.auth.exceptions")
        retry = importlib.import_module("gcsfs.retry")
        return (aiohttp.ClientError, auth.GoogleAuthError, retry.HttpError)


class AzureStore(FilesystemStore):
    """``az://CONTAINER/NAME``."""

    def __init__(self) -> None:
        adlfs = importlib.import_module("adlfs")
        try:
            super().__init__("az", adlfs.AzureBlobFileSystem(use_listings_cache=False))
        except ValueError as error:
            raise SourceError(
                "which storage account? Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"
            ) from error

    def _errors(self) -> tuple[type[BaseException], ...]:
        return (importlib.import_module("azure.core.exceptions").AzureError,)


def _told(error: BaseException) -> ReadError:
    """An error of the store in our words: what is the server's trouble may be over in a moment."""
    status = getattr(error, "status_code", None) or getattr(error, "code", None) or getattr(error, "status", None)
    text = f"the store answers: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
    if isinstance(status, int) and (status >= 500 or status in {408, 429}):
        return Transient(text)
    return ReadError(text)
