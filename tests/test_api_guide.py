"""docs/api.md runs: every example, in its order, prints what stands below it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import scanner
from tests.conftest import ROOT
from tests.support.apk_builder import build_apk
from tests.support.signer import key

GUIDE = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:\n```\n(.*?)```)?", GUIDE, re.DOTALL)


def folder_of_apks(folder: Path) -> Path:
    apks = folder / "apks"
    apks.mkdir()
    (apks / "WeChat.apk").write_bytes(
        build_apk("com.tencent.mm", v2=[key("somebody else")], version_code=1, min_sdk=24)
    )
    (apks / "Mail.apk").write_bytes(mail := build_apk("com.example.mail", v2=[key("mail")]))
    (apks / "torn.apk").write_bytes(mail[: len(mail) // 2])
    (apks / "note.txt").write_text("not an app\n")
    return folder


def test_every_example_prints_what_stands_below_it(tmp_path: Path) -> None:
    """One program of all of them, so that each may use what those before it named; a line parts their output."""
    program = "\nprint('====')\n".join(code for code, _ in EXAMPLES)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=folder_of_apks(tmp_path),
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert done.stdout.split("====\n") == [printed for _, printed in EXAMPLES]


def test_the_guide_names_all_that_is_kept() -> None:
    assert EXAMPLES
    for name in set(scanner.__all__) - {"__version__"}:
        assert f"`{name}`" in GUIDE
        assert re.search(rf"from scanner import .*\b{name}\b", GUIDE)


def test_the_examples_are_well_typed(tmp_path: Path) -> None:
    """What a reader copies must pass the type checker he may use: the package says that it is typed."""
    pytest.importorskip("mypy")
    example = tmp_path / "example.py"
    example.write_text("\n".join(code for code, _ in EXAMPLES))
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--follow-imports=silent",
            "--cache-dir",
            str(tmp_path / "cache"),
            str(example),
        ],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
