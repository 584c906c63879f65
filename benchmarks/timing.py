"""Tools in turns: A B C A B C …, and the ratio of each pair of neighbours. The machine's noise hits all alike."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

Measure = Callable[[], float]
"""Does one turn of a contestant, and tells the seconds it took."""


class Turns:
    """The seconds of each contestant, turn by turn."""

    def __init__(self, seconds: Mapping[str, Sequence[float]]) -> None:
        self._seconds = seconds

    def ratio(self, peer: str, ours: str) -> float:
        """How many times longer the peer takes: the median over the turns."""
        return median(theirs / mine for theirs, mine in zip(self._seconds[peer], self._seconds[ours], strict=True))

    def spread(self, peer: str, ours: str) -> tuple[float, float]:
        """The smallest and the largest ratio of a turn."""
        pairs = zip(self._seconds[peer], self._seconds[ours], strict=True)
        ratios = [theirs / mine for theirs, mine in pairs]
        return min(ratios), max(ratios)

    def milliseconds(self, name: str, each: int = 1) -> float:
        """The median turn of a contestant, shared by ``each`` items."""
        return median(self._seconds[name]) * 1000 / each


def in_turns(contestants: Mapping[str, Measure], turns: int) -> Turns:
    """Every contestant once a turn, after a turn that does not count."""
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for turn in range(turns + 1):
        for name, measure in contestants.items():
            taken = measure()
            if turn:
                seconds[name].append(taken)
    return Turns(seconds)


def seconds_of(action: Callable[[], object]) -> float:
    """How long an action takes in this process; the garbage of the one before it is not counted."""
    gc.collect()
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin
