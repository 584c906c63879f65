"""The one boundary where a crash becomes a value, so that it costs one app or one phone and never the batch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final, TypeVar

from scanner.errors import ScannerError
from scanner.model import Value

log = logging.getLogger(__name__)
Result = TypeVar("Result")


class Crash(Value, frozen=True):
    """A bug that showed while something was read; ``reason`` is one line for a person."""

    reason: str


class _End:
    pass


_END: Final = _End()


def guarded(call: Callable[[], Result]) -> Result | Crash:
    """What ``call`` returns, or its crash. The errors that this package raises on purpose pass through."""
    try:
        return call()
    except ScannerError:
        raise
    except MemoryError:
        return Crash("there is not enough memory to read it: nothing of it is known")
    except Exception as error:
        log.debug("crash", exc_info=True)
        return Crash(f"crashed: {type(error).__name__}: {error}; please report it")


def contained(outcomes: Iterator[Result]) -> Iterator[Result | Crash]:
    """Each outcome, and a crash as the last one."""
    while True:
        outcome = guarded(partial(next, outcomes, _END))
        if isinstance(outcome, _End):
            return
        yield outcome
        if isinstance(outcome, Crash):
            return
