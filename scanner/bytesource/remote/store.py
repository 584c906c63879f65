"""What a store of objects does for us, and how often it is asked again when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO, NamedTuple, Protocol, TypeVar

from scanner.errors import ReadError, SourceError

Result = TypeVar("Result")
ATTEMPTS = 6
"""How often a request is made before its object is given up."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 20.0
"""Seconds between attempts: by chance, up to what doubles each time, no more than the longest."""
CONNECT_SECONDS, READ_SECONDS = 15, 60
"""How long a server may take to answer at all, and to send its next piece."""
MAX_STREAMED = 512 << 20
"""Largest object that is read whole because its server knows no ranges, in bytes."""
CHANGED = "the object changed while it was read"
NO_SUCH = "no such object"
FOLDER = "a folder, by its server: end its address with a slash"
PIECE = 1 << 20


class Transient(ReadError):  # noqa: N818 - what it is
    """A failure that may be over in a moment; ``after``: for how many seconds the server asked to be left alone."""

    def __init__(self, text: str, after: float = 0.0) -> None:
        super().__init__(text)
        self.after = after


class NoRanges(Exception):  # noqa: N818 - what it is
    """The server sends whole objects and nothing else."""


class Found(NamedTuple):
    """An object: its address, its size where the store tells it, and what names its content."""

    address: str
    size: int | None
    etag: str | None


class Answer(NamedTuple):
    """Bytes of an object; its whole size and its content's name as the same answer stated them."""

    data: bytes
    size: int | None
    etag: str | None


class Store(Protocol):
    """A kind of store. Safe to share between threads; each method raises `ReadError` where the transport fails."""

    def find(self, address: str) -> Iterator[Found]:
        """The objects of an address: that object itself, or all that lie below it, by name. Raises `SourceError`."""
        ...

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """A range of an object, as far as the object goes. Raises `NoRanges`."""
        ...

    def look(self, found: Found) -> Found:
        """The object with its size, where the store tells it, and what names its content now."""
        ...

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """All of an object. Raises `LimitExceeded` for one of more than ``limit`` bytes."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


def persistently(request: Callable[[], Result]) -> Result:
    """What a request brings, made again while it fails in a way that may be over in a moment."""
    import tenacity

    pauses = tenacity.wait_random_exponential(FIRST_PAUSE, LONGEST_PAUSE)

    def pause(state: tenacity.RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        return max(pauses(state), min(error.after, LONGEST_PAUSE) if isinstance(error, Transient) else 0.0)

    attempts = tenacity.Retrying(
        stop=tenacity.stop_after_attempt(ATTEMPTS),
        wait=pause,
        retry=tenacity.retry_if_exception_type(Transient),
        reraise=True,
    )
    return attempts(request)


def unquoted(etag: str | None) -> str | None:
    """An ETag without its quotes; None where there is none, or a weak one, which does not promise the same bytes."""
    if not etag or etag.startswith("W/"):
        return None
    return etag.strip('"') or None


def split_address(address: str) -> tuple[str, str]:
    """The bucket or container of an address, and what follows. Raises `SourceError` where there is none."""
    scheme, _, rest = address.partition("://")
    bucket, _, key = rest.partition("/")
    if not bucket:
        kind = "container" if scheme == "az" else "bucket"
        raise SourceError(f"which {kind}? An address is {scheme}://{kind.upper()}/KEY")
    return bucket, key


def total_of(content_range: str | None) -> int | None:
    """The size that ``Content-Range: bytes 0-9/100`` states (RFC 9110, section 14.4)."""
    stated = (content_range or "").rpartition("/")[2]
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else None


def checked(answer: Answer, found: Found, offset: int, length: int) -> Answer:
    """The answer, if it is of the object that was found before, and as long as it must be. Raises `ReadError`."""
    if found.etag is not None and answer.etag is not None and answer.etag != found.etag:
        raise ReadError(CHANGED)
    if found.size is not None and answer.size is not None and answer.size != found.size:
        raise ReadError(CHANGED)
    size = found.size if found.size is not None else answer.size
    wanted = length if size is None else min(length, size - offset)
    if len(answer.data) < wanted:
        raise Transient(f"the server sent {len(answer.data)} of {wanted} bytes at byte {offset}")
    if len(answer.data) > wanted:
        raise ReadError(f"the server sent {len(answer.data)} bytes where {wanted} were asked for")
    return answer
