"""Old signatures: a scan says so, and is neither failed nor cleaner for it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from scanner.database import load_database
from scanner.database.signaturefile import OLD_DAYS
from scanner.scanning import Scan
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.test_database import spoiled, written

Run = Callable[..., Ran]


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    path = tmp_path / "a.apk"
    path.write_bytes(build_apk("com.example.other"))
    return path


def holes(apk: Path, database: object, now: datetime) -> list[str]:
    running = Scan([str(apk)], database, now=now)  # type: ignore[arg-type]
    list(running.rows())
    summary = running.summary()
    assert summary.exit_code == 0
    return [hole.reason for hole in summary.coverage if hole.hole == "old data"]


def test_shipped_signatures_grow_old_by_the_clock_of_the_scan(apk: Path) -> None:
    database = load_database()
    newest = max(signature.updated for signature in database.signatures)
    day = datetime.combine(date.fromisoformat(newest), datetime.min.time(), UTC)
    assert holes(apk, database, day + timedelta(days=OLD_DAYS)) == []
    (reason,) = holes(apk, database, day + timedelta(days=OLD_DAYS + 1))
    assert reason.startswith("the signatures that came with this program were last changed 181 days ago")


def test_a_new_list_of_ones_own_does_not_make_shipped_data_young(apk: Path, tmp_path: Path) -> None:
    database = load_database([written(tmp_path, spoiled("apps.0.updated", "2040-01-01"))])
    (reason,) = holes(apk, database, datetime(2040, 1, 2, tzinfo=UTC))
    assert "came with this program" in reason


def test_a_scan_with_an_old_file_says_so_and_is_still_clean(apk: Path, tmp_path: Path, app_scanner: Run) -> None:
    mine = written(tmp_path, spoiled("apps.0.updated", "2020-01-01"))
    ran = app_scanner("scan", apk, "--signatures", mine, "--only-signatures")
    assert ran.code == 0
    assert "old data: the signatures that were given were last changed" in " ".join(ran.out.split())


def test_a_date_that_is_none_is_no_age(apk: Path, tmp_path: Path) -> None:
    database = load_database([written(tmp_path, spoiled("apps.0.updated", "lately"))], replace=True)
    assert holes(apk, database, datetime(2040, 1, 2, tzinfo=UTC)) == []
