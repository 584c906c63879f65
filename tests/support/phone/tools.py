"""Programs that a simulated phone is made of, and what is said where one is missing."""

from __future__ import annotations

import os
import shutil
from functools import lru_cache
from pathlib import Path
from typing import NoReturn


class NoPhoneError(RuntimeError):
    """No phone can be simulated here."""


@lru_cache
def program(*names: str) -> Path:
    """The first of these programs that is installed."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    raise NoPhoneError(f"{' or '.join(names)} is not installed")


@lru_cache
def adb_program() -> Path:
    """The real adb: the one that comes with adbutils, else an installed one."""
    try:
        import adbutils
    except ImportError:
        return program("adb")
    shipped = Path(adbutils.__file__).with_name("binaries") / "adb"
    return shipped if os.access(shipped, os.X_OK) else program("adb")


def require_phone() -> None:
    """In a test: skip without the tools of a phone; fail where ``CI`` is set."""
    try:
        adb_program()
        program("toybox")
        program("mksh-static", "mksh")
    except NoPhoneError as missing:
        unavailable(missing)


def unavailable(error: NoPhoneError) -> NoReturn:
    """Skip the test, or fail it where ``CI`` is set."""
    import pytest

    if os.environ.get("CI"):
        pytest.fail(str(error))
    pytest.skip(str(error))
