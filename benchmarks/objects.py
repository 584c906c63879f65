"""A bucket of APKs scanned where they lie, against downloading them all and scanning the copies.

The store is rclone's S3 server over hard links on this disk; between it and both contestants stands the link of the
tests, which lets so many bytes through a second and waits before it hands a request on. Both have as many requests
under way at once. The downloading is rclone's own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from benchmarks import data
from benchmarks.processes import ROOT, python
from benchmarks.results import Result, at_most, faster
from tests.support.link import Link
from tests.support.objectstore import KEY, SECRET, NoServerError, environment, rclone, s3_server

WIDTH, LATENCY = 100e6, 0.02
"""Bytes a second, and seconds that a request waits."""
AT_ONCE = 32
FASTER, SHARE, REQUESTS = 10, 0.02, 6
MEAN = 10e6
ELSEWHERE = {"source", "location", "scanned_at", "etag", "stamp"}
"""Keys of a row that tell where and when it was read."""
DOWNLOAD = "download by rclone, then scan"


class Bucket(NamedTuple):
    """A bucket behind a link, and a place to write to."""

    folder: Path
    link: Link
    work: Path


def missing() -> str | None:
    """What is missing for this part, if anything."""
    try:
        rclone()
    except NoServerError as error:
        return str(error)
    return None


def objects(originals: Sequence[Path], count: int) -> Iterator[Result]:
    """The budgets of the design for objects: time, bytes and requests, and that the rows are those of the folder."""
    folder = _bucket(originals, count)
    stored = sum(path.stat().st_size for path in folder.iterdir())
    what = f"{count:,} APKs of {stored / count / 1e6:.1f} MB in a bucket, {WIDTH / 1e6:g} MB/s, {LATENCY * 1000:g} ms"
    data.DATA.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(dir=data.DATA) as work,
        s3_server(folder.parent, Path(work), etags=False) as address,
        Link(address, latency=LATENCY, bytes_per_second=WIDTH) as link,
    ):
        bucket = Bucket(folder, link, Path(work))
        ours = _timed(partial(_scan, bucket, f"s3://{folder.name}", "there"))
        crossed = link.crossed
        link.reset()
        theirs = _timed(partial(_download, bucket)) + _timed(partial(_scan, bucket, str(bucket.work / "copy"), "here"))
        yield faster(what, DOWNLOAD, FASTER, theirs / ours, (theirs / ours,) * 2, ours * 1000, theirs * 1000)
        fetched = f"{crossed.body_bytes / 1e6:,.1f} MB"
        yield at_most(
            f"{what}, bytes", "stored", SHARE, crossed.body_bytes / stored, fetched, f"{stored / 1e6:,.0f} MB"
        )
        reads = [line for line in crossed.requests if "bytes=" in line]
        most = max(_each(reads).values())
        mean = f"{len(reads) / count:.1f} on average"
        yield at_most("requests of one APK, at most", "1", REQUESTS, most, mean, "")
        if _identities(bucket.work / "there.jsonl") != _identities(bucket.work / "here.jsonl"):
            raise SystemExit("objects: the rows of the bucket are not those of the folder")


def notes() -> list[str]:
    """What the figures rest on."""
    lacks = missing()
    if lacks:
        return [f"objects: not measured, {lacks}"]
    turns = f"objects: one turn each, {AT_ONCE} requests at once; rclone's S3 server, the link and both contestants"
    return [f"{turns} share the machine; the link is as wide for all connections together as it says"]


def _bucket(originals: Sequence[Path], count: int) -> Path:
    """A folder of links, of which so many are large that the mean is about `MEAN`."""
    by_size = sorted(originals, key=lambda path: path.stat().st_size)
    chosen, total = list[Path](), 0
    small, large = cycle(by_size[: len(by_size) // 2]), cycle(by_size[len(by_size) // 2 :])
    for number in range(count):
        chosen.append(next(large if total < MEAN * (number + 0.5) else small))
        total += chosen[-1].stat().st_size
    folder = data.DATA / f"objects-{count}" / "bucket"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, path in enumerate(islice(chosen, count)):
        os.link(path, folder / f"{number:05}-{path.name}")
    return folder


def _timed(action: partial[None]) -> float:
    begin = time.perf_counter()
    action()
    return time.perf_counter() - begin


def _scan(bucket: Bucket, spec: str, name: str) -> None:
    command = python("-m", "scanner", "scan", spec, "-q", "--no-cache", "-j", "2", "--io-concurrency", str(AT_ONCE))
    command += ["-o", f"jsonl={bucket.work / name}.jsonl"]
    done = subprocess.run(command, cwd=ROOT, env=environment(bucket.link.url))
    if done.returncode not in {0, 1}:
        raise SystemExit(f"objects: the scan of {spec} ended with {done.returncode}")


def _download(bucket: Bucket) -> None:
    remote = f":s3,provider=Other,endpoint='{bucket.link.url}',access_key_id={KEY},secret_access_key={SECRET}:"
    words = ["copy", "--config", str(bucket.work / "rclone.conf"), "--transfers", str(AT_ONCE), "--checkers", "8",
             "--ignore-checksum", "--size-only", "--multi-thread-streams", "0"]  # fmt: skip
    subprocess.run([rclone(), *words, remote + bucket.folder.name, str(bucket.work / "copy")], check=True)


def _each(reads: Sequence[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for line in reads:
        name = line.split()[1].partition("?")[0]
        counts[name] = counts.get(name, 0) + 1
    return counts


def _identities(rows: Path) -> list[tuple[object, ...]]:
    """What the rows say of each APK, whatever its place."""
    found = []
    for line in rows.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["type"] != "summary":
            where = str(row.get("location") or row.get("which")).rpartition("/")[2]
            rest = {key: value for key, value in row.items() if key not in ELSEWHERE}
            found.append((where, json.dumps(rest, sort_keys=True)))
    return sorted(found)
