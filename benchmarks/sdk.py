"""Which APKs can pay through a listed app: ours against exodus-core, the same APKs and the same classes asked for.

Each contestant is one process over all APKs, one after the other: CPU time, of the programs that it starts too.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

from benchmarks.data import DATA
from benchmarks.processes import HERE, python, spend
from benchmarks.results import Result, faster, memory
from scanner.database import load_database
from tests.support.dex import class_dex

PEER, EXODUS = "exodus-core", "exodus-core==1.3.15"
PAYING = ("Lcom/tencent/mm/opensdk/modelpay/PayReq;", "Lcom/alipay/sdk/app/PayTask;")
"""Classes that every second APK is given, in a DEX file more."""


def missing() -> str | None:
    """What the comparison lacks on this machine, if anything."""
    return None if shutil.which("dexdump") else "dexdump, which exodus-core runs (Debian: dexdump)"


def sdks(real: Sequence[Path], turns: int) -> Iterator[Result]:
    """Ours and exodus-core in turns, over the samples and over a copy of each that can pay."""
    if missing():
        return
    folder = DATA / "sdk"
    paths = _with_payers(real, folder)
    with tempfile.TemporaryDirectory() as name:
        peer = [_environment(Path(name)), str(HERE / "exodus_peer.py"), json.dumps(rules()), *map(str, paths)]
        out = DATA / "sdk.jsonl"
        ours = python("-m", "scanner", "scan", str(folder), "--payments", "-j", "1", "-q", "-o", f"jsonl={out}")
        _agree(_found_by_exodus(peer), ours, out)
        taken = [(spend(ours), spend(peer)) for _ in range(turns)]
    ratios = [theirs.cpu_seconds / mine.cpu_seconds for mine, theirs in taken]
    times = [median(pair[side].cpu_seconds for pair in taken) * 1000 / len(paths) for side in (0, 1)]
    what = f"payment SDKs of {len(paths)} APKs, each"
    yield faster(what, PEER, None, median(ratios), (min(ratios), max(ratios)), times[0], times[1])
    peaks = [max(pair[side].megabytes for pair in taken) for side in (0, 1)]
    yield memory(f"{what}, memory", None, peaks[0], PEER, peaks[1])


def notes(turns: int) -> list[str]:
    """What is to be known of the table."""
    if lacking := missing():
        return [f"payment SDKs: not measured, without {lacking}"]
    return [
        f"payment SDKs: CPU time of whole processes over all APKs, medians of {turns} turns; ours is the whole scan",
        f"{EXODUS} in an environment of its own, with the classes of our signatures as its rules; both found the same",
    ]


def rules() -> dict[str, str]:
    """Our payment classes as exodus-core's rules: signature → regular expression over names without their ``L``."""
    return {
        signature.id: "|".join(f"^{re.escape(name[1:].rstrip(';'))}" for name in sdk.dex_payment)
        for signature in load_database().signatures
        for sdk in signature.embedded_sdks
        if sdk.dex_payment
    }


def _with_payers(real: Sequence[Path], folder: Path) -> list[Path]:
    """A folder with each APK, and with a copy of it that has one DEX file more."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    paths = []
    for path in real:
        plain, payer = folder / path.name, folder / f"pays-{path.name}"
        shutil.copy(path, plain)
        shutil.copy(path, payer)
        with zipfile.ZipFile(payer, "a", zipfile.ZIP_DEFLATED) as apk:
            apk.writestr("classes99.dex", class_dex(PAYING))
        paths += [plain, payer]
    return paths


def _environment(folder: Path) -> str:
    """The Python of a new environment with exodus-core, which pins an androguard that is not ours."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    program = folder / "bin" / "python"
    subprocess.run([program, "-m", "pip", "install", "-q", EXODUS], check=True, stderr=subprocess.DEVNULL)
    return str(program)


def _found_by_exodus(command: Sequence[str]) -> dict[str, list[str]]:
    said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True).stdout
    line = next(line for line in said.splitlines() if line.startswith("FOUND "))
    found: dict[str, list[str]] = json.loads(line.removeprefix("FOUND "))
    return {Path(path).name: names for path, names in found.items()}


def _agree(theirs: dict[str, list[str]], ours: Sequence[str], out: Path) -> None:
    """A fast wrong answer is worth nothing: ends the benchmark where the two do not find the same."""
    spend(ours)
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    found = {
        Path(row["location"]).name: sorted(finding["signature"] for finding in row["findings"])
        for row in rows
        if row["type"] == "app"
    }
    if found != theirs or not any(found.values()):
        raise SystemExit(f"payment SDKs: ours found {found}, exodus-core {theirs}")
