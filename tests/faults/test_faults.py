"""Each fault of the machine once. ``make faults`` injects them again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.catalogue import FAULTS
from tests.faults.run import line


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_the_outcome_that_is_promised(name: str, tmp_path: Path) -> None:
    FAULTS[name].inject(tmp_path)


def test_the_document_has_the_table_as_it_is() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "reliability.md").read_text(encoding="utf-8")
    told = [line(fault, 0, 0).rpartition(" | ")[0].replace("`| head", "`\\| head") for fault in FAULTS.values()]
    assert [one for one in told if one not in text] == []
