"""What a worker of a Dask cluster runs: it hands batches to a process of its own, so that no APK can harm the worker.

A worker has one such process for each of its threads, started with the first batch and ended when none has come for
`IDLE_SECONDS`, also where whoever sent them was killed.
"""

from __future__ import annotations

import pickle
import threading
import time

from scanner import __version__
from scanner.engines.child import Setup
from scanner.engines.crew import Crew
from scanner.engines.launching import commanded
from scanner.errors import EngineError
from scanner.model import Value

IDLE_SECONDS = 60.0


class Told(Value, frozen=True):
    """What a worker needs for the batches of one scan."""

    session: str
    version: str
    setup: Setup


class _Own(threading.local):
    """Of each thread its process, and the scan that it was set up for."""

    session: str | None = None
    crew: Crew | None = None


_own = _Own()


def told(session: str, version: str, setup: bytes) -> Told:
    """Runs on a worker before all batches; one that is lost with its worker is made again."""
    return Told(session, version, pickle.loads(setup))  # noqa: S301 - of whoever runs the cluster


def read_batch(given: Told, batch: bytes) -> tuple[float, bytes]:
    """The pickled results of a pickled batch, and the seconds it took.

    Raises `EngineError` on a worker that joined with another version.
    """
    if given.version != __version__:
        raise EngineError(f"a worker has app-scanner {__version__}, this is {given.version}")
    if _own.session != given.session or _own.crew is None:
        if _own.crew is not None:
            _own.crew.close()
        _own.session, _own.crew = given.session, Crew(given.setup, 1, commanded, pickled=True)
    begin = time.monotonic()
    results = _own.crew.wait_pickled(_own.crew.submit(pickle.loads(batch)))  # noqa: S301 - of whoever runs the cluster
    return time.monotonic() - begin, results
