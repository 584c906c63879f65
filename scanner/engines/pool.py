"""Several processes at once, results in the order of the candidates.

Candidates go out in batches within a window, so memory stays flat however many there are. A process that
dies takes its batch with it: the members of that batch are read again one by one in a process of their
own, and the one that kills it is named.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import chain, islice
from multiprocessing import forkserver
from typing import TYPE_CHECKING

from scanner.engines.together import IO_CONCURRENCY, Together, is_remote
from scanner.errors import ScannerError
from scanner.interruption import result_of
from scanner.model import SCHEMA_VERSION, App, Expansion, Outcome, UnreadRow, printable

if TYPE_CHECKING:
    from scanner.engines import Reads

BATCH = 16
"""Candidates sent to a process at once: enough to make the sending cheap, few enough to share evenly."""
REMOTE_BATCH = 64
"""The same of candidates at an address: many of them are read at once, and the last one is waited for."""
WINDOW = 4
"""Batches under way for each process."""
WORTH_IT = 48
"""With fewer candidates than this, starting processes costs more than it saves."""
PRELOADED = ["scanner.reading", "androguard.core.axml", "cryptography.x509"]
"""What is imported once, before processes are forked off."""
CANNOT_START = "processes to read with cannot be started (a script needs its `if __name__ == '__main__'` guard)"
Item = App | Outcome

_reader: Reads | None = None
_together = Together(1)


def _start(reader: Reads | None, threads: int) -> None:
    """Set up a process: it leaves Ctrl-C to the parent, which decides what is still written."""
    global _reader, _together
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reader, _together = reader, Together(threads)


def _read(batch: list[Item]) -> list[list[Outcome]]:
    if _reader is None:
        raise RuntimeError("a worker process was not set up")
    return list(_together.over(batch, partial(_outcomes, _reader)))


def _outcomes(reader: Reads, item: Item) -> list[Outcome]:
    return reader(item) if isinstance(item, App) else [item]


def _ready() -> None:
    """Prove that a process can be started at all."""


class PoolEngine:
    """A pool of ``jobs`` processes, started when there is enough to do. See `Engine`."""

    def __init__(self, jobs: int, worth_it: int = WORTH_IT, io_concurrency: int = IO_CONCURRENCY) -> None:
        self._jobs = jobs
        self._threads = -(-io_concurrency // jobs)
        self._together = Together(io_concurrency)
        self._worth_it = worth_it
        self._pool: ProcessPoolExecutor | None = None

    def run(self, reader: Reads, items: Iterable[Item]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        ahead = iter(items)
        first = list(islice(ahead, self._worth_it))
        if self._pool is None and len(first) < self._worth_it:
            yield from self._here(reader, first)
            return
        under_way: deque[tuple[list[Item], Future[list[list[Outcome]]]]] = deque()
        rest = chain(first, ahead)
        while batch := _batch(rest):
            under_way.append((batch, self._submit(reader, batch)))
            if len(under_way) >= self._jobs * WINDOW:
                yield from self._gather(reader, *under_way.popleft())
        while under_way:
            yield from self._gather(reader, *under_way.popleft())

    def close(self) -> None:
        """See `Engine.close`."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        self._together.close()

    def _submit(self, reader: Reads, batch: list[Item]) -> Future[list[list[Outcome]]]:
        if self._pool is None:
            self._pool = _new_pool(self._jobs, reader, self._threads)
        try:
            return self._pool.submit(_read, batch)
        except BrokenProcessPool:
            self.close()
            self._pool = _new_pool(self._jobs, reader, self._threads)
            return self._pool.submit(_read, batch)

    def _gather(self, reader: Reads, batch: list[Item], future: Future[list[list[Outcome]]]) -> Iterator[Outcome]:
        try:
            results = result_of(future)
        except BrokenProcessPool:
            results = [_alone(reader, item) for item in batch]
        for outcome in chain.from_iterable(results):
            yield from self._expanded(reader, outcome)

    def _here(self, reader: Reads, items: list[Item]) -> Iterator[Outcome]:
        if any(map(is_remote, items)):
            for outcome in chain.from_iterable(self._together.over(items, partial(_outcomes, reader))):
                yield from self._expanded(reader, outcome)
            return
        for item in items:
            for outcome in reader.stream(item, inline=False) if isinstance(item, App) else (item,):
                yield from self._expanded(reader, outcome)

    def _expanded(self, reader: Reads, outcome: Outcome) -> Iterator[Outcome]:
        """More work found inside a container is done in its place; what must be streamed, in this process."""
        if not isinstance(outcome, Expansion):
            yield outcome
        elif outcome.inline:
            for app in outcome.apps:
                for inner in reader.stream(app):
                    yield from self._expanded(reader, inner)
        else:
            yield from self.run(reader, outcome.apps)


def _batch(items: Iterator[Item]) -> list[Item]:
    """The next candidates for one process."""
    first = list(islice(items, 1))
    return first + list(islice(items, (REMOTE_BATCH if any(map(is_remote, first)) else BATCH) - 1)) if first else []


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """Let what is started here ignore Ctrl-C from its first moment, before it could set that up itself."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set signals; elsewhere `_start` has to be enough
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _new_pool(jobs: int, reader: Reads | None, threads: int = 1) -> ProcessPoolExecutor:
    methods = multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
    if "forkserver" in methods:
        multiprocessing.set_forkserver_preload(PRELOADED)
        with _deaf_to_ctrl_c():
            forkserver.ensure_running()
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_start, initargs=(reader, threads))


def _alone(reader: Reads, item: Item) -> list[Outcome]:
    """Read one candidate in a process of its own, so that the one which kills it is known."""
    if not isinstance(item, App):
        return [item]
    with _new_pool(1, reader) as pool:
        try:
            result_of(pool.submit(_ready))
        except BrokenProcessPool as error:
            raise ScannerError(f"{CANNOT_START}: {error}") from error
        try:
            return result_of(pool.submit(_read, [item]))[0]
        except BrokenProcessPool:
            reason = "the process that read it died; please report this file"
            return [UnreadRow(SCHEMA_VERSION, printable(item.source), "file", str(item.location), reason)]
