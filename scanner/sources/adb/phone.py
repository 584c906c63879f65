"""One phone: commands that run on it, shells that stay open, and ranges of its files.

A dropped connection is tried anew, a command that hangs is not: it had its time. A phone that failed too often
in a row is given up, so that one that hangs is not waited for once for each of its apps. What every command said can be
kept by a recorder, so that an auditor can repeat the reading later.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cached_property
from typing import Protocol

from scanner.errors import ReadError
from scanner.model import PhoneAddress
from scanner.sources.adb.channel import MAX_OUTPUT, Answer, Shell, run
from scanner.sources.adb.server import AdbServer

log = logging.getLogger(__name__)
TIMEOUT = 60.0
"""Seconds that a command on a phone may take, unless ``--timeout`` says otherwise."""
PAUSES = (0.3, 1.2)
"""Seconds before a question is asked a second and a third time: a loose cable is back that soon."""
MOST_FAILURES = 8
"""So many questions in a row without an answer, and the phone is given up."""
STOPPED = "the scan was stopped"


class Recorder(Protocol):
    """Keeps what a phone said."""

    def __call__(self, command: str, answer: Answer) -> None:
        """Keep the answer to one command."""
        ...


class Phone:
    """A phone behind an adb server. Safe to share between threads."""

    def __init__(self, address: PhoneAddress, timeout: float = TIMEOUT, recorder: Recorder | None = None) -> None:
        self.address = address
        self.timeout = timeout
        self._server = AdbServer(address.server)
        self._recorder = recorder
        self._idle: list[Shell] = []
        self._lock = threading.Lock()
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        self._failures = 0
        self._closed = False

    @cached_property
    def features(self) -> frozenset[str]:
        """What adb and the phone both know. Raises `ReadError`."""
        return self._server.features(self.address)

    @property
    def shell_v2(self) -> bool:
        """Whether output, errors and exit status come apart (Android 7 and newer)."""
        return "shell_v2" in self.features

    def open(self, service: str, timeout: float) -> socket.socket:
        """A connection to one of its services. Raises `ReadError`."""
        connection = self._server.open(self.address, service, timeout)
        with self._lock:
            self._open.add(connection)
            closed = self._closed
        if closed:
            connection.close()
            raise ReadError(STOPPED)
        return connection

    def run(self, command: str) -> Answer:
        """Run one command; a failure is in the answer. Tried again where nothing at all came back."""
        try:
            v2 = self.shell_v2
        except ReadError as error:
            return Answer(b"", problem=str(error))
        answer = run(self, command, self.timeout, v2=v2)
        if answer.problem and not answer.out and "no answer within" not in answer.problem and not self._closed:
            answer = run(self, command, self.timeout, v2=v2)
        if answer.problem and self._closed:
            answer = Answer(answer.out, answer.err, answer.code, STOPPED)
        log.debug("%s: %s: status %s, %d bytes", self.address.serial, command, answer.code, len(answer.out))
        if self._recorder is not None:
            self._recorder(command, answer)
        return answer

    def ask(self, command: str, limit: int = MAX_OUTPUT) -> tuple[bytes, int]:
        """Output and exit status of a command in a shell that is open already.

        Raises:
            ReadError: no answer in time, or the phone is gone.
            LimitExceeded: the answer is longer than ``limit`` bytes.
        """
        for pause in (*PAUSES, None):
            if self._failures >= MOST_FAILURES:
                raise ReadError(f"the phone gave no answer {MOST_FAILURES} times in a row, and is not asked any more")
            try:
                with self._shell() as shell:
                    answer = shell.ask(command, limit)
                self._failures = 0
                return answer
            except ReadError as error:
                if self._closed:
                    raise ReadError(STOPPED) from error
                if pause is None or "no answer within" in str(error):
                    self._failures += 1
                    raise
                self._drop_idle()
                time.sleep(pause)
        raise AssertionError("the last try returns or raises")

    def lost(self) -> str | None:
        """Why the phone answers no more; None where it does."""
        try:
            self.ask("echo")
        except ReadError as error:
            return str(error)
        return None

    @contextmanager
    def _shell(self) -> Iterator[Shell]:
        """A shell to oneself; given back unless it failed."""
        with self._lock:
            shell = self._idle.pop() if self._idle else None
        if shell is None:
            shell = Shell(self, self.timeout, v2=self.shell_v2)
        good = False
        try:
            yield shell
            good = True
        finally:
            with self._lock:
                keep = good and not self._closed
                if keep:
                    self._idle.append(shell)
            if not keep:
                shell.close()

    def _drop_idle(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for shell in idle:
            with suppress(OSError):
                shell.close()

    def close(self) -> None:
        """Close its shells; what is still under way fails at once."""
        with self._lock:
            self._closed = True
            under_way = list(self._open)
        for connection in under_way:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self._drop_idle()
