"""``app-scanner scan s3://… https://…``: the rows of the folder, few requests, one clear line for what fails."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from typing import Any

import pytest

from scanner.bytesource.remote import kinds
from scanner.errors import SourceError
from scanner.sources import open_source
from tests.conftest import Ran
from tests.objects.conftest import Served
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.emulators import connection_string
from tests.support.link import Fault, Link
from tests.support.objectstore import SECRET, nginx, self_signed
from tests.support.signer import key
from tests.support.tools import require_tool
from tests.test_cli_scan import tar_bytes

Scan = Callable[..., Ran]
A = key("a")
ELSEWHERE = {"source", "scanned_at", "etag", "stamp"}
"""Keys of a row that tell where and when it was read."""


def apk(package: str = "com.example.app", size: int = 0, **options: Any) -> bytes:
    members = {"assets/weight.bin": Random(1).randbytes(size)} if size else {}
    return build_apk(package, v2=[A], v3=[A], members=members, **options)


def archive() -> dict[str, bytes]:
    """A little of everything: apps, splits, containers, what is broken and what is none."""
    return {
        "a.apk": apk("com.example.a"),
        "deep/er/b.apk": apk("com.example.b", version_code=3),
        "set/base.apk": apk("com.example.split"),
        "set/split_config.de.apk": apk("com.example.split", split="config.de"),
        "bundle.apks": zip_bytes({"toc.pb": b"", "base.apk": apk("com.example.c")}, stored=True),
        "many.zip": zip_bytes({f"x/{number}.apk": apk(f"com.example.m{number}") for number in range(5)}),
        "some.tar": tar_bytes({"t.apk": apk("com.example.t")}),
        "wechat.apk": build_apk("com.tencent.mm", v2=[A]),
        "broken.apk": apk("com.example.broken")[:-30],
        "empty.apk": b"",
        "notes.txt": b"no apk\n",
        "with space +%25 & ü.apk": apk("com.example.space"),
    }


def identities(ran: Ran, prefix: str) -> list[str]:
    """The rows, without what differs because they come from elsewhere."""
    found = []
    for row in ran.rows[:-1]:
        row["place"] = str(row.pop("location", "") or row.pop("which", "")).removeprefix(prefix)
        rest = {name: value for name, value in row.items() if name not in ELSEWHERE}
        found.append(json.dumps(rest, sort_keys=True).replace(prefix, ""))
    return sorted(found)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_bucket_gives_the_rows_of_the_folder(bucket: Served, scan: Scan, jobs: int) -> None:
    bucket.put(archive())
    there, here = scan("s3://apks", "-j", jobs), scan(bucket.root)
    assert identities(there, bucket.prefix) == identities(here, f"{bucket.root}/")
    assert (there.code, there.summary["counts"]) == (here.code, here.summary["counts"])
    assert all(row["etag"] for row in there.apps)
    assert all(row["source"] == "s3://apks" for row in there.rows[:-1])


def test_a_folder_of_a_web_server_gives_them_too(web: Served, scan: Scan) -> None:
    web.put({name: data for name, data in archive().items() if "space" not in name})
    there, here = scan(web.prefix), scan(web.root)
    assert identities(there, web.prefix) == identities(here, f"{web.root}/")
    assert there.code == here.code


@pytest.mark.parametrize("kind", ["google", "azure"])
def test_the_stores_of_google_and_azure_give_them_too(
    kind: str, request: pytest.FixtureRequest, scan: Scan, tmp_path: Path
) -> None:
    store: Served = request.getfixturevalue(kind)
    store.put(archive())
    for name, data in archive().items():
        (tmp_path / "here" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "here" / name).write_bytes(data)
    store.link.reset()
    there, here = scan(store.prefix.rstrip("/")), scan(tmp_path / "here")
    assert identities(there, store.prefix) == identities(here, f"{tmp_path}/here/")
    assert (there.code, there.summary["counts"]) == (here.code, here.summary["counts"])
    assert all(row["etag"] for row in there.apps)
    assert there.err == here.err.replace(f"{tmp_path}/here/", store.prefix)
    assert len(store.link.crossed.requests) < 70


@pytest.mark.parametrize(
    ("kind", "spec", "said"),
    [
        ("google", "gs://no-such-bucket/x", "no such bucket"),
        ("google", "gs://BUCKET/none", "nothing lies there"),
        ("google", "gs://", "which bucket? An address is gs://BUCKET/KEY"),
        ("azure", "az://no-such-container/x", "no such container"),
        ("azure", "az://CONTAINER/none", "nothing lies there"),
        ("azure", "az://", "which container? An address is az://CONTAINER/KEY"),
    ],
)
def test_what_is_not_in_these_stores_is_one_line(
    kind: str, spec: str, said: str, request: pytest.FixtureRequest, scan: Scan
) -> None:
    store: Served = request.getfixturevalue(kind)
    store.put({"a.apk": apk()})
    ran = scan(spec.replace("BUCKET/n", f"{store.root.name}/n").replace("CONTAINER/n", f"{store.root.name}/n"))
    assert (ran.code, ran.err.count("\n"), said in ran.err) == (5, 1, True)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"AZURE_STORAGE_CONNECTION_STRING": "KEY"}, "access denied"),
        ({"AZURE_STORAGE_CONNECTION_STRING": "nonsense"}, "AZURE_STORAGE_CONNECTION_STRING is malformed"),
        ({}, "which storage account? Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME"),
    ],
    ids=["refused", "malformed", "none"],
)
def test_what_azure_does_not_accept_is_one_line(
    azure: Served, scan: Scan, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    azure.put({"a.apk": apk()})
    wrong = base64.b64encode(SECRET.encode()).decode()
    monkeypatch.delenv("AZURE_STORAGE_CONNECTION_STRING")
    for name, value in variables.items():
        other = connection_string(azure.link.url.removeprefix("http://"), wrong)
        monkeypatch.setenv(name, other if value == "KEY" else value)
    ran = scan(azure.prefix)
    assert (ran.code, ran.err.count("\n"), said in ran.err) == (5, 1, True)
    assert wrong not in ran.out + ran.err


@pytest.mark.parametrize(("status", "said"), [(403, "no credentials were found"), (401, "no credentials were found")])
def test_a_store_of_google_that_refuses_is_one_line(google: Served, scan: Scan, status: int, said: str) -> None:
    google.put({"a.apk": apk()})
    google.link.faults = lambda _: Fault(status)
    ran = scan(google.prefix)
    assert (ran.code, ran.err.count("\n"), said in ran.err) == (5, 1, True)


def test_many_objects_are_read_in_several_processes(bucket: Served, scan: Scan) -> None:
    bucket.put({f"{number:03}.apk": apk(f"com.example.n{number}") for number in range(130)})
    bucket.link.faults = lambda line: Fault(pause=0.02, until_at_once=3 if "bytes=" in line else 0)
    bucket.link.reset()
    ran = scan("s3://apks", "-j", "2", "--io-concurrency", "6")
    assert [row["package_name"] for row in ran.apps] == [f"com.example.n{number}" for number in range(130)]
    assert 2 < bucket.link.crossed.at_once <= 6


def test_few_requests_and_bytes_are_taken_of_a_large_app(bucket: Served, scan: Scan) -> None:
    bucket.put({f"{number}.apk": apk(f"com.example.n{number}", 12_000_000) for number in range(3)})
    bucket.link.reset()
    assert scan("s3://apks").code == 0
    reads = [line for line in bucket.link.crossed.requests if "bytes=" in line]
    assert len(reads) <= 3 * 4
    assert bucket.link.crossed.body_bytes < 0.02 * 3 * 12_000_000


def test_members_of_an_archive_are_read_without_the_archive(bucket: Served, scan: Scan) -> None:
    large = {f"{number}.apk": apk(f"com.example.n{number}", 4_000_000) for number in range(6)}
    bucket.put({"all.zip": zip_bytes(large, stored=True), "all.tar": tar_bytes(large)})
    bucket.link.reset()
    ran = scan("s3://apks")
    assert len(ran.apps) == 12
    assert bucket.link.crossed.body_bytes < 0.1 * 48_000_000
    assert len(bucket.link.crossed.requests) <= 12 * 6


def test_a_listed_app_is_verified_where_it_lies(bucket: Served, scan: Scan) -> None:
    data = build_apk("com.tencent.mm", v2=[A], members={"x.bin": Random(1).randbytes(3_000_000)})
    broken = bytearray(data)
    broken[1_000_000] ^= 1
    bucket.put({"a.apk": data, "b.apk": bytes(broken)})
    (whole, damaged) = scan("s3://apks").apps
    assert (whole["assurance"], whole["verdict"]) == ("verified", "impostor")
    assert damaged["assurance"] != "verified"
    assert whole["file_sha256"]


def test_one_object_and_one_that_is_also_a_folder(bucket: Served, scan: Scan) -> None:
    bucket.put({"a.apk": apk("com.example.a"), "a/b.apk": apk("com.example.b"), "ab.apk": apk("com.example.ab")})
    assert [row["package_name"] for row in scan("s3://apks/a.apk").apps] == ["com.example.a"]
    assert [row["package_name"] for row in scan("s3://apks/a").apps] == ["com.example.b"]


# What fails, in one clear line ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("s3://no-such-bucket", "no such bucket"),
        ("s3://apks/nothing/here", "nothing lies there"),
        ("s3://", "which bucket? An address is s3://BUCKET/KEY"),
    ],
)
def test_what_is_not_there_is_one_line(bucket: Served, scan: Scan, spec: str, said: str) -> None:
    bucket.put({"a.apk": apk()})
    ran = scan(spec)
    assert (ran.code, [row["reason"].partition(":")[0] for row in ran.unread]) == (5, [said.partition(":")[0]])
    assert ran.err.count("\n") == 1
    assert said in ran.err


def test_an_empty_bucket_is_said(bucket: Served, scan: Scan) -> None:
    ran = scan("s3://apks")
    assert (ran.code, "nothing lies there" in ran.err) == (5, True)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("AWS_SECRET_ACCESS_KEY", "wrong-wrong-wrong", "the secret does not belong to the access key"),
        ("AWS_ACCESS_KEY_ID", "nobody-knows-it", "does not know this access key"),
    ],
)
def test_credentials_that_are_refused_are_one_line(
    bucket: Served, scan: Scan, monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    bucket.put({"a.apk": apk()})
    monkeypatch.setenv(name, value)
    ran = scan("s3://apks")
    assert (ran.code, ran.err.count("\n"), said in ran.err) == (5, 1, True)
    assert value not in ran.err + ran.out


def test_without_credentials_requests_are_not_signed(
    bucket: Served, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put({"a.apk": apk()})
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    ran = scan("s3://apks")
    assert (ran.code, ran.err.count("\n"), "no credentials were found" in ran.err) == (5, 1, True)


def test_an_object_that_cannot_be_read_is_unread_and_the_rest_is_not(bucket: Served, scan: Scan) -> None:
    bucket.put({"a.apk": apk("com.example.a"), "b.apk": apk("com.example.b")})
    bucket.link.faults = lambda line: Fault(403) if "/b.apk" in line else None
    ran = scan("s3://apks")
    assert (ran.code, [row["package_name"] for row in ran.apps]) == (3, ["com.example.a"])
    assert [(row["which"], row["reason"]) for row in ran.unread] == [
        ("s3://apks/b.apk", "access denied: these credentials may not read it")
    ]


def test_throttling_costs_time_and_nothing_else(bucket: Served, scan: Scan) -> None:
    bucket.put({f"{number}.apk": apk(f"com.example.n{number}") for number in range(20)})
    asked: dict[str, int] = {}

    def faults(line: str) -> Fault | None:
        asked[line] = asked.get(line, 0) + 1
        return Fault(503) if asked[line] == 1 and len(asked) % 3 == 0 else None

    bucket.link.faults = faults
    ran = scan("s3://apks")
    assert (ran.code, len(ran.apps)) == (0, 20)
    assert max(asked.values()) > 1


def test_objects_that_change_while_they_are_scanned_are_unread(bucket: Served, scan: Scan) -> None:
    versions = count(1)
    bucket.put({"a.apk": apk("com.example.a", 400_000, version_code=next(versions))})

    def changes(line: str) -> Fault | None:
        if "/a.apk" in line:
            bucket.put({"a.apk": apk("com.example.a", 400_000, version_code=next(versions))})
        return None

    bucket.link.faults = changes
    ran = scan("s3://apks")
    assert (ran.code, [row["reason"] for row in ran.unread]) == (3, ["the object changed while it was read"])


@pytest.mark.parametrize(
    ("path", "said"),
    [("none.apk", "no such object"), ("none/", "no such object"), ("empty/", "nothing lies there")],
)
def test_what_a_web_server_does_not_have_is_one_line(web: Served, scan: Scan, path: str, said: str) -> None:
    (web.root / "empty").mkdir()
    ran = scan(web.address(path))
    assert (ran.code, ran.err.count("\n"), said in ran.err) == (5, 1, True)


def test_a_folder_of_a_web_server_without_its_slash_is_told(tmp_path: Path, scan: Scan) -> None:
    require_tool("nginx")
    (tmp_path / "web" / "apks").mkdir(parents=True)
    with nginx(tmp_path / "web", tmp_path) as address:
        ran = scan(f"http://{address}/apks")
    assert (ran.code, ran.err.count("\n")) == (5, 1)
    assert "a folder, by its server: end its address with a slash" in ran.err


def test_a_page_that_links_elsewhere_leads_nowhere(web: Served, scan: Scan) -> None:
    links = ("http://127.0.0.1:9/x.apk", "/other.apk", "../z.apk", "%2e%2e/z.apk", "b.apk")
    elsewhere = "".join(f'<a href="{link}">x</a>' for link in links)
    web.put({"d/index.html": elsewhere.encode(), "other.apk": apk(), "z.apk": apk(), "d/b.apk": apk("com.example.b")})
    ran = scan(web.address("d/"))
    assert [row["package_name"] for row in ran.apps] == ["com.example.b"]
    assert not [line for line in web.link.crossed.requests if "other.apk" in line or "z.apk" in line]


def test_https_with_a_certificate_that_is_trusted_and_one_that_is_not(
    tmp_path: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch
) -> None:
    require_tool("nginx")
    require_tool("openssl")
    certificate, secret = self_signed(tmp_path)
    root = tmp_path / "web"
    root.mkdir()
    (root / "a.apk").write_bytes(apk())
    with nginx(root, tmp_path, tls=(certificate, secret)) as address:
        refused = scan(f"https://{address}/a.apk")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        ran = scan(f"https://{address}/a.apk")
    assert (ran.code, [row["package_name"] for row in ran.apps]) == (0, ["com.example.app"])
    assert (refused.code, refused.err.count("\n"), "certificate" in refused.err) == (5, 1, True)


def test_a_name_and_password_of_the_address_are_sent_and_never_shown(tmp_path: Path, scan: Scan) -> None:
    require_tool("nginx")
    hashed = subprocess.run(
        [require_tool("openssl"), "passwd", "-apr1", SECRET], check=True, capture_output=True, text=True
    ).stdout
    (tmp_path / "users").write_text(f"somebody:{hashed}")
    root = tmp_path / "web"
    root.mkdir()
    (root / "a.apk").write_bytes(apk())
    (root / "b.apk").write_bytes(apk()[:-40])
    extra = f"auth_basic x; auth_basic_user_file {tmp_path}/users;"
    with nginx(root, tmp_path, extra=extra) as address, Link(address) as link:
        host = link.url.removeprefix("http://")
        refused = scan(f"http://{host}/a.apk")
        ran = scan(f"http://somebody:{SECRET}@{host}/a.apk", f"http://somebody:{SECRET}@{host}/b.apk")
    assert (refused.code, "asks for a name and a password" in refused.err) == (5, True)
    assert (ran.code, len(ran.apps), len(ran.unread)) == (3, 1, 1)
    assert SECRET not in ran.out + ran.err


def test_a_password_is_not_taken_to_another_server(tmp_path: Path, scan: Scan, monkeypatch: pytest.MonkeyPatch) -> None:
    require_tool("nginx")
    certificate, secret = self_signed(tmp_path)
    folders = [tmp_path / name for name in ("here", "there", "web")]
    for folder in folders:
        folder.mkdir()
    (tmp_path / "web" / "a.apk").write_bytes(apk())
    http = f"log_format who '$http_authorization|$request_uri'; access_log {tmp_path}/$server_port.log who;"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with nginx(folders[2], folders[0], tls=(certificate, secret), http=http) as there:
        moved = f"return 302 https://{there}$request_uri;"
        with nginx(folders[2], folders[1], http=http, extra=moved) as here:
            ran = scan(f"http://somebody:{SECRET}@{here}/a.apk")
    assert (ran.code, [row["package_name"] for row in ran.apps]) == (0, ["com.example.app"])
    logs = {name: tmp_path / f"{name.rpartition(':')[2]}.log" for name in (here, there)}
    assert all(line.startswith("Basic") for line in logs[here].read_text().splitlines())
    assert {line.partition("|")[0] for line in logs[there].read_text().splitlines()} == {"-"}


def test_an_extra_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kinds.importlib.util, "find_spec", lambda name: None)
    for spec, extra in (("s3://b/k", "s3"), ("https://h/x", "http"), ("gs://b/k", "gs"), ("az://c/k", "az")):
        with pytest.raises(SourceError, match=rf"pip install 'app-inventory-scanner\[{extra}\]'"):
            list(open_source(spec).apps())


def test_nothing_of_an_object_stays_behind(web: Served, scan: Scan, tmp_path: Path) -> None:
    web.put({"a.apk": apk(size=300_000)})
    web.link.faults = lambda _: Fault(without_ranges=True)
    folder = tmp_path / "temporary"
    folder.mkdir()
    os.environ["TMPDIR"] = str(folder)
    try:
        assert scan(web.address("a.apk")).code == 0
    finally:
        del os.environ["TMPDIR"]
    assert not list(folder.iterdir())
    shutil.rmtree(folder)
