"""Stores and web servers of objects, with a link before each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import BlobServiceClient, ContainerClient

from scanner.bytesource.remote import kinds, store
from tests.conftest import Ran
from tests.support.emulators import (
    amazon_server,
    azure_server,
    connection_string,
    google_server,
    put_amazon,
    put_google,
    remove_google,
    required,
)
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

    def change(self, name: str, data: bytes) -> None:
        """Other content under the same name, at another time: a web server's ETag may be no more than time and size."""
        self.put({name: data})
        os.utime(self.root / name, (1, 1))

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.root / name).unlink()

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


class Google(Served):
    """A bucket of fake-gcs-server, which objects are sent to."""

    def put(self, files: dict[str, bytes]) -> str:
        put_google(self.link.server, self.root.name, files)
        return self.prefix

    def change(self, name: str, data: bytes) -> None:
        self.put({name: data})

    def remove(self, name: str) -> None:
        remove_google(self.link.server, self.root.name, name)


class Azure(Served):
    """A container of Azurite, which objects are sent to."""

    def put(self, files: dict[str, bytes]) -> str:
        with self._container() as container:
            if not container.exists():
                container.create_container()
            for name, data in files.items():
                container.upload_blob(name, data, overwrite=True)
        return self.prefix

    def change(self, name: str, data: bytes) -> None:
        self.put({name: data})

    def remove(self, name: str) -> None:
        with self._container() as container:
            container.delete_blob(name)

    @contextmanager
    def _container(self) -> Iterator[ContainerClient]:
        with BlobServiceClient.from_connection_string(connection_string(self.link.server)) as client:
            yield client.get_container_client(self.root.name)


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """Azurite, for all tests: it takes a second to start."""
    required("azure")
    with azure_server() as address:
        yield address


@pytest.fixture(scope="session")
def fake_gcs() -> Iterator[str]:
    """fake-gcs-server, for all tests."""
    required("google")
    with google_server() as address:
        yield address


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """Moto with listings in pages of three, for all tests."""
    required("amazon")
    with amazon_server(page=3) as address:
        yield address


class Amazon(Served):
    """A bucket of Moto, which objects are sent to."""

    def put(self, files: dict[str, bytes]) -> str:
        for name, data in files.items():
            put_amazon(self.link.server, f"{self.root.name}/{name}", data)
        return self.prefix


@pytest.fixture
def amazon(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Amazon]:
    """A bucket of its own in a store that speaks as Amazon's does, but checks no signature."""
    name = next(_names)
    put_amazon(moto, name)
    with Link(moto) as link:
        for variable, value in environment(link.url).items():
            if variable.startswith("AWS_"):
                monkeypatch.setenv(variable, value)
        yield Amazon(Path(name), link, f"s3://{name}/")
        kinds.forget()


_names = (f"apks-{number}" for number in count())


@pytest.fixture
def google(fake_gcs: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A bucket of its own in a store that speaks as Google's does."""
    name = next(_names)
    with Link(fake_gcs) as link:
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", link.url)
        monkeypatch.setenv("NO_GCE_CHECK", "true")
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        yield Google(Path(name), link, f"gs://{name}/")
        kinds.forget()


@pytest.fixture
def azure(azurite: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A container of its own in Azurite."""
    name = next(_names)
    with Link(azurite) as link:
        for variable in [variable for variable in os.environ if variable.startswith("AZURE_")]:
            monkeypatch.delenv(variable)
        address = link.url.removeprefix("http://")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", connection_string(address))
        yield Azure(Path(name), link, f"az://{name}/")
        kinds.forget()


@pytest.fixture(autouse=True)
def nothing_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test knows what another one read."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


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
