"""Programs that tests need: present, or skipped; on CI their absence is a failure. And ours, as a command."""

from __future__ import annotations

import fcntl
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]


def require_tool(name: str) -> str:
    """The path of a program, installed beside Python or anywhere. Without it the test is skipped; on CI it fails."""
    beside = str(Path(sys.executable).parent)
    path = shutil.which(name, path=os.pathsep.join([beside, os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if path is None:
        lacking(f"{name} is not installed")
    return path


def lacking(what: str) -> NoReturn:
    """Skip the test for want of something; on CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time make a folder: tests run in several, and each may find that it is not there."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def write_launcher(path: Path) -> Path:
    """Write a command that runs the program of this checkout, for what calls it as an installed one."""
    run = f"PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m scanner"
    path.write_text(f'#!/bin/sh\n{run} "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return path
