"""A phone that is out to do harm: what it says reaches no shell and no terminal, and none of it is endless."""

from __future__ import annotations

import csv
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from scanner.errors import LimitExceeded, ReadError, ScannerError
from scanner.model import PhoneAddress
from scanner.sources.adb import channel, ranges, users
from scanner.sources.adb.channel import Packets, Shell, run
from scanner.sources.adb.phone import Phone
from scanner.sources.adb.ranges import PhoneFiles
from tests.phone.conftest import SOMEBODY, WECHAT, Desk
from tests.support.apk_builder import build_apk
from tests.support.phone import FactoryCopy, InstalledApp, UserProfile

PWNED = "/data/local/tmp/pwned"
NASTY = (
    "a b",
    "a'b",
    'a"b',
    f"a;touch {PWNED}",
    f"$(touch {PWNED})",
    f"`touch {PWNED}`",
    f"'$(touch {PWNED})'",
    f"a|touch {PWNED}",
    f"a&touch {PWNED}&",
    f"a\ntouch {PWNED}\n",
    f"'\ntouch {PWNED}\n'",
    "\x1b]0;owned\x07",
    "\x1b[2J\x9b31m",
    "\u202egnp.exe",
    "=1+1",
    "@SUM(A1)",
    "\r\nrow",
    "-rf",
)
RAW = ("\x1b", "\x07", "\x9b", "\u202e")


def hostile_apps(desk: Desk, text: str, number: int) -> list[InstalledApp]:
    plain = desk.app(f"com.example.a{number}", version_name=text)
    folder = text.replace("/", "")
    return [
        plain,
        replace(desk.app(f"com.example.b{number}"), path=f"/data/app/{folder}/base.apk"),
        desk.app(
            f"com.example.c{number}",
            system=True,
            factory=FactoryCopy(plain.apk, f"/system/app/{folder}/{folder}.apk", 1),
        ),
    ]


@pytest.mark.parametrize("release", ["6", "14"])
def test_nothing_that_a_phone_says_runs_or_escapes(desk: Desk, release: str) -> None:
    apps = [app for number, text in enumerate(NASTY) for app in hostile_apps(desk, text, number)]
    pasted = build_apk("com.tencent.mm", v1=[SOMEBODY.wearing(WECHAT)], v2=[SOMEBODY.wearing(WECHAT)])
    apps.append(desk.app("com.tencent.mm", WECHAT, apk=pasted))
    profiles = (UserProfile(), *(UserProfile(10 + number, text) for number, text in enumerate(NASTY)))
    phone = desk.phone(
        release, *apps, users=profiles, model=f"Phone\x1b]0;x\x07$(touch {PWNED})", serial="\u202eX\x1b[2J"
    )
    rows, table = desk.folder / "rows.jsonl", desk.folder / "table.txt"
    verified = desk.scan(phone, "--verify", output="csv")
    ran = desk.scan(phone, "-o", f"jsonl={rows}", "-o", f"table={table}", output="csv")
    assert not phone.root.at(PWNED).exists(), "it ran a command"
    for text in (ran.out, ran.err, verified.out, table.read_text()):
        assert not [raw for raw in RAW if raw in text]
    assert not [raw for raw in RAW[:2] if raw in rows.read_text()]
    for cells in csv.reader((ran.out + verified.out).splitlines()):
        assert not [cell for cell in cells if cell.startswith(("=", "@", "+", "\t"))]
    assert (ran.code, verified.code) == (1, 1)
    ran = replace(ran, out=rows.read_text())
    lost = {app.package for app in apps} - {row["package_name"] for row in ran.apps}
    assert lost <= {app.package for app in apps if app.path and "\n" in app.path}
    assert ran.verdicts["com.tencent.mm"] == "confirmed"
    assert "not understood" in ran.holes


def test_a_package_name_that_android_would_not_install_is_a_hole(desk: Desk) -> None:
    phone = desk.phone("14", desk.app("com.example.a"))
    listing = phone.root.at("/sim/list/0")
    listing.write_text(listing.read_text() + listing.read_text().replace("com.example.a", f"a;touch {PWNED}"))
    ran = desk.scan(phone)
    assert (ran.code, set(ran.verdicts)) == (3, {"com.example.a"})
    assert not phone.root.at(PWNED).exists()


def test_splits_and_installers_of_any_text_are_harmless(desk: Desk) -> None:
    phone = desk.phone("14", desk.app("com.tencent.mm", WECHAT, installer="com.android.vending"))
    for name in ("dump/packages", "list/0"):
        place = phone.root.at(f"/sim/{name}")
        text = place.read_text().replace("splits=[base]", "splits=[base, \x1b[2J=1+1, $(id)]")
        place.write_text(text.replace("com.android.vending", "\x1b]0;x"))
    for output in ("table", "csv"):
        ran = desk.scan(phone, output=output)
        assert "\x1b" not in ran.out
        assert "com.tencent.mm" in ran.out


def test_a_place_that_would_be_an_option_is_not_asked_for(desk: Desk) -> None:
    image = FactoryCopy(desk.app("com.example.a").apk, "/system/app/A/A.apk", 1)
    phone = desk.phone("13", desk.app("com.example.a", system=True, factory=image))
    dump = phone.root.at("/sim/dump/packages")
    dump.write_text(dump.read_text().replace("codePath=/system/app/A", "codePath=--version.apk"))
    copy = desk.scan(phone).app("com.example.a", "factory")
    assert copy["location"] == ""
    assert "does not tell where" in str(copy["issues"])


@pytest.mark.parametrize("count", ["9" * 5000, "-1", "9" * 18, "nonsense", "", "\x1b[2J"], ids=lambda text: text[:5])
def test_sizes_that_are_lies_cost_that_app_alone(desk: Desk, count: str) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    lie = phone.path_of("com.tencent.mm")
    phone.fails("stat -Lc *%n*", stdout=f"{count} {lie}\n", code=0)
    phone.fails(f"stat -Lc %s {lie}", stdout=f"{count}\n", code=0)
    ran = desk.scan(phone)
    assert ran.unread == []
    assert ran.verdicts == {"com.tencent.mm": "likely", "com.example.a": "clear"}
    assert "crashed" not in ran.out
    assert any("apk-unread" in issue for issue in ran.app("com.tencent.mm")["issues"])


def test_a_file_that_answers_more_than_was_asked_for_is_not_taken_in(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.tencent.mm", WECHAT), desk.app("com.example.a"))
    phone.fails(f"*if={phone.path_of('com.tencent.mm')}", stdout="x" * 1_000_000, code=0)
    ran = desk.scan(phone)
    assert ran.verdicts == {"com.tencent.mm": "likely", "com.example.a": "clear"}
    assert "more than the" in str(ran.app("com.tencent.mm")["issues"])


@pytest.mark.parametrize("sdk", ["9" * 5000, "-3", "0", "x", "٣٣"], ids=lambda text: text[:5])
def test_a_release_that_is_no_number_is_a_hole(desk: Desk, sdk: str) -> None:
    phone = desk.phone("13", desk.app("com.example.a"))
    properties = phone.root.at("/sim/properties")
    properties.write_text(properties.read_text().replace("ro.build.version.sdk=33", f"ro.build.version.sdk={sdk}"))
    ran = desk.scan(phone)
    assert (ran.code, ran.verdicts) == (3, {"com.example.a": "clear"})
    assert "ro.build.version.sdk" in ran.holes


def test_a_thousand_users_are_not_asked_one_by_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    phone = desk.phone("13", desk.app("com.example.a"))
    lines = "".join(f"UserInfo{{{number}:x:13}} running\n" for number in range(2000))
    phone.root.at("/sim/users").write_text(lines)
    monkeypatch.setattr(users, "MAX_USERS", 3)
    ran = desk.scan(phone)
    assert (ran.code, ran.verdicts) == (3, {"com.example.a": "clear"})
    assert "2000 users, of whom 3 were asked" in ran.holes
    assert len(phone.counters.commands) < 40


# A service that does as it likes --------------------------------------------------------------------


class Liar:
    """Opens services, each answered by a function that is given our end's counterpart."""

    timeout = 120.0

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer = answer
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def open(self, service: str, timeout: float) -> socket.socket:
        ours, theirs = socket.socketpair()
        self._sockets += [ours, theirs]
        thread = threading.Thread(target=self._run, args=(theirs,))
        thread.start()
        self._threads.append(thread)
        return ours

    def _run(self, theirs: socket.socket) -> None:
        with closing(theirs), suppress(OSError):
            self._answer(theirs)

    def close(self) -> None:
        for one in self._sockets:
            one.close()
        for thread in self._threads:
            thread.join()


@pytest.fixture
def liar() -> Iterator[Callable[[Callable[[socket.socket], None]], Liar]]:
    made: list[Liar] = []

    def make(answer: Callable[[socket.socket], None]) -> Liar:
        made.append(Liar(answer))
        return made[-1]

    yield make
    for one in made:
        one.close()


def endless(link: socket.socket) -> None:
    while True:
        link.sendall(bytes(65536))


def endless_packets(link: socket.socket) -> None:
    while True:
        link.sendall(b"\1\0\0\1\0" + bytes(65536))


def one_huge_packet(link: socket.socket) -> None:
    link.sendall(b"\1\xff\xff\xff\xff")
    endless(link)


def mark_then_endless(link: socket.socket) -> None:
    """The mark of the frame, and no line's end behind it."""
    mark = link.recv(65536).decode().rsplit("echo ", 1)[1].split()[0]
    link.sendall(mark.encode() + b" 0")
    endless(link)


def whole_answer(length: int) -> Callable[[socket.socket], None]:
    """An answer of that many bytes that comes in one piece, mark and all."""

    def answer(link: socket.socket) -> None:
        mark = link.recv(65536).decode().rsplit("echo ", 1)[1].split()[0]
        link.sendall(b"x" * length + mark.encode() + b" 0\n")

    return answer


@pytest.mark.parametrize("length", [4097, 200_000])
def test_an_answer_in_one_piece_is_held_to_its_limit_too(liar, length: int) -> None:
    shell = Shell(liar(whole_answer(length)), 120, v2=False)
    with pytest.raises(LimitExceeded, match="more than the 4096 bytes"):
        shell.ask("dd", 4096)
    shell.close()
    shell = Shell(liar(whole_answer(4096)), 120, v2=False)
    assert shell.ask("dd", 4096) == (b"x" * 4096, 0)
    shell.close()


@pytest.mark.parametrize("v2", [True, False])
def test_an_endless_answer_is_cut(liar, monkeypatch: pytest.MonkeyPatch, v2: bool) -> None:
    monkeypatch.setattr(channel, "MAX_OUTPUT", 1 << 20)
    answer = run(liar(endless_packets if v2 else endless), "pm list packages", 120, v2=v2)
    assert "more than" in (answer.problem or "")
    assert len(answer.out) < 3 << 20


@pytest.mark.parametrize("v2", [True, False])
def test_an_endless_answer_of_a_shell_is_cut(liar, v2: bool) -> None:
    shell = Shell(liar(endless_packets if v2 else endless), 120, v2=v2)
    with pytest.raises(LimitExceeded):
        shell.ask("dd", 1 << 20)
    shell.close()


def test_a_mark_without_its_end_does_not_open_the_gates(liar) -> None:
    shell = Shell(liar(mark_then_endless), 120, v2=False)
    with pytest.raises(LimitExceeded):
        shell.ask("dd", 1 << 20)
    shell.close()


def test_a_packet_of_an_impossible_length_is_refused_at_once(liar) -> None:
    answer = run(liar(one_huge_packet), "pm list packages", 120, v2=True)
    assert "protocol" in (answer.problem or "")
    shell = Shell(liar(one_huge_packet), 120, v2=True)
    with pytest.raises(ReadError, match="protocol"):
        shell.ask("dd")
    shell.close()


@pytest.mark.parametrize("code", ["9" * 5000, "x", "-1", "٣"], ids=lambda text: text[:5])
def test_an_exit_status_that_is_none_is_no_crash(liar, code: str) -> None:
    def answer(link: socket.socket) -> None:
        mark = link.recv(65536).decode().rsplit("echo ", 1)[1].split()[0]
        link.sendall(f"out{mark} {code}\n".encode())

    shell = Shell(liar(answer), 120, v2=False)
    assert shell.ask("dd") == (b"out", -1)
    shell.close()
    assert channel._marked(f"outmark {code}\n".encode(), b"mark").problem


def test_packets_of_unknown_kinds_and_in_pieces_are_sorted() -> None:
    packets = Packets()
    for byte in b"\x09\3\0\0\0abc\1\2\0\0\0hi\2\3\0\0\0err\3\1\0\0\0\7":
        packets.feed(bytes([byte]))
    assert (bytes(packets.out), bytes(packets.err), packets.code) == (b"hi", b"err", 7)


def test_an_endless_pull_is_cut(liar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranges, "MAX_PULLED", 1 << 20)

    def answer(link: socket.socket) -> None:
        while True:
            link.sendall(b"DATA\0\0\1\0" + bytes(65536))

    with pytest.raises(LimitExceeded):
        ranges.pull(liar(answer), "/data/app/x")


@pytest.mark.parametrize("said", [b"DATA\xff\xff\xff\xff", b"FAIL\x04\0\0\0no\x1b[", b"DONE", b"", b"????\4\0\0\0abcd"])
def test_a_pull_that_breaks_the_protocol_is_an_error(liar, said: bytes) -> None:
    with pytest.raises(ReadError):
        ranges.pull(liar(lambda link: link.sendall(said)), "/data/app/x")


def test_a_file_that_holds_the_frames_words_is_read_as_it_is(desk: Desk) -> None:
    data = b"".join(b"echo %032x 0\n%032x 0\n" % (number, number) for number in range(500))
    phone = desk.phone("13", desk.app("com.example.a", apk=data))
    there = Phone(PhoneAddress(phone.address, f"127.0.0.1:{desk.server.port}"))
    path = phone.path_of("com.example.a")
    files = PhoneFiles(there)
    assert files.end(path, 9 * 1024) == (len(data), data[-9 * 1024 :])
    assert files.blocks(path, [(0, 2), (3, 100)]) == data[:8192] + data[3 * 4096 :]
    there.close()


def test_a_phone_of_noise_is_told(desk: Desk) -> None:
    phone = desk.phone("13", desk.app("com.example.a"))
    noise = "".join(chr(1 + number * 7 % 250) for number in range(5000))
    for command in ("pm list*", "dumpsys", "getprop", "stat", "dd", "cat"):
        phone.fails(command, stdout=noise, code=0)
    ran = desk.scan(phone)
    assert (ran.code, ran.apps) == (3, [])
    assert "crashed" not in ran.out
    assert issubclass(LimitExceeded, ScannerError)
