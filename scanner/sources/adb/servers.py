"""What about the adb servers of this machine may hide a phone: two of them at once, or programs of different versions.

Only one server can hold a phone on a cable. A client program whose version differs from the server's kills that server
when it is next used; this program never is such a client, but what stands in the PATH may be.
"""

from __future__ import annotations

import re
import subprocess
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

from scanner.sources.adb.library import adb_library
from scanner.sources.adb.server import DEFAULT_PORT, AdbServer

_VERSION = re.compile(rb"Android Debug Bridge version 1\.0\.(\d+)")
CLIENT_SECONDS = 5.0


def server_notes(server: AdbServer) -> list[str]:
    """One line for each thing that is odd about the servers."""
    notes = []
    running, client = server.version(), _client_version()
    if client is not None and client != running:
        notes.append(
            f"the adb server at {server.address} is version 1.0.{running}, the adb program in the PATH 1.0.{client}: "
            "using that program will end the server; install one version of platform-tools for everybody"
        )
    others = [port for port in _servers_here() if port != server.port]
    if others:
        where = ", ".join(f"--adb-server 127.0.0.1:{port}" for port in others)
        notes.append(f"another adb server runs on this machine and may hold the phone you miss: try {where}")
    return notes


def _client_version() -> int | None:
    library = adb_library()
    with suppress(library.AdbError, OSError, subprocess.SubprocessError):
        command = [library.adb_path(), "version"]
        said = subprocess.run(command, capture_output=True, timeout=CLIENT_SECONDS, check=False).stdout  # noqa: S603
        if match := _VERSION.search(said):
            return int(match[1])
    return None


def _servers_here() -> list[int]:
    """Ports of the adb servers that run here, as far as the system tells (Linux: by their command lines)."""
    ports = set()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            words = process.read_bytes().decode(errors="replace").split("\0")
            if Path(words[0]).name == "adb" and "server" in words:
                ports.add(_port(words))
    return sorted(ports)


def _port(words: list[str]) -> int:
    """Where a server listens: ``-L tcp:[HOST:]PORT``, ``-P PORT``, else the usual port."""
    for option, value in pairwise(words):
        port = value.rpartition(":")[2]
        if option in {"-L", "-P"} and port.isdecimal():
            return int(port)
    return DEFAULT_PORT
