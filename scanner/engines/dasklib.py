"""Dask's own library, and all that is asked of it. Imported only where a cluster is asked for.

What it logs and warns of is kept off stdout and stderr, which belong to the report and to us; no dashboard is opened.
Source: https://distributed.dask.org/en/stable/api.html
"""

from __future__ import annotations

import logging
import pkgutil
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

import dask

_SILENT = {"version": 1, "incremental": True}
_SILENT_WORKERS = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"none": {"class": "logging.NullHandler"}},
    "loggers": {name: {"handlers": ["none"], "propagate": False} for name in ("distributed", "tornado", "asyncio")},
}
dask.config.set({"logging": _SILENT})
import distributed  # noqa: E402 - it sets up logging while it is imported

from scanner import __version__  # noqa: E402
from scanner.errors import EngineError  # noqa: E402
from scanner.interruption import TURN, hear, kept_from_children  # noqa: E402

for _name in ("distributed", "tornado", "asyncio"):
    logging.getLogger(_name).addHandler(logging.NullHandler())

CONNECT_SECONDS = 10
WORKER_SECONDS = 60
"""How long a cluster may be without any worker before it is given up: workers that died are started again."""
LOOK_SECONDS = 2
"""Between two looks at which workers there are."""
CLOSE_SECONDS = 5
_PYTHON = 0xFFFF0000
"""The bits of ``sys.hexversion`` that hold major and minor version."""
LOST = "the connection was lost; what was read until then is written, and the rest was not read"


class WorkersDied(Exception):  # noqa: N818 - it is what happened
    """Several workers died of one task."""


class Cluster:
    """A scheduler with its workers, seen from here."""

    def __init__(self, client: Any, name: str, local: Any = None) -> None:  # noqa: ANN401 - dask has no types
        self._client, self._local, self._name = client, local, name
        self._threads, self._looked, self._there = 0, 0.0, time.monotonic()

    def threads(self) -> int:
        """Threads of all workers, as of the last look. Raises `EngineError` where there are none for long."""
        now = time.monotonic()
        if now - self._looked > LOOK_SECONDS:
            self._looked = now
            with self._mapped():
                self._threads = sum(self._client.nthreads().values())
            if self._threads:
                self._there = now
            elif now - self._there > WORKER_SECONDS:
                raise EngineError(f"{self._name}: no worker is left; what was read until then is written")
        return self._threads

    def submit(self, function: Callable[..., Any], *words: Any, key: str) -> Any:  # noqa: ANN401 - dask has no types
        """Have a function called on a worker; words may be what this returned. Raises `EngineError`."""
        with self._mapped():
            return self._client.submit(function, *words, key=key, pure=False)

    def result(self, future: Any) -> Any:  # noqa: ANN401 - dask has no types
        """What the function returned.

        Raises:
            WorkersDied: it took several workers down with it.
            EngineError: the cluster was lost, or cannot run it.
        """
        while not self._done(future):
            self.threads()
        with self._mapped():
            if future.status == "error":
                self._explain(future.exception())
            if future.status != "finished":
                raise EngineError(f"{self._name}: {LOST}")
            return future.result()

    def wait_for(self, futures: list[Any]) -> None:
        """Wait until all are done, however they end. Raises `EngineError`."""
        for future in futures:
            while not self._done(future):
                self.threads()

    def close(self) -> None:
        """Leave the cluster; a local one is ended."""
        with suppress(OSError, TimeoutError, RuntimeError, CancelledError), _no_warnings():
            self._client.close(timeout=CLOSE_SECONDS)
            if self._local is not None:
                self._local.close(timeout=CLOSE_SECONDS)

    def _done(self, future: Any) -> bool:  # noqa: ANN401 - dask has no types
        hear()
        try:
            with self._client.as_current():
                distributed.wait([future], timeout=TURN)
        except (TimeoutError, distributed.TimeoutError):
            return False
        except CancelledError:
            return True
        return True

    def _explain(self, error: BaseException) -> None:
        if isinstance(error, distributed.KilledWorker):
            raise WorkersDied
        raise EngineError(f"{self._name}: a worker failed: {type(error).__name__}: {error}")

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        """Dask's errors as ours. A client whose scheduler has gone has none any more to ask: an `AttributeError`."""
        try:
            yield
        except (OSError, TimeoutError, CancelledError, RuntimeError, ValueError, AttributeError) as error:
            raise EngineError(f"{self._name}: {LOST} ({type(error).__name__}: {error})") from error


def connect(address: str) -> Cluster:
    """A cluster that runs already. Raises `EngineError` where no scheduler or worker answers, or a wrong version."""
    try:
        with _no_warnings():
            client = distributed.Client(address, timeout=CONNECT_SECONDS, set_as_default=False, name="app-scanner")
    except (OSError, TimeoutError, ValueError) as error:
        raise EngineError(f"{address}: no Dask scheduler answers there ({error})") from error
    try:
        _check(client, address)
    except EngineError:
        client.close(timeout=CLOSE_SECONDS)
        raise
    return Cluster(client, address)


def local_cluster(jobs: int) -> Cluster:
    """A cluster on this machine: so many workers of one thread each. Raises `EngineError`."""
    dask.config.set({"logging": _SILENT_WORKERS})
    try:
        with _no_warnings(), kept_from_children():
            local = distributed.LocalCluster(
                n_workers=jobs,
                threads_per_worker=1,
                dashboard_address=None,
                memory_limit=0,
                silence_logs=logging.CRITICAL + 1,
            )
            client = distributed.Client(local, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, RuntimeError) as error:
        raise EngineError(f"a local Dask cluster cannot be started ({error})") from error
    finally:
        dask.config.set({"logging": _SILENT})
    return Cluster(client, "the local Dask cluster", local)


def _check(client: Any, address: str) -> None:  # noqa: ANN401 - dask has no types
    """Whether there are workers, and all of our version and this Python's."""
    try:
        with _no_warnings():
            client.wait_for_workers(1, timeout=CONNECT_SECONDS)
            asked = [
                client.run(pkgutil.resolve_name, name, on_error="return")
                for name in ("scanner:__version__", "sys:hexversion")
            ]
    except (TimeoutError, distributed.TimeoutError) as error:
        raise EngineError(f"{address}: the scheduler has no worker; start one with: dask worker {address}") from error
    if complaint := mismatch(*asked):
        raise EngineError(f"{address}: {complaint}")


def mismatch(ours: Mapping[str, object], pythons: Mapping[str, object]) -> str | None:
    """What is wrong with a worker, by what each answered: our version, and its Python's as ``sys.hexversion``."""
    import sys

    for worker, version in ours.items():
        if isinstance(version, ModuleNotFoundError):
            return f"app-scanner is not installed on worker {worker}; install {__version__} there, as here"
        if version != __version__:
            return f"worker {worker} has app-scanner {version}, this is {__version__}: install the same on both"
    for worker, number in pythons.items():
        if not isinstance(number, int) or number & _PYTHON != sys.hexversion & _PYTHON:
            theirs = f"{number >> 24}.{number >> 16 & 0xFF}" if isinstance(number, int) else number
            here = f"{sys.version_info.major}.{sys.version_info.minor}"
            return f"worker {worker} runs Python {theirs}, this is Python {here}: use the same on both"
    return None


@contextmanager
def _no_warnings() -> Iterator[None]:
    """What Dask warns of, such as another version of its own, is no line of ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
