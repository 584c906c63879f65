"""A server that sends on: followed where anybody would, and never from outside to the inside of a network."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fsspec.asyn import get_loop, sync
from yarl import URL

from scanner.bytesource import open_remote, store_of
from scanner.bytesource.remote import redirecting
from scanner.errors import ReadError, SourceError
from tests.objects.test_reading import answering, lying

NAMES = {"public.example": "93.184.216.34", "router.example": "192.168.1.1", "v6.example": "fd00::1"}


def followed(before: str, location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask what is asked before a redirect is followed; no name is looked up outside."""

    async def inside(url: URL) -> bool:
        return await real(url.with_host(NAMES.get(url.host or "", url.host or "")))

    real = redirecting._inside
    monkeypatch.setattr(redirecting, "_inside", inside)
    asked = SimpleNamespace(url=URL(before), response=SimpleNamespace(headers={"Location": location}))
    sync(get_loop(), redirecting._follow, None, None, asked)


@pytest.mark.parametrize(
    ("before", "location", "said"),
    [
        ("http://public.example/x", "http://169.254.169.254/latest/meta-data/", "inside of a network"),
        ("http://public.example/x", "http://127.0.0.1:8080/", "inside of a network"),
        ("http://public.example/x", "http://[::1]/", "inside of a network"),
        ("http://public.example/x", "http://[::ffff:10.0.0.1]/", "inside of a network"),
        ("https://public.example/x", "https://localhost/", "inside of a network"),
        ("https://public.example/x", "https://a.localhost./", "inside of a network"),
        ("https://public.example/x", "https://router.example/", "inside of a network"),
        ("https://public.example/x", "https://v6.example/", "inside of a network"),
        ("https://public.example/x", "//10.1.2.3/y", "inside of a network"),
    ],
)
def test_what_is_not_followed(before: str, location: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ReadError, match=said):
        followed(before, location, monkeypatch)


@pytest.mark.parametrize(
    ("before", "location"),
    [
        ("https://public.example/x", "/y"),
        ("https://public.example/x", "https://93.184.216.35/y"),
        ("http://public.example/x", "https://public.example/x"),
        ("http://192.168.1.5/x", "http://127.0.0.1/y"),
        ("https://public.example/x", "https://[/"),
        ("http://router.example/x", "http://192.168.1.7/y"),
    ],
)
def test_what_is_followed(before: str, location: str, monkeypatch: pytest.MonkeyPatch) -> None:
    followed(before, location, monkeypatch)


def test_any_address_of_a_name_counts() -> None:
    assert redirecting.any_private(["93.184.216.34", "10.0.0.1"])
    assert redirecting.any_private(["fe80::1%eth0"])
    assert not redirecting.any_private(["93.184.216.34", "2606:2800::1"])


def test_it_is_asked_before_the_second_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first server plays one in the open; the second must not be asked at all."""
    asked = []

    class Second(answering(200, {}, b"secret")):  # type: ignore[misc]
        def do_GET(self) -> None:  # noqa: N802 - as the server calls it
            asked.append(self.path)
            super().do_GET()

    async def inside(url: URL) -> bool:
        return url.port != first_port

    monkeypatch.setattr(redirecting, "_inside", inside)
    with lying(Second) as second, lying(answering(302, {"Location": second}, b"")) as first:
        first_port = URL(first).port
        with pytest.raises(SourceError, match="inside of a network"):
            list(store_of(first).find(first))
        with pytest.raises(ReadError, match="inside of a network"):
            open_remote(first, 100, None).read_at(0, 10)
    assert asked == []
