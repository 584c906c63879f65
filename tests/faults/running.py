"""The program as its own process, with less of something than it is used to."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.apk_builder import build_apk
from tests.support.signer import key

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {**os.environ, "APP_SCANNER_NO_CONFIG": "1"}
LISTED = "com.tencent.mm"
FOUND, FAILED = 1, 5
DISK = "16k"
"""Size of a small disk, as mount takes it."""
MOUNTED = (
    "unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]),
    "sh", "-c", f'mount -t tmpfs -o size={DISK} tmpfs "$1" && shift && exec "$@"', "sh",
)  # fmt: skip
"""Before a folder and a command: runs it where the folder is a small disk, which goes as the command ends."""


@dataclass(frozen=True)
class Ran:
    """What a run did."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The rows of ``-o jsonl``, without a last line that was cut."""
        return rows_of(self.out)


def rows_of(text: str) -> list[dict[str, Any]]:
    """The rows in a text, without a last line that was cut."""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def app_scanner(
    *words: object,
    limits: Mapping[int, int] | None = None,
    redirect: str = "",
    environment: Mapping[str, str] | None = None,
    disk: Path | None = None,
) -> Ran:
    """Run it, with limits as `resource` names them, and a redirection as the shell writes it.

    ``disk`` is a folder that is a disk of `DISK` meanwhile, for this run alone.
    """
    return python("-m", "scanner", *words, limits=limits, redirect=redirect, environment=environment, disk=disk)


def python(
    *words: object,
    limits: Mapping[int, int] | None = None,
    redirect: str = "",
    environment: Mapping[str, str] | None = None,
    disk: Path | None = None,
) -> Ran:
    """The same of any program."""

    def limited() -> None:
        for which, value in (limits or {}).items():
            resource.setrlimit(which, (value, value))

    command = [sys.executable, *map(str, words)]
    if redirect:
        command = ["sh", "-c", f'"$@" {redirect}', "sh", *command]
    if disk is not None:
        command = [*MOUNTED, str(disk), *command]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        preexec_fn=limited,
        env={**ENVIRONMENT, **(environment or {})},
        timeout=300,
    )
    ran = Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    assert "Traceback" not in ran.err, ran.err
    return ran


@cache
def apk(package: str) -> bytes:
    """An APK of that name under a key of nobody."""
    return build_apk(package, v2=[key("a")])


def folder_of(place: Path, count: int = 40) -> Path:
    """A folder of so many apps that nobody lists, and one that is listed."""
    folder = place / "apks"
    folder.mkdir()
    for number in range(count):
        (folder / f"{number:03}.apk").write_bytes(apk(f"com.example.n{number}"))
    (folder / "wx.apk").write_bytes(apk(LISTED))
    return folder


def one_line(ran: Ran) -> str:
    """What it said on stderr, which is one line and names itself."""
    assert len(ran.err.splitlines()) == 1, ran.err
    assert ran.err.startswith("app-scanner: "), ran.err
    return ran.err.removeprefix("app-scanner: ").strip()


def names(rows: list[dict[str, Any]]) -> list[str]:
    """The apps in rows."""
    return [row["package_name"] for row in rows if row["type"] == "app"]


def whole(ran: Ran, folder: Path) -> None:
    """Every file of the folder has its row, the listed app is found, and the code says so."""
    assert len(names(ran.rows)) == len(list(folder.iterdir()))
    assert LISTED in names(ran.rows)
    assert ran.code == FOUND == ran.rows[-1]["exit_code"]
