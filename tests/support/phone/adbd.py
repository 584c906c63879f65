"""``python -m tests.support.phone.adbd``: the phone's daemon, a process of its own inside the phone's root.

It changes its root and its user before it listens, so whatever it opens and runs meets real permissions. One socket
to the test carries orders; when that closes, because the test has ended or crashed, the daemon and all it runs end.
"""

from __future__ import annotations

import ctypes
import encodings.idna  # noqa: F401 - loaded before the root changes
import json
import os
import socket
import sys
from typing import Any

from tests.support.phone.connection import Character, Connection
from tests.support.phone.faults import Behaviour, Counters, Fault
from tests.support.phone.loop import Loop
from tests.support.phone.root import DEVICES
from tests.support.ports import held_port

USER = 2000
"""Android's user and group "shell"."""
CLONE_NEWNS, CLONE_NEWUSER, MS_BIND = 0x00020000, 0x10000000, 0x1000
CAPABILITY_VERSION_3 = 0x20080522


class Daemon:
    """Listens for hosts, and obeys the test."""

    def __init__(self, orders: socket.socket, character: Character, port: int) -> None:
        """``port`` is held by whoever starts it, so that nobody else listens there while the phone is unplugged."""
        self.loop, self._orders, self._character, self._port = Loop(), orders, character, port
        self._behaviour, self._counters = Behaviour(), Counters()
        self._connections: list[Connection] = []
        self._listener: socket.socket | None = None
        self._buffer = b""
        self.plug()
        orders.setblocking(False)
        self.loop.reader(orders.fileno(), self._obey)

    def plug(self) -> None:
        """Listen."""
        self._behaviour.cut_after = None
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self._port), backlog=64)
            self._listener.setblocking(False)
            self.loop.reader(self._listener.fileno(), self._accept)

    def unplug(self) -> None:
        """Drop all hosts and listen no more."""
        if self._listener is not None:
            self.loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            connection.close()
        self._connections = []

    def _accept(self, _: int) -> None:
        if self._listener is None:
            return
        try:
            link, _address = self._listener.accept()
        except BlockingIOError:
            return
        self._connections = [one for one in self._connections if one.open]
        self._connections.append(
            Connection(self.loop, link, self._character, self._behaviour, self._counters, self.unplug)
        )

    def _obey(self, _: int) -> None:
        try:
            data = self._orders.recv(1 << 16)
        except BlockingIOError:
            return
        if not data:
            self.unplug()
            self.loop.running = False
            return
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            name, arguments = json.loads(line)
            answer = json.dumps(getattr(self, f"order_{name}")(**arguments)).encode() + b"\n"
            self._orders.setblocking(True)
            self._orders.sendall(answer)
            self._orders.setblocking(False)

    def order_set(self, switch: str, value: Any) -> None:
        """Set a field of the behaviour."""
        setattr(self._behaviour, switch, value)

    def order_faults(self, faults: list[dict[str, Any]]) -> None:
        """The faults from now on. What hangs on one that is kept goes on hanging."""
        self._behaviour.faults = [Fault(**one) for one in faults]

    def order_plug(self) -> None:
        """See `plug`."""
        self.plug()

    def order_unplug(self) -> None:
        """See `unplug`."""
        self.unplug()

    def order_drop(self) -> None:
        """Drop all hosts, and go on listening."""
        for connection in self._connections:
            connection.close()

    def order_greeted(self) -> bool:
        """Whether there is a host that was answered."""
        return any(connection.open and connection.greeted for connection in self._connections)

    def order_counters(self) -> dict[str, Any]:
        """What went over the wire."""
        return self._counters.as_dict()

    def order_reset(self) -> None:
        """Count from zero."""
        for name, value in vars(Counters()).items():
            setattr(self._counters, name, value)


def enter(root: str) -> None:
    """Make this folder the root and become the shell's user: as root by chroot, else in a user namespace."""
    if os.geteuid() == 0:
        os.chroot(root)
        os.chdir("/")
        os.setgroups([])
        os.setresgid(USER, USER, USER)
        os.setresuid(USER, USER, USER)
        return
    uid, gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWUSER | CLONE_NEWNS):
        raise OSError(ctypes.get_errno(), "no user namespace")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{USER} {uid} 1"), ("gid_map", f"{USER} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123
            file.write(text)
    for name in DEVICES:
        if libc.mount(f"/dev/{name}".encode(), f"{root}/dev/{name}".encode(), None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), f"no /dev/{name}")
    os.chroot(root)
    os.chdir("/")
    _drop_capabilities(libc)


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    """A new user namespace gives all of them, and with them every unreadable file."""
    head = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    if libc.capset(head, (ctypes.c_uint32 * 6)()):
        raise OSError(ctypes.get_errno(), "capabilities stay")


def main() -> int:
    """Serve until the test closes its end."""
    orders = socket.socket(fileno=int(sys.argv[1]))
    os.set_inheritable(orders.fileno(), False)
    with orders.makefile("rb") as lines:
        line = lines.readline()
    if not line:
        return 1
    asked = json.loads(line)
    with held_port() as port:
        try:
            enter(asked["root"])
            daemon = Daemon(orders, Character(**asked["character"]), port)
        except OSError as error:
            orders.sendall(json.dumps({"error": f"{error.strerror or error}"}).encode() + b"\n")
            return 1
        orders.setblocking(True)
        orders.sendall(json.dumps({"port": port}).encode() + b"\n")
        orders.setblocking(False)
        daemon.loop.run()
    return 0


if __name__ == "__main__":
    # Nothing is left to be cleaned up, and in the new root nothing to do it with.
    os._exit(main())
