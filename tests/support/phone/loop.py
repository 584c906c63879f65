"""A small event loop: file descriptors with callbacks, and things to do later."""

from __future__ import annotations

import heapq
import itertools
import select
import time
from collections.abc import Callable


class Loop:
    """Calls what is ready. One thread, so that nothing needs a lock."""

    def __init__(self) -> None:
        self._poll = select.epoll()
        self._readers: dict[int, Callable[[int], None]] = {}
        self._writers: dict[int, Callable[[], None]] = {}
        self._masks: dict[int, int] = {}
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self.running = True

    def reader(self, descriptor: int, call: Callable[[int], None]) -> None:
        """Call when there is something to read."""
        self._readers[descriptor] = call
        self._register(descriptor)

    def writer(self, descriptor: int, call: Callable[[], None]) -> None:
        """Call when writing would not block."""
        self._writers[descriptor] = call
        self._register(descriptor)

    def forget_writer(self, descriptor: int) -> None:
        """No longer wait for writing."""
        if self._writers.pop(descriptor, None):
            self._register(descriptor)

    def forget(self, descriptor: int) -> None:
        """Watch this no longer; to be called before it is closed."""
        self._readers.pop(descriptor, None)
        self._writers.pop(descriptor, None)
        self._register(descriptor)

    def _register(self, descriptor: int) -> None:
        mask = (select.EPOLLIN if descriptor in self._readers else 0) | (
            select.EPOLLOUT if descriptor in self._writers else 0
        )
        before = self._masks.get(descriptor, 0)
        if mask == before:
            return
        if not mask:
            self._poll.unregister(descriptor)
            del self._masks[descriptor]
            return
        (self._poll.modify if before else self._poll.register)(descriptor, mask)
        self._masks[descriptor] = mask

    def at(self, moment: float, call: Callable[[], None]) -> None:
        """Call at that moment of `time.monotonic`, in order of asking where moments are the same."""
        heapq.heappush(self._later, (moment, next(self._order), call))

    def run(self) -> None:
        """Run until ``running`` is false."""
        while self.running:
            wait = -1.0
            while self._later:
                wait = self._later[0][0] - time.monotonic()
                if wait > 0:
                    break
                heapq.heappop(self._later)[2]()
                wait = -1.0
            if not self.running:
                return
            for descriptor, mask in self._poll.poll(wait):
                if mask & ~select.EPOLLOUT and (read := self._readers.get(descriptor)):
                    read(descriptor)
                if mask & ~select.EPOLLIN and (write := self._writers.get(descriptor)):
                    write()
