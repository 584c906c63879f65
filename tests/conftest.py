"""Fixtures that several tests share."""

from __future__ import annotations

import compileall
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.support.phone.fixtures"]
ROOT = Path(__file__).resolve().parents[1]
OF_TERMINALS = {"CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "LINES", "NO_COLOR", "TTY_COMPATIBLE",
                "TTY_INTERACTIVE"}  # fmt: skip
"""Variables that change what click, rich and shells print."""


# The same examples in every run, however long they take: what else there is to find, `make fuzz` looks for.
settings.register_profile(
    "suite", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("suite")


def pytest_sessionstart() -> None:
    """Compile the package once, for hundreds of processes that tests start: as installing it would.

    And let none of them heed what the person who tests has set for himself. Ctrl-C is heard by all of them, also where
    the suite itself runs in the background, whose processes a shell makes deaf to it.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("APP_SCANNER_") or name in OF_TERMINALS]:
        del os.environ[name]
    os.environ["APP_SCANNER_NO_CONFIG"] = "1"
    compileall.compile_dir(ROOT / "scanner", quiet=2)
    # No test sees the signatures that somebody has installed for themselves.
    os.environ["XDG_DATA_HOME"] = str(ROOT / "tests" / "no-data-here")


@dataclass
class Ran:
    """What a command did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of ``-o jsonl``, the summary among them."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def apps(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["type"] == "app"]

    @property
    def unread(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["type"] == "unread"]

    @property
    def summary(self) -> dict[str, Any]:
        return self.rows[-1]


@pytest.fixture(scope="session")
def app_scanner() -> Callable[..., Ran]:
    """The program itself, as its own process: words in, exit code and text out."""

    def run(*words: object, stdin: bytes | None = None, env: dict[str, str] | None = None, cwd: Path = ROOT) -> Ran:
        command = [sys.executable, "-m", "scanner", *map(str, words)]
        done = subprocess.run(command, capture_output=True, input=stdin, cwd=cwd, env=env, timeout=300)
        return Ran(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture(scope="session")
def scan_rows(app_scanner: Callable[..., Ran]) -> Callable[..., Ran]:
    """``app-scanner scan … -o jsonl``."""

    def run(*words: object, **options: Any) -> Ran:
        return app_scanner("scan", *words, "-o", "jsonl", **options)

    return run


@pytest.fixture(scope="session")
def dask_processes() -> Iterator[str]:
    """The address of a Dask scheduler with two workers, whatever tests do to these."""
    from tests.support.cluster import cluster

    with cluster() as address:
        yield address


@pytest.fixture
def dask_cluster(dask_processes: str) -> str:
    """The address of a Dask scheduler with two workers, both of them there."""
    from tests.support.cluster import settled

    settled(dask_processes)
    return dask_processes
