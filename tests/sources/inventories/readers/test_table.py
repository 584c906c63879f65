"""Tables: what a column is taken for, what is wrong with a row, and that nothing raises."""

from __future__ import annotations

import base64
import io
import json
import time
import tracemalloc

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.formats.csvtable import CsvFormat
from scanner.model import Assurance, Certificate, Device, Installed, Stated, UserState
from scanner.sources.inventories.columns import parse_columns
from scanner.sources.inventories.readers.table import CUT, TABLE_READERS, table_reader, table_readers
from scanner.sources.inventories.reading import Entry, Gap, NotAndroid, Note, Reader
from tests.support.documents import TextDocument

CSV, JSON, NDJSON = (reader for reader in TABLE_READERS if isinstance(reader, Reader))
SHA256, SHA1 = "ab" * 32, "cd" * 20


def read(text: str, reader: Reader = CSV, name: str = "t.csv") -> list[Entry]:
    return list(reader.read(TextDocument(name, text), "SPEC"))


def apps(entries: list[Entry]) -> list[Installed]:
    return [entry for entry in entries if isinstance(entry, Installed)]


def gaps(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(entry.where, entry.reason) for entry in entries if isinstance(entry, Gap)]


def packages(text: str, reader: Reader = CSV) -> list[str]:
    return [app.package_name for app in apps(read(text, reader))]


# Golden ---------------------------------------------------------------------------------------

HEADER = [
    "Device Name", "Serial Number", "Device Model", "User Principal Name", "Platform", "App Name", "Package Name",
    "App Version", "Version Code", "Installer", "Certificate SHA-256", "APK SHA256", "Android user",
]  # fmt: skip
ROW = [
    "Anna's phone", "R58M", "SM-A515F", "anna@example.com", "Android (fully managed)", "WeChat", "com.tencent.mm",
    "8.0.10", "2,400", "com.android.vending", ":".join(["AB"] * 32), "ef" * 32, "10",
]  # fmt: skip
GOLDEN = Installed(
    Device("R58M", "SM-A515F", None, "anna@example.com"),
    "SPEC",
    "com.tencent.mm",
    users=(UserState(10, "installed"),),
    where="t.csv:2",
    title="WeChat",
    file_sha256="ef" * 32,
    version_code=2400,
    version_name="8.0.10",
    installer="com.android.vending",
    stated=Stated((Certificate(SHA256),), (), "Certificate SHA-256", Assurance.REPORTED),
)


def line(cells: list[str], delimiter: str) -> str:
    return delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in cells)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("front", ["", "Report of apps\n\n"])
def test_every_delimiter(delimiter: str, front: str) -> None:
    text = f"{front}{line(HEADER, delimiter)}\n{line(ROW, delimiter)}\n"
    assert CSV.recognises(text)
    note, app = read(text)
    assert isinstance(note, Note)
    assert "package from Package Name" in note.text
    assert isinstance(app, Installed)
    assert app.where == f"t.csv:{2 + front.count(chr(10))}"
    assert app == msgspec.structs.replace(GOLDEN, where=app.where)


def test_the_delimiter_that_excel_writes_down() -> None:
    assert packages("sep=;\nPackage;Title, with commas, and more\ncom.a.b;x,y,z\n") == ["com.a.b"]


@pytest.mark.parametrize("indent", [None, 2])
def test_json(indent: int | None) -> None:
    text = json.dumps([dict(zip(HEADER, ROW, strict=True))] * 2, indent=indent)
    assert JSON.recognises(text)
    assert not NDJSON.recognises(text)
    assert not CSV.recognises(text)
    entries = read(text, JSON)
    assert [app.where for app in apps(entries)] == ["t.csv:1", "t.csv:2"]
    assert len([entry for entry in entries if isinstance(entry, Note)]) == 1


def test_an_object_that_holds_the_list_is_a_gap_that_says_what_to_do() -> None:
    text = json.dumps({"apps": [dict(zip(HEADER, ROW, strict=True))], "total": 1})
    for reader in (JSON, NDJSON):
        entries = read(text, reader)
        assert not apps(entries)
        assert ["take it out first, as with jq" in reason for _, reason in gaps(entries)] == [True]


def test_ndjson_with_objects_inside() -> None:
    value = {"device": {"name": "Tab", "serialNumber": "S1", "os": "Android"}, "app": {"packageName": "com.a.b"},
             "versionCode": 7, "signingKeyCertFingerprints": [SHA1], "sizes": [{"a": 1}], "empty": None}  # fmt: skip
    text = json.dumps(value) + "\n\n" + json.dumps(value) + "\n"
    assert NDJSON.recognises(text)
    (one, two) = apps(read(text, NDJSON))
    assert (one.device, one.version_code, one.where, two.where) == (
        Device("S1", None, None, None),
        7,
        "t.csv:1",
        "t.csv:3",
    )
    assert one.stated == Stated((Certificate(sha1=SHA1),), (), "signingKeyCertFingerprints", Assurance.REPORTED)


def test_the_device_is_the_best_that_the_row_names() -> None:
    text = "package,serial number,device name\ncom.a.b,S,N\ncom.a.b,,N\ncom.a.b,,\n"
    assert [app.device and app.device.serial for app in apps(read(text))] == ["S", "N", "t.csv"]


def test_a_user_column_of_people_is_the_owner() -> None:
    (app,) = apps(read("package,user\ncom.a.b,anna\n"))
    assert app.device is not None
    assert (app.device.owner, app.users) == ("anna", ())


@pytest.mark.parametrize(
    "title", ["Package Name", "packageName", "PACKAGE_NAME", "bundle id", "App ID", "applicationId", "App Identifier"]
)
def test_titles_of_the_package_column(title: str) -> None:
    assert packages(f"{title},version\ncom.a.b,1\n") == ["com.a.b"]


def test_of_two_columns_the_one_with_package_names() -> None:
    text = "Package ID,Identifier,Device\n123e4567,com.a.b,x\n99,com.a.c,x\n"
    assert packages(text) == ["com.a.b", "com.a.c"]


def test_titles_that_cannot_be_written_are_spelled_out() -> None:
    key = "deep." * 30 + "x"
    text = json.dumps([{"package": "com.a.b", key: 1, "cert_\udc80sha256": SHA256}])
    assert JSON.recognises(text)
    (app,) = apps(read(text, JSON))
    assert app.stated is not None
    assert app.stated.origin.isascii()


# Without titles -------------------------------------------------------------------------------


def test_without_titles_the_names_tell() -> None:
    text = "1,com.a.b,8.0\n2,com.a.c,1.2.3\n"
    assert packages(text) == ["com.a.b", "com.a.c"]
    assert not CSV.recognises(text), "that is too little to be sure"
    assert packages("com.a.b\ncom.a.c\n") == ["com.a.b", "com.a.c"]
    assert packages("what,else\n1,com.a.b\n2,com.a.c\n") == ["com.a.b", "com.a.c"]


@pytest.mark.parametrize("text", ["", "\n\n", "a,b\n1,2\n", "x"])
def test_where_nothing_tells_the_user_is_asked(text: str) -> None:
    ((where, reason),) = gaps(read(text))
    assert (where, "--columns" in reason) == ("", True)


# Columns by the user --------------------------------------------------------------------------


def test_columns_by_name_and_by_number() -> None:
    text = "Foo;Bar;Baz\n1;com.a.b;me\n"
    (app,) = apps(read(text, table_reader(parse_columns("package=bar,owner=Baz"))))
    assert app.device is not None
    assert (app.package_name, app.device.owner) == ("com.a.b", "me")
    assert [app.package_name for app in apps(read(text, table_reader(parse_columns("package=2"))))] == ["com.a.b"]
    assert [app.package_name for app in apps(read("1,com.x.y\n", table_reader({"package": "2"})))] == ["com.x.y"]


def test_columns_that_are_not_there_are_holes() -> None:
    entries = read("A,B\ncom.a.b,1\n", table_reader({"package": "A", "serial": "C"}))
    assert gaps(entries) == [("", "there is no column 'C'")]
    assert len(apps(entries)) == 1
    assert not any(isinstance(entry, Note) for entry in entries)
    ((_, reason),) = gaps(read("A,B\n1,2\n", table_reader({"package": "X"})))
    assert "'X'" in reason
    ((_, reason),) = gaps(read('[{"a": 1}]', table_reader({"package": "X"}, "json")))
    assert "no key" in reason


def test_parse_columns() -> None:
    assert parse_columns("package=App ID, SHA256=Cert") == {"package": "App ID", "sha256": "Cert"}
    assert parse_columns('package=a=b,"owner=Doe, who"') == {"package": "a=b", "owner": "Doe, who"}
    for text, said in {
        "": "no column", "package": "FIELD=COLUMN", "package=": "FIELD=COLUMN", "colour=x": "no field",
        "package=a,package=b": "twice", "version=x": "no column for package",
    }.items():  # fmt: skip
        with pytest.raises(ValueError, match=said):
            parse_columns(text)


def test_readers_with_the_users_columns() -> None:
    assert [reader.name for reader in table_readers({"package": "x"})] == ["csv", "json", "ndjson", "xlsx"]
    assert all(reader.limit for reader in TABLE_READERS)


# Certificates ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        SHA256, SHA256.upper(), ":".join(["AB"] * 32), " ".join(["ab"] * 32), f"SHA-256: {SHA256}",
        base64.b64encode(bytes.fromhex(SHA256)).decode(), base64.urlsafe_b64encode(b"\xab" * 32).decode().rstrip("="),
    ],
)  # fmt: skip
def test_digests_however_they_are_written(cell: str) -> None:
    (app,) = apps(read(f"package;cert sha256\ncom.a.b;{cell}\n"))
    assert app.stated is not None
    assert app.stated.signers == (Certificate(SHA256),)


def test_several_signers_and_both_digests() -> None:
    (app,) = apps(read(f"package,cert sha256,cert sha1\ncom.a.b,{SHA256};{'11' * 32},{SHA1};{'22' * 20}\n"))
    assert app.stated is not None
    assert app.stated.signers == (Certificate(SHA256, SHA1), Certificate("11" * 32, "22" * 20))
    assert app.stated.origin == "cert sha256, cert sha1"


@pytest.mark.parametrize("cell", [SHA256[:-1], SHA1, "1.2E+63", "CN=x", f"{SHA256};{SHA1}", "zz" * 32, "=" * 44])
def test_a_wrong_digest_costs_the_certificate_and_not_the_app(cell: str) -> None:
    entries = read(f"package\tsigning certificate sha256\ncom.a.b\t{cell}\n")
    (app,) = apps(entries)
    assert app.stated is None
    ((where, _),) = gaps(entries)
    assert where == "line 2"


def test_a_column_that_says_no_algorithm_goes_by_length() -> None:
    (one, two) = apps(read(f"package,signing cert\ncom.a.b,{SHA1}\ncom.a.b,{SHA256}\n"))
    assert one.stated is not None
    assert two.stated is not None
    assert (one.stated.signers, two.stated.signers) == ((Certificate(sha1=SHA1),), (Certificate(SHA256),))


def test_a_bare_sha256_is_the_files() -> None:
    (app,) = apps(read(f"package,sha256\ncom.a.b,{SHA256}\n"))
    assert (app.file_sha256, app.stated) == (SHA256, None)


# Rows that are not as they should be ----------------------------------------------------------


def test_other_systems_are_counted_and_never_clean() -> None:
    systems = ["iOS", "iPadOS 17", "Windows 11", "macOS", "Mac OS X", "Android", "androidWorkProfile", "", "Samsung"]
    entries = read("package,os\n" + "".join(f"com.a.b,{system}\n" for system in systems))
    assert [entry.system for entry in entries if isinstance(entry, NotAndroid)] == [
        "iOS", "iOS", "Windows", "macOS", "macOS",
    ]  # fmt: skip
    assert len(apps(entries)) == 4


@pytest.mark.parametrize(
    ("platform", "system"),
    [
        ("iOS/iPadOS", "iOS"),
        ("iPhone", "iOS"),
        ("iOSMobileApplicationManagement", "iOS"),
        ("Apple iOS", "iOS"),
        ("AppleiOS", "iOS"),
        ("Windows10AndLater", "Windows"),
        ("windowsPhone81", "Windows"),
        ("WindowsRT", "Windows"),
        ("Win10", "Windows"),
        ("macMDM", "macOS"),
        ("AppleOsX", "macOS"),
        ("Apple", "Apple"),
        ("androidForWork", None),
        ("androidnGMS", None),
        ("Kiosk", None),
        ("Winner", None),
        ("Machine", None),
    ],
)
def test_a_system_is_told_however_it_is_written(platform: str, system: str | None) -> None:
    entries = read(f"package,os\ncom.a.b,{platform}\n")
    assert [entry.system for entry in entries if isinstance(entry, NotAndroid)] == ([system] if system else [])
    assert len(apps(entries)) == (system is None)


def test_rows_without_a_package() -> None:
    entries = read("package,app name,device\n,WeChat,x\n,,x\n#N/A,,x\nnot a name,QQ,x\n,,\n  \n")
    assert [(app.package_name, app.title) for app in apps(entries)] == [("", "WeChat"), ("", "QQ")]
    assert [where for where, _ in gaps(entries)] == ["line 3", "line 4", "line 5"]


def test_titles_alone_are_read_with_a_device() -> None:
    text = "Application name,Device name\nWeChat,x\n"
    assert CSV.recognises(text)
    (app,) = apps(read(text))
    assert (app.package_name, app.title) == ("", "WeChat")


def test_ragged_rows() -> None:
    entries = read("title,package,version\nA,com.a.b\nB, x,com.a.b,1\nC,com.a.c,1,2\nD,com.a.d,1,,\n")
    assert [(app.package_name, app.title) for app in apps(entries)] == [
        ("com.a.b", "A"), ("com.a.c", None), ("com.a.d", "D"),
    ]  # fmt: skip
    assert [where for where, _ in gaps(entries)] == ["line 3", "line 4"]


def test_quotes() -> None:
    text = (
        'package,title\ncom.a.b,"two\nlines, and ""quotes"""\ncom.a.c,5" screen\n'
        'com.a.d,"never closed\ncom.a.e,fine\ncom.a.f,"wrong"here\ncom.a.g,"x"\n'
    )
    entries = read(text)
    assert [app.package_name for app in apps(entries)] == ["com.a.b", "com.a.c", "com.a.e", "com.a.g"]
    assert apps(entries)[0].title == 'two\nlines, and "quotes"'
    assert [where for where, _ in gaps(entries)] == ["line 5", "line 7"]


def test_a_quote_never_closed_costs_one_row_of_many() -> None:
    rows = [f"com.a.p{number},x\n" for number in range(200)]
    rows[100] = 'com.a.p100,"x\n'
    assert len(packages("package,title\n" + "".join(rows))) == 199


def test_nul_bytes_and_huge_cells() -> None:
    text = "package,title\ncom.a.b,x\0y\ncom.a.c,ok\ncom.a.d," + '"' + "x" * 200_000 + '"' + "\ncom.a.e,ok\n"
    entries = read(text)
    assert [app.package_name for app in apps(entries)] == ["com.a.c", "com.a.e"]
    assert [where for where, _ in gaps(entries)] == ["line 2", "line 4"]


def test_numbers_of_versions() -> None:
    codes = ["2400", "2,400", "2.400", "2 400", "2400.0", "1.2E+09", "x", "٢٤", "1" * 30]
    found = apps(read("package\tversion code\n" + "".join(f"com.a.b\t{code}\n" for code in codes)))
    assert [app.version_code for app in found] == [2400] * 5 + [None] * 4


def test_json_that_breaks_off() -> None:
    entries = read('[{"package": "com.a.b"}, 7, {"package": "com.a.c"}, {"pack', JSON)
    assert [app.package_name for app in apps(entries)] == ["com.a.b", "com.a.c"]
    assert [where for where, _ in gaps(entries)] == ["line 2", "line 4"]
    entries = read('{"package": "com.a.b"}\n{"pack\n[]\n{"package": "com.a.c"}\n{"x": 1}\n', NDJSON)
    assert [app.package_name for app in apps(entries)] == ["com.a.b", "com.a.c"]
    assert [where for where, _ in gaps(entries)] == ["line 2", "line 3", "line 5"]


@pytest.mark.parametrize("bomb", ["[" * 300_000, '[{"package":' + "[" * 300_000, '[{"a":' * 100_000, "[" + "1" * 9000])
def test_depth_and_length_are_bounded(bomb: str) -> None:
    assert gaps(read(bomb, JSON))
    assert gaps(read(bomb, NDJSON))
    assert not JSON.recognises(bomb[:65536])


def test_our_own_csv_does_not_raise_what_nobody_checked() -> None:
    out = io.StringIO()
    CsvFormat(out)._begin()
    header = out.getvalue().strip().split(",")
    cells = {
        "package_name": "com.a.b",
        "assurance": "declared",
        "signer_sha256": SHA256,
        "device": "S",
        "verdict": "likely",
    }
    entries = read(",".join(header) + "\n" + ",".join(cells.get(title, "") for title in header) + "\n")
    (app,) = apps(entries)
    assert app.stated is not None
    assert app.stated.assurance is Assurance.DECLARED
    assert any("jsonl" in entry.text for entry in entries if isinstance(entry, Note))


# Recognition and property tests ---------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["", "x", "package:com.a.b\npackage:com.a.c\n", "pkg,com.foo,10118,1,2,3,null\n",
     "Packages:\n  Package [com.a] (1):\n",
     "PK\x03\x04", "{}", "[]", "<a/>", "a,b\n1,2\n", '{"packages": 1}\n', "[com.a.b]\n", "Package\nnothing here\n",
     "title,author\nBook,me\n", '[{"name": "com.a.b"}]', '{"a":1}\nx'],
)  # fmt: skip
def test_what_is_not_recognised(text: str) -> None:
    assert not any(reader.recognises(text) for reader in (CSV, JSON, NDJSON))


PIECES = st.sampled_from(
    ["package", "Package Name", ",", ";", "\t", '"', "\n", "com.a.b", "\0", "#N/A", SHA256, "{", "}", "[", "]", ":",
     "1", '"package"', "sep=;", "\ufeff", "\udc80", "serial", "os", "iOS", "é"]
)  # fmt: skip


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=60).map("".join)))
def test_no_text_raises(text: str) -> None:
    for reader in (CSV, JSON, NDJSON, table_reader({"package": "2"}), table_reader({"package": "package"}, "json")):
        reader.recognises(text)
        read(text, reader)


JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.just("com.a.b"),
    lambda inside: (
        st.lists(inside, max_size=4) | st.dictionaries(st.sampled_from(["package", "a", "sha1"]) | st.text(), inside)
    ),
    max_leaves=12,
)


@given(st.lists(JSONS, max_size=5))
def test_no_json_raises(values: list[object]) -> None:
    read(json.dumps(values), JSON)
    read("\n".join(map(json.dumps, values)), NDJSON)


def test_half_characters_cannot_reach_a_row() -> None:
    (app,) = apps(read('[{"package":"com.a.b","serial":"\\ud800"}]', JSON))
    assert app.device is not None
    assert app.device.serial == "\\ud800"


def test_memory_stays_flat() -> None:
    def peak(rows: int) -> int:
        text = "package,serial\n" + "com.example.app,S1\n" * rows
        document = TextDocument("t.csv", text)
        del text
        tracemalloc.start()
        for _ in CSV.read(document, "S"):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    assert peak(40_000) < 1.3 * peak(4_000) + 600_000


def test_a_table_that_ends_within_a_row_may_be_cut_short() -> None:
    text = "Device,Package Name,Version\na,com.shop,1\nb,com.shop\nc,com.sh"
    assert gaps(read(text)) == [("line 4", CUT)]
    assert gaps(read(text + "op,1")) == gaps(read(text + "op\n")) == []


def test_rows_that_no_line_can_mend_are_tried_once() -> None:
    """Each of these quotes was joined with twenty lines behind it."""

    def seconds(line: str) -> float:
        started = time.thread_time()
        assert len(read("Package Name,Serial\n" + line * 20_000)) > 20_000
        return time.thread_time() - started

    assert len(gaps(read("Package Name,Serial\n" + '"a\n' * 20))) == 20
    assert seconds('"a\n') < 8 * min(seconds("com.a,b\n"), seconds("com.a,b\n")), "as many rows that need no mending"
