"""Google's verifier as a peer: ``apksigner verify`` as a command, and apksig kept warm in one JVM.

The warm one is ``VerifyLoop.java``, compiled when the benchmark runs. It verifies a list of APKs for each line that
it is sent, so that it can take turns with ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.data import DATA
from benchmarks.processes import HERE

PACKAGE, JAR = "libapksig-java", "apksig.jar"
JAVA_HEAP = "-Xmx1024M"
"""As the command ``apksigner`` has it."""
WARM_UP = 5
"""Passes that do not count, before the first turn."""


def missing() -> str | None:
    """What the comparison lacks on this machine, if anything."""
    lacking = [tool for tool in ("apksigner", "java", "javac") if shutil.which(tool) is None]
    if not lacking and jar() is None:
        lacking = [f"{JAR} (Debian: {PACKAGE})"]
    return ", ".join(lacking) or None


def jar() -> Path | None:
    """Debian's apksig; as root it is installed where it is missing."""
    found = _installed_jar()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "install", "-qy", "--no-install-recommends", PACKAGE], stdout=subprocess.DEVNULL)
        found = _installed_jar()
    return found


def _installed_jar() -> Path | None:
    if shutil.which("dpkg") is None:
        return None
    listed = subprocess.run(["dpkg", "-L", PACKAGE], capture_output=True, text=True).stdout.splitlines()
    return next((Path(line) for line in listed if Path(line).name == JAR and Path(line).is_file()), None)


def command(path: Path, min_sdk: int | None) -> list[str]:
    """``apksigner verify`` of one APK."""
    return ["apksigner", "verify", *(["--min-sdk-version", str(min_sdk)] if min_sdk else []), str(path)]


class WarmJvm:
    """One JVM that verifies these APKs again and again, so many of them at once."""

    def __init__(self, paths: Sequence[Path], min_sdk: int | None, threads: int = 1) -> None:
        words = [JAVA_HEAP, "-cp", _compiled(), "VerifyLoop", str(threads), str(min_sdk or 0), *map(str, paths)]
        self._process = subprocess.Popen(["java", *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.verdicts: list[bool] = []
        """Of the last pass."""

    def __enter__(self) -> Self:
        for _ in range(WARM_UP):
            self.seconds()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.communicate()

    def seconds(self) -> float:
        """One pass over the APKs, by the JVM's own clock."""
        if self._process.stdin is None or self._process.stdout is None:
            raise AssertionError("both are pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().split()
        if len(answer) != 2:
            raise SystemExit("VerifyLoop ended early")
        self.verdicts = [verdict == "1" for verdict in answer[1]]
        return int(answer[0]) / 1e9


def _compiled() -> str:
    """The class path with apksig and the compiled loop on it."""
    library, classes = jar(), DATA / "java"
    if library is None:
        raise SystemExit(f"{PACKAGE} is not installed")
    classes.mkdir(parents=True, exist_ok=True)
    subprocess.run(["javac", "-cp", library, "-d", classes, HERE / "VerifyLoop.java"], check=True)
    return os.pathsep.join((str(library), str(classes)))
