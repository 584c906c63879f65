"""docs/inventories.md tells the truth: its examples give what it shows, and its tables name what there is."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from scanner.sources.inventories.columns import FIELDS
from scanner.sources.inventories.detection import formats
from tests.conftest import ROOT
from tests.support.tools import write_launcher

GUIDE = (ROOT / "docs" / "inventories.md").read_text(encoding="utf-8")
FILES = re.findall(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```", GUIDE, re.DOTALL)
RUNS = [
    (command, shown)
    for block in re.findall(r"<!-- run -->\n```\n(.*?)```", GUIDE, re.DOTALL)
    for command, shown in re.findall(r"^\$ ([^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block, re.MULTILINE)
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the guide's files, for all of its commands in their order."""
    folder = tmp_path_factory.mktemp("guide")
    for name, text in FILES:
        (folder / name).write_text(text, encoding="utf-8")
    (folder / "bin").mkdir()
    write_launcher(folder / "bin" / "app-scanner")
    return folder


@pytest.mark.parametrize(("command", "shown"), RUNS, ids=[command for command, _ in RUNS])
def test_an_example_gives_what_the_guide_shows(command: str, shown: str, place: Path) -> None:
    environment = {**os.environ, "PATH": f"{place / 'bin'}{os.pathsep}{os.environ['PATH']}"}
    ran = subprocess.run(["sh", "-c", command], cwd=place, env=environment, capture_output=True, text=True, timeout=300)
    pattern = re.escape(_without_ends(shown)).replace(re.escape("…"), ".*")
    said = _without_ends(ran.stdout + ran.stderr)
    assert re.fullmatch(pattern, said, re.DOTALL), said


def _without_ends(text: str) -> str:
    """The table pads its lines."""
    return "\n".join(map(str.rstrip, text.splitlines()))


def test_every_format_has_its_row() -> None:
    cells = re.findall(r"^\| (`[^|]*`) \|", GUIDE, re.MULTILINE)
    assert set(formats()) - {name for cell in cells for name in re.findall(r"`(.*?)`", cell)} == set()


def test_every_field_of_a_table_has_its_row() -> None:
    section = GUIDE[GUIDE.index("## Tables") : GUIDE.index("## Standard input")]
    named = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)))
    assert sorted(named) == sorted(FIELDS)


def test_every_file_that_the_guides_link_to_is_there() -> None:
    for guide in ("docs/inventories.md", "docs/mdm/README.md"):
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", (ROOT / guide).read_text(encoding="utf-8")):
            assert target.startswith("https://") or ((ROOT / guide).parent / target).exists(), target
