"""``app-scanner signatures diff``: what changed between two files, or two folders."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Ran
from tests.support.signer import key
from tests.test_database import document, spoiled, written

Run = Callable[..., Ran]


@pytest.fixture
def diff(app_scanner: Run, tmp_path: Path) -> Callable[[Any, Any], list[tuple[str, ...]]]:
    def run(old: Any, new: Any) -> list[tuple[str, ...]]:
        files = written(tmp_path, old, "old.yaml"), written(tmp_path, new, "new.yaml")
        ran = app_scanner("signatures", "diff", *files, "-o", "json")
        changes = json.loads(ran.out)
        assert ran.code == (1 if changes else 0)
        return [(one["kind"], one["what"], one["app"], one["name"], one["detail"]) for one in changes]

    return run


def test_the_same_is_exit_0_and_no_line(app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner("signatures", "diff", ROOT / "signatures", ROOT / "signatures")
    assert (ran.code, ran.out) == (0, "")


def test_a_new_value_is_told_with_the_old_one(diff: Any) -> None:
    assert diff(document(), spoiled("apps.0.packages.0.pins", "partial")) == [
        ("changed", "package", "my-app", "com.example.app", "pins: complete → partial")
    ]


def test_added_and_removed_packages_signers_and_citations_are_told(diff: Any) -> None:
    more = document()
    app = more["apps"][0]
    app["packages"].append({**app["packages"][0], "name": "com.example.lite", "signers": ["bob"]})
    app["signers"].append({"id": "bob", "confidence": "computed", "sha256": key("bob").sha256, "cites": ["me"]})
    app["packages"][0]["cites"] = ["me", "another"]
    there = diff(document(), more)
    assert there == [
        ("changed", "package", "my-app", "com.example.app", "cites: + another"),
        ("added", "package", "my-app", "com.example.lite", ""),
        ("added", "signer", "my-app", "bob", f"sha256 {key('bob').sha256}"),
    ]
    assert [change[0] for change in diff(more, document())] == ["changed", "removed", "removed"]


def test_an_app_and_a_list_come_with_all_that_is_theirs(diff: Any) -> None:
    empty = {"schema": 1}
    assert [(change[0], change[1]) for change in diff(empty, document())] == [
        ("added", "list"), ("added", "app"), ("added", "package"), ("added", "signer"),
    ]  # fmt: skip
    assert {change[0] for change in diff(document(), empty)} == {"removed"}


def test_text_is_one_line_for_each(app_scanner: Run, tmp_path: Path) -> None:
    files = (
        written(tmp_path, document(), "a.yaml"),
        written(tmp_path, spoiled("apps.0.updated", "2026-11-24"), "b.yaml"),
    )
    ran = app_scanner("signatures", "diff", *files)
    assert (ran.code, ran.out) == (1, "~ app     my-app (My App)  updated: 2026-11-23 → 2026-11-24\n")


def test_a_bad_file_is_a_failure(app_scanner: Run, tmp_path: Path) -> None:
    bad = written(tmp_path, {"schema": 2})
    assert app_scanner("signatures", "diff", bad, bad).code == 5
    assert app_scanner("signatures", "diff", bad).code == 2
