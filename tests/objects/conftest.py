"""Stores and web servers of objects, with a link before each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.bytesource.remote import kinds, store
from tests.conftest import Ran
from tests.support.link import Link
from tests.support.objectstore import environment, nginx, s3_server
from tests.support.tools import require_tool


class Served:
    """A folder of this machine as its server shows it, through a link."""

    def __init__(self, root: Path, link: Link, prefix: str) -> None:
        self.root, self.link, self.prefix = root, link, prefix

    def put(self, files: dict[str, bytes]) -> str:
        """Write files; the address of the folder they lie in."""
        for name, data in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return self.prefix

    def address(self, name: str) -> str:
        """The address of one file."""
        return self.prefix + name


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An S3 bucket; this process, too, finds its store and credentials in the environment."""
    require_tool("rclone")
    root = tmp_path / "buckets" / "apks"
    root.mkdir(parents=True)
    with s3_server(root.parent, tmp_path) as address, Link(address) as link:
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        for name, value in environment(link.url).items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield Served(root, link, "s3://apks/")
        kinds.forget()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Served]:
    """A web server's folder."""
    require_tool("nginx")
    root = tmp_path / "web"
    root.mkdir()
    with nginx(root, tmp_path) as address, Link(address) as link:
        yield Served(root, link, f"{link.url}/")
        kinds.forget()


@pytest.fixture(autouse=True)
def nothing_kept_open() -> Iterator[None]:
    """No connection outlives its server."""
    yield
    kinds.forget()


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses between attempts that a test can wait for."""
    monkeypatch.setattr(store, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(store, "LONGEST_PAUSE", 0.01)


@pytest.fixture
def scan(scan_rows: Callable[..., Ran]) -> Callable[..., Ran]:
    """``app-scanner scan … -o jsonl`` with the environment as it is now."""

    def run(*words: object, **options: Any) -> Ran:
        return scan_rows(*words, env=dict(os.environ), **options)

    return run
