"""Starting the processes that read, and ending them."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from scanner.engines.child import serve
from scanner.interruption import kept_from_children

PRELOADED = ["scanner.reading", "scanner.apk.verify", "scanner.engines.child", "cryptography.x509"]
"""What is imported once, before processes are forked off."""


class Child:
    """A process that reads, with our ends of its pipes."""

    def __init__(
        self,
        process: BaseProcess | subprocess.Popen[bytes],
        inbox: Connection,
        outbox: Connection,
        marks: Connection,
    ) -> None:
        self.inbox, self.outbox, self.marks = inbox, outbox, marks
        os.set_blocking(marks.fileno(), False)
        self._process = process

    @property
    def pid(self) -> int | None:
        """The number of the process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended; the number of a signal is negative."""
        return self._process.returncode if isinstance(self._process, subprocess.Popen) else self._process.exitcode

    def kill(self) -> None:
        """End it at once, and wait until it has gone; what it sent can still be read."""
        self._process.kill()
        if isinstance(self._process, subprocess.Popen):
            self._process.wait()
        else:
            self._process.join()

    def close(self) -> None:
        """Close the pipes."""
        for pipe in (self.inbox, self.outbox, self.marks):
            pipe.close()


Launch = Callable[[], Child]
"""Starts one process. Raises `OSError`."""


def forked() -> Child:
    """A process forked off a server that has imported already what reading needs; `OSError` where none can be."""
    context: ForkServerContext | SpawnContext = multiprocessing.get_context("spawn")
    if "forkserver" in multiprocessing.get_all_start_methods():
        context = multiprocessing.get_context("forkserver")
        multiprocessing.set_forkserver_preload(PRELOADED)
    (their_inbox, inbox), (outbox, their_outbox), (marks, their_marks) = (Pipe(duplex=False) for _ in range(3))
    theirs = (their_inbox, their_outbox, their_marks)
    process = context.Process(target=serve, args=theirs, daemon=True)
    try:
        with kept_from_children():
            process.start()
    except EOFError as error:
        raise OSError("the server of processes has gone") from error
    finally:
        for pipe in theirs:
            pipe.close()
    return Child(process, inbox, outbox, marks)


def commanded() -> Child:
    """A process started as a command: where this one may have no children of `multiprocessing`. Raises `OSError`."""
    (their_inbox, inbox), (outbox, their_outbox), (marks, their_marks) = (Pipe(duplex=False) for _ in range(3))
    theirs = (their_inbox, their_outbox, their_marks)
    numbers = [pipe.fileno() for pipe in theirs]
    command = [sys.executable, "-P", "-c", "from scanner.engines.child import main; main()", *map(str, numbers)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        process = subprocess.Popen(  # noqa: S603 - this very program
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            pass_fds=numbers,
            process_group=0,  # Ctrl-C is for whoever started the scan
        )
    finally:
        for pipe in theirs:
            pipe.close()
    return Child(process, inbox, outbox, marks)
