"""The manual page: what `man` shows is what the commands say, and the formatters have nothing to complain about."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from scanner.cli import cli
from scanner.cli.root import variables
from tests.conftest import ROOT
from tests.support.tools import require_tool


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("man") / "app-scanner.1"
    with path.open("wb") as out:
        subprocess.run([sys.executable, "-m", "scanner.cli.manual"], stdout=out, cwd=ROOT, check=True)
    return path


@pytest.fixture(scope="module")
def shown(page: Path) -> str:
    wide = os.environ | {"MANWIDTH": "1000", "LC_ALL": "C.UTF-8", "MAN_KEEP_FORMATTING": ""}
    done = subprocess.run([require_tool("man"), "-l", page], capture_output=True, text=True, env=wide, check=True)
    assert done.stderr == ""
    return done.stdout


def every_command(group: click.Group, above: str = "") -> list[tuple[str, click.Command]]:
    found: list[tuple[str, click.Command]] = []
    for name, command in group.commands.items():
        inner = isinstance(command, click.Group)
        found += every_command(command, f"{above}{name} ") if inner else [(f"{above}{name}", command)]
    return found


@pytest.mark.parametrize("tool", [["mandoc", "-Tlint", "-Wwarning"], ["groff", "-man", "-ww", "-z", "-Tutf8"]])
def test_formatters_have_no_complaint(page: Path, tool: list[str]) -> None:
    done = subprocess.run([require_tool(tool[0]), *tool[1:], page], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_whatis_finds_its_line(page: Path) -> None:
    done = subprocess.run([require_tool("lexgrog"), page], capture_output=True, text=True)
    assert 'app-scanner.1: "app-scanner - Which of the listed apps are on these phones' in done.stdout.replace(
        str(page), page.name
    )


@pytest.mark.parametrize("title", ["NAME", "SYNOPSIS", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "FILES"])
def test_the_usual_sections_are_there(shown: str, title: str) -> None:
    assert f"\n{title}\n" in shown


@pytest.mark.parametrize(
    ("name", "command"), every_command(cli), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_command_is_there_with_options_and_examples(shown: str, name: str, command: click.Command) -> None:
    assert f"app-scanner {name}\n" in shown
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            assert all(word in shown for word in option.opts)
    for line in (command.epilog or "").splitlines():
        assert line.strip(" \b") in shown


def test_every_variable_is_there(shown: str) -> None:
    assert [name for name in variables(cli) if f"[{name}]" not in shown] == []


def test_two_pages_of_one_moment_are_the_same() -> None:
    fixed = os.environ | {"SOURCE_DATE_EPOCH": "1700000000"}
    command = [sys.executable, "-m", "scanner.cli.manual"]
    first, second = (subprocess.run(command, capture_output=True, env=fixed, cwd=ROOT).stdout for _ in range(2))
    assert first == second
    assert b".TH APP-SCANNER 1 2023-11-14 " in first
