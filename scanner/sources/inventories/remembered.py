"""Answers that are kept, because many rows share them. Long texts are not: a hostile export has another in each row."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Any, TypeVar

KEPT = 4096
"""Answers kept of each function."""
LONG = 2048
"""Questions with a text of more characters than this are answered anew each time."""
Answer = TypeVar("Answer")


def remembered(function: Callable[..., Answer]) -> Callable[..., Answer]:
    """The function of some texts, its latest answers kept. They depend on these texts alone."""
    kept = lru_cache(maxsize=KEPT)(function)

    @wraps(function)
    def answer(*texts: Any) -> Answer:  # noqa: ANN401 - texts and nulls
        for text in texts:
            if text is not None and len(text) > LONG:
                return function(*texts)
        return kept(*texts)

    return answer
