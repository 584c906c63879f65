"""All management readers together: which takes what, and that none ever raises."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.model import Device, Installed
from scanner.sources.inventories.lines import is_package_name
from scanner.sources.inventories.readers.mdm_fields import MAX_ID, MAX_TEXT
from scanner.sources.inventories.readers.mdm_formats import MDM_READERS
from scanner.sources.inventories.readers.mdm_head import glimpse
from scanner.sources.inventories.reading import HEAD, Gap, NotAndroid
from tests.sources.inventories.readers import test_amapi, test_google_workspace, test_intune, test_services
from tests.support.documents import TextDocument

READERS = {reader.name: reader for reader in MDM_READERS}
SAMPLES = {
    "amapi": [*test_amapi.WHOLE.values(), {"devices": [{"name": test_amapi.DEVICE_NAME}]}],
    "google-workspace": [test_google_workspace.PAGE, test_google_workspace.PHONE, [test_google_workspace.PHONE]],
    "intune-graph": [
        test_intune.page(test_intune.APP),
        test_intune.APP,
        {**test_intune.PHONE, "detectedApps": [test_intune.APP]},
        test_intune.page({**test_intune.PHONE, "detectedApps": [test_intune.APP]}),
    ],
    "intune-csv": [test_intune.RAW + test_intune.raw(), "ApplicationKey,ApplicationName,ApplicationVersion\n"],
    "blackberry-uem": [{"deviceApplications": [test_services.UEM_APP]}],
    "workspace-one": [{"DeviceApps": [test_services.ONE_APP], "Total": 1}],
    "ivanti": [[{"applications": [test_services.IVANTI_APP]}]],
    "fleetdm": [*test_services.FLEET_SHAPES, {"software_titles": [test_services.FLEET_APP]}],
}
ALIEN = [
    "",
    "   ",
    "{}",
    "[]",
    "null",
    "7",
    '{"devices": []}',
    '{"devices": [{"name": "printer"}]}',
    '{"value": [{"displayName": "Ada", "id": "1"}]}',
    '{"applications": [{"name": "x"}]}',
    '{"name": "enterprises/x"}',
    '{"packages": [{"name": "com.a"}]}',
    '{"host": {"name": "x"}}',
    "package:com.a\npackage:com.b\n",
    "package_name,version\ncom.a,1\n",
    "name,platform\nx,y\n",
    "Packages:\n  Package [com.a] (1234):\n",
    "PK\x03\x04",
    "[" * 5000,
]
PAIRS = [(name, number) for name, samples in SAMPLES.items() for number in range(len(samples))]


def as_text(sample, indent=None):
    return sample if isinstance(sample, str) else json.dumps(sample, indent=indent)


def test_every_reader_has_a_sample_and_its_own_name() -> None:
    assert set(SAMPLES) == set(READERS)
    assert len(READERS) == len(MDM_READERS)


@pytest.mark.parametrize(("name", "number"), PAIRS)
@pytest.mark.parametrize("indent", [None, 2])
def test_each_sample_is_taken_by_its_own_reader_alone(name, number, indent) -> None:
    head = as_text(SAMPLES[name][number], indent)[:HEAD]
    assert [reader.name for reader in MDM_READERS if reader.recognises(head)] == [name]


@pytest.mark.parametrize(("name", "number"), PAIRS)
def test_a_head_cut_short_is_never_taken_by_another(name, number) -> None:
    text = as_text(SAMPLES[name][number])
    for cut in range(0, len(text), 13):
        assert [reader.name for reader in MDM_READERS if reader.recognises(text[:cut])] in ([], [name])


@pytest.mark.parametrize("head", ALIEN)
def test_nothing_else_is_taken(head) -> None:
    assert [reader.name for reader in MDM_READERS if reader.recognises(head)] == []


@pytest.mark.parametrize("reader", MDM_READERS, ids=READERS)
def test_a_limit_is_one_sentence(reader) -> None:
    assert reader.limit.endswith(".")
    assert reader.title


WORDS = sorted(
    {
        *("devices", "value", "host", "hosts", "mobiledevices", "applicationReports", "applications", "DeviceApps"),
        *("deviceApplications", "software_titles", "detectedApps", "managedDevices", "nextPageToken", "meta"),
        *test_amapi.REPORT,
        *test_amapi.DEVICE,
        *test_google_workspace.PHONE,
        *test_intune.APP,
        *test_intune.PHONE,
        *test_services.UEM_APP,
        *test_services.ONE_APP,
        *test_services.IVANTI_APP,
        *test_services.FLEET_APP,
        *test_services.HOST,
    }
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
SCALARS |= st.sampled_from(["android", "ANDROID", "android_apps", "com.example.chat", "REMOVED", "10"])
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=30,
)


def check(reader, text) -> None:
    document = TextDocument("export", text)
    assert reader.recognises(document.head) in {True, False}
    for entry in reader.read(document, "SPEC"):
        assert isinstance(entry, Installed | Gap | NotAndroid)
        if isinstance(entry, Installed):
            assert isinstance(entry.device, Device)
            assert entry.source == "SPEC"
            assert entry.where.startswith("export:")
            assert is_package_name(entry.package_name) if entry.package_name else entry.title
            assert len(entry.device.serial) <= MAX_ID
            assert len(entry.title or "") <= MAX_TEXT * 6
        elif isinstance(entry, Gap):
            assert entry.what in {"row", "device", "listing"}
            assert len(entry.where) + len(entry.reason) < 1000


@pytest.mark.parametrize("reader", MDM_READERS, ids=READERS)
@given(text=st.text())
def test_no_text_makes_it_raise(reader, text) -> None:
    check(reader, text)


@pytest.mark.parametrize("reader", MDM_READERS, ids=READERS)
@given(value=JSON, indent=st.sampled_from([None, 1]), lines=st.integers(1, 3))
def test_no_json_makes_it_raise(reader, value, indent, lines) -> None:
    check(reader, (json.dumps(value, indent=indent) + "\n") * lines)


@pytest.mark.parametrize(("name", "number"), PAIRS)
@given(data=st.data())
def test_no_damage_to_a_real_export_makes_it_raise(name, number, data) -> None:
    text = as_text(SAMPLES[name][number], data.draw(st.sampled_from([None, 1])))
    at = data.draw(st.integers(0, len(text)))
    until = data.draw(st.integers(at, len(text)))
    check(READERS[name], text[:at] + data.draw(st.text(max_size=5)) + text[until:])


@given(head=st.text())
def test_a_glimpse_never_raises(head) -> None:
    assert isinstance(glimpse(head), dict)
    assert isinstance(glimpse("{" + head), dict)


def test_a_glimpse_of_a_head_made_to_cost_memory_stays_small() -> None:
    long = '{"' + "k" * 30_000 + '":{' + ",".join(f'"{number}":1' for number in range(4000))
    assert sum(map(len, glimpse(long))) < 1_000_000
