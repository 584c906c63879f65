"""What reads a phone's words: `pm`, `dumpsys`, users, transparency, app links, properties, and adb's own packets."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from functools import partial

from scanner.errors import ScannerError
from scanner.sources.adb.channel import Answer, Packets, Shell, run
from scanner.sources.adb.server import AdbServer
from scanner.sources.inventories.applinks import parse_app_links
from scanner.sources.inventories.checkin import parse_checkin
from scanner.sources.inventories.dumpsys import parse_dump
from scanner.sources.inventories.getprop import parse_properties
from scanner.sources.inventories.lines import is_package_name
from scanner.sources.inventories.pm import parse_packages, parse_users, why_denied
from scanner.sources.inventories.transparency import parse_transparency
from tests.fuzz.target import Refused, Target, numbered, twice
from tests.sources.inventories.readers import samples

USERS = """Users:
\tUserInfo{0:Owner:c13} running
\tUserInfo{10:Work profile:1030} running
\tUserInfo{150:Secure Folder:61001030}
"""
DENIED = "Error: java.lang.SecurityException: Shell does not have permission to access user 150\n"


def text_of(data: bytes) -> str:
    """As `Answer.text` gives it to the parsers."""
    return Answer(data).text


def parsed(parse: Callable[[str], object], data: bytes) -> None:
    """A parser of a phone's words raises nothing at all."""
    found = twice(lambda: parse(text_of(data)))
    assert not isinstance(found, Refused), found


def packages(data: bytes) -> None:
    """What is taken for a package has a name that Android would take."""
    parsed(parse_packages, data)
    assert all(is_package_name(one.name) for one in parse_packages(text_of(data)).packages)


def users(data: bytes) -> None:
    """Users have numbers."""
    parsed(parse_users, data)
    parsed(why_denied, data)
    assert all(user.id >= 0 for user in parse_users(text_of(data)).users)


class _Phone:
    """A phone that says these bytes, whatever it is asked."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.others: list[socket.socket] = []

    def open(self, service: str, timeout: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        theirs.sendall(self._data[: 64 << 10])
        theirs.shutdown(socket.SHUT_WR)
        self.others.append(theirs)
        return ours

    def close(self) -> None:
        """Hang up."""
        for one in self.others:
            one.close()


def packets(data: bytes) -> None:
    """Packets sort the same in one piece and in many; no answer without an exit status is taken for whole."""
    size, data = numbered(data, (1, 2, 3, 7, 64))

    def fed(step: int) -> tuple[bytes, bytes, int | None, str]:
        sorter, problem = Packets(), ""
        try:
            for at in range(0, len(data), step):
                sorter.feed(data[at : at + step])
        except ScannerError as error:
            problem = str(error)
        return bytes(sorter.out), bytes(sorter.err), sorter.code, problem

    pieces, whole = fed(size), fed(max(1, len(data)))
    assert pieces[3] == whole[3]
    assert pieces == whole
    for v2 in (True, False):
        phone = _Phone(data)
        answer = run(phone, "true", 1.0, v2=v2)
        assert answer.problem or answer.code is not None
        shell = Shell(phone, 1.0, v2=v2)
        try:
            shell.ask("true")
            raise AssertionError("an answer with a mark that nobody could know")
        except ScannerError:
            pass
        finally:
            shell.close()
            phone.close()


def packet_seeds() -> Iterator[bytes]:
    """Output, errors, an exit status, and an impossible packet."""
    stream = b"\1\3\0\0\0abc" + b"\2\2\0\0\0no" + b"\3\1\0\0\0\0"
    yield b"\0" + stream
    yield b"\3" + stream * 3
    yield b"\4" + b"\1\xff\xff\xff\xff" + b"x" * 99


def devices(data: bytes) -> None:
    """Each line of the server's list is a phone with a serial and a state, or none."""
    server = AdbServer("127.0.0.1:1")
    for line in data.decode("utf-8", "replace").splitlines():
        found = server._status(line)
        assert found is None or (found.address.serial and found.state)


def device_seeds() -> Iterator[bytes]:
    """Lines as `adb devices -l` has them."""
    yield b"R58M123ABC             device product:a51 model:SM_A515F device:a51 transport_id:3\n"
    yield b"0123\tunauthorized usb:1-1 transport_id:4\nX  no permissions (user in plugdev group; udev rules)\n"


def texts(*names: str) -> Iterator[bytes]:
    """Samples by name."""
    for name in names:
        yield getattr(samples, name).encode()


TARGETS = (
    Target(
        "pm-packages", packages, partial(texts, "PM"), words=(b"package:", b" versionCode:", b"  installer=", b" uid:")
    ),
    Target("pm-users", users, lambda: iter((USERS.encode(), DENIED.encode())), words=(b"UserInfo{",)),
    Target(
        "dumpsys",
        partial(parsed, parse_dump),
        partial(texts, "DUMPSYS", "BLOCKS"),
        words=(b"  Package [", b"    User 0:"),
    ),
    Target("checkin", partial(parsed, parse_checkin), partial(texts, "CHECKIN")),
    Target("transparency", partial(parsed, parse_transparency), partial(texts, "TRANSPARENCY")),
    Target(
        "app-links", partial(parsed, parse_app_links), partial(texts, "LINKS"), words=(b"Signatures: [", b"    ID: ")
    ),
    Target("getprop", partial(parsed, parse_properties), partial(texts, "GETPROP")),
    Target("shell-v2", packets, packet_seeds, longest=4 << 10),
    Target("adb-devices", devices, device_seeds, longest=4 << 10),
)
