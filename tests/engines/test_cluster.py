"""A Dask cluster over TCP: the rows of the pool, whatever dies meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner import __version__
from scanner.engines import Engine, engine_for
from scanner.engines.cluster import WORKERS_DIED
from scanner.errors import EngineError
from scanner.model import App, Location, Outcome, Passed, UnreadRow
from scanner.reading import Reader
from scanner.rows import Judge
from tests.conftest import ROOT, Ran
from tests.engines.test_containment import named
from tests.support.apk_builder import build_apk
from tests.support.cluster import scheduler, settled, worker
from tests.support.deadly import DeadlyReader, candidates
from tests.support.signer import key

Scan = Callable[..., Ran]
PATIENCE = 300
"""Seconds after which a scan is taken to hang."""


@pytest.fixture
def engine(dask_cluster: str) -> Iterator[Engine]:
    made = engine_for(1, item_seconds=3.0, name=dask_cluster)
    yield made
    made.close()


@pytest.fixture(scope="module")
def apks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small APKs, an archive with more members than are read in one go, and one that can only be streamed."""
    import io
    import tarfile
    import zipfile

    folder = tmp_path_factory.mktemp("apks")
    listed = build_apk("com.tencent.mm", v2=[key("a")])
    for number in range(120):
        data = listed if number == 77 else build_apk(f"com.example.n{number}", v2=[key("a")])
        (folder / f"{number:03}.apk").write_bytes(data)
    (folder / "broken.apk").write_bytes(b"no APK")
    with zipfile.ZipFile(folder / "mirror.zip", "w") as archive:
        for number in range(70):
            archive.writestr(f"{number}.apk", build_apk(f"com.example.m{number}", v2=[key("a")]))
    with tarfile.open(folder / "saved.tar.gz", "w:gz") as tar:
        entry = tarfile.TarInfo("x.apk")
        entry.size = len(listed)
        tar.addfile(entry, io.BytesIO(listed))
    return folder


def rows(ran: Ran) -> list[dict[str, Any]]:
    return [{name: value for name, value in row.items() if name != "scanned_at"} for row in ran.rows]


def test_the_rows_are_those_of_the_pool(scan_rows: Scan, apks: Path, dask_cluster: str) -> None:
    there = scan_rows(".", "--engine", dask_cluster, cwd=apks, env=os.environ | {"PYTHONPATH": str(ROOT)})
    here = scan_rows(".", "-j", 2, cwd=apks, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert (there.code, there.err) == (here.code, here.err) == (1, "")
    assert rows(there) == rows(here)
    assert there.summary["counts"]["apps"] == 191


def test_a_cluster_of_this_machine_reads_the_same(scan_rows: Scan, apks: Path) -> None:
    there, here = (scan_rows(apks, *words) for words in (("--engine", "dask", "-j", 1), ("--engine", "serial")))
    assert (there.code, there.err) == (1, "")
    assert rows(there) == rows(here)


def test_a_worker_killed_in_the_middle_costs_nothing(engine: Engine, dask_cluster: str, tmp_path: Path) -> None:
    count, (killed, _) = 400, settled(dask_cluster)
    found: list[Outcome] = []
    for outcome in engine.run(DeadlyReader({}, otherwise="slow"), candidates(tmp_path, count)):
        found.append(outcome)
        if len(found) == 40:
            os.kill(killed, signal.SIGKILL)
    assert len(found) == count
    assert named(found) == {}
    assert killed not in settled(dask_cluster)


def test_what_crashes_or_hangs_is_named_and_no_worker_dies(engine: Engine, dask_cluster: str, tmp_path: Path) -> None:
    before = settled(dask_cluster)
    reader = DeadlyReader({"5.apk": "segfault", "100.apk": "loop in c", "101.apk": "killed"})
    found = named(list(engine.run(reader, candidates(tmp_path, 192))))
    assert list(found) == [5, 100, 101]
    assert "died, twice" in found[5]
    assert "took too long" in found[100]
    assert settled(dask_cluster) == before


def test_what_takes_whole_workers_down_is_named(engine: Engine, dask_cluster: str, tmp_path: Path) -> None:
    before = settled(dask_cluster)
    found = named(list(engine.run(DeadlyReader({"2.apk": "parent"}), candidates(tmp_path, 12))))
    assert found == {2: WORKERS_DIED}
    assert settled(dask_cluster) != before


def test_a_client_that_is_killed_leaves_the_cluster_usable(
    scan_rows: Scan, apks: Path, dask_cluster: str, tmp_path: Path
) -> None:
    (tmp_path / "list").write_text(f"{apks}\n" * 3000)
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "scanner", "scan", "--files-from", tmp_path / "list", "--engine", dask_cluster]
    process = subprocess.Popen([*command, "-o", f"jsonl={out}"], cwd=ROOT)
    _until_written(process, out)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    assert out.read_bytes().count(b"\n") < 3000 * 191
    assert scan_rows(apks, "--engine", dask_cluster).summary["counts"]["apps"] == 191


def test_ctrl_c_writes_what_was_read(apks: Path, dask_cluster: str, tmp_path: Path) -> None:
    (tmp_path / "list").write_text(f"{apks}\n" * 3000)
    out = tmp_path / "rows.jsonl"
    command = [sys.executable, "-m", "scanner", "scan", "--files-from", tmp_path / "list", "--engine", dask_cluster]
    process = subprocess.Popen([*command, "-o", f"jsonl={out}"], cwd=ROOT, stderr=subprocess.PIPE)
    _until_written(process, out)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, err) == (130, b"")
    last = json.loads(out.read_text().splitlines()[-1])
    assert last["interrupted"]
    assert last["counts"]["apps"] < 3000 * 191


def _until_written(process: subprocess.Popen[bytes], out: Path) -> None:
    """Wait for the first rows."""
    deadline = time.monotonic() + PATIENCE
    while not out.exists() or not out.stat().st_size:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)


def test_what_a_worker_cannot_see_is_unread_and_never_clean(engine: Engine, tmp_path: Path) -> None:
    from scanner.database import load_database

    gone = [App("x", Location(str(tmp_path / "elsewhere" / f"{number}.apk"))) for number in range(3)]
    found = list(engine.run(Reader(Judge(load_database(), 36, "2026-01-01T00:00:00Z")), gone))
    assert [isinstance(row, UnreadRow) and "No such file" in row.reason for row in found] == [True] * 3


def test_a_scheduler_that_is_not_there_is_one_line(scan_rows: Scan, apks: Path) -> None:
    ran = scan_rows(apks, "--engine", "tcp://127.0.0.1:9")
    assert ran.code == 5
    assert ran.err.startswith("app-scanner: tcp://127.0.0.1:9: no Dask scheduler answers there")
    assert ran.err.count("\n") == 1


def test_workers_of_another_version_and_none_at_all_are_one_line(
    scan_rows: Scan, apks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from scanner.engines import dasklib

    shutil.copytree(ROOT / "scanner", tmp_path / "scanner", ignore=shutil.ignore_patterns("__pycache__"))
    init = tmp_path / "scanner" / "__init__.py"
    init.write_text(init.read_text().replace(f'__version__ = "{__version__}"', '__version__ = "0.0.7"'))
    with scheduler() as main:
        monkeypatch.setattr(dasklib, "CONNECT_SECONDS", 5)
        with pytest.raises(EngineError, match="has no worker; start one with: dask worker tcp://"):
            dasklib.connect(main.address)
        with worker(main.address, python_path=str(tmp_path)):
            ran = scan_rows(apks, "--engine", main.address)
    assert ran.code == 5
    assert f"has app-scanner 0.0.7, this is {__version__}: install the same on both" in ran.err
    assert ran.err.count("\n") == 1


def test_another_python_and_no_app_scanner_are_told() -> None:
    from scanner.engines.dasklib import mismatch

    here, other = sys.hexversion, 0x030F01F0
    assert mismatch({"w1": __version__}, {"w1": here}) is None
    assert "worker w2 runs Python 3.15" in (mismatch({"w1": __version__}, {"w1": here, "w2": other}) or "")
    assert "not installed on worker w1" in (mismatch({"w1": ModuleNotFoundError("scanner")}, {"w1": here}) or "")
    assert mismatch({"w1": __version__}, {"w1": OSError("gone")}) is not None


def test_a_scheduler_that_goes_away_ends_the_scan_with_one_line(tmp_path: Path) -> None:
    with scheduler() as main, worker(main.address):
        engine = engine_for(1, name=main.address)
        found = engine.run(DeadlyReader({}, otherwise="slow"), candidates(tmp_path, 400))
        assert isinstance(next(found), Passed)
        main.kill()
        with pytest.raises(EngineError, match=r"connection was lost|no worker is left"):
            list(found)
        engine.close()


def test_a_scheduler_that_goes_before_anything_is_sent_is_told_too() -> None:
    from scanner.engines import dasklib

    with scheduler() as main, worker(main.address):
        cluster = dasklib.connect(main.address)
        main.kill()
        deadline = time.monotonic() + 60
        while cluster._client.scheduler is not None and time.monotonic() < deadline:
            time.sleep(0.01)
        with pytest.raises(EngineError, match="connection was lost"):
            cluster.threads()
        cluster.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--engine", "ray"], "no such engine; there are serial, pool, dask"),
        (["--engine", "tcp://127.0.0.1:9", "-j", 2], "leave --jobs out"),
        (["--engine", "tcp://127.0.0.1"], "want host and port"),
        (["--engine", "tls://:8786"], "want host and port"),
        (["--engine", "serial", "-j", 2], "leave --jobs out"),
    ],
)
def test_wrong_words_are_wrong_usage(app_scanner: Scan, words: list[object], said: str) -> None:
    ran = app_scanner("scan", "docs", *words)
    assert (ran.code, said in ran.err) == (2, True)


def test_without_the_library_it_says_what_to_install(app_scanner: Scan, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, importlib.util as u\nfind = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'distributed' else find(name, *a)\n"
    )
    ran = app_scanner("scan", "docs", "--engine", "dask", env=os.environ | {"PYTHONPATH": str(tmp_path)})
    assert (ran.code, "pip install 'app-inventory-scanner[cluster]'" in ran.err) == (2, True)


def test_a_scan_without_a_cluster_loads_none_of_dask(tmp_path: Path) -> None:
    script = (
        "import sys; from scanner.cli import cli; cli.main(['scan', 'docs', '-q'], standalone_mode=False);"
        " sys.exit('dask' in sys.modules or 'distributed' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True).returncode == 0
