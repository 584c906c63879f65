"""Processes that work through batches, each watched: one that dies or takes too long costs a single item.

A process has one batch in work and, so that it never waits, a second one in its pipe where that is small enough to
be sent without blocking. Everything happens in the thread that calls: there is nothing to be locked.

Of a process that dies, the items that it was at are read again alone, since not every death is theirs; whoever kills
a second one is lost. What takes too long is lost at once, with its process. The rest of a batch is read again.
"""

from __future__ import annotations

import os
import pickle
import time
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any, Final

from scanner.engines.child import BATCH_ENDED, ENDED, Setup
from scanner.engines.launching import Child, Launch
from scanner.engines.watchdog import DIED, Lost, took_too_long
from scanner.engines.windowed import Ended
from scanner.errors import EngineError
from scanner.interruption import TURN

PIPE_ROOM = 16 << 10
"""Bytes that every system's pipe holds, so that sending them never blocks."""
STARTS = 3
"""Processes in a row that may die before they have started."""
CANNOT_START = "processes to read with cannot be started (a script needs its `if __name__ == '__main__'` guard)"
_OPEN: Final = object()


class Task:
    """A batch under way."""

    def __init__(self, items: Sequence[Any]) -> None:
        self.items = items
        self.results: list[Any] = [_OPEN] * len(items)
        self.missing = len(items)
        self.pickled: bytes | None = None
        """All results as they came, where they came together and nobody has to look at them."""

    def settle(self, place: int, result: object) -> None:
        """Take the result of one item."""
        self.missing -= self.results[place] is _OPEN
        self.results[place] = result


class _Piece:
    """Items of one task that go to a process together; ``alone`` is one that another process died of."""

    def __init__(self, task: Task, places: Sequence[int], *, alone: bool = False) -> None:
        self.task, self.places, self.alone = task, places, alone
        self.returned = False
        self.data = pickle.dumps([task.items[place] for place in places], pickle.HIGHEST_PROTOCOL)


class _Worker:
    """A process, the pieces that it was sent, and what it is at."""

    def __init__(self, child: Child) -> None:
        self.child = child
        self.told = self.ready = False
        self.pieces: deque[_Piece] = deque()
        self.received = 0
        self._ended = 0
        self._running: dict[int, float] = {}

    def takes(self, piece: _Piece) -> bool:
        """Whether the piece can be sent now, without waiting for the process."""
        if not self.ready:
            return False
        return not self.pieces or (len(self.pieces) == 1 and len(piece.data) < PIPE_ROOM and not piece.alone)

    def look(self, passed: float) -> None:
        """Read the marks; whatever was running before and still is has taken so many seconds more."""
        for place in self._running:
            self._running[place] += passed
        try:
            marks = os.read(self.child.marks.fileno(), 1 << 16)
        except BlockingIOError:
            return
        for mark in memoryview(marks).cast("H"):
            if mark == BATCH_ENDED:
                self._ended += 1
                self._running.clear()
            elif mark & ENDED:
                self._running.pop(mark & ~ENDED, None)
            else:
                self._running[mark] = 0.0

    def longer_than(self, seconds: float) -> list[int]:
        """Places of the items that have taken longer."""
        return [place for place, taken in self._running.items() if taken >= seconds]

    def running(self) -> list[int]:
        """Places in the first piece that the process was at when it died; all of them where that is not known."""
        if self._ended > self.received or not self._running:
            return list(range(len(self.pieces[0].places)))
        return list(self._running)


class Crew:
    """Up to ``size`` processes. `submit` batches, then `wait` for each; or `close`, from any thread."""

    def __init__(self, setup: Setup, size: int, launch: Launch, *, pickled: bool = False) -> None:
        self._setup, self._size, self._launch, self._pickled = setup, size, launch, pickled
        self._told = pickle.dumps(setup, pickle.HIGHEST_PROTOCOL)
        self._workers: list[_Worker] = []
        self._queue: deque[_Piece] = deque()
        self._failed_starts = 0
        self._looked = time.monotonic()
        self._closed = False

    @property
    def pids(self) -> list[int | None]:
        """The processes there are now."""
        return [worker.child.pid for worker in self._workers]

    def submit(self, items: Sequence[Any]) -> Task:
        """Have a batch of up to `child.MOST` items read."""
        task = Task(items)
        self._queue.append(_Piece(task, range(len(items))))
        self._turn(0)
        return task

    def wait(self, task: Task) -> list[Any]:
        """The result of each item, `Lost` where there is none.

        Raises:
            Ended: the crew was closed.
            EngineError: no process can be started.
        """
        while task.missing:
            self._turn(TURN)
        return task.results

    def wait_pickled(self, task: Task) -> bytes:
        """The same, pickled: for somebody else. Of a crew that was made with ``pickled``."""
        results = self.wait(task)
        return pickle.dumps(results, pickle.HIGHEST_PROTOCOL) if task.pickled is None else task.pickled

    @property
    def closed(self) -> bool:
        """Whether it was closed: whoever submits or waits is told so by `Ended`."""
        return self._closed

    def close(self) -> None:
        """End every process at once."""
        self._closed = True
        for worker in self._workers:
            worker.child.kill()

    def _turn(self, seconds: float) -> None:
        """Give out what waits, take what comes within so many seconds, and look after everybody."""
        if self._closed:
            self.close()  # a process may have been started while another thread closed it
            raise Ended
        self._collect(0)
        self._give_out()
        self._collect(seconds)
        now = time.monotonic()
        if now - self._looked >= TURN:
            passed, self._looked = min(now - self._looked, 2 * TURN), now
            for worker in list(self._workers):
                self._look_after(worker, passed)
        self._give_out()

    def _collect(self, seconds: float) -> None:
        ready = wait([worker.child.outbox for worker in self._workers], seconds)
        for worker in [worker for worker in self._workers if worker.child.outbox in ready]:
            if not self._receive(worker):
                self._bury(worker)

    def _give_out(self) -> None:
        while self._queue and self._send(self._queue[0]):
            self._queue.popleft()
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._workers) < self._size and len(self._queue) > starting:
            starting += 1
            self._start()

    def _send(self, piece: _Piece) -> bool:
        takers = [worker for worker in self._workers if worker.takes(piece)]
        if not takers:
            return False
        worker = min(takers, key=lambda worker: len(worker.pieces))
        worker.pieces.append(piece)
        _tell(worker, piece.data)
        return True

    def _start(self) -> None:
        try:
            self._workers.append(_Worker(self._launch()))
        except OSError as error:
            raise EngineError(f"{CANNOT_START}: {error}") from error

    def _receive(self, worker: _Worker) -> bool:
        """Take one message; whether there was one, and not its end."""
        try:
            data = worker.child.outbox.recv_bytes()
        except (EOFError, OSError):
            return False
        if not worker.told:
            worker.told = True
            _tell(worker, self._told)
        elif not worker.ready:
            worker.ready, self._failed_starts = True, 0
        else:
            self._settle(worker, data)
        return True

    def _settle(self, worker: _Worker, data: bytes) -> None:
        piece = worker.pieces.popleft()
        worker.received += 1
        if self._pickled and len(piece.places) == len(piece.task.items):
            piece.task.pickled, piece.task.missing = data, 0
            return
        for place, result in zip(piece.places, pickle.loads(data), strict=True):  # noqa: S301 - of our own process
            piece.task.settle(place, result)

    def _look_after(self, worker: _Worker, passed: float) -> None:
        worker.look(passed)
        if worker.longer_than(self._setup.item_seconds):
            worker.child.kill()
            while self._receive(worker):
                pass
            self._bury(worker, by_us=True)

    def _bury(self, worker: _Worker, *, by_us: bool = False) -> None:
        """Have what a process left behind read by others, without the items that it died of."""
        if self._closed:
            raise Ended
        self._workers.remove(worker)
        worker.child.kill()
        worker.look(0)
        worker.child.close()
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= STARTS:
                raise EngineError(f"{CANNOT_START}; the last one ended with {worker.child.exit_code}")
        if not worker.pieces:
            return
        first, *others = worker.pieces
        self._queue.extendleft(reversed(others))
        if worker.child.exit_code == 0 and not first.returned:  # it had just ended for want of work
            first.returned = True
            self._queue.appendleft(first)
            return
        late = worker.longer_than(self._setup.item_seconds)
        for place in late:
            first.task.settle(first.places[place], Lost(took_too_long(self._setup.item_seconds)))
        suspects = [] if late or by_us else worker.running()
        if first.alone and suspects:
            first.task.settle(first.places[0], Lost(DIED))
            return
        rest = [first.places[place] for place in range(len(first.places)) if place not in {*late, *suspects}]
        if rest:
            self._queue.appendleft(_Piece(first.task, rest, alone=first.alone))
        self._queue.extendleft(_Piece(first.task, [first.places[place]], alone=True) for place in suspects)


def _tell(worker: _Worker, data: bytes) -> None:
    """Send; to a process that has died nothing is sent, and its outbox says so."""
    with suppress(BrokenPipeError):
        worker.child.inbox.send_bytes(data)
