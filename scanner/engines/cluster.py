"""A Dask cluster: batches of locations go to its workers, the rows come back in order.

What is asked of Dask is little: run a function on a batch, once more where a worker is lost. That no APK takes a
worker down with it is up to `scanner.engines.onworker`; should one do so all the same, its batch is read one by one.
"""

from __future__ import annotations

import pickle
import uuid
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanner import __version__
from scanner.engines.child import Setup
from scanner.engines.dasklib import Cluster, WorkersDied
from scanner.engines.onworker import IDLE_SECONDS, read_batch, told
from scanner.engines.watchdog import Lost
from scanner.engines.windowed import Item, WindowedEngine, outcomes
from scanner.interruption import held
from scanner.model import App, Outcome

if TYPE_CHECKING:
    from scanner.engines import Reads

LEAST, MOST = 8, 384
"""Candidates of a task. Dask spends some ten milliseconds of CPU time on one, which must be little beside the reading;
but where each takes long, all of a batch wait for the last."""
BATCH_SECONDS = 2.0
"""What a task should take, from what those before it did."""
WINDOW = 3
"""Batches under way for each thread of the workers."""
WORKERS_DIED = "several workers of the cluster died while it was read; please report this file"


class Sent:
    """A batch, and the task that reads it."""

    def __init__(self, batch: list[App], future: Any) -> None:  # noqa: ANN401 - dask has no types
        self.batch, self.future = batch, future


class ClusterEngine(WindowedEngine[Sent]):
    """See `Engine`."""

    def __init__(self, cluster: Cluster, io_concurrency: int, item_seconds: float) -> None:
        super().__init__(item_seconds)
        self._cluster, self._io_concurrency = cluster, io_concurrency
        self._session = uuid.uuid4().hex
        self._numbers = count()
        self._told: Any = None
        self._seconds_each = BATCH_SECONDS / LEAST
        self._under_way: deque[Sent] = deque()

    def run(self, reader: Reads, items: Iterable[Item]) -> Iterator[Outcome]:
        """See `Engine.run`."""
        with held():
            yield from super().run(reader, items)

    def close(self) -> None:
        """See `Engine.close`."""
        self._under_way.clear()
        self._told = None
        self._cluster.close()

    def _batch_size(self, *, remote: bool) -> int:  # noqa: ARG002 - what counts is the time it takes
        return max(LEAST, min(MOST, int(BATCH_SECONDS / max(self._seconds_each, 1e-9))))

    def _window(self) -> int:
        return max(1, self._cluster.threads()) * WINDOW

    def _sent(self, reader: Reads, batch: list[App]) -> Sent:
        if self._told is None:
            self._told = self._submitted(told, self._session, __version__, pickle.dumps(self._setup(reader)))
        sent = Sent(batch, self._read(batch))
        self._under_way.append(sent)
        return sent

    def _taken(self, ticket: Sent) -> list[list[Outcome] | Lost]:
        try:
            return self._results(ticket.future, len(ticket.batch))
        except WorkersDied:
            self._cluster.wait_for([sent.future for sent in self._under_way])
            return [self._alone(item) for item in ticket.batch]
        finally:
            self._under_way = deque(sent for sent in self._under_way if sent is not ticket)

    def _alone(self, item: App) -> list[Outcome] | Lost:
        """One item, while the cluster has nothing else of ours to do: a worker that dies now dies of it."""
        try:
            return self._results(self._read([item]), 1)[0]
        except WorkersDied:
            return Lost(WORKERS_DIED)

    def _read(self, batch: list[App]) -> Any:  # noqa: ANN401 - dask has no types
        return self._submitted(read_batch, self._told, pickle.dumps(batch, pickle.HIGHEST_PROTOCOL))

    def _submitted(self, function: Any, *words: Any) -> Any:  # noqa: ANN401 - dask has no types
        return self._cluster.submit(function, *words, key=f"app-scanner-{self._session}-{next(self._numbers)}")

    def _results(self, future: Any, count: int) -> list[list[Outcome] | Lost]:  # noqa: ANN401 - dask has no types
        seconds, data = self._cluster.result(future)
        self._seconds_each = (self._seconds_each + seconds / count) / 2
        results: list[list[Outcome] | Lost] = pickle.loads(data)  # noqa: S301 - of our workers
        return results

    def _setup(self, reader: Reads) -> Setup:
        threads = -(-self._io_concurrency // max(1, self._cluster.threads()))
        work = pickle.dumps(partial(outcomes, reader))
        return Setup(work, threads, self._item_seconds, IDLE_SECONDS, str(Path.cwd()))
