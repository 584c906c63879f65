"""One file, one scan that writes it."""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO

from scanner.errors import OutputError

BUSY = "another scan is writing it: wait until that has ended"


class NotRegularError(Exception):
    """It is a pipe, a device or a folder."""


def locked(path: Path, name: str) -> BinaryIO:
    """The file, open and locked until it is closed or this process dies. It is made where there is none.

    Raises `NotRegularError`, `OSError`, and `OutputError` where another scan writes it, by the ``name`` it goes by.
    """
    while True:
        if path.exists() and not path.is_file():  # a pipe must not be opened here: who reads it would see it end
            raise NotRegularError(name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK, 0o666)
        with ExitStack() as stack:
            file = stack.enter_context(os.fdopen(descriptor, "r+b"))
            if not _lock(descriptor, name) or _is_there(descriptor, path):
                stack.pop_all()
                return file
            # else another scan has just put it elsewhere


def _is_there(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


def _lock(descriptor: int, name: str) -> bool:
    """Whether it is locked now: there are file systems without locks. Raises `OutputError` where another has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise OutputError(f"{name}: {BUSY}") from error
    except OSError:
        return False
    return True
