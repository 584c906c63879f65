"""Mutations without a fuzzer's feedback, the same in every run: for the short look of the test suite."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import islice

from tests.fuzz.target import Target

BYTES = (0, 1, 0x7F, 0x80, 0xFE, 0xFF)


def inputs(target: Target, count: int) -> Iterator[bytes]:
    """Every seed, then so many mutations of seeds."""
    seeds = list(target.seeds())
    yield from seeds
    source = random.Random(target.name)
    yield from islice(iter(lambda: _mutated(source, seeds, target), None), count)


def _mutated(source: random.Random, seeds: list[bytes], target: Target) -> bytes:
    data = bytearray(source.choice(seeds)[: target.longest])
    for _ in range(source.choice((1, 1, 2, 4, 16))):
        at = source.randrange(len(data) + 1)
        length = source.choice((1, 1, 2, 4, 16, 200))
        kind = source.randrange(6)
        if kind == 0:
            data[at : at + 1] = bytes([source.choice(BYTES)])
        elif kind == 1:
            data[at : at + 1] = bytes([source.randrange(256)])
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = source.choice(target.words) if target.words else source.randbytes(length)
        elif kind == 4:
            data[at:at] = data[at : at + length]
        else:
            other = source.choice(seeds)
            begin = source.randrange(len(other) + 1)
            data[at : at + length] = other[begin : begin + length]
    return bytes(data[: target.longest])
