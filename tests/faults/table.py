"""The table of faults: what each is, how it is injected, and what must be seen then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fault:
    """One line of the table."""

    name: str
    how: str
    """How it is injected."""
    outcome: str
    """What happens then, and what is not lost."""
    inject: Callable[[Path], None]


FAULTS: dict[str, Fault] = {}


def fault(name: str, how: str, outcome: str) -> Callable[[Callable[[Path], None]], Callable[[Path], None]]:
    """Put an injection into the table."""

    def kept(inject: Callable[[Path], None]) -> Callable[[Path], None]:
        FAULTS[name] = Fault(name, how, outcome, inject)
        return inject

    return kept
