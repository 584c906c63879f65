"""Objects as byte sources: how few requests they take, what is asked again, and what is never taken for the object."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.bytesource import RemoteFile, Span, ZipDirectory, open_remote, store_of
from scanner.bytesource.remote import kinds, objects, ranged, store
from scanner.bytesource.remote import web as websites
from scanner.bytesource.remote.store import Answer, Found
from scanner.errors import LimitExceeded, OutOfRange, ReadError, SourceError
from tests.objects.conftest import Served
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.link import Fault
from tests.support.objectstore import nginx
from tests.support.signer import key

A = key("a")
DATA = bytes(number * 7919 % 251 for number in range(300_000))


def opened(served: Served, name: str = "x.bin", data: bytes = DATA) -> RemoteFile:
    served.put({name: data})
    (found,) = store_of(served.prefix).find(served.address(name))
    return open_remote(found.address, found.size, found.etag)


def is_read(asked: str) -> bool:
    """Whether a request is for the object: S3 is also asked in which region a bucket lies."""
    return "x.bin" in asked


@pytest.fixture(params=["bucket", "web", "google", "azure"])
def served(request: pytest.FixtureRequest) -> Served:
    made: Served = request.getfixturevalue(request.param)
    return made


# The contract of the byte seam -----------------------------------------------------------------------


def test_a_read_gives_exactly_the_bytes_asked_for(served: Served) -> None:
    with opened(served) as file:
        assert file.size == len(DATA)
        for offset, length in (
            (0, 1),
            (299_999, 1),
            (0, 300_000),
            (100_000, 50_000),
            (5, 0),
            (300_000, 0),
            (1, 65_536),
        ):
            assert file.read_at(offset, length) == DATA[offset : offset + length]
        digests = file.hash_ranges([Span(10, 200_000, b"p"), Span(0, 0)], "sha256")
        assert digests == [hashlib.sha256(b"p" + DATA[10:200_010]).digest(), hashlib.sha256().digest()]


def test_what_lies_outside_is_out_of_range_and_asks_nobody(served: Served) -> None:
    with opened(served) as file:
        served.link.reset()
        for offset, length in ((-1, 1), (0, 300_001), (300_001, 0), (300_000, 1), (0, -1)):
            with pytest.raises(OutOfRange):
                file.read_at(offset, length)
        assert not served.link.crossed.requests


def test_an_empty_object_is_empty(served: Served) -> None:
    with opened(served, data=b"") as file:
        assert (file.size, file.read_at(0, 0)) == (0, b"")


def test_a_store_of_no_regions_is_not_asked_for_one_before_each_object(bucket: Served) -> None:
    bucket.put({f"{number}.bin": DATA for number in range(20)})
    for found in store_of(bucket.prefix).find(bucket.prefix):
        with open_remote(found.address, found.size, found.etag) as file:
            assert file.read_at(299_990, 10) == DATA[-10:]
    asked = [line for line in bucket.link.crossed.requests if line.startswith("HEAD")]
    assert 1 <= len(asked) <= 2


def test_a_store_that_is_too_busy_to_tell_a_region_is_asked_again(bucket: Served) -> None:
    bucket.put({f"{number}.bin": DATA for number in range(4)})
    heads: list[str] = []

    def busy(line: str) -> Fault | None:
        heads.extend([line] if line.startswith("HEAD") else [])
        return Fault(503) if line.startswith("HEAD") and len(heads) <= 6 else None

    bucket.link.faults = busy
    for found in store_of(bucket.prefix).find(bucket.prefix):
        with open_remote(found.address, found.size, found.etag) as file:
            assert file.read_at(299_990, 10) == DATA[-10:]
    assert len(heads) == 8  # two each for the listing and two objects, and two that are answered


class MemoryStore:
    """A store of one object that notes what it is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.asked: list[tuple[int, int]] = []

    def find(self, address: str) -> Iterator[Found]:
        yield Found(address, len(self.data), "e")

    def look(self, found: Found) -> Found:
        return found

    def read(self, found: Found, offset: int, length: int) -> Answer:
        assert length > 0
        assert 0 <= offset < offset + length <= len(self.data)
        self.asked.append((offset, length))
        return Answer(self.data[offset : offset + length], len(self.data), "e")

    def copy(self, *_: object) -> None:
        raise AssertionError


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    size=st.integers(1, 400_000),
    reads=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 150_000)), min_size=1, max_size=12),
    kept=st.sampled_from([1, 50_000, 8 << 20]),
)
def test_any_reads_in_any_order_give_the_bytes(size: int, reads: list[tuple[float, int]], kept: int) -> None:
    data = DATA[:size] + bytes(max(0, size - len(DATA)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(objects, "KEPT", kept)
        file = RemoteFile(MemoryStore(data), Found("s3://b/k", size, None))
        for share, length in reads:
            offset = min(int(share * size), size - 1)
            there = min(length, size - offset)
            assert file.read_at(offset, there) == data[offset : offset + there]


def test_threads_may_share_it() -> None:
    file = RemoteFile(MemoryStore(DATA), Found("s3://b/k", len(DATA), None))
    wrong = []

    def read(first: int) -> None:
        wrong.extend(at for at in range(first, 290_000, 9973) if file.read_at(at, 5000) != DATA[at : at + 5000])

    threads = [threading.Thread(target=read, args=(number * 37,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


# How little is asked for ------------------------------------------------------------------------------


def test_reading_on_asks_for_more_each_time_and_holds_little() -> None:
    data = bytes(40 << 20)
    held = MemoryStore(data)
    file = RemoteFile(held, Found("s3://b/k", len(data), None))
    for at in range(0, len(data), 1 << 20):
        file.read_at(at, 1 << 20)
    assert len(held.asked) < 20
    assert max(length for _, length in held.asked) <= objects.LARGEST
    assert sum(length for _, length in held.asked) <= len(data) * 1.01
    assert sum(len(piece) for _, piece in file._pieces) <= objects.KEPT + objects.LARGEST


def test_a_directory_and_what_lies_before_it_come_with_the_end() -> None:
    members = {f"res/{number}.xml": bytes(100) for number in range(2000)}
    apk = build_apk("com.example.a", v2=[A], members=members)
    held = MemoryStore(bytes(3 << 20) + apk)
    ZipDirectory(RemoteFile(held, Found("s3://b/k", len(held.data), None)))
    assert len(held.asked) <= 2


# What is asked again, and what is not ------------------------------------------------------------------


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    "fault",
    [Fault(503), Fault(500), Fault(429, "Retry-After: 0\r\n"), Fault(reset_after=0), Fault(reset_after=700)],
    ids=["503", "500", "429", "reset", "cut"],
)
def test_a_failure_that_passes_is_waited_for(served: Served, fault: Fault) -> None:
    file = opened(served)
    left = [fault, fault, fault]
    served.link.faults = lambda _: left.pop() if left else None
    assert file.read_at(1000, 2000) == DATA[1000:3000]
    assert not left
    file.close()


@pytest.mark.usefixtures("hurried")
def test_a_server_that_only_fails_is_given_up(served: Served) -> None:
    file = opened(served)
    served.link.faults = lambda _: Fault(503)
    served.link.reset()
    with pytest.raises(ReadError, match="503"):
        file.read_at(0, 10)
    assert len(list(filter(is_read, served.link.crossed.requests))) == store.ATTEMPTS
    file.close()


def test_a_server_says_when_to_come_back(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", slept.append)
    file = opened(served)
    left = [Fault(429, "Retry-After: 7\r\n")]
    served.link.faults = lambda asked: left.pop() if left and is_read(asked) else None
    assert file.read_at(0, 10) == DATA[:10]
    assert slept == [7.0]
    file.close()


@pytest.mark.usefixtures("hurried")
def test_a_server_that_sends_nothing_is_not_waited_for_for_ever(web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranged, "READ_SECONDS", 0.2)
    monkeypatch.setattr(store, "ATTEMPTS", 2)
    web.put({"x.bin": DATA})
    web.link.faults = lambda _: Fault(pause=5)
    reads = ranged.Ranged(lambda status, _: str(status))
    found = Found(web.address("x.bin"), len(DATA), None)
    with pytest.raises(ReadError, match="does not answer"):
        store.persistently(lambda: reads.read(found.address, found, 0, 1000))


@pytest.mark.usefixtures("hurried")
def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(SourceError, match="the server does not answer"):
        list(store_of("http://x").find("http://127.0.0.1:9/x.apk"))


# The same object throughout ------------------------------------------------------------------------------


def test_an_object_that_changes_while_it_is_read_is_noticed(served: Served) -> None:
    file = opened(served)
    assert file.read_at(0, 10) == DATA[:10]
    served.change("x.bin", DATA[::-1])
    with pytest.raises(ReadError, match="changed while it was read"):
        file.read_at(150_000, 10)
    file.close()


def test_an_object_that_shrinks_is_noticed_without_an_etag(served: Served) -> None:
    served.put({"x.bin": DATA})
    with open_remote(served.address("x.bin"), len(DATA)) as file:
        served.put({"x.bin": DATA[:100]})
        with pytest.raises(ReadError, match="changed while it was read"):
            file.read_at(0, 10)


def test_an_object_that_vanished_is_no_such_object(served: Served) -> None:
    file = opened(served)
    served.remove("x.bin")
    with pytest.raises(ReadError, match=r"no such object|changed while it was read"):  # which Azure says
        file.read_at(0, 10)
    file.close()


@pytest.mark.parametrize(
    ("etag", "plain"), [('"a"', "a"), ("a", "a"), ('W/"a"', None), ("", None), ('""', None), (None, None)]
)
def test_only_a_strong_etag_names_content(etag: str | None, plain: str | None) -> None:
    assert store.unquoted(etag) == plain


@pytest.mark.parametrize(
    ("text", "size"),
    [("bytes 0-9/100", 100), ("bytes 0-9/*", None), ("bytes */7", 7), ("", None), (None, None),
     ("bytes 0-9/-1", None), ("bytes 0-9/٣", None), ("bytes 0-9/" + "9" * 40, None)],
)  # fmt: skip
def test_a_content_range_tells_a_size_or_none(text: str | None, size: int | None) -> None:
    assert store.total_of(text) == size


# Servers that know no ranges -----------------------------------------------------------------------------


def test_a_server_without_ranges_is_read_whole_once(web: Served) -> None:
    web.link.faults = lambda _: Fault(without_ranges=True)
    with opened(web) as file:
        web.link.reset()
        assert file.read_at(100, 50) == DATA[100:150]
        assert file.read_at(250_000, 50) == DATA[250_000:250_050]
        assert len(web.link.crossed.requests) == 2  # the range that was refused, and the whole


def test_a_server_without_ranges_is_read_up_to_a_limit(web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_STREAMED", 1000)
    web.link.faults = lambda _: Fault(without_ranges=True)
    with opened(web) as file, pytest.raises(LimitExceeded, match="knows no ranges"):
        file.read_at(0, 1)


class Plain(BaseHTTPRequestHandler):
    """A server of HTTP/1.0 that tells no size, and whose object may be endless."""

    endless = False

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(zip_bytes({"a": b"1"}))
        while self.endless:
            try:
                self.wfile.write(bytes(65536))
            except OSError:
                return

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def plain_server(*, endless: bool) -> Iterator[str]:
    handler = type("Handler", (Plain,), {"endless": endless})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/x.apk"
        finally:
            server.shutdown()
            thread.join()


def test_a_server_that_tells_no_size_is_read_whole() -> None:
    with plain_server(endless=False) as address:
        (found,) = store_of(address).find(address)
        assert found.size is None
        with open_remote(found.address, found.size, found.etag) as file:
            assert file.read_at(0, file.size) == zip_bytes({"a": b"1"})


def test_an_endless_object_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(objects, "MAX_STREAMED", 1 << 20)
    with plain_server(endless=True) as address, pytest.raises(LimitExceeded, match="longer than"):
        open_remote(address)


# Servers that lie ------------------------------------------------------------------------------------------


def answering(status: int, headers: dict[str, str], body: bytes) -> type[BaseHTTPRequestHandler]:
    class Lies(Plain):
        def do_GET(self) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                return

    return Lies


@contextmanager
def lying(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/x.apk"
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(
    ("headers", "body", "said"),
    [
        ({"Content-Range": "bytes 5-14/100"}, b"x" * 10, "another range"),
        ({}, b"x" * 10, "another range"),
        ({"Content-Range": "bytes 0-9/100"}, b"x" * 1_000_000, "where 10 were asked for"),
        ({"Content-Range": "bytes 0-9/100"}, b"x" * 3, "sent 3 of 10 bytes"),
        ({"Content-Range": "bytes 0-9/200"}, b"x" * 10, "changed"),
        ({"Content-Range": "bytes 0-9/" + "9" * 5000}, b"x" * 10, ""),
    ],
    ids=["another", "none", "more", "fewer", "size", "digits"],
)
def test_what_a_server_sends_must_be_what_was_asked_for(headers: dict[str, str], body: bytes, said: str) -> None:
    with lying(answering(206, headers, body)) as address:
        found = Found(address, 100, None)
        read: Callable[[], Answer] = lambda: store_of(address).read(found, 0, 10)  # noqa: E731
        if said:
            with pytest.raises(ReadError, match=said):
                store.persistently(read)
        else:
            assert read().data == body


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("http://localhost:9/x.apk", "it redirects to http://localhost: followed are https"),
        ("http://169.254.169.254/latest/meta-data", "it redirects to http://169.254.169.254: followed are https"),
        ("//169.254.169.254/x", "it redirects to http://169.254.169.254"),
        ("file:///etc/passwd", "it redirects to file://"),
        ("ftp://example.org/x", "it redirects to ftp://example.org"),
        ("http://[::1", "it redirects to what is no address"),
    ],
)
def test_a_redirect_leads_to_https_or_stays_where_it_is(there: str, said: str) -> None:
    with lying(answering(302, {"Location": there}, b"")) as address:
        for spec in (address, f"{address.rpartition('/')[0]}/"):
            with pytest.raises(SourceError, match=re.escape(said)):
                list(store_of(spec).find(spec))
        with pytest.raises(ReadError, match=re.escape(said)):
            open_remote(address, 100).read_at(0, 10)


def test_a_redirect_within_a_server_is_followed(web: Served) -> None:
    web.put({"real/x.bin": DATA, "real/index.html": b"<a href=x.bin>x</a> <a href=/moved/x.bin>x</a>"})
    extra = "rewrite ^/old/(.*)$ /real/$1 redirect;"
    with nginx(web.root, web.root.parent, extra=extra) as address:
        (one,) = store_of("http://x").find(f"http://{address}/old/")
        assert one.address == f"http://{address}/real/x.bin"
        with open_remote(f"http://{address}/old/x.bin") as file:
            assert (file.size, file.read_at(5, 5)) == (len(DATA), DATA[5:10])
        kinds.forget()


# Folders of web servers ------------------------------------------------------------------------------------


def test_a_folder_page_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websites, "MAX_PAGE", 100_000)
    with plain_server(endless=True) as address, pytest.raises(SourceError, match="the page of the folder is longer"):
        list(store_of(address).find(f"{address}/"))


def test_folders_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websites, "MAX_DEPTH", 10)
    page = b"<a href=a/>a</a> <a href=0.apk> <A HREF='#top'> <a href=http://[> <a> <a href=./> <a href=mailto:x@y.z>"
    with lying(answering(200, {}, page)) as address:
        folder = address.removesuffix("x.apk")
        found = []

        def listing() -> None:
            found.extend(one.address for one in store_of(folder).find(folder))

        with pytest.raises(SourceError, match="within each other"):
            listing()
    assert found == [f"{folder}{'a/' * depth}0.apk" for depth in range(11)]


def test_a_redirect_that_leads_round_ends() -> None:
    with lying(answering(302, {"Location": "/x.apk"}, b"")) as address, pytest.raises(SourceError, match="Redirect"):
        list(store_of(address).find(address))
