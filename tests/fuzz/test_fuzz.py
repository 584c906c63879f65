"""A short look of every target, the same in each run; every input that once broke one; and that targets see anything.

`make fuzz` looks for longer. See docs/reliability.md.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scanner.model import AppRow, Verdict
from scanner.sources.inventories.detection import formats
from tests.fuzz import apks, exports
from tests.fuzz.mutating import inputs
from tests.fuzz.targets import TARGETS

FOLDER = Path(__file__).parent
REGRESSIONS = sorted(FOLDER.glob("regressions/*/*"))
SLOW = {"saved-rows": 20, "spreadsheet": 40, "reports": 20}
"""Mutations of those that take longer than a few milliseconds each."""


@pytest.mark.parametrize("name", TARGETS)
def test_no_seed_and_no_mutation_breaks_it(name: str) -> None:
    for data in inputs(TARGETS[name], SLOW.get(name, 100)):
        TARGETS[name].check(data)


@pytest.mark.parametrize("file", REGRESSIONS, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_what_once_broke_it_does_so_no_more(file: Path) -> None:
    TARGETS[file.parent.name].check(file.read_bytes())


def test_every_past_crash_is_of_a_target_that_there_is() -> None:
    assert REGRESSIONS
    assert {file.parent.name for file in REGRESSIONS} <= set(TARGETS)


def test_mutations_are_the_same_in_each_run() -> None:
    target = TARGETS["zip-directory"]
    assert list(inputs(target, 20)) == list(inputs(target, 20))
    assert len(set(inputs(target, 200))) > 150


# A target that never gets beyond the first check would find nothing: what its seeds reach ------------


def rows_of(data: bytes) -> list[AppRow]:
    return [row for row in apks._outcomes(data, verify_all=True) if isinstance(row, AppRow)]


def test_apks_that_recipes_begin_with_give_every_verdict_that_they_should() -> None:
    found = [rows_of(apk)[0].verdict for apk in apks.bases()[:8]]
    assert found[:3] == [Verdict.CONFIRMED] * 3
    assert set(found) >= {Verdict.IMPOSTOR, Verdict.PAST_SIGNER}


def test_an_edit_of_what_is_signed_is_no_longer_confirmed() -> None:
    base = apks.bases()[0]
    edited = apks.cooked(apks.step(4, 4, 40, 0), base)
    assert edited != base
    assert [row.verdict for row in rows_of(edited)] != [Verdict.CONFIRMED]


def test_the_honest_jar_and_v4_signatures_hold() -> None:
    for target, checked in (("jar-signing", apks.jar_signing), ("idsig", apks.idsig)):
        verified = []
        original = apks.verify

        def spy(*words, original=original, verified=verified):
            verified.append(original(*words).verified)
            return original(*words)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(apks, "verify", spy)
            checked(next(iter(TARGETS[target].seeds())))
        assert all(verified), target


def test_every_format_of_inventories_is_tried_by_name_and_apps_are_found_in_the_samples() -> None:
    assert {choice.form for choice in exports._choices()} >= set(formats())
    found = sum(exports.scanned(seed, None, "")[1].counts["apps"] > 0 for seed in exports.text_seeds())
    assert found > 15
    assert all(exports.scanned(seed, None, ".zip")[1].counts["apps"] for seed in exports.bundle_seeds())
    assert all(exports.scanned(seed, None, ".xlsx")[1].counts["apps"] for seed in exports.workbook_seeds())


def test_the_fuzzer_itself_is_asked_for_by_make() -> None:
    makefile = (FOLDER.parents[1] / "Makefile").read_text()
    assert "tests.fuzz.run" in makefile
    ast.parse((FOLDER / "one.py").read_text())
