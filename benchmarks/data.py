"""What is measured on: real samples, generated APKs, folders of ten thousand. Made once, then reused."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from benchmarks.generated import big_apk, small_apk

DATA = Path(__file__).parent / "data"


class Scale(NamedTuple):
    """How much is measured."""

    small_apks: int
    big_bytes: int
    big_entries: int
    archive: int
    small_archive: int
    passes: int
    """Turns over many APKs in this process."""
    runs: int
    """Turns of whole processes over the archive."""
    starts: int
    """Turns of processes that only start."""
    phone_apps: int
    phone_bytes: int
    """Mean size of the APKs on the phone."""
    phone_turns: int
    export_devices: int
    """Devices of an inventory, of a hundred apps each."""
    amapi_bytes: int
    export_turns: int
    """Turns over our own rows; the other exports take one."""
    objects: int
    """APKs in a bucket."""
    cluster_verified: int
    cluster_read: int
    cluster_rows: int
    """Rows of the larger of two scans."""


FULL = Scale(
    500,
    250_000_000,
    12_000,
    10_000,
    1_000,
    passes=9,
    runs=3,
    starts=25,
    phone_apps=300,
    phone_bytes=20_000_000,
    phone_turns=2,
    export_devices=10_000,
    amapi_bytes=500_000_000,
    export_turns=2,
    objects=2_000,
    cluster_verified=600,
    cluster_read=6_000,
    cluster_rows=100_000,
)
QUICK = Scale(
    12,
    20_000_000,
    1_000,
    200,
    60,
    passes=3,
    runs=1,
    starts=3,
    phone_apps=20,
    phone_bytes=4_000_000,
    phone_turns=1,
    export_devices=500,
    amapi_bytes=50_000_000,
    export_turns=1,
    objects=300,
    cluster_verified=12,
    cluster_read=1_000,
    cluster_rows=2_000,
)


def real_apks(folder: Path) -> list[Path]:
    """Every sample, staged beside the generated data so that it can be linked. Ends the program where there is none."""
    found = sorted(path for path in folder.rglob("*.apk") if path.is_file()) if folder.is_dir() else []
    if not found:
        raise SystemExit("no APK samples: run `make samples`, or name a folder with --samples")
    stage = DATA / "samples"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(parents=True)
    staged = [stage / f"{number:02}-{path.name}" for number, path in enumerate(found)]
    for path, copy in zip(found, staged, strict=True):
        shutil.copy(path, copy)
    return staged


def small_apks(count: int) -> list[Path]:
    """The generated small APKs."""
    paths = [DATA / "small" / f"app-{number:05}.apk" for number in range(count)]
    for number, path in enumerate(paths):
        if not path.exists():
            _write(path, small_apk(number))
    return paths


def big(size: int, entries: int, table: bytes = b"") -> Path:
    """The generated large APK, with a resource table or without."""
    path = DATA / f"big-{size}-{entries}-{len(table)}.apk"
    if not path.exists():
        _write(path, big_apk(size, entries, table))
    return path


def largest_table(paths: Sequence[Path]) -> bytes:
    """The largest ``resources.arsc`` there is in these APKs."""
    return max(map(_table, paths), key=len)


def _table(path: Path) -> bytes:
    with zipfile.ZipFile(path) as apk:
        return apk.read("resources.arsc") if "resources.arsc" in apk.namelist() else b""


def archive(name: str, originals: Sequence[Path], count: int) -> Path:
    """A folder of ``count`` APKs, links to the originals in turn. Made anew: it is cheap, and originals change."""
    folder = DATA / f"archive-{name}-{count}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, original in enumerate(islice(cycle(originals), count)):
        _link(original, folder / f"{number:05}-{original.name}")
    return folder


def mixed(first: Sequence[Path], second: Sequence[Path]) -> list[Path]:
    """The one and the other in turns, until the longer is used up once."""
    pairs: Iterable[tuple[Path, Path]] = zip(cycle(first), cycle(second), strict=False)
    return [path for pair in islice(pairs, max(len(first), len(second))) for path in pair]


def _link(original: Path, link: Path) -> None:
    try:
        os.link(original, link)
    except OSError:  # a file system without hard links, or too many of them
        link.symlink_to(original)


def _write(path: Path, content: bytes) -> None:
    """Under another name first: data of an interrupted run must not be reused."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(content)
    unfinished.replace(path)
