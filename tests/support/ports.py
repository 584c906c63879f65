"""Ports for servers that must be told theirs before they start."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OF_ADB = {5037, *range(5553, 5586)}
"""Where adb listens for its clients, and where it looks for emulators."""


@contextmanager
def held_port() -> Iterator[int]:
    """A port of 127.0.0.1 that nobody listens on, and that nobody else is given as long as the context lasts.

    A socket that is bound and does not listen holds it: no other test and no connection of any program gets it. A
    server may bind it all the same, since both let the address be used again: socket(7), SO_REUSEADDR, on Linux, and
    every server that tests start. Elsewhere the server could not, so there the port is let go of.
    """
    holder = _bound()
    with holder:
        port = int(holder.getsockname()[1])
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not before: it must have been free
        else:
            holder.close()
        yield port


def _bound() -> socket.socket:
    while True:
        holder = socket.socket()
        holder.bind(("127.0.0.1", 0))
        if holder.getsockname()[1] not in OF_ADB:
            return holder
        holder.close()
