"""``python -m tests.support.mvt``: the Mobile Verification Toolkit in an environment of its own.

MVT pins other versions of what app-scanner needs, so it never shares an environment with it. The reference library of
STIX 2.1 lies beside it, to check what MVT would let pass.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.tools import alone

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("mvt==2026.10.26", "stix2==3.0.2")
FOLDER = ROOT / ".peers" / "-".join(PACKAGES).replace("==", "-")
SECONDS = 300


def environment() -> Path:
    """The folder of its programs, made where it is not there yet. Raises `OSError` or `subprocess.SubprocessError`."""
    programs = FOLDER / "bin"
    with alone(FOLDER):
        if not (FOLDER / "ready").exists():
            subprocess.run([sys.executable, "-m", "venv", "--clear", str(FOLDER)], check=True, timeout=SECONDS)
            pip = [str(programs / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES]
            subprocess.run(pip, check=True, timeout=SECONDS)
            (FOLDER / "ready").touch()
    return programs


def require_mvt() -> Path:
    """The folder of its programs. Where it cannot be installed the test is skipped; on CI it fails."""
    try:
        return environment()
    except (OSError, subprocess.SubprocessError) as error:
        missing = f"MVT cannot be installed: {error}"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


if __name__ == "__main__":
    environment()
