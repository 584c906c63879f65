"""Programs that tests compare with: present, or skipped; on CI their absence is a failure."""

from __future__ import annotations

import os
import shutil

import pytest


def require_tool(name: str) -> str:
    """The path of an installed program. Without it the test is skipped, and fails where ``CI`` is set."""
    path = shutil.which(name)
    if path is not None:
        return path
    missing = f"{name} is not installed"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
