"""What the phones said, word for word, with the hash of each answer: matching can be repeated without the phone.

One folder for each phone and run, one file for each answer, and ``SHA256SUMS`` as ``sha256sum -c`` reads it.
``commands.jsonl`` says which file answers which command, when, with which exit status and what was wrong;
``identities.jsonl`` whose certificates were read of which APK, and each certificate lies beside it as DER.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import msgspec

from scanner.errors import OutputError
from scanner.model import ApkIdentity, Installed
from scanner.sources.adb import Answer, Recorder

LONGEST_NAME = 60


class EvidenceRecorder(Recorder, Protocol):
    """Keeps what one phone said, and whose certificates were read of it."""

    def identity(self, app: Installed, identity: ApkIdentity) -> None:
        """Keep the certificates of one app."""
        ...


class EvidenceFolder:
    """A folder that keeps raw answers. Nothing in it is ever overwritten."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def recorder(self, spec: str) -> EvidenceRecorder:
        """What keeps the answers of one phone. Raises `OutputError` where the folder cannot be made."""
        moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        folder = self._folder / f"{_safe(spec)}-{moment}"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise OutputError(f"--save-evidence {folder}: {error.strerror}") from error
        return _Recorder(folder)


class _Recorder:
    def __init__(self, folder: Path) -> None:
        self._folder, self._number, self._lock = folder, 0, threading.Lock()
        self._certificates: set[str | None] = set()

    def __call__(self, command: str, answer: Answer) -> None:
        with self._lock, _written(self._folder):
            self._number += 1
            name = f"{self._number:03d}-{_safe(command)}"
            self._keep(f"{name}.out", answer.out)
            if answer.err:
                self._keep(f"{name}.err", answer.err)
            line = {
                "command": command,
                "file": f"{name}.out",
                "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
                "exit_status": answer.code,
                "problem": answer.problem,
            }
            with (self._folder / "commands.jsonl").open("ab") as stream:
                stream.write(msgspec.json.encode(line) + b"\n")

    def identity(self, app: Installed, identity: ApkIdentity) -> None:
        """See `EvidenceRecorder.identity`: a line for the app, and each certificate once, as DER."""
        signers = [signer.certificate for signer in identity.signing.signers]
        past = [signer.certificate for signer in identity.signing.history]
        line = {
            "package_name": app.package_name,
            "copy": app.copy,
            "location": str(app.location),
            "version_code": identity.version_code,
            "scheme": identity.signing.governing,
            "signers": [one.sha256 for one in signers],
            "certificate_history": [one.sha256 for one in past],
        }
        with self._lock, _written(self._folder):
            with (self._folder / "identities.jsonl").open("ab") as stream:
                stream.write(msgspec.json.encode(line) + b"\n")
            for one in (*signers, *past):
                if one.der is not None and one.sha256 not in self._certificates:
                    self._certificates.add(one.sha256)
                    self._keep(f"{one.sha256}.der", one.der)

    def _keep(self, name: str, data: bytes) -> None:
        with (self._folder / name).open("xb") as stream:
            stream.write(data)
        with (self._folder / "SHA256SUMS").open("a", encoding="ascii") as sums:
            sums.write(f"{hashlib.sha256(data).hexdigest()}  {name}\n")


@contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"--save-evidence {folder}: {error.strerror}") from error


def _safe(text: str) -> str:
    """A file name that holds nothing but letters, digits, dots and dashes, whatever a phone calls itself."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", text).strip("-.")[:LONGEST_NAME] or "phone"
