"""A web server outside may not send us on to the inside of a network, not by https either.

Who names an address in the open would not expect its server to have this machine ask its neighbours (server-side
request forgery): the metadata service of a cloud, a router, a service on this machine. Whoever names an inner address
himself may be sent on to others.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Iterable
from typing import Any

import aiohttp

from scanner.errors import ReadError


def guard() -> aiohttp.TraceConfig:
    """What makes a session of aiohttp ask before it follows a redirect."""
    config = aiohttp.TraceConfig()
    config.on_request_redirect.append(_follow)
    return config


async def _follow(_session: object, _context: object, asked: aiohttp.TraceRequestRedirectParams) -> None:
    before = asked.url
    where = asked.response.headers.get("Location") or asked.response.headers.get("URI")
    if where is None:
        return  # aiohttp takes the answer for what it is
    try:
        after = before.join(type(before)(where))
    except ValueError:
        return  # no address: nobody goes there
    if await _inside(after) and not await _inside(before):
        raise ReadError(f"the server sends on to {after.host}, inside of a network: not followed; name it yourself")


async def _inside(url: Any) -> bool:  # noqa: ANN401 - yarl's, which is aiohttp's
    """Whether a host is this machine or lies in a private network, by any of its addresses. Unknown ones do not."""
    host = (url.host or "").rstrip(".")
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        pass
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, url.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return False  # a proxy may know it
    return any_private(str(one[4][0]) for one in found)


def any_private(addresses: Iterable[str]) -> bool:
    """Whether one of the addresses is not of the public internet (RFC 1918, 4193, 3927, 1122 and their like)."""
    return any(not ipaddress.ip_address(one.partition("%")[0]).is_global for one in addresses)
