"""Inventories in buckets and on web servers: beside APKs or named, read where they lie as those of this machine are."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from scanner import inventories
from scanner.bytesource import store_of
from scanner.bytesource.remote import objects
from scanner.database import load_database
from scanner.errors import SourceError
from scanner.inventories import Inventories
from scanner.model import Installed, Location, Passed
from scanner.phones.installed import InstalledJudge
from scanner.sources import inventory
from scanner.sources.inventories.reading import Gap
from scanner.sources.inventory import open_inventory
from tests.conftest import Ran
from tests.objects.conftest import Served
from tests.objects.test_cli_objects import apk, identities
from tests.sources.inventories.readers.samples import DUMPSTATE
from tests.support.link import Fault
from tests.test_cli_inventories import SHA1, SHA256, amapi, app_links

Scan = Callable[..., Ran]
TABLE = b"device,package\nS1,com.tencent.mm\nS2,com.example.other\n"


def zipped(files: dict[str, bytes]) -> bytes:
    with zipfile.ZipFile(out := io.BytesIO(), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def exports() -> dict[str, bytes]:
    """Exports of many formats among what is none."""
    return {
        "a.apk": apk("com.example.a"),
        "exports/devices.json": amapi(["R58ONE", "R58TWO"], SHA1).encode(),
        "exports/fleet.csv.gz": gzip.compress(TABLE),
        "exports/links-R58ONE.txt": app_links("com.tencent.mm", SHA256).encode(),
        "reports/bugreport.zip": zipped({"bugreport-1.txt": DUMPSTATE.encode(), "FS/data/x.bin": bytes(90_000)}),
        "reports/phones.zip": zipped({"S7.txt": b"package:com.tencent.mm\n", "S8.txt": b"package:com.example.p\n"}),
        "other.zip": zipped({"inner.apk": apk("com.example.inner"), "readme.txt": b"Hello.\n"}),
        "settings.json": b'{"colour": "blue"}',
        "empty.csv": b"",
        "notes.txt": b"nothing of interest\n",
    }


@pytest.mark.parametrize("kind", ["bucket", "web", "google", "azure"])
def test_those_among_apks_give_the_rows_of_the_folder(
    kind: str, request: pytest.FixtureRequest, scan: Scan, tmp_path: Path
) -> None:
    store: Served = request.getfixturevalue(kind)
    store.put(exports())
    here = tmp_path / "here"
    for name, data in exports().items():
        (here / name).parent.mkdir(parents=True, exist_ok=True)
        (here / name).write_bytes(data)
    afar, near = scan(store.prefix), scan(here)
    assert identities(afar, store.prefix) == identities(near, f"{here}/")
    assert (afar.code, afar.summary["counts"]) == (near.code, near.summary["counts"])
    assert {row["verdict"] for row in afar.apps} >= {"confirmed", "name-only", "clear"}
    coverage = [json.dumps(ran.summary["coverage"]) for ran in (afar, near)]
    assert coverage[0].replace(store.prefix, "") == coverage[1].replace(f"{here}/", "")


@pytest.mark.parametrize("name", ["exports/devices.json", "exports/fleet.csv.gz", "reports/bugreport.zip"])
def test_one_that_is_named_gives_the_rows_of_the_file(bucket: Served, scan: Scan, name: str) -> None:
    bucket.put(exports())
    afar, near = scan(bucket.address(name)), scan(bucket.root / name)
    assert identities(afar, bucket.prefix) == identities(near, f"{bucket.root}/")
    assert afar.code == near.code
    assert all(row["source"] == bucket.address(name) for row in afar.apps)


def test_a_name_and_a_password_and_what_signs_an_address_appear_nowhere(web: Served, scan: Scan) -> None:
    web.put(exports())
    for server in (web.prefix, web.prefix.replace("://", "://me:sesame@")):
        ran = scan(f"{server}exports/devices.json?X-Amz-Signature=opensesame&v=1")
        assert (ran.code, len(ran.apps)) == (1, 4)
        assert "sesame" not in ran.out + ran.err


def test_what_nothing_says_of_is_read_with_as_or_columns(bucket: Served, scan: Scan) -> None:
    bucket.put({"listing": b"package:com.tencent.mm\n", "odd": b"App;Phone\ncom.tencent.mm;S1\n"})
    assert [ran.code for ran in (scan("s3://apks/listing"), scan("s3://apks/listing", "--as", "pm"))] == [3, 1]
    assert scan("s3://apks/odd", "--columns", "package=App,device=Phone").code == 1


def test_a_server_without_ranges_sends_it_whole(web: Served, scan: Scan) -> None:
    web.put(exports())
    web.link.faults = lambda _: Fault(without_ranges=True)
    ran = scan(web.address("exports/devices.json"))
    assert (ran.code, len(ran.apps)) == (1, 4)


def test_one_too_large_for_a_server_without_ranges_is_none_and_raises_nothing(
    web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    web.put(exports())
    web.link.faults = lambda _: Fault(without_ranges=True)
    monkeypatch.setattr(objects, "MAX_STREAMED", 100)
    assert open_inventory(web.address("exports/devices.json")) is None


@pytest.mark.parametrize(
    "content",
    [
        b'{"colour": "' + b"blue" * 2_000_000 + b'"}',
        zipped({f"{number}.json": b"{}" for number in range(200)}) + bytes(8 << 20),
        zipped({f"{number}.bin": Random(number).randbytes(80_000) for number in range(100)}),
    ],
    ids=["text", "zip-of-many", "zip-of-no-exports"],
)
def test_what_is_none_is_not_fetched_to_tell(bucket: Served, content: bytes) -> None:
    name = "x.json" if content.startswith(b"{") else "x.zip"
    bucket.put({name: content})
    assert len(content) > 7_000_000
    assert open_inventory(bucket.address(name)) is None
    assert bucket.link.crossed.body_bytes < 1_000_000
    assert len(bucket.link.crossed.requests) < 12


def test_it_is_read_as_a_stream_and_once(bucket: Served) -> None:
    rows = "".join(f"S{number},com.example.n{number}\n" for number in range(100_000))
    bucket.put({"fleet.csv": f"device,package\n{rows}".encode()})
    size = (bucket.root / "fleet.csv").stat().st_size
    source = open_inventory("s3://apks/fleet.csv")
    assert source is not None
    assert sum(isinstance(entry, Installed) for entry in source.entries()) == 100_000
    assert size < bucket.link.crossed.body_bytes < size + 700_000


def test_one_that_changes_meanwhile_is_not_read_to_its_end(bucket: Served) -> None:
    bucket.put({"fleet.csv": TABLE})
    source = open_inventory("s3://apks/fleet.csv")
    bucket.change("fleet.csv", TABLE.replace(b"tencent", b"another"))
    assert source is not None
    (gap,) = [entry for entry in source.entries() if isinstance(entry, Gap) and entry.reason != inventory.EMPTY]
    assert gap.reason.endswith("not read to its end: the object changed while it was read")


def test_one_that_is_too_large_says_so(bucket: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put({"fleet.csv": TABLE})
    monkeypatch.setattr(inventory, "MAX_AFAR", len(TABLE) - 1)
    with pytest.raises(SourceError, match="an inventory of 54 bytes: of stores and web servers up to 53 are read"):
        open_inventory("s3://apks/fleet.csv")


def test_an_address_that_cannot_be_asked_is_one_line(bucket: Served, scan: Scan) -> None:
    bucket.put({"fleet.csv": TABLE})
    ran = scan("s3://apks/none.csv", "s3://no-such-bucket/fleet.csv")
    assert (ran.code, [row["what"] for row in ran.unread]) == (5, ["source", "source"])
    bucket.link.faults = lambda _: Fault(403)
    ran = scan("s3://apks/fleet.csv")
    assert (ran.code, ran.err) == (
        5,
        "app-scanner: s3://apks/fleet.csv: access denied: these credentials may not read it\n",
    )


def found(bucket: Served) -> list[Passed]:
    listed = store_of("s3://x").find(bucket.prefix)
    return [Passed(bucket.prefix, one.address, Location(one.address, size=one.size, etag=one.etag)) for one in listed]


def test_one_that_cannot_be_looked_at_is_unread(bucket: Served) -> None:
    bucket.put({"a.csv": TABLE, "b.csv": TABLE})
    among = Inventories(InstalledJudge(load_database(), "2026-11-24T03:00:00Z"), {}, None)
    passed = found(bucket)
    bucket.link.faults = lambda line: Fault(403) if "b.csv" in line else None
    assert not any(map(among.take_found, passed))
    assert among.look_afar() == 1
    (row,) = among.doubts()
    assert (row.what, row.which, "access denied" in row.reason) == ("file", "s3://apks/b.csv", True)


def test_of_very_many_the_first_are_looked_at_and_the_others_told(
    bucket: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put({f"{number}.csv": TABLE for number in range(5)})
    monkeypatch.setattr(inventories, "MAX_AFAR", 3)
    among = Inventories(InstalledJudge(load_database(), "2026-11-24T03:00:00Z"), {}, None)
    assert not any(map(among.take_found, found(bucket)))
    assert among.look_afar() == 3
    (hole,) = among.coverage()
    assert hole.hole == "2 more files of s3://apks/ named like an inventory"
    assert hole.reason == "only the first 3 were looked at: name those that are inventories"
