"""``https://`` and ``http://``: objects of web servers, by ranges where the server knows them.

A name and password in the address are sent as basic authentication; a proxy and ~/.netrc are found in the usual places.
Redirects are followed to https, and within one server; name and password are not taken to another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import BinaryIO
from urllib.parse import urldefrag, urljoin

from scanner.bytesource.remote.ranged import Ranged
from scanner.bytesource.remote.store import CHANGED, NO_SUCH, Answer, Found, persistently
from scanner.errors import LimitExceeded, ReadError, SourceError

_UP = re.compile(r"/(\.|%2e){1,2}(/|$|\?)", re.IGNORECASE)
"""A link that leads out of the folder it seems to lie in."""
MAX_FOLDERS = 10_000
"""Pages of folders that are read for one SPEC."""
MAX_DEPTH = 64
"""How deep they may lie in each other."""
MAX_PAGE = 32 << 20
"""Largest page of a folder, in bytes: a line for each of some 200,000 files."""
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
            else:
                yield from self._below(address, set())
        except (ReadError, LimitExceeded) as error:
            raise SourceError(str(error)) from error

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

    def _below(self, folder: str, read: set[str], depth: int = 0) -> Iterator[Found]:
        """What the page of a folder links to, and those of folders below it, by name; each page is read once."""
        if len(read) >= MAX_FOLDERS or depth > MAX_DEPTH:
            raise SourceError(f"more than {MAX_FOLDERS} folders, or {MAX_DEPTH} within each other: name one further in")
        read.add(folder)
        where, page = persistently(lambda: self._ranged.page(folder, MAX_PAGE))
        for link in sorted(_links(where, page)):
            if not link.startswith(where) or link == where or _UP.search(link):
                continue
            if not link.endswith("/"):
                yield Found(link, None, None)
            elif link not in read:
                yield from self._below(link, read, depth + 1)


class _Links(HTMLParser):
    """Where the links of a page lead to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a link."""
        self.found.update(value for name, value in attrs if tag == "a" and name == "href" and value)


def _links(where: str, page: bytes) -> set[str]:
    """The addresses that a page links to, without their fragments."""
    links = _Links()
    links.feed(page.decode("utf-8", "replace"))
    found = set()
    for link in links.found:
        try:
            found.add(urldefrag(urljoin(where, link.strip()))[0])
        except ValueError:  # no address at all
            continue
    return found
