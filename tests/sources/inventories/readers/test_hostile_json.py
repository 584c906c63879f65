"""Every reader of JSON, given JSON that is odd, broken or cut: nothing raises, and nothing incomplete looks whole."""

from __future__ import annotations

import io
import json

import msgspec
import pytest

from scanner.model import Installed
from scanner.sources.inventories.documents import StreamDocument
from scanner.sources.inventories.readers import amapi, androidqf, hubble, mvt
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.readers.table import table_reader
from scanner.sources.inventories.reading import Gap
from tests.sources.inventories.readers.samples import aqf_entry, hubble_file, hubble_package

NAMES = ("com.a.one", "com.b.two", "com.c.three")


class OneFile:
    """A bundle of one file, in memory."""

    name = "b"

    def __init__(self, name, data) -> None:
        self._name, self._data = name, data

    def names(self):
        return [self._name]

    def document(self, name):
        return {self._name: document(self._data)}[name]


def document(data):
    return StreamDocument("export", lambda: io.BytesIO(data))


def _device(name):
    return {"name": f"enterprises/x/devices/{name}", "applicationReports": [{"packageName": name, "displayName": "T"}]}


def _row(name):
    return {"type": "app", "schema": 1, "package_name": name, "label": "T"}


TEXTS = {
    "amapi": json.dumps({"devices": [_device(name) for name in NAMES]}, indent=1),
    "amapi-array": json.dumps([_device(name) for name in NAMES]),
    "androidqf": json.dumps([{**aqf_entry(name), "x": "T"} for name in NAMES]),
    "mvt": json.dumps([{"package_name": name, "requested_permissions": [], "x": "T"} for name in NAMES]),
    "hubble": hubble_file("totalPackages", "packages", *(hubble_package(name, label="T") for name in NAMES)),
    "json": json.dumps([{"package": name, "title": "T"} for name in NAMES]),
    "rows": json.dumps([_row(name) for name in NAMES], indent=1),
    "rows-document": json.dumps({"rows": [_row(name) for name in NAMES], "summary": {"type": "x"}}, indent=1),
}


READERS = {
    "amapi": amapi.READER,
    "androidqf": androidqf.READER,
    "mvt": mvt.READER,
    "hubble": hubble.READER,
    "json": table_reader({"package": "package"}, "json"),
    "rows": OWN_READERS[0],
}
FILES = {"mvt": "packages.json", "hubble": "packages.txt"}


def read(shape, data):
    """The apps that the reader of this shape finds in these bytes, and what it says of the listing."""
    kind = shape.partition("-")[0]
    reader = READERS[kind]
    entries = list(reader.read(OneFile(FILES[kind], data) if kind in FILES else document(data), "S"))
    for entry in entries:
        msgspec.json.encode(entry)
    apps = [entry.package_name for entry in entries if isinstance(entry, Installed)]
    return apps, [entry for entry in entries if isinstance(entry, Gap) and entry.what == "listing"]


@pytest.mark.parametrize("shape", TEXTS)
def test_all_is_well_with_a_mark_and_with_what_stands_twice(shape) -> None:
    text = TEXTS[shape]
    usual = len(read(shape, text.encode())[1])
    for odd in ("\ufeff" + text, text.replace('"T"', '"T", "y": 1, "y": 2'), text.replace('"T"', "null")):
        apps, gaps = read(shape, odd.encode())
        assert apps == list(NAMES)
        assert len(gaps) == usual


@pytest.mark.parametrize("shape", TEXTS)
@pytest.mark.parametrize("odd", [b"NaN", b'"\\ud800"', b'"\xff"', b'"\xed\xa0\x80"', b"-1e999", b'"\\udc80\\u0000"'])
def test_odd_values_cost_no_other(shape, odd) -> None:
    front, _, back = TEXTS[shape].encode().rpartition(b'"T"')
    apps, gaps = read(shape, front + odd + back)
    if shape.startswith("rows"):  # ours are right or they are none
        assert apps == list(NAMES[:2])
        assert gaps
    else:
        assert (apps, gaps) == (list(NAMES), [])


@pytest.mark.parametrize("shape", TEXTS)
@pytest.mark.parametrize("broken", [b"9" * 5000, b"[" * 60_000, b'{"a":' * 60_000, b"nul", b'"\n', b"'T'", b"", b"]"])
def test_what_comes_before_a_break_is_kept(shape, broken) -> None:
    front, _, back = TEXTS[shape].encode().rpartition(b'"T"')
    apps, gaps = read(shape, front + broken + back)
    assert apps[:2] == list(NAMES[:2])
    assert gaps


@pytest.mark.parametrize("shape", TEXTS)
@pytest.mark.parametrize("garbage", [b"garbage", b"]", b"}", b",", b"\0", b'"', b"\xff"])
def test_what_follows_the_end_is_a_gap(shape, garbage) -> None:
    text = TEXTS[shape].encode()
    usual = len(read(shape, text)[1])
    apps, gaps = read(shape, text + garbage)
    assert apps == list(NAMES)
    assert len(gaps) == usual + 1 or shape.startswith("rows")


@pytest.mark.parametrize("shape", TEXTS)
def test_every_cut_is_a_gap_and_costs_no_app_before_it(shape) -> None:
    text = TEXTS[shape].encode()
    for cut in range(text.index(b'"T"'), len(text.rstrip()), 3):
        apps, gaps = read(shape, text[:cut])
        assert apps == list(NAMES[: len(apps)])
        assert len(apps) >= text[:cut].count(b'"T"') - 1
        assert gaps
