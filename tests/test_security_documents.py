"""docs/threat-model.md and docs/reliability.md name tests that are there: a claim without a test is no claim."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def named_in(document: str) -> set[tuple[str, str]]:
    return set(NAMED.findall((ROOT / "docs" / document).read_text(encoding="utf-8")))


@pytest.mark.parametrize(("document", "least"), [("threat-model.md", 45), ("reliability.md", 15)])
def test_every_test_that_is_named_is_there(document: str, least: int) -> None:
    named = named_in(document)
    assert len(named) >= least
    for file, test in named:
        functions = {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if hasattr(node, "name")}
        assert not test or test in functions, f"{file}::{test}"


def test_every_line_that_claims_something_names_a_test() -> None:
    text = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and line.count(" | ") == 2]
    claims = [line for line in rows if not line.startswith(("| Attack ", "| What "))]
    assert len(claims) > 30
    assert [line for line in claims if "::test_" not in line] == [
        line for line in claims if line.startswith("| Reports |")
    ]
