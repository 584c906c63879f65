"""Runs one command and prints what it cost, as JSON. Started as a process of its own, and kept small.

The high-water mark of a process begins with that of the process which started it, so a command must not be
started by a large one: this is the small one between. Processes that outlive the command (a fork server
and its workers) are adopted and waited for, so that their memory counts; their time does not.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
KIB = 1024


def main() -> None:
    """Run the rest of the command line."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    begin = time.perf_counter()
    code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
    seconds = time.perf_counter() - begin
    _wait_for_orphans()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cost = {
        "seconds": seconds,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * (1 if sys.platform == "darwin" else KIB),
        "code": code,
    }
    print(json.dumps(cost))


def _wait_for_orphans() -> None:
    while True:
        try:
            os.wait()
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
