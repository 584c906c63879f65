"""``-o parquet=s3://…``, ``gs://…`` and ``az://…``: written, read again, and refused before anything is read."""

from __future__ import annotations

import json
import os
import urllib.request
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow.parquet
import pytest
from azure.storage.blob import BlobServiceClient

from scanner.destination import Destination, open_destination
from scanner.errors import OutputError
from scanner.formats import new_format_in_parts, parquet
from tests.conftest import Ran
from tests.objects.conftest import Amazon, Azure, Google, Served
from tests.support.apk_builder import build_apk
from tests.support.emulators import connection_string
from tests.support.link import Fault
from tests.support.objectstore import KEY
from tests.support.reports import app, summary
from tests.support.signer import key

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
Scan = Callable[..., Ran]
ROWS = [app(f"com.example.n{number}") for number in range(70)]


@pytest.fixture(params=["amazon", "google", "azure"])
def store(request: pytest.FixtureRequest) -> Served:
    """Each kind of store in turn, with nothing in it."""
    found: Served = request.getfixturevalue(request.param)
    found.put({})
    return found


def objects(store: Served) -> dict[str, bytes]:
    """What lies in the store, asked of its server directly."""
    bucket = store.root.name
    if isinstance(store, Azure):
        with BlobServiceClient.from_connection_string(connection_string(store.link.server)) as client:
            container = client.get_container_client(bucket)
            return {name: container.download_blob(name).readall() for name in container.list_blob_names()}
    if isinstance(store, Google):
        api = f"http://{store.link.server}/storage/v1/b/{bucket}/o"
        listed = json.loads(fetched(api)).get("items", [])
        return {one["name"]: fetched(f"{api}/{one['name'].replace('/', '%2F')}?alt=media") for one in listed}
    listed = fetched(f"http://{store.link.server}/{bucket}?list-type=2&max-keys=1000").decode()
    names = [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]
    return {name: fetched(f"http://{store.link.server}/{bucket}/{name}") for name in names}


def fetched(url: str) -> bytes:
    known = {"Authorization": f"AWS {KEY}:unchecked"}  # Moto checks no signature, and gives nothing to who has none
    with urllib.request.urlopen(urllib.request.Request(url, headers=known), timeout=120) as answer:
        data: bytes = answer.read()
        return data


def test_a_report_is_written_resumed_and_read(store: Served, tmp_path: Path, app_scanner: Scan) -> None:
    def write(number: int, day: str) -> Ran:
        apk = build_apk(f"com.example.n{number}", v2=[key("a")])
        (tmp_path / "apks" / f"{number}.apk").write_bytes(apk)
        outputs = ("-o", f"jsonl={tmp_path}/rows.jsonl", "-o", f"parquet={store.address(day)}")
        return app_scanner("scan", tmp_path / "apks", "-q", *outputs, "--resume", env=dict(os.environ))

    (tmp_path / "apks").mkdir()
    for number, day in enumerate(("of/today", "of/tomorrow/")):
        ran = write(number, day)
        assert (ran.code, ran.err) == (0, "")
    found = objects(store)
    assert sorted(found) == ["of/today/part-00000.parquet", "of/tomorrow/part-00000.parquet"]
    for number, data in enumerate(found[name] for name in sorted(found)):
        part = tmp_path / "part.parquet"
        part.write_bytes(data)
        names = duckdb.sql(f"SELECT package_name FROM '{part}' WHERE type = 'app' ORDER BY 1").fetchall()
        assert names == [(f"com.example.n{app}",) for app in range(number + 1)]
        assert pyarrow.parquet.read_table(part).num_rows == number + 2
    with pytest.raises(OutputError, match=r"holds \.parquet files already"):
        open_destination(store.address("of"), ".parquet")


def test_parts_too_large_for_one_request_are_whole(
    store: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "PART_ROWS", 30)
    place = open_destination(store.address("rows/"), ".parquet")
    out = new_format_in_parts("parquet", place.part)
    for row in ROWS:
        out.row(row)
    out.end(summary(ROWS))
    out.close()
    large = bytes(range(256)) * (23 << 12)  # 23 MB: several pieces, none of them like the next
    with place.part(3) as stream:
        stream.write(large)
    found = objects(store)
    assert sorted(found) == [f"rows/part-0000{number}.parquet" for number in range(4)]
    assert found["rows/part-00003.parquet"] == large
    for number in range(3):
        (tmp_path / f"{number}.parquet").write_bytes(found[f"rows/part-0000{number}.parquet"])
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/*.parquet'").fetchall() == [(71,)]


def test_a_part_that_breaks_off_does_not_appear(store: Served) -> None:
    place = open_destination(store.address("rows"), ".parquet")
    for size in (10, 11 << 20):
        with pytest.raises(KeyboardInterrupt):
            _break_off(place, size)
    assert objects(store) == {}


def _break_off(place: Destination, size: int) -> None:
    with place.part(0) as stream:
        stream.write(bytes(size))
        raise KeyboardInterrupt


WRITES = ("POST ", "PUT ")


def test_a_place_that_takes_nothing_is_found_out_at_once(store: Served) -> None:
    store.link.faults = lambda line: Fault(403) if line.startswith(WRITES) else None
    with pytest.raises(OutputError, match=r"/rows: cannot be written to: access denied \([^\n]+\)$"):
        open_destination(store.address("rows"), ".parquet")
    assert len(store.link.crossed.requests) == 1
    assert objects(store) == {}


def test_nothing_is_read_where_nothing_can_be_written(amazon: Amazon, tmp_path: Path, app_scanner: Scan) -> None:
    (tmp_path / "a.apk").write_bytes(build_apk("com.example.a", v2=[key("a")]))
    amazon.link.faults = lambda line: Fault(403) if line.startswith(WRITES) else None
    where = amazon.address("rows")
    ran = app_scanner("scan", tmp_path, "-o", f"parquet={where}", "-o", "jsonl", env=dict(os.environ))
    assert (ran.code, ran.out, ran.err.count("\n")) == (5, "", 1)
    assert ran.err.startswith(f"app-scanner: {where}: cannot be written to: access denied (")


def test_who_may_only_write_writes_and_replaces_nothing(store: Served) -> None:
    store.link.faults = lambda line: None if line.startswith(WRITES) else Fault(403)
    written(store, b"first")
    assert objects(store) == {"rows/part-00000.parquet": b"first"}
    if isinstance(store, Google):  # the emulator does not look at this condition
        store.link.faults = lambda line: (
            Fault(412) if "ifGenerationMatch=0" in line else None if line.startswith(WRITES) else Fault(403)
        )
    with pytest.raises(OutputError, match="a part of another report is there already"):
        written(store, b"second")
    assert objects(store) == {"rows/part-00000.parquet": b"first"}


def written(store: Served, data: bytes) -> None:
    with open_destination(store.address("rows"), ".parquet").part(0) as stream:
        stream.write(data)


def test_a_bucket_that_is_not_there_is_said_to_be_missing(store: Served) -> None:
    where = f"{store.prefix.partition('://')[0]}://not-there-at-all/rows"
    with pytest.raises(OutputError, match=f"^{where}: cannot be written to: [^\n]+$"):
        open_destination(where, ".parquet")


@pytest.mark.parametrize(("request_line", "status"), [("DELETE ", 403), ("POST ", 501)])
def test_trying_out_needs_no_right_to_take_back_and_no_uploads_in_pieces(
    amazon: Amazon, request_line: str, status: int
) -> None:
    amazon.link.faults = lambda line: Fault(status) if line.startswith(request_line) else None
    written(amazon, b"rows")
    assert objects(amazon) == {"rows/part-00000.parquet": b"rows"}
    assert any(line.startswith(request_line) for line in amazon.link.crossed.requests)
