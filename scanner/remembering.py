"""A judge that remembers who an object is, so that a second look at the same content asks its server for nothing.

Local files are not remembered: to write down an identity costs 28 to 70 µs of CPU time, an eighth of reading it, which
every first scan would pay; what did not change since the last report `--resume` leaves alone for 5 µs.
Nothing that was verified is remembered: what would be reported is read anew, every byte of it.
"""

from __future__ import annotations

from scanner.bytesource import ByteSource, RemoteFile
from scanner.cache import IdentityCache
from scanner.database import SignatureDatabase
from scanner.model import LIMITS, Limits, Search
from scanner.rows import Judge, Judged, observe


class RememberingJudge(Judge):
    """See the module. Without a cache, and where more than identities is wanted, it is a `Judge` and no more."""

    def __init__(
        self,
        database: SignatureDatabase,
        sdk: int,
        now: str,
        *,
        verify_all: bool = False,
        search: Search | None = None,
        limits: Limits = LIMITS,
        cache: IdentityCache | None = None,
    ) -> None:
        super().__init__(database, sdk, now, verify_all=verify_all, search=search, limits=limits)
        self._cache = None if verify_all or not (search is None or search.nothing) else cache
        self._by = (sdk, limits)

    def read(self, source: ByteSource, *, every_scheme: bool = False, verify_it: bool = False) -> Judged:
        """See `Judge.read`."""
        if self._cache is None or every_scheme or verify_it or not isinstance(source, RemoteFile):
            return super().read(source, every_scheme=every_scheme, verify_it=verify_it)
        identity = self._cache.get("object", source.content, *self._by) if source.content is not None else None
        if identity is not None:
            declared = observe(identity)
            if not self._suspect(declared, None):
                return Judged(identity, declared)
        judged = super().read(source)
        if source.content is not None and judged.verification is None:
            self._cache.put(judged.identity, "object", source.content, *self._by)
        return judged
