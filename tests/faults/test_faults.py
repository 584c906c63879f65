"""Each fault of the machine once. ``make faults`` injects them again and again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults import disks, folders
from tests.faults.table import FAULTS

assert disks
assert folders


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_the_outcome_that_is_promised(name: str, tmp_path: Path) -> None:
    FAULTS[name].inject(tmp_path)
