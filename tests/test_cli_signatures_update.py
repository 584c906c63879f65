"""``app-scanner signatures update``: real keys, real servers, and everything that must be refused."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import json
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import minisign
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from scanner.curation import fetching
from scanner.curation.fetching import fetch
from scanner.errors import RefusedError, SourceError
from tests.conftest import Ran
from tests.support.apk_builder import build_apk
from tests.test_cli_signatures import TESTKEY, with_signer
from tests.test_database import document, spoiled, written

Run = Callable[..., Ran]
PUBLIC = with_signer(sha256=TESTKEY.sha256)
DAY = "2040-01-01"
"""Newer than whatever comes with the program."""


@pytest.fixture(scope="module")
def keys() -> minisign.KeyPair:
    return minisign.KeyPair.generate()


@pytest.fixture
def update(app_scanner: Run, keys: minisign.KeyPair, tmp_path: Path) -> Callable[..., Ran]:
    """The program with a data folder of its own; ``update()`` runs the command with the key of the test."""

    def run(*words: object, key: str | None = None, **more: str) -> Ran:
        env = {**os.environ, "XDG_DATA_HOME": str(tmp_path / "data"), **more}
        if words and words[0] in {"scan", "signatures"}:
            return app_scanner(*words, env=env)
        return app_scanner(
            "signatures", "update", *words, "--key", key or keys.public_key.to_base64().decode(), env=env
        )

    return run


def signed(keys: minisign.KeyPair, path: Path, timestamp: int | None = 100, data: bytes | None = None) -> Path:
    """A signature beside the file, as ``minisign -S`` writes it."""
    comment = "no time" if timestamp is None else f"timestamp:{timestamp}\tfile:{path.name}\thashed"
    made = keys.secret_key.sign(path.read_bytes() if data is None else data, trusted_comment=comment)
    Path(f"{path}.minisig").write_bytes(bytes(made))
    return path


def bundle(folder: Path, day: str = DAY, name: str = "bundle.yaml", **more: str) -> Path:
    content = spoiled("apps.0.updated", day)
    content["apps"][0] |= more
    return written(folder, content, name)


def test_a_signed_bundle_is_installed_and_scans_use_it(
    update: Run, keys: minisign.KeyPair, app_scanner: Run, tmp_path: Path
) -> None:
    ran = update(signed(keys, bundle(tmp_path)))
    installed = tmp_path / "data" / "app-scanner" / "bundle.yaml"
    assert (ran.code, ran.out) == (0, f"installed: {installed}, signatures of {DAY}\n")
    assert "no longer look for alipay, camscanner, " in ran.err
    (tmp_path / "a.apk").write_bytes(build_apk("com.example.other"))
    summary = update("scan", tmp_path / "a.apk", "-o", "jsonl").summary
    assert summary["signatures_from"] == [f"updated {DAY}"]
    assert f"signatures: updated {DAY}" in update("scan", tmp_path / "a.apk").out
    assert "my-app" in update("signatures", "list").out
    assert "my-app" not in app_scanner("signatures", "list").out
    again = update(tmp_path / "bundle.yaml")
    assert (again.code, again.out.startswith("already installed")) == (0, True)
    assert [path.name for path in installed.parent.iterdir()] == ["bundle.yaml"]


def test_without_an_update_the_shipped_signatures_are_used_and_named(scan_rows: Run, tmp_path: Path) -> None:
    (tmp_path / "a.apk").write_bytes(build_apk("com.example.other"))
    (said,) = scan_rows(tmp_path / "a.apk").summary["signatures_from"]
    assert said.startswith("shipped 20")


def test_rows_of_an_older_version_do_not_say_it_and_are_whole(scan_rows: Run, tmp_path: Path) -> None:
    (tmp_path / "a.apk").write_bytes(build_apk("com.example.app"))
    lines = scan_rows(tmp_path / "a.apk").out.splitlines()
    older = {key: value for key, value in json.loads(lines[-1]).items() if key != "signatures_from"}
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines[:-1], json.dumps(older)]) + "\n")
    again = scan_rows(tmp_path / "rows.jsonl")
    assert (again.code, again.unread) == (0, [])


def test_an_export_of_our_own_is_a_bundle(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    mine = bundle(tmp_path, name="mine.yaml")
    assert update("signatures", "export", "yaml", "--signatures", mine, "-o", tmp_path / "b.yaml").code == 0
    ran = update(signed(keys, tmp_path / "b.yaml"))
    assert (ran.code, ran.err) == (0, "")
    listed = update("signatures", "list").out
    assert "wechat-pay" in listed
    assert "my-app" in listed


def test_the_key_may_be_a_file(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    (tmp_path / "our.pub").write_bytes(bytes(keys.public_key) + b"\n")
    assert update(signed(keys, bundle(tmp_path)), key=str(tmp_path / "our.pub")).code == 0


def test_a_bundle_without_a_signature_is_refused(update: Run, tmp_path: Path) -> None:
    ran = update(bundle(tmp_path))
    assert (ran.code, "no signature beside it" in ran.err) == (1, True)
    assert not (tmp_path / "data").exists()


def test_a_changed_bundle_a_strange_key_and_a_broken_signature_are_refused(
    update: Run, keys: minisign.KeyPair, tmp_path: Path
) -> None:
    path = signed(keys, bundle(tmp_path))
    stranger = minisign.KeyPair.generate().public_key.to_base64().decode()
    assert update(path, key=stranger).code == 1
    path.write_bytes(path.read_bytes() + b"\n")
    ran = update(path)
    assert (ran.code, "does not hold" in ran.err) == (1, True)
    Path(f"{path}.minisig").write_bytes(b"untrusted comment: x\nnothing\n")
    assert update(path).code == 1
    assert not (tmp_path / "data").exists()


def test_a_trusted_comment_cannot_be_changed(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    path = signed(keys, bundle(tmp_path), 100)
    signature = Path(f"{path}.minisig")
    signature.write_bytes(signature.read_bytes().replace(b"timestamp:100", b"timestamp:900"))
    assert update(path).code == 1


def test_a_signature_without_a_time_is_refused(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    ran = update(signed(keys, bundle(tmp_path), None))
    assert (ran.code, "timestamp" in ran.err) == (1, True)


def test_a_downgrade_is_refused_and_a_newer_bundle_is_taken(
    update: Run, keys: minisign.KeyPair, tmp_path: Path
) -> None:
    assert update(signed(keys, bundle(tmp_path, name="now.yaml"), 200)).code == 0
    for path in (
        signed(keys, bundle(tmp_path, name="earlier.yaml", note="x"), 199),
        signed(keys, bundle(tmp_path, name="same.yaml", note="y"), 200),
        signed(keys, bundle(tmp_path, "2039-12-31", "resigned.yaml"), 300),
    ):
        ran = update(path)
        assert (ran.code, "older" in ran.err) == (1, True), path
    assert update(signed(keys, bundle(tmp_path, "2040-01-02", "later.yaml"), 201)).code == 0
    assert "2040-01-02" in update("signatures", "list").out


def test_a_bundle_older_than_what_came_along_is_refused_and_never_used(
    update: Run, keys: minisign.KeyPair, tmp_path: Path
) -> None:
    ran = update(signed(keys, bundle(tmp_path, "2020-01-01")))
    assert (ran.code, "came with this program" in ran.err) == (1, True)
    there = tmp_path / "data" / "app-scanner" / "bundle.yaml"
    there.parent.mkdir(parents=True)
    there.write_bytes(bundle(tmp_path, "2020-01-01").read_bytes())  # installed by a version whose data was older yet
    assert "wechat-pay" in update("signatures", "list").out


@pytest.mark.parametrize(
    "content", [{"schema": 7}, {"schema": 1}, spoiled("apps.0.signers.0.sha1", "0" * 40), PUBLIC, b"\xff"]
)
def test_a_signed_file_that_is_of_no_use_is_refused(
    content: Any, update: Run, keys: minisign.KeyPair, tmp_path: Path
) -> None:
    ran = update(signed(keys, written(tmp_path, content)))
    assert (ran.code, "of no use" in ran.err) == (1, True)


def test_what_is_no_key_or_no_file_is_a_failure(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    path = signed(keys, bundle(tmp_path))
    assert update(path, key="no key").code == 5
    assert update(tmp_path / "nope.yaml").code == 5
    assert update("signatures", "update", path).code == 2


def test_more_than_the_limit_is_refused(update: Run, tmp_path: Path) -> None:
    with (tmp_path / "huge.yaml").open("wb") as stream:
        stream.truncate((8 << 20) + 1)
    ran = update(tmp_path / "huge.yaml")
    assert (ran.code, "larger than" in ran.err) == (1, True)


# Servers


class Server:
    """A web server on this machine that serves a folder, encrypted or not, and redirects as it is told."""

    def __init__(self, folder: Path, context: ssl.SSLContext | None) -> None:
        self.redirects: dict[str, str] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *words: Any) -> None:
                super().__init__(*words, directory=str(folder))

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if self.path in outer.redirects:
                    self.send_response(302)
                    self.send_header("Location", outer.redirects[self.path])
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    super().do_GET()

            def log_message(self, *words: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        if context is not None:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.address = f"{'https' if context else 'http'}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1, its key behind it; whoever trusts the file trusts the server."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "app-scanner test server")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("tls") / "server.pem"
    secret = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return file


@pytest.fixture
def served(certificate: Path, tmp_path: Path) -> Iterator[tuple[Path, Server, Server]]:
    """A folder, and the servers that serve it with and without encryption."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    (tmp_path / "www").mkdir()
    secure, plain = Server(tmp_path / "www", context), Server(tmp_path / "www", None)
    yield tmp_path / "www", secure, plain
    secure.close()
    plain.close()


def test_a_bundle_is_fetched_over_https(
    served: tuple[Path, Server, Server], update: Run, keys: minisign.KeyPair, certificate: Path
) -> None:
    folder, secure, _ = served
    signed(keys, bundle(folder))
    secure.redirects["/latest"] = "/bundle.yaml"
    secure.redirects["/latest.minisig"] = f"{secure.address}/bundle.yaml.minisig"
    assert update(f"{secure.address}/bundle.yaml", SSL_CERT_FILE=str(certificate)).code == 0
    assert update(f"{secure.address}/latest", SSL_CERT_FILE=str(certificate)).out.startswith("already installed")


def test_a_server_that_nobody_vouches_for_is_a_failure(
    served: tuple[Path, Server, Server], update: Run, keys: minisign.KeyPair
) -> None:
    folder, secure, _ = served
    signed(keys, bundle(folder))
    ran = update(f"{secure.address}/bundle.yaml")
    assert (ran.code, "CERTIFICATE_VERIFY_FAILED" in ran.err, secure.asked) == (5, True, [])


def test_http_is_refused_before_anything_is_asked(
    served: tuple[Path, Server, Server], update: Run, keys: minisign.KeyPair
) -> None:
    folder, _, plain = served
    signed(keys, bundle(folder))
    ran = update(f"{plain.address}/bundle.yaml")
    assert (ran.code, "only https://" in ran.err, plain.asked) == (1, True, [])
    assert update("ftp://127.0.0.1/bundle.yaml").code == 1
    assert update(f"file://{folder}/bundle.yaml").code == 1


def test_a_redirection_to_another_scheme_is_refused(
    served: tuple[Path, Server, Server], update: Run, keys: minisign.KeyPair, certificate: Path
) -> None:
    folder, secure, plain = served
    signed(keys, bundle(folder))
    for number, target in enumerate(
        (f"{plain.address}/bundle.yaml", f"file://{folder}/bundle.yaml", "ftp://127.0.0.1/x")
    ):
        secure.redirects[f"/{number}"] = target
        ran = update(f"{secure.address}/{number}", SSL_CERT_FILE=str(certificate))
        assert ran.code == 1, ran.err
    assert plain.asked == []


def test_a_missing_signature_on_a_server_is_refused(
    served: tuple[Path, Server, Server], update: Run, certificate: Path
) -> None:
    folder, secure, _ = served
    bundle(folder)
    ran = update(f"{secure.address}/bundle.yaml", SSL_CERT_FILE=str(certificate))
    assert (ran.code, "404" in ran.err) == (1, True)
    assert update(f"{secure.address}/nope.yaml", SSL_CERT_FILE=str(certificate)).code == 5


def test_no_more_than_the_limit_is_downloaded_nor_for_longer(
    served: tuple[Path, Server, Server], certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, secure, _ = served
    (folder / "x").write_bytes(bytes(1000))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    assert len(fetch(f"{secure.address}/x", 1000)) == 1000
    with pytest.raises(RefusedError, match="larger than 999"):
        fetch(f"{secure.address}/x", 999)
    monkeypatch.setattr(fetching, "ALTOGETHER", -1.0)
    with pytest.raises(SourceError, match="not complete"):
        fetch(f"{secure.address}/x", 1000)


def test_an_installed_bundle_that_is_damaged_says_what_to_do(
    update: Run, keys: minisign.KeyPair, tmp_path: Path
) -> None:
    made = signed(keys, bundle(tmp_path))
    assert update(made).code == 0
    installed = tmp_path / "data" / "app-scanner" / "bundle.yaml"
    whole = installed.read_bytes()
    installed.write_bytes(whole[:-40] + b"\n{")
    ran = update("signatures", "list")
    assert (ran.code, "signatures update installed it: run that again, or remove it" in ran.err) == (5, True)
    assert update(made).code == 0
    assert installed.read_bytes() == whole


def test_what_cannot_be_installed_leaves_nothing_half(update: Run, keys: minisign.KeyPair, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    ran = update(signed(keys, bundle(tmp_path)))
    assert (ran.code, len(ran.err.splitlines())) == (5, 1)


def test_a_document_of_the_tests_is_older_than_the_bundles() -> None:
    assert document()["apps"][0]["updated"] < DAY
