"""``https://`` and ``http://``: objects of web servers, by ranges where the server knows them.

A name and password in the address are sent as basic authentication; a proxy and ~/.netrc are found in the usual places.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import BinaryIO

from scanner.bytesource.remote.ranged import Ranged, mapped
from scanner.bytesource.remote.store import CHANGED, NO_SUCH, Answer, Found, persistently
from scanner.errors import ReadError, SourceError

_UP = re.compile(r"/(\.|%2e){1,2}(/|$|\?)", re.IGNORECASE)
"""A link that leads out of the folder it seems to lie in."""
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
        self._ranged = Ranged(lambda status, _: _REASONS.get(status, f"the server answers {status}"))

    def find(self, address: str) -> Iterator[Found]:
        """See `Store.find`. A folder is an address that ends with a slash: the links of its page that lie below it."""
        try:
            if not address.partition("?")[0].endswith("/"):
                yield persistently(lambda: self._ranged.look(address))
                return
            listed = persistently(lambda: self._linked(address))
        except ReadError as error:
            raise SourceError(str(error)) from error
        for one in sorted(listed):
            if one.startswith(address) and not one.endswith("/") and not _UP.search(one):
                yield Found(one, None, None)

    def read(self, found: Found, offset: int, length: int) -> Answer:
        """See `Store.read`."""
        return self._ranged.read(found.address, found, offset, length)

    def copy(self, found: Found, out: BinaryIO, limit: int) -> None:
        """See `Store.copy`."""
        self._ranged.copy(found.address, found, out, limit)

    def look(self, found: Found) -> Found:
        """See `Store.look`."""
        return self._ranged.look(found.address)

    def close(self) -> None:
        """See `Store.close`."""
        self._ranged.close()

    def _linked(self, address: str) -> list[str]:
        """The addresses that the pages of a folder, and of folders below it, link to."""
        with mapped():
            listed: list[str] = self._ranged.files.find(address, maxdepth=MAX_DEPTH)
            return listed
