"""A Dask scheduler and its workers as processes of their own, over TCP, as an operator starts them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from types import TracebackType
from typing import IO, Self

from scanner.errors import EngineError

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
SETTINGS = {
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "60s",
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
}


class DaskProcess:
    """``dask scheduler`` or ``dask worker``; `address` is where the scheduler listens."""

    def __init__(
        self, *words: str, before: Sequence[str] = (), python_path: str | None = None, workers: int = 0
    ) -> None:
        self.address = ""
        environment = os.environ | SETTINGS | {"PYTHONPATH": python_path or str(ROOT)}
        command = [*before, sys.executable, "-m", "distributed.cli." + words[0], *words[1:]]
        self._process = subprocess.Popen(
            command,
            cwd=environment["PYTHONPATH"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self._process.stderr is not None
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True).start()
        try:
            if words[0] == "dask_scheduler":
                self.address = self._await(r"Scheduler at:\s+(tcp://\S+)")
            for _ in range(workers):
                self._await(r"Registered to:\s+(tcp://\S+)")
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """The number of the process that has all the others below it."""
        return self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def kill(self) -> None:
        """End the process and all that it started, at once."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _drain(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line)
        stream.close()

    def _await(self, pattern: str) -> str:
        deadline, said = time.monotonic() + START_SECONDS, ""
        while (left := deadline - time.monotonic()) > 0:
            try:
                line = self._lines.get(timeout=left)
            except Empty:
                break
            said += line
            if found := re.search(pattern, line):
                return found[1]
        raise TimeoutError(said)


def scheduler() -> DaskProcess:
    """A scheduler without a dashboard, at a port of its own."""
    return DaskProcess("dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--no-jupyter")


def worker(address: str, *, count: int = 1, before: Sequence[str] = (), python_path: str | None = None) -> DaskProcess:
    """Workers of that scheduler, of one thread each, with a nanny that starts them again when they die.

    ``before`` is a command that starts them, such as ``taskset``.
    """
    words = ["--nworkers", str(count), "--nthreads", "1", "--no-dashboard", "--memory-limit", "0"]
    return DaskProcess("dask_worker", address, *words, before=before, python_path=python_path, workers=count)


@contextmanager
def cluster(workers: int = 2) -> Iterator[str]:
    """The address of a scheduler with so many workers."""
    with scheduler() as main, worker(main.address, count=workers):
        yield main.address


def settled(address: str, workers: int = 2) -> list[int]:
    """The processes of the workers, once so many answer: those that were killed are started again by their nannies."""
    deadline, found = time.monotonic() + START_SECONDS, list[int]()
    while len(found) != workers:
        assert time.monotonic() < deadline, f"of {workers} workers these answer: {found}"
        with suppress(EngineError, OSError, TimeoutError):  # one is dying, or only just starting
            found = _pids(address)
    return found


def _pids(address: str) -> list[int]:
    from scanner.engines import dasklib

    cluster = dasklib.connect(address)
    try:
        return sorted(cluster._client.run(os.getpid).values())
    finally:
        cluster.close()
