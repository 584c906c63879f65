"""Every fault, in the order of the table."""

from __future__ import annotations

from tests.faults import clocks, disks, folders, full
from tests.faults.table import FAULTS

MODULES = (disks, full, clocks, folders)
"""Importing one puts its faults into the table."""
__all__ = ["FAULTS", "MODULES"]
