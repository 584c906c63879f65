"""Whether a store takes an object, tried out before anything is read: an upload is begun, and given up again.

It needs no right but the one to write, as the report itself does; it makes no object, and touches none that is there:

- ``s3``: CreateMultipartUpload, then AbortMultipartUpload. No piece is sent, so that nothing is stored even where the
  second is not allowed.
- ``gs``: a resumable upload is begun and cancelled; one that is not is forgotten by the store after a week.
- ``az``: Put Block. One byte that belongs to no blob: the report's first part drops it, else the store after a week.

Sources: Amazon S3 API Reference; Cloud Storage JSON API, "Resumable uploads"; Azure Storage REST API, Put Block.
"""

from __future__ import annotations

import errno
import uuid
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from fsspec.asyn import sync

BLOCK_ID = uuid.UUID(int=0).hex
"""As long as those that adlfs gives: all of one blob must be of one length."""


def try_out(scheme: str, files: Any, path: str, raised: tuple[type[Exception], ...]) -> None:  # noqa: ANN401 - fsspec's
    """Begin an object at ``path``, and give it up. Raises what the store's libraries raise where that is refused.

    ``raised``: what these are. That it cannot be given up is no failure.
    """
    with suppress(_NotOfferedError):
        give_up = _BEGINS[scheme](files, path)
        with suppress(*raised):
            give_up()


class _NotOfferedError(Exception):
    """The store takes objects in one piece only: nothing can be begun."""


def _begin_amazon(files: Any, path: str) -> Callable[[], object]:  # noqa: ANN401 - s3fs's
    bucket, key, _ = files.split_path(path)
    try:
        begun = files.call_s3("create_multipart_upload", Bucket=bucket, Key=key)
    except OSError as error:
        if error.errno in {errno.ENOSYS, errno.EPERM}:  # NotImplemented, MethodNotAllowed
            raise _NotOfferedError from error
        raise
    return lambda: files.call_s3("abort_multipart_upload", Bucket=bucket, Key=key, UploadId=begun["UploadId"])


def _begin_google(files: Any, path: str) -> Callable[[], object]:  # noqa: ANN401 - gcsfs's
    bucket, name, _ = files.split_path(path)
    where = files.base.removesuffix("storage/v1/") + "upload/storage/v1/b/{}/o"
    headers, _ = files.call("POST", where, bucket, uploadType="resumable", name=name, json={"name": name})
    begun = headers["Location"]
    return lambda: files.call("DELETE", begun)


def _begin_azure(files: Any, path: str) -> Callable[[], object]:  # noqa: ANN401 - adlfs's
    container, name, _ = files.split_path(path)

    async def stage() -> None:
        async with files.service_client.get_blob_client(container, name) as blob:
            await blob.stage_block(block_id=BLOCK_ID, data=b"\0", length=1, retry_total=1)

    sync(files.loop, stage)
    return lambda: None


_BEGINS = {"s3": _begin_amazon, "gs": _begin_google, "az": _begin_azure}
