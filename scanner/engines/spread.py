"""The same work on many things, spread over processes: results in the order of the things."""

from __future__ import annotations

import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from scanner.engines.child import Setup
from scanner.engines.crew import Crew, Task
from scanner.engines.launching import forked
from scanner.engines.pool import BATCH, WINDOW, WORTH_IT
from scanner.engines.watchdog import ITEM_SECONDS, Lost, done_in_time

Thing = TypeVar("Thing")
Result = TypeVar("Result")


def spread(
    work: Callable[[Thing], Result],
    things: Sequence[Thing],
    jobs: int,
    *,
    lost: Callable[[str], Result],
    item_seconds: float = ITEM_SECONDS,
) -> Iterator[Result]:
    """The work on each thing, by that many processes where there is enough to do. Work, things, results must pickle.

    What takes too long, fails or kills a process twice has the result that ``lost`` makes of the reason.
    Raises `EngineError` where no process can be started.
    """
    for result in _spread(work, things, jobs, item_seconds):
        yield lost(result.reason) if isinstance(result, Lost) else result


def _spread(
    work: Callable[[Thing], Result], things: Sequence[Thing], jobs: int, item_seconds: float
) -> Iterator[Result | Lost]:
    if jobs <= 1 or len(things) < WORTH_IT:
        for thing in things:
            yield done_in_time(partial(work, thing), item_seconds)
        return
    under_way: deque[Task] = deque()
    crew = Crew(Setup(pickle.dumps(work), 1, item_seconds), jobs, forked)
    try:
        for at in range(0, len(things), BATCH):
            under_way.append(crew.submit(things[at : at + BATCH]))
            if len(under_way) >= jobs * WINDOW:
                yield from crew.wait(under_way.popleft())
        while under_way:
            yield from crew.wait(under_way.popleft())
    finally:
        crew.close()
