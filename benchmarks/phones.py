"""A phone full of apps: every certificate by ranges, against ``adb pull`` of every APK, and the second scan.

The phone is the simulated one of the tests: a real adb server, real shell and tools, a daemon of our own that counts
bytes and round trips and waits before it handles each packet of the host. Its ``dd`` is GNU's alone, without the script
by which the tests hold it to its release's flags: on a phone, too, ``dd`` is one program to start.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from benchmarks import data
from benchmarks.processes import ROOT, python
from benchmarks.results import Result, at_most, faster
from benchmarks.timing import in_turns
from benchmarks.tools import OURS
from tests.support.phone import AdbServer, Counters, NoPhoneError, SimulatedPhone, installed, phone_of

PULL = "adb pull of every APK"
LATENCY = 0.002
"""Seconds that the phone takes before it handles a packet."""
FASTER, SHARE = 20, 0.01
DIFFERENT = 10
"""APKs made; the phone's apps are links to them."""


class Desk(NamedTuple):
    """A phone at an adb server, with a place for what is pulled and for the cache."""

    server: AdbServer
    phone: SimulatedPhone
    folder: Path


def missing() -> str | None:
    """What is missing for this part, if anything."""
    absent = [tool for tool in ("mksh-static", "toybox") if shutil.which(tool) is None]
    return " and ".join(absent) or None


def phones(apps: int, mean_bytes: int, turns: int) -> Iterator[Result]:
    """The budget of the design, with the counts."""
    what = f"phone with {apps} apps of {mean_bytes / 1e6:g} MB on average, {LATENCY * 1000:g} ms"
    with _desk(apps, mean_bytes) as desk:
        taken = in_turns({OURS: partial(_scan, desk, "--no-cache"), PULL: partial(_pull, desk)}, turns)
        times = taken.milliseconds(OURS), taken.milliseconds(PULL)
        yield faster(what, PULL, FASTER, taken.ratio(PULL, OURS), taken.spread(PULL, OURS), *times)
        first = _counted(desk, partial(_scan, desk))
        second = _counted(desk, partial(_scan, desk))
        pulled = _counted(desk, partial(_pull, desk))
        share = first.bytes_to_host / pulled.bytes_to_host
        yield at_most(f"{what}, bytes", PULL, SHARE, share, _bytes(first), _bytes(pulled))
        listing = _counted(desk, partial(_scan, desk, "--no-cache", "--evidence", "hints"))
        again = second.bytes_to_host / listing.bytes_to_host
        yield at_most("second scan, bytes", "the listing alone", 1.05, again, _bytes(second), _bytes(listing))


@contextmanager
def _desk(apps: int, mean_bytes: int) -> Iterator[Desk]:
    """A phone with so many apps, half of them smaller than the mean and half larger."""
    sizes = [mean_bytes * (number + 6) * 2 // (DIFFERENT + 11) for number in range(DIFFERENT)]
    originals = [data.big(size, 600 + 100 * number) for number, size in enumerate(sizes)]
    here = [installed(path, f"org.benchmark.app{number}") for number, path in enumerate(islice(cycle(originals), apps))]
    data.DATA.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=data.DATA) as folder, AdbServer() as server:
        try:
            phone = SimulatedPhone(phone_of("13", *here), Path(folder))
        except NoPhoneError as error:
            raise SystemExit(f"phones: {error}") from error
        phone.root.set_free("dd")
        with phone:
            server.connect(phone)
            phone.latency = LATENCY
            yield Desk(server, phone, Path(folder))


def _scan(desk: Desk, *words: str) -> float:
    """Seconds of a scan as a user starts it. It must read every certificate."""
    rows = desk.folder / "rows.jsonl"
    command = python("-m", "scanner", "scan", f"adb:{desk.phone.address}", "-q", *words, "-o", f"jsonl={rows}")
    environment = {
        **os.environ,
        "ANDROID_ADB_SERVER_PORT": str(desk.server.port),
        "XDG_CACHE_HOME": str(desk.folder / "cache"),
    }
    begin = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment)
    taken = time.perf_counter() - begin
    found = rows.read_text().count('"assurance":"platform"') + rows.read_text().count('"assurance":"declared"')
    if done.returncode or (found < len(desk.phone.profile.packages) and "hints" not in words):
        raise SystemExit(f"the scan read {found} certificates and ended with {done.returncode}")
    return taken


def _pull(desk: Desk) -> float:
    """Seconds to pull every APK, one after the other, as a script does."""
    begin = time.perf_counter()
    for app in desk.phone.profile.packages:
        desk.server.run("-s", desk.phone.address, "pull", desk.phone.path_of(app.package), str(desk.folder / "x.apk"))
    return time.perf_counter() - begin


def _counted(desk: Desk, action: partial[float]) -> Counters:
    desk.phone.reset()
    action()
    return desk.phone.counters


def _bytes(counted: Counters) -> str:
    return f"{counted.bytes_to_host / 1e6:,.2f} MB, {counted.round_trips:,} trips"
