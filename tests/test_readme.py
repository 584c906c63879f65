"""The README tells the truth: its help text is the program's, and what it promises of rows runs."""

from __future__ import annotations

import os
import re
from collections.abc import Callable

import pytest

from scanner.model import Verdict
from scanner.policies.policy import FAILING
from tests.conftest import ROOT, Ran

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", re.findall(r"<!-- help: (\w+) -->", README))
def test_the_help_in_the_readme_is_the_programs(command: str, app_scanner: Callable[..., Ran]) -> None:
    said = re.search(rf"<!-- help: {command} -->\n```\n(.*?)\n```", README, re.DOTALL)
    shown = app_scanner(command, "--help", env={**os.environ, "COLUMNS": "100"}).out
    assert said
    assert said[1] == shown.rstrip()


def test_the_verdict_table_of_the_readme_is_the_policys() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \|.*\| (yes|no) \|$", README, re.MULTILINE)
    assert {Verdict(name) for name, fails in rows if fails == "yes"} == FAILING
    assert Verdict("clear") in {Verdict(name) for name, _ in rows}


def test_every_file_that_the_readme_links_to_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("https://") or (ROOT / target).exists(), target
