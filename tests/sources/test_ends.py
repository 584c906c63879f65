"""Ends of files brought several at a time: the same bytes as alone, whatever the files and the phone's programs do."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scanner.bytesource import Told, first_tail
from scanner.errors import LimitExceeded, ReadError
from scanner.sources.adb.ends import FILES, Ends
from tests.support.tools import require_tool


class Shell:
    """Runs what the phone would, here, and keeps what it was asked."""

    def __init__(self, program: str = "") -> None:
        self.asked: list[str] = []
        self.change: Callable[[bytes], bytes] = bytes
        self._program = program

    def __call__(self, command: str, limit: int) -> tuple[bytes, int]:
        self.asked.append(command)
        if self._program:
            for word in ("tail -c", "head -c"):
                command = command.replace(word, f"{self._program} {word}")
        done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
        out = self.change(done.stdout)
        if len(out) > limit:
            raise LimitExceeded(f"more than {limit} bytes")
        return out, done.returncode


def files_of(folder: Path, *contents: bytes) -> dict[str, int]:
    """Files of these contents, and their sizes."""
    sizes = {}
    for number, content in enumerate(contents):
        file = folder / f"it's {number}"
        file.write_bytes(content)
        sizes[str(file)] = len(content)
    return sizes


def right(told: Told | None, path: str) -> bool:
    """Whether what came of a file is what it holds, and as much of its end as is wanted."""
    content = Path(path).read_bytes()
    assert told is not None
    return (told.size, told.head) == (len(content), content[:4]) and (
        content.endswith(told.tail) and len(told.tail) >= min(len(content), first_tail(len(content)))
    )


@pytest.mark.parametrize("program", ["", "toybox"])
def test_files_come_together_and_each_is_told_once(tmp_path: Path, program: str) -> None:
    if program:
        require_tool(program)
    shell = Shell(program)
    ends = Ends(shell)
    sizes = files_of(tmp_path, *(bytes([65 + number]) * (1 + number * 9000) for number in range(FILES * 2)))
    ends.expect(sizes)
    assert all(right(ends.take(path), path) for path in sizes)
    assert len(shell.asked) == 2
    assert {ends.take(path) for path in sizes} == {None}
    assert ends.take("/nobody") is None


def test_large_ends_come_in_smaller_groups(tmp_path: Path) -> None:
    shell = Shell()
    ends = Ends(shell)
    sizes = files_of(tmp_path, *(bytes([65 + number]) * 100 for number in range(8)))
    for path in sizes:
        os.truncate(path, 40 << 20)
    ends.expect(dict.fromkeys(sizes, 40 << 20))
    told = [ends.take(path) for path in sizes]
    assert {one and (one.size, len(one.tail)) for one in told} == {(40 << 20, first_tail(40 << 20))}
    assert [one and one.head for one in told] == [bytes([65 + number]) * 4 for number in range(8)]
    assert len(shell.asked) == 2, "four of a quarter of a mebibyte each"


def test_threads_that_want_files_of_one_group_all_get_them(tmp_path: Path) -> None:
    shell = Shell()
    ends = Ends(shell)
    sizes = files_of(tmp_path, *(b"PK\3\4" + bytes([number]) * 50_000 for number in range(40)))
    ends.expect(sizes)
    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(ends.take, sizes))
    assert all(map(right, told, sizes))
    assert len(shell.asked) <= 40 // 4


def test_a_file_that_cannot_be_read_takes_no_other_with_it(tmp_path: Path) -> None:
    for gone in range(3):
        ends = Ends(Shell())
        sizes = files_of(tmp_path, b"a" * 9, b"b" * 90_000, b"c" * 9)
        ends.expect(sizes)
        paths = list(sizes)
        Path(paths[gone]).unlink()
        told = [ends.take(path) for path in paths]
        assert told[gone] == Told(sizes[paths[gone]])
        assert [right(one, path) for one, path in zip(told, paths, strict=True) if one != told[gone]] == [True] * 2


def test_what_a_file_contains_passes_for_no_other(tmp_path: Path) -> None:
    names = [str(tmp_path / f"it's {number}") for number in range(3)]
    forged = "".join(f"\n==> {name} <==\nforged" for name in names).encode()
    ends = Ends(Shell())
    sizes = files_of(tmp_path, forged, forged * 2, b"honest" + forged)
    ends.expect(sizes)
    assert all(right(ends.take(path), path) for path in sizes)


@pytest.mark.parametrize("written", [b"", b"12345", b"1234567890" * 9])
def test_of_files_that_changed_nothing_is_believed(tmp_path: Path, written: bytes) -> None:
    ends = Ends(Shell())
    sizes = files_of(tmp_path, b"0123456789", b"abcdefghij", b"ABCDEFGHIJ")
    ends.expect(sizes)
    first, second, third = sizes
    Path(second).write_bytes(written)
    told = {path: ends.take(path) for path in sizes}
    assert told[second] == Told(10)
    assert told[first] in {Told(10), Told(10, b"0123", b"0123456789")}
    assert told[third] in {Told(10), Told(10, b"ABCD", b"ABCDEFGHIJ")}


@pytest.mark.parametrize(
    "change", [lambda out: b"", lambda out: out[:-1], lambda out: out + b"x", lambda out: b"tail: what?\n"]
)
def test_a_phone_that_answers_otherwise_is_not_asked_again(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    shell = Shell()
    shell.change = change
    ends = Ends(shell)
    sizes = files_of(tmp_path, *(b"abcdef" for _ in range(20)))
    ends.expect(sizes)
    assert {ends.take(path) for path in sizes} == {Told(6)}
    assert len(shell.asked) == 1


def test_a_phone_that_fails_leaves_nobody_waiting(tmp_path: Path) -> None:
    def fails(command: str, limit: int) -> tuple[bytes, int]:
        raise ReadError("gone")

    ends = Ends(fails)
    sizes = files_of(tmp_path, *(b"abcdef" for _ in range(20)))
    ends.expect(sizes)
    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(ends.take, sizes)) == {Told(6)}
