"""The Android Management API."""

from __future__ import annotations

import base64
import io
import json
import tracemalloc
from functools import partial

import msgspec
import pytest

from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState
from scanner.sources.inventories import documents, jsonstream
from scanner.sources.inventories.documents import FileDocument, StreamDocument
from scanner.sources.inventories.readers.amapi import READER
from scanner.sources.inventories.reading import HEAD, Gap
from tests.sources.inventories.readers.mdm import SHA1, SHA256, apps, gaps, read

DEVICE_NAME = "enterprises/LC01abc/devices/3f2a"
REPORT = {
    "packageName": "com.example.chat",
    "versionName": "8.0.38",
    "versionCode": 2400,
    "state": "INSTALLED",
    "displayName": "Chat",
    "packageSha256Hash": SHA256.upper(),
    "applicationSource": "INSTALLED_FROM_PLAY_STORE",
    "installerPackageName": "com.android.vending",
    "signingKeyCertFingerprints": [SHA1],
}
DEVICE = {
    "name": DEVICE_NAME,
    "userName": "enterprises/LC01abc/users/7",
    "managementMode": "DEVICE_OWNER",
    "hardwareInfo": {"serialNumber": "R58M12", "model": "SM-A515F"},
    "softwareInfo": {"androidVersion": "13"},
    "applicationReports": [REPORT],
}
PHONE = Device("R58M12", "SM-A515F", "13", "enterprises/LC01abc/users/7")


def coded(hexadecimal):
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def report(**changes):
    (app,) = apps(read(READER, {**DEVICE, "applicationReports": [{**REPORT, **changes}]}))
    return app


def test_everything_a_page_says_of_an_app() -> None:
    entries = read(READER, {"devices": [DEVICE]}, "devices.json")
    assert entries == [
        Installed(
            PHONE,
            "SPEC",
            "com.example.chat",
            where="devices.json:line 1, device 1",
            title="Chat",
            file_sha256=SHA256,
            version_code=2400,
            version_name="8.0.38",
            installer="com.android.vending",
            system=False,
            stated=Stated((Certificate(sha1=SHA1),), (), "signingKeyCertFingerprints", Assurance.REPORTED),
        )
    ]


SHAPES = {
    "page": json.dumps({"devices": [DEVICE, DEVICE]}),
    "page-indented": json.dumps({"devices": [DEVICE, DEVICE]}, indent=2),
    "page-token-first": json.dumps({"nextPageToken": "", "devices": [DEVICE, DEVICE]}, indent=1),
    "array": json.dumps([DEVICE, DEVICE]),
    "array-of-pages": json.dumps([{"devices": [DEVICE]}, {"devices": [DEVICE]}]),
    "device-per-line": json.dumps(DEVICE) + "\n\n" + json.dumps(DEVICE) + "\n",
    "page-per-line": (json.dumps({"devices": [DEVICE]}) + "\n") * 2,
    "windows-line-ends": json.dumps({"devices": [DEVICE, DEVICE]}, indent=2).replace("\n", "\r\n"),
    "byte-order-mark": "\ufeff" + json.dumps({"devices": [DEVICE, DEVICE]}),
    "objects-run-together": json.dumps(DEVICE, indent=1) * 2,
    "first-line-broken": '{"name": "enterprises/x\n' + (json.dumps(DEVICE) + "\n") * 2,
    "one-device-a-line-in-a-list": "[\n" + json.dumps(DEVICE) + ",\n" + json.dumps(DEVICE) + "\n]\n",
    "object-opened-on-the-list-line": '{ "devices": [\n' + json.dumps(DEVICE) + ",\n" + json.dumps(DEVICE) + "]}",
}


WHOLE = {shape: text for shape, text in SHAPES.items() if shape != "first-line-broken"}
"""A broken first line leaves nothing to recognise, though ``--as`` reads what follows."""


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_apps(shape) -> None:
    found = apps(read(READER, SHAPES[shape]))
    assert [(app.device, app.package_name) for app in found] == [(PHONE, "com.example.chat")] * 2


@pytest.mark.parametrize("shape", WHOLE)
def test_every_shape_is_recognised_wherever_the_head_is_cut(shape) -> None:
    text = SHAPES[shape]
    assert READER.recognises(text)
    assert all(READER.recognises(text[:cut]) for cut in range(text.index('"userName"'), len(text), 7))


def test_a_page_that_names_a_next_one_is_not_the_whole_list() -> None:
    for page in ({"devices": [DEVICE], "nextPageToken": "t"}, {"nextPageToken": "t", "devices": [DEVICE]}):
        for text in (json.dumps(page), json.dumps(page, indent=2)):
            assert gaps(read(READER, text)) == [("the end", "listing")]
    last = json.dumps({"devices": [DEVICE], "nextPageToken": "t"}) + "\n" + json.dumps({"devices": [DEVICE]})
    assert gaps(read(READER, last)) == []


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_pages_that_cat_puts_one_behind_the_other_are_one_list(tmp_path, indent, encoding) -> None:
    """As PowerShell writes them: a byte order mark before each."""
    pages = [{"devices": [DEVICE], "nextPageToken": "t"}, {"devices": [DEVICE]}]
    path = tmp_path / "all.json"
    path.write_bytes(b"".join((json.dumps(page, indent=indent) + "\n").encode(encoding) for page in pages))
    entries = list(READER.read(FileDocument(str(path)), "SPEC"))
    assert gaps(entries) == []
    assert len(apps(entries)) == 2 * len(DEVICE["applicationReports"])


def test_a_removed_app_is_told_as_uninstalled() -> None:
    app = report(state="REMOVED")
    assert app.users == (UserState(0, "uninstalled"),)
    assert not app.present
    assert report(state="APPLICATION_STATE_UNSPECIFIED").present


@pytest.mark.parametrize(
    ("source", "system"),
    [
        ("SYSTEM_APP_FACTORY_VERSION", True),
        ("SYSTEM_APP_UPDATED_VERSION", True),
        ("INSTALLED_FROM_PLAY_STORE", False),
        ("CUSTOM", False),
        ("APPLICATION_SOURCE_UNSPECIFIED", False),
        ("SOMETHING_NEW", None),
        (None, None),
        (["SYSTEM_APP_FACTORY_VERSION"], None),
    ],
)
def test_system_apps(source, system) -> None:
    assert report(applicationSource=source).system is system


def test_the_newer_key_of_certificates_goes_first() -> None:
    both = report(signingKeyCerts=[{"signingKeyCertFingerprintSha256": coded(SHA256)}])
    assert both.stated == Stated((Certificate(sha256=SHA256),), (), "signingKeyCerts", Assurance.REPORTED)


@pytest.mark.parametrize(
    "written",
    [
        SHA256,
        SHA256.upper(),
        ":".join(SHA256[at : at + 2] for at in range(0, 64, 2)),
        coded(SHA256),
        coded(SHA256).rstrip("="),
        coded(SHA256).replace("+", "-").replace("/", "_"),
    ],
)
def test_a_digest_in_any_writing(written) -> None:
    app = report(signingKeyCerts=[{"signingKeyCertFingerprintSha256": written}], packageSha256Hash=written)
    assert app.stated.signers == (Certificate(sha256=SHA256),)
    assert app.file_sha256 == SHA256


def test_base64_with_slashes_and_pluses() -> None:
    digest = "fb" * 16 + "ff" * 16
    app = report(signingKeyCerts=[{"signingKeyCertFingerprintSha256": coded(digest)}])
    assert app.stated.signers == (Certificate(sha256=digest),)


def test_two_signers_stay_two() -> None:
    other = "ee" * 20
    app = report(signingKeyCertFingerprints=[SHA1, other, SHA1])
    assert app.stated.signers == (Certificate(sha1=SHA1), Certificate(sha1=other))


@pytest.mark.parametrize("wrong", [SHA1[:-2], SHA256, "", "zz" * 20, 7, None, {"a": 1}, "=" * 40])
def test_a_digest_of_the_wrong_length_is_a_gap_and_never_half_a_signer_list(wrong) -> None:
    entries = read(READER, {**DEVICE, "applicationReports": [{**REPORT, "signingKeyCertFingerprints": [SHA1, wrong]}]})
    (app,) = apps(entries)
    assert app.stated is None
    assert gaps(entries) == [("line 1, app 1", "row")]


def test_a_broken_new_list_leaves_the_old_one() -> None:
    certificates = {"signingKeyCerts": [{"signingKeyCertFingerprintSha256": "AAAA"}, "x"]}
    entries = read(READER, {**DEVICE, "applicationReports": [{**REPORT, **certificates}]})
    assert apps(entries)[0].stated.origin == "signingKeyCertFingerprints"
    assert len(gaps(entries)) == 1


def test_a_file_hash_of_the_wrong_length_is_a_gap() -> None:
    entries = read(READER, {**DEVICE, "applicationReports": [{**REPORT, "packageSha256Hash": SHA1}]})
    assert apps(entries)[0].file_sha256 is None
    assert gaps(entries) == [("line 1, app 1", "row")]


@pytest.mark.parametrize("reports", [None, [], "none", 3, [4]])
def test_a_device_without_reports_is_a_gap(reports) -> None:
    (entry,) = read(READER, {"devices": [{**DEVICE, "applicationReports": reports}]})
    assert entry == Gap("line 1, device 1", f"{DEVICE_NAME}: application reports are off or not yet sent", "device")


@pytest.mark.parametrize("name", [None, "", 5, "a b", "com.exa\nmple", "../x", "a" * 300, ["com.a"]])
def test_a_row_without_a_package_name_is_a_gap_and_costs_no_other(name) -> None:
    entries = read(READER, {**DEVICE, "applicationReports": [{**REPORT, "packageName": name}, REPORT]})
    assert gaps(entries) == [("line 1, app 1", "row")]
    assert len(apps(entries)) == 1


def test_numbers_as_text_and_numbers_that_are_none() -> None:
    assert report(versionCode="2400").version_code == 2400
    for odd in (2.5, "many", True, 1 << 90, [1], "9" * 500):
        assert report(versionCode=odd).version_code is None
    assert report(versionName=5).version_name == "5"


def test_the_device_is_named_by_the_best_there_is() -> None:
    def serial(**changes):
        return apps(read(READER, {**DEVICE, **changes}, "f"))[0].device.serial

    assert serial() == "R58M12"
    assert serial(hardwareInfo={}) == DEVICE_NAME
    assert serial(hardwareInfo="x", name=None) == "f:line 1"
    assert len(serial(hardwareInfo={"serialNumber": "s" * 9999})) == 255


def test_a_broken_line_costs_that_line_alone() -> None:
    line = json.dumps(DEVICE)
    entries = read(READER, "\n".join([line, line[:-9], "7", "[" * 90_000, line]))
    assert len(apps(entries)) == 2
    assert gaps(entries) == [("line 2", "row"), ("line 3", "row"), ("line 4", "row")]


def test_a_line_too_long_costs_that_line_alone(monkeypatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE", 4000)
    line = json.dumps(DEVICE)
    entries = read(READER, "\n".join([line, json.dumps({**DEVICE, "x": "y" * 9000}), line]))
    assert len(apps(entries)) == 2
    assert gaps(entries) == [("line 2", "row")]


def test_pages_too_long_for_a_line_are_read_all_the_same(monkeypatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE", 4000)
    long = json.dumps({"devices": [{**DEVICE, "x": "y" * 9000}]})
    entries = read(READER, f"{long}\n{long}\n")
    assert len(apps(entries)) == 2
    assert gaps(entries) == []


def test_what_was_read_before_the_end_of_a_cut_file_is_kept() -> None:
    text = json.dumps({"devices": [DEVICE] * 3}, indent=1)
    entries = read(READER, text[: text.rindex("applicationReports")])
    assert len(apps(entries)) == 2
    assert gaps(entries) == [("after device 2", "listing")]


def test_what_was_read_before_a_broken_place_is_kept() -> None:
    text = json.dumps({"devices": [DEVICE] * 3}, indent=1)
    at = text.rindex('"state"')
    entries = read(READER, text[:at] + "}{" + text[at:])
    assert len(apps(entries)) == 2
    assert gaps(entries) == [("after device 2", "listing")]


def test_a_stray_byte_costs_one_letter() -> None:
    for text in (json.dumps({"devices": [DEVICE]}, indent=1), json.dumps({"devices": [DEVICE]})):
        data = text.encode().replace(b"Chat", b"Ch\xfft")
        (app,) = apps(READER.read(StreamDocument("export", partial(io.BytesIO, data)), "SPEC"))
        assert app.title == "Ch?t"


@pytest.mark.parametrize("deep", ["[" * 200_000, '{"a":' * 200_000, '{"a":"' + "]" * 9000 + '","b":' + "[" * 60_000])
def test_deep_nesting_is_a_gap_and_takes_no_time(deep) -> None:
    text = json.dumps({"devices": [DEVICE, {"x": 0}]}, indent=1).replace("0", deep)
    assert gaps(read(READER, text))[-1][1] == "listing"


def test_brackets_in_titles_are_no_nesting() -> None:
    odd = {**DEVICE, "applicationReports": [{**REPORT, "displayName": "[[[{"}] * 60}
    entries = read(READER, json.dumps({"devices": [odd] * 40}, indent=1))
    assert len(apps(entries)) == 2400
    assert gaps(entries) == []


def test_a_record_without_an_end_is_given_up(monkeypatch) -> None:
    monkeypatch.setattr(jsonstream, "MAX_VALUE", 200_000)
    endless = {**DEVICE, "x": ["y"] * 200_000}
    entries = read(READER, json.dumps({"devices": [DEVICE, endless, DEVICE]}, indent=1))
    assert len(apps(entries)) == 1
    assert gaps(entries) == [("after device 1", "listing")]


def test_both_ways_of_reading_agree() -> None:
    odd = {**DEVICE, "applicationReports": [{**REPORT, "displayName": 'é"\\\u2028 [{', "versionCode": "7"}, {}, REPORT]}
    lines = "\n".join(json.dumps(one) for one in (DEVICE, odd, DEVICE))
    streamed = read(
        READER, json.dumps({"devices": [msgspec.json.decode(line) for line in lines.split("\n")]}, indent=1)
    )
    by_line = read(READER, lines)
    bare = [msgspec.structs.replace(app, where="") for app in apps(by_line)]
    assert bare == [msgspec.structs.replace(app, where="") for app in apps(streamed)]
    assert len(gaps(by_line)) == len(gaps(streamed)) == 1


ROOMY = {**DEVICE, "lastStatusReportTime": "t" * 40_000, "applicationReports": [REPORT] * 5}
"""Much text and few values: tracing memory costs time for each of them."""


class Endless(io.RawIOBase):
    """A page of so many devices, made as it is read."""

    def __init__(self, count: int) -> None:
        self._pieces = self._made(count)
        self._rest = b""
        self.given = 0

    def _made(self, count):
        one = json.dumps(ROOMY, indent=1).encode()
        yield b'{"devices": [\n'
        for number in range(count):
            yield (b",\n" if number else b"") + one
        yield b"]}"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        while not self._rest:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._rest = piece
        taken = self._rest[: len(buffer)]
        self._rest = self._rest[len(taken) :]
        buffer[: len(taken)] = taken
        self.given += len(taken)
        return len(taken)


class EndlessDocument:
    """A document made as it is read."""

    name = "big.json"

    def __init__(self, count: int) -> None:
        self.count = count
        self.streams = []

    @property
    def head(self) -> str:
        return io.BufferedReader(Endless(self.count)).read(HEAD).decode()

    def binary(self):
        self.streams.append(Endless(self.count))
        return io.BufferedReader(self.streams[-1])

    def text(self):
        return io.TextIOWrapper(self.binary(), encoding="utf-8", errors="surrogateescape")


def test_memory_stays_flat_over_fifty_megabytes() -> None:
    size = len(json.dumps(ROOMY, indent=1))
    document = EndlessDocument(50_000_000 // size + 1)
    tracemalloc.start()
    try:
        count = sum(isinstance(entry, Installed) for entry in READER.read(document, "SPEC"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 5 * document.count
    assert document.streams[-1].given >= 50_000_000
    assert peak < 2_000_000


def test_a_big_page_may_name_a_next_one(monkeypatch) -> None:
    monkeypatch.setattr(jsonstream, "MAX_VALUE", 100_000)
    text = json.dumps({"devices": [ROOMY] * 10, "nextPageToken": "t"}, indent=1)
    entries = read(READER, text)
    assert len(apps(entries)) == 50
    assert gaps(entries) == [("the end", "listing")]


def test_a_title_that_looks_like_the_token_is_none() -> None:
    odd = {**DEVICE, "applicationReports": [{**REPORT, "displayName": '"nextPageToken": "t"', "nextPageToken": "t"}]}
    assert gaps(read(READER, json.dumps({"devices": [odd]}, indent=1))) == []


def test_the_first_device_arrives_before_the_last_is_read() -> None:
    document = EndlessDocument(1000)
    assert isinstance(next(iter(READER.read(document, "SPEC"))), Installed)
    assert document.streams[-1].given < 500_000
