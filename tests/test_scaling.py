"""The model of docs/scaling.md: its arithmetic on small numbers, and that the document shows what it prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from benchmarks.scaling import Machine, Need, Store, estimate, main

DOCUMENT = (Path(__file__).parents[1] / "docs" / "scaling.md").read_text(encoding="utf-8")
TWO = Machine("two cores", 2, 1_000_000, 1.0)
NEED, STORE = Need(4, 1000, 0.01, 100), Store(0.1, 50, 1.0, 10.0)


def test_each_part_is_what_an_apk_needs_times_their_number() -> None:
    of = estimate(2000, TWO, at_once=8, need=NEED, store=STORE)
    assert of.parts == pytest.approx({"cpu": 10, "network": 2, "latency": 100, "store": 160, "listing": 0.2})
    assert (of.seconds, of.saturated) == (160, "store")
    assert of.machine_cost == pytest.approx(160 / 3600)
    assert of.request_cost == pytest.approx(8 * 1.0 + 0.002 * 10)


def test_more_machines_take_less_time_until_the_store_decides() -> None:
    free = STORE._replace(per_second=1e9)
    one, four = (estimate(2000, TWO, count, 8, NEED, free) for count in (1, 4))
    assert (one.saturated, one.seconds / four.seconds) == ("latency", 4)
    assert one.machine_cost == pytest.approx(four.machine_cost)
    assert estimate(2000, TWO, 4, 8, NEED, STORE).seconds == estimate(2000, TWO, 1, 8, NEED, STORE).seconds


def test_the_listing_counts_its_last_page() -> None:
    assert estimate(1, TWO, need=NEED, store=STORE).request_cost == pytest.approx(0.004 + 0.01)
    assert estimate(1001, TWO, need=NEED, store=STORE).parts["listing"] == pytest.approx(0.2)


@pytest.mark.parametrize("words", re.findall(r"^python -m benchmarks\.scaling (.*)$", DOCUMENT, re.MULTILINE))
def test_the_document_shows_what_the_model_prints(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(shlex.split(words))
    assert capsys.readouterr().out in DOCUMENT
