"""Type names in DEX files, stored and deflated, honest and hostile."""

from __future__ import annotations

import re
import struct
import subprocess
import zlib
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.apk.dex import MAX_DEX, MAX_NAMES, MAX_STRINGS, DexTypes
from scanner.bytesource import Memory, ZipDirectory, open_forward
from scanner.bytesource.forward import PIECE
from scanner.errors import ApkError, LimitExceeded
from tests.support.apk_builder import zip_bytes
from tests.support.dex import class_dex, dex_bytes
from tests.support.tools import require_tool

SLOW_MACHINE = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
TYPES = ["I", "La/A;", "Lcom/pay/B;", "Lcom/pay/C;", "Lz/Z;", "[La/A;"]


def types_of(data: bytes, *, stored: bool = False) -> DexTypes:
    source = Memory(zip_bytes({"classes.dex": data}, stored=stored))
    return DexTypes(open_forward(source, next(ZipDirectory(source).entries()), MAX_DEX))


@pytest.mark.parametrize("stored", [True, False])
def test_the_first_type_under_a_prefix_is_found(stored: bool):
    types = types_of(dex_bytes(TYPES, strings=["Lcom/other/", "Lcom/pax/X;"]), stored=stored)
    assert types.first_under("Lcom/pay/") == "Lcom/pay/B;"
    assert types.first_under("Lz/Z;") == "Lz/Z;"
    assert [types.first_under(prefix) for prefix in ("Lcom/pax/", "Lcom/other/", "Lq/", "A", "~")] == [None] * 5
    assert not types.more


@pytest.mark.parametrize("stored", [True, False])
def test_a_file_larger_than_a_piece_is_read_in_parts(stored: bool):
    filler = [f"La/{number:06}{'x' * 40};" for number in range(30_000)]
    data = dex_bytes([*filler, *TYPES])
    assert len(data) > 4 * PIECE
    types = types_of(data, stored=stored)
    assert types.first_under("Lcom/pay/") == "Lcom/pay/B;"
    assert types.first_under("La/029999") == filler[-1]


def test_what_lies_behind_the_last_type_name_is_not_inflated():
    behind = bytes(40 * PIECE)
    source = Memory(zip_bytes({"classes.dex": dex_bytes(TYPES) + behind}))
    file = open_forward(source, next(ZipDirectory(source).entries()), MAX_DEX)
    assert DexTypes(file).first_under("Lcom/pay/") == "Lcom/pay/B;"
    assert file.passed <= 2 * PIECE


def with_numbers(data: bytes, at: int, *numbers: int) -> bytes:
    packed = struct.pack(f"<{len(numbers)}I", *numbers)
    return data[:at] + packed + data[at + len(packed) :]


GOOD = dex_bytes(TYPES)
STRINGS_AT, TYPES_AT = 0x38, 0x40


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "magic wants"),
        (b"dex\n039\0", "wants"),
        (b"cdex" + GOOD[4:], "wrong magic"),
        (GOOD[:0x90], "outside the file"),
        (GOOD[: len(GOOD) - 9], "outside the file"),
        (with_numbers(GOOD, STRINGS_AT, 0xFFFFFFFF), "limits are"),
        (with_numbers(GOOD, STRINGS_AT, MAX_STRINGS + 1), "limits are"),
        (with_numbers(GOOD, TYPES_AT, 1 << 17), "limits are"),
        (with_numbers(GOOD, STRINGS_AT, 6, 0xFFFFFFF0), "outside the file"),
        (with_numbers(GOOD, STRINGS_AT, 2), "not there"),
        (with_numbers(GOOD, 0x70, 0xFFFFFFFF), "bytes apart"),
        (with_numbers(GOOD, 0x70, *[0x7FFFFFFF] * 6), "outside the file"),
    ],
)
@pytest.mark.parametrize("stored", [True, False])
def test_a_header_that_lies_is_an_apk_error(data: bytes, reason: str, stored: bool):
    with pytest.raises(ApkError, match=reason):
        first_two(types_of(data, stored=stored))


def first_two(types: DexTypes) -> list[str | None]:
    return [types.first_under(prefix) for prefix in ("Lcom/pay/", "[La")]


def test_androids_own_tool_reads_the_same_types(tmp_path: Path):
    dexdump = require_tool("dexdump")
    (tmp_path / "classes.dex").write_bytes(class_dex(TYPES[1:5]))
    shown = subprocess.run([dexdump, tmp_path / "classes.dex"], capture_output=True, text=True, check=True).stdout
    assert re.findall(r"Class descriptor  : '(.*)'", shown) == TYPES[1:5]


def test_a_whole_file_is_read_as_one_of_types_alone():
    types = types_of(class_dex(TYPES[1:5]))
    assert [types.first_under(prefix) for prefix in ("Lcom/", "Ljava", "I")] == [TYPES[2], "Ljava/lang/Object;", None]


def test_a_file_without_types_has_none():
    assert types_of(dex_bytes([])).first_under("L") is None


def test_names_far_apart_are_a_limit():
    assert MAX_NAMES < MAX_DEX
    with pytest.raises(LimitExceeded, match="bytes apart"):
        types_of(with_numbers(GOOD, 0x70, MAX_NAMES * 2))


def test_a_name_of_broken_mutf8_is_shown_and_no_crash():
    data = dex_bytes(["Lcom/pay/BC;"]).replace(b"BC;", b"\xed\xff;")
    assert types_of(data).first_under("Lcom/pay/") == "Lcom/pay/��;"


def test_a_container_of_several_files_is_noticed():
    data = bytearray(with_numbers(dex_bytes(TYPES), 0x20, 1))
    data[4:7] = b"041"
    assert types_of(bytes(data)).more


def zipped(content: bytes, announced: int) -> tuple[Memory, object]:
    """A zip whose directory says that a member inflates to so many bytes."""
    plain = bytearray(zip_bytes({"classes.dex": content}))
    at = plain.rindex(b"PK\1\2")
    plain[at + 24 : at + 28] = struct.pack("<I", announced)
    source = Memory(bytes(plain))
    return source, next(ZipDirectory(source).entries())


def test_a_bomb_ends_at_the_size_it_announces_or_at_the_limit():
    bomb = GOOD[:0x40] + struct.pack("<II", 6, 60 << 20) + GOOD[0x48:] + bytes(64 << 20)
    for announced, reason in ((len(GOOD), "more than the"), (MAX_DEX + 1, "the limit is")):
        source, entry = zipped(bomb, announced)
        with pytest.raises(LimitExceeded, match=reason):
            DexTypes(open_forward(source, entry, MAX_DEX))  # type: ignore[arg-type]


def test_deflated_data_that_is_cut_or_broken_is_an_apk_error():
    content = zip_bytes({"classes.dex": dex_bytes([f"La/{zlib.crc32(bytes([n]))};" for n in range(250)])})
    at = content.index(b"classes.dex") + len("classes.dex")
    for broken in (content[: at + 60] + b"\xff" * 40 + content[at + 100 :], content[:at] + b"\xff" + content[at + 1 :]):
        source = Memory(broken)
        with pytest.raises(ApkError):
            DexTypes(open_forward(source, next(ZipDirectory(source).entries()), MAX_DEX)).first_under("La/")


@SLOW_MACHINE
@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=16), st.integers(0, 400), st.booleans())
def test_whatever_bytes_are_changed_there_is_an_answer_or_an_apk_error(
    changes: list[tuple[int, int]], length: int, stored: bool
):
    data = bytearray(GOOD)[: length or None]
    for at, value in changes:
        if data:
            data[at % len(data)] = value
    try:
        found = types_of(bytes(data), stored=stored).first_under("Lcom/pay/")
        assert found is None or found.startswith("Lcom/pay/")
    except ApkError:
        pass


@SLOW_MACHINE
@given(st.binary(max_size=600), st.booleans())
def test_random_bytes_are_an_answer_or_an_apk_error(data: bytes, magic: bool):
    with suppress(ApkError):
        types_of(b"dex\n035\0" * magic + data).first_under("L")


@SLOW_MACHINE
@given(st.sets(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=8), max_size=40))
def test_bisection_finds_what_looking_at_each_finds(names: set[str]):
    descriptors = sorted(f"L{name};" for name in names)
    types = types_of(dex_bytes(descriptors))
    for prefix in ("L", "La", "LZ9", *(one[:3] for one in descriptors)):
        assert types.first_under(prefix) == next((one for one in descriptors if one.startswith(prefix)), None)
