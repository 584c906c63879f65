"""Our own rows, read back: the same verdicts, and every hole of the earlier scan."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import date
from io import StringIO
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.database import SignatureDatabase, load_database
from scanner.formats.jsondocument import JsonFormat
from scanner.formats.jsonlines import JsonLinesFormat
from scanner.model import (
    AppRow,
    Assurance,
    Certificate,
    CoverageHole,
    Device,
    Evidence,
    Finding,
    Installed,
    SignerRow,
    Stated,
    SummaryRow,
    UnreadRow,
    UserState,
    Verdict,
)
from scanner.phones.installed import InstalledJudge
from scanner.policies.allowing import Policing, Policy
from scanner.scanning import Scan
from scanner.sources.inventories.documents import FileDocument
from scanner.sources.inventories.readers.own_rows import OWN_READERS
from scanner.sources.inventories.reading import HEAD, Entry, Gap, NotAndroid
from tests.support.apk_builder import build_apk
from tests.support.documents import TextDocument
from tests.support.signer import key

(ROWS,) = OWN_READERS
NOW, LATER = "2026-01-02T03:04:05Z", "2027-01-01T00:00:00Z"
A = key("a")


@pytest.fixture(scope="module")
def database() -> SignatureDatabase:
    return load_database()


def summary(apps: int, **rest: object) -> SummaryRow:
    values = {
        "coverage": (),
        "interrupted": False,
        "exit_code": 0,
        "sought": (),
        "lists": (),
        "signatures_from": (),
        **rest,
    }
    return SummaryRow(1, "app-scanner", "digest", {"apps": apps}, **values)  # type: ignore[arg-type]


def jsonl(rows: list[AppRow | UnreadRow], end: SummaryRow | None) -> str:
    out = StringIO()
    written = JsonLinesFormat(out)
    for row in rows:
        written.row(row)
    if end:
        written.end(end)
    return out.getvalue()


def document(rows: list[AppRow | UnreadRow], end: SummaryRow) -> str:
    out = StringIO()
    written = JsonFormat(out)
    for row in rows:
        written.row(row)
    written.end(end)
    return out.getvalue()


def phone_app(database: SignatureDatabase, name: str = "com.tencent.mm", **rest: object) -> AppRow:
    device = Device("SER1", "Pixel", "13", "anna")
    app = Installed(device, "adb:SER1", name, users=(UserState(0, "installed"),), **rest)  # type: ignore[arg-type]
    return InstalledJudge(database, NOW).row(app, None, None)


def read(text: str, name: str = "old.jsonl") -> list[Entry]:
    return list(ROWS.read(TextDocument(name, text), "SPEC"))


def rejudged(entries: list[Entry], database: SignatureDatabase) -> list[AppRow]:
    judge = InstalledJudge(database, LATER)
    return [judge.row(entry, None, None) for entry in entries if isinstance(entry, Installed)]


def gaps(entries: list[Entry]) -> list[Gap]:
    return [entry for entry in entries if isinstance(entry, Gap)]


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory, database: SignatureDatabase) -> list[AppRow | UnreadRow]:
    """Rows of APKs: unlisted, an impostor, unsigned under a listed name, one whose signature does not hold."""
    folder = tmp_path_factory.mktemp("apks")
    broken = bytearray(build_apk("com.tencent.mobileqq", v2=[A], stored=True))
    at = broken.index(b"made for a test")
    broken[at] ^= 1
    for name, data in {
        "plain.apk": build_apk("com.example.app", v2=[A], version_name="1 é", version_code=7),
        "impostor.apk": build_apk("com.tencent.mm", v2=[A], v3=[A]),
        "unsigned.apk": build_apk("com.tencent.mm"),
        "broken.apk": bytes(broken),
        "junk.apk": b"nothing",
    }.items():
        (folder / name).write_bytes(data)
    return list(Scan([str(folder)], database).rows())


@pytest.mark.parametrize("write", [jsonl, document])
def test_a_scan_of_files_matched_again_gives_the_same_rows(
    scanned: list[AppRow | UnreadRow], database: SignatureDatabase, write: Callable[..., str]
) -> None:
    apps = [row for row in scanned if isinstance(row, AppRow)]
    assert {row.verdict for row in apps} >= {Verdict.IMPOSTOR, Verdict.CLEAR}
    assert any("does not verify" in finding.reason for row in apps for finding in row.findings)
    entries = read(write(scanned, summary(len(apps))))
    policing = Policing(Policy(), date(2026, 11, 24))
    again = [policing.judge(row) for row in rejudged(entries, database)]
    assert again == [msgspec.structs.replace(row, stamp=None) for row in apps]  # of a file, and there is none now
    assert {row.scanned_at for row in again} == {row.scanned_at for row in apps}
    (hole,) = gaps(entries)
    assert hole.where.endswith("junk.apk")
    assert hole.what == "file"


def phone_rows(database: SignatureDatabase) -> list[AppRow]:
    wechat = next(one for one in database.signatures if one.id == "wechat-pay").signers[0]
    alipay = next(signer for one in database.signatures for signer in one.signers if signer.rsa_modulus_sha256)
    listed = next(
        (package.name for package in one.packages if alipay.id in package.signers)
        for one in database.signatures
        if alipay in one.signers
    )
    full = Certificate(wechat.sha256, wechat.sha1, wechat.md5, "CN=x")
    other = Certificate("ab" * 32, "ab" * 20, "ab" * 16)
    by_modulus = Certificate(rsa_modulus_sha256=alipay.rsa_modulus_sha256)
    return [
        phone_app(database),
        phone_app(database, hashes=("0123abcd",)),
        phone_app(database, past_hashes=("0123abcd",)),
        phone_app(database, hashes=(wechat.hash32 or "",), past_hashes=("00000001",)),
        phone_app(database, stated=Stated((full,))),
        phone_app(database, stated=Stated((other,), (full,))),
        phone_app(database, stated=Stated((full, other))),
        phone_app(database, stated=Stated((Certificate(sha1=wechat.sha1),), assurance=Assurance.REPORTED)),
        phone_app(database, stated=Stated((full,), assurance=Assurance.DECLARED), file_sha256=None),
        phone_app(database, "com.example.other", stated=Stated((full,)), system=True, copy="factory"),
        phone_app(database, "com.example.clear", splits=("config.en",), title="A \ud83d\ude00", installer="com.store"),
        phone_app(database, next(iter(listed)), stated=Stated((by_modulus,))),
    ]


def test_rows_of_phones_matched_again_give_the_same_rows(database: SignatureDatabase) -> None:
    rows = phone_rows(database)
    entries = read(jsonl([*rows], summary(len(rows))))
    assert not gaps(entries)
    assert rejudged(entries, database) == rows
    kinds = {one.kind for row in rejudged(entries, database) for finding in row.findings for one in finding.evidence}
    assert kinds >= {"certificate-hash32", "certificate-sha256", "certificate-sha1", "rsa-modulus-sha256"}


def test_matching_again_and_again_changes_nothing_more(database: SignatureDatabase) -> None:
    once = rejudged(read(jsonl([*phone_rows(database)], summary(12))), database)
    assert rejudged(read(jsonl([*once], summary(12))), database) == once


def test_newer_signatures_find_what_an_older_scan_passed(database: SignatureDatabase) -> None:
    old = phone_app(SignatureDatabase(()), stated=Stated((Certificate("ab" * 32),)))
    assert old.verdict is Verdict.CLEAR
    (row,) = rejudged(read(jsonl([old], summary(1))), database)
    assert row.verdict is Verdict.IMPOSTOR
    assert {one.origin for finding in row.findings for one in finding.evidence} == {"app-scanner row"}
    (advice,) = row.removal
    assert advice.startswith("adb shell pm uninstall --user 0 com.tencent.mm  # with that phone alone connected")


def test_a_finding_that_rests_on_the_apk_itself_is_kept(database: SignatureDatabase) -> None:
    evidence = (Evidence("k", "v", True, (), "dex", ()),)
    sdk = Finding("alipay", "Alipay", Verdict.EMBEDDED_SDK, "its SDK", (), evidence, None, None, None, None)
    old = msgspec.structs.replace(phone_app(database, "com.example.shop"), findings=(sdk,), verdict=sdk.verdict)
    (row,) = rejudged(read(jsonl([old], summary(1))), database)
    assert (row.verdict, row.findings) == (Verdict.EMBEDDED_SDK, (sdk,))


# Holes ----------------------------------------------------------------------------------------


def test_a_file_without_its_summary_is_cut_short(database: SignatureDatabase) -> None:
    whole = jsonl([phone_app(database)], None)
    assert [gap.what for gap in gaps(read(whole))] == ["listing"]
    cut = read(whole + whole[:-30])
    assert [type(entry) for entry in cut] == [Installed, Gap, Gap]
    assert [gap.where for gap in gaps(cut)] == ["line 2", ""]


@pytest.mark.parametrize("layout", ["one", "pretty", "array", "document", "sorted"])
def test_rows_that_another_tool_laid_out_anew(database: SignatureDatabase, layout: str) -> None:
    rows = [phone_app(database), UnreadRow(1, "adb:SER1", "user", "150", "denied")]
    lines = [json.loads(line) for line in jsonl(rows, summary(1)).splitlines()]
    text = {
        "one": "\n".join(map(json.dumps, lines)),
        "pretty": "\n".join(json.dumps(line, indent=2) for line in lines),
        "array": json.dumps(lines),
        "document": json.dumps({"rows": lines[:-1], "summary": lines[-1]}, indent=1),
        "sorted": "\n".join(json.dumps(line, indent=1, sort_keys=True) for line in lines),
    }[layout]
    assert ROWS.recognises(text)
    entries = read(text)
    assert rejudged(entries, database) == [rows[0]]  # type: ignore[arg-type]
    assert gaps(entries) == [Gap("adb:SER1: 150", "denied", "user")]


def test_an_interrupted_scan_and_one_that_kept_only_findings_are_not_whole(database: SignatureDatabase) -> None:
    row = phone_app(database)
    (gap,) = gaps(read(jsonl([row], summary(1, interrupted=True))))
    assert "interrupted" in gap.reason
    (gap,) = gaps(read(jsonl([row], summary(312, coverage=(CoverageHole("x", "y"),)))))
    assert gap.reason.startswith("311 of the apps")
    assert not gaps(read(jsonl([row], summary(1)) * 2))


def test_a_newer_schema_is_one_hole(database: SignatureDatabase) -> None:
    newer = jsonl([msgspec.structs.replace(phone_app(database), schema=2)], None) * 3
    entries = read(newer + '{"type":"app","schema":3}\n{"type":"summary","schema":2,"what":[]}\n')
    (gap,) = entries
    assert isinstance(gap, Gap)
    assert "schema 2" in gap.reason


def test_keys_of_another_version_of_the_same_schema(database: SignatureDatabase) -> None:
    row = json.loads(jsonl([phone_app(database)], None))
    del row["removal"], row["contradictions"]
    text = json.dumps({**row, "later": {"a": 1}}) + "\n" + jsonl([], summary(1))
    (entry,) = read(text)
    assert isinstance(entry, Installed)
    assert entry.package_name == "com.tencent.mm"


def test_odd_lines_are_holes_and_reading_goes_on(database: SignatureDatabase) -> None:
    good = jsonl([phone_app(database)], None)
    odd = ["x", "[1]", "7", '{"type":"what"}', '{"type":"app","schema":1,"users":7}', '"\udc80"', "[" * 100_000, "\0"]
    entries = read(good + "\n".join(odd) + "\n\n" + good + jsonl([], summary(1)))
    assert [gap.where for gap in gaps(entries)] == [f"line {number}" for number in range(2, len(odd) + 2)]
    assert isinstance(entries[-1], Installed)


def test_an_app_of_another_system_is_counted(database: SignatureDatabase) -> None:
    row = msgspec.structs.replace(phone_app(database), platform="ios")
    assert read(jsonl([row], summary(1))) == [NotAndroid("ios")]


def test_certificates_of_a_row_that_names_no_assurance_are_claims(database: SignatureDatabase) -> None:
    row = msgspec.structs.replace(phone_app(database), signers=(SignerRow("ab" * 32, None, None, None, None),))
    (entry,) = read(jsonl([row], summary(1)))
    assert isinstance(entry, Installed)
    assert entry.stated is not None
    assert entry.stated.assurance is Assurance.DECLARED


# Recognition ----------------------------------------------------------------------------------


def test_what_is_recognised(database: SignatureDatabase) -> None:
    assert ROWS.recognises(jsonl([phone_app(database)], None))
    assert ROWS.recognises(jsonl([], summary(0)))
    assert ROWS.recognises(document([], summary(0)))
    assert ROWS.recognises(document([phone_app(database)], summary(1)))
    for text in ("", "{}", "[]", '{"type":"app"}', '[{"type": "app", "packageName": "x"}]', "type,schema", "{" * 99):
        assert not ROWS.recognises(text)


def test_the_empty_document_is_whole() -> None:
    assert read(document([], summary(0))) == []


@given(st.text(max_size=300), st.sampled_from(["", '{"rows": [\n', '{"type":"app",', "[", '{"rows":']))
def test_no_text_raises(text: str, front: str) -> None:
    ROWS.recognises(front + text)
    read(front + text)


@given(st.data())
def test_no_damage_raises(data: st.DataObject) -> None:
    text = jsonl([phone_app(SignatureDatabase(()))], summary(1))
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, len(text)))
    read(text[:at] + data.draw(st.text(max_size=5)) + text[end:])


def test_utf_16_as_powershell_writes_it(database: SignatureDatabase, tmp_path: Path) -> None:
    path = tmp_path / "old.jsonl"
    path.write_bytes(jsonl([phone_app(database)], summary(1)).replace("\n", "\r\n").encode("utf-16"))
    document = FileDocument(str(path))
    assert ROWS.recognises(document.head)
    assert [type(entry) for entry in ROWS.read(document, "S")] == [Installed]


def test_a_head_of_blanks_takes_no_time() -> None:
    def seconds(blanks: int) -> float:
        started = time.thread_time()
        assert not ROWS.recognises("\n" * blanks)
        return time.thread_time() - started

    assert seconds(HEAD) < 24 * max(seconds(HEAD // 8), 0.002), "eight times as many, not eight times eight"
