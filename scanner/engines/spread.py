"""The same work on many things, spread over processes: results in the order of the things."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from scanner.engines.pool import BATCH, WINDOW, WORTH_IT, _new_pool
from scanner.errors import ScannerError

Thing = TypeVar("Thing")
Result = TypeVar("Result")
DIED = "a process died of one of the files; with --jobs 1 the last file written is the one before it"


def spread(work: Callable[[Thing], Result], things: Sequence[Thing], jobs: int) -> Iterator[Result]:
    """The work on each thing, by that many processes where there is enough to do. Work, things, results must pickle.

    Raises `ScannerError` where a process dies.
    """
    if jobs <= 1 or len(things) < WORTH_IT:
        yield from map(work, things)
        return
    batches = (things[at : at + BATCH] for at in range(0, len(things), BATCH))
    under_way: deque[Future[list[Result]]] = deque()
    pool = _new_pool(jobs, None)
    try:
        for batch in batches:
            under_way.append(pool.submit(partial(_each, work), batch))
            if len(under_way) >= jobs * WINDOW:
                yield from under_way.popleft().result()
        while under_way:
            yield from under_way.popleft().result()
    except BrokenProcessPool as error:
        raise ScannerError(DIED) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _each(work: Callable[[Thing], Result], batch: Sequence[Thing]) -> list[Result]:
    return [work(thing) for thing in batch]
