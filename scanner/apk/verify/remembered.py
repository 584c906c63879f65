"""Answers that are kept, since many APKs have few publishers. What is kept is small, whatever hostile input brings."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

KEPT = 256
"""Answers kept of each function."""
MAX_BYTES = 8192
"""Questions of more bytes than this are answered anew each time."""
Answer = TypeVar("Answer")


def remembered(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """The function of some bytes, its latest answers kept. They depend on these bytes alone; errors are not kept."""
    kept = lru_cache(maxsize=KEPT)(function)

    @wraps(function)
    def answer(*data: bytes) -> Answer:
        return kept(*data) if sum(map(len, data)) <= MAX_BYTES else function(*data)

    return answer
