"""adbutils without the library that it would download packages with: that one takes longer to import than all else."""

from __future__ import annotations

from functools import cache
from typing import Any

from scanner.postponing import postponed


@cache
def adb_library() -> Any:  # noqa: ANN401 - adbutils has no types
    """The package adbutils, imported when it is first needed."""
    with postponed("requests"):
        import adbutils
    return adbutils
