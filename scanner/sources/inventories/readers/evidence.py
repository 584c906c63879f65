"""What ``--save-evidence`` kept of a phone: the same questions again, answered from the files.

A folder for each phone and run: ``commands.jsonl`` says which file answers which command, and what was wrong with it
then; ``identities.jsonl`` whose certificates were read of which APK, each beside it as DER; ``SHA256SUMS`` the digests
of all these answers and certificates. An answer that is not as it was is a gap, and not believed.

Source: ``scanner/phones/evidence.py``, which writes it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from scanner.model import Certificate, Installed, Stated
from scanner.sources.inventories import documents
from scanner.sources.inventories.lines import Noted
from scanner.sources.inventories.readers.folders import Folder, claimed_by, folders_with
from scanner.sources.inventories.readers.jsonfields import hex_digest, text, whole
from scanner.sources.inventories.readers.phonetext import gaps_of, nothing_in
from scanner.sources.inventories.reading import Bundle, BundleReader, Entry, Gap
from scanner.sources.inventories.transparency import TransparencyEntry, parse_transparency

if TYPE_CHECKING:  # imported when there is evidence to be read
    from scanner.sources.adb.channel import Answer

COMMANDS, IDENTITIES, SUMS = "commands.jsonl", "identities.jsonl", "SHA256SUMS"
TRANSPARENCY = "cmd transparency get mba_info -v"
MAX_ANSWER = 256 << 20
"""Bytes of one answer, as many as are taken from a phone."""
MAX_DER = 1 << 20
ORIGIN = "signing block, as it was read then"
_SHA256 = 64
_FIRST = re.compile(r'\s*\{"command":"[^"\n]*","file":"[^"\n]*","at":')
_SUM = re.compile(r"([0-9a-f]{64})  ([^/\n]{1,255})")


def _recognises_commands(head: str) -> bool:
    return _FIRST.match(head) is not None


_MEMBERS = {COMMANDS: _recognises_commands}


def _recognises(bundle: Bundle) -> bool:
    return next(folders_with(bundle, _MEMBERS), None) is not None


def _read(bundle: Bundle, spec: str) -> Iterator[Entry]:
    for folder in folders_with(bundle, _MEMBERS):
        yield from _Saved(folder, spec).entries()


class _Saved:
    """The files of one phone."""

    def __init__(self, folder: Folder, spec: str) -> None:
        self._folder, self._spec = folder, spec
        self._problems = Noted()
        self._sums = {match[2]: match[1] for line in self._lines(SUMS) if (match := _SUM.fullmatch(line))}

    def entries(self) -> Iterator[Entry]:
        """Every app by all that was saved, then what was not seen then, and what cannot be believed now."""
        from scanner.sources.adb.listing import inventory_of, properties_of
        from scanner.sources.adb.saved import SavedPhone

        answers, read = self._answers(), self._identities()
        phone = SavedPhone(self._folder.name, answers)
        inventory = inventory_of(phone, self._spec, properties_of(phone, {}))
        preloads = parse_transparency(answers[TRANSPARENCY].text) if TRANSPARENCY in answers else {}
        for app in inventory.apps:
            yield self._known(app, read.get((app.package_name, app.copy)), preloads)
        if not inventory.apps:
            yield nothing_in(COMMANDS)
        serial = inventory.properties.device.serial
        yield from (Gap(f"{serial}: {hole.which}", hole.reason, hole.what) for hole in inventory.holes)
        yield from gaps_of(self._problems, self._folder.name, "file")

    def _known(self, app: Installed, read: Stated | None, preloads: dict[str, TransparencyEntry]) -> Installed:
        """The app with the certificate that was read of its APK, else with what the phone stated of it."""
        stated, also = read or app.stated, (app.stated,) if read and app.stated else ()
        preload = preloads.get(app.package_name)
        if stated is None and app.system and preload is not None and preload.signers:
            stated = Stated(
                tuple(Certificate(sha256=one) for one in preload.signers),
                tuple(Certificate(sha256=one) for one in preload.lineage),
                "cmd transparency",
            )
        where = f"{self._folder.name}/{IDENTITIES if read else COMMANDS}"
        return msgspec.structs.replace(app, phone=None, location=None, where=where, stated=stated, also_stated=also)

    def _answers(self) -> dict[str, Answer]:
        """Command → what the phone answered; without those that are not as they were."""
        from scanner.sources.adb.channel import Answer

        answers: dict[str, Answer] = {}
        for line in self._objects(COMMANDS):
            command, file = text(line.get("command")), text(line.get("file"))
            if command is None or file is None:
                self._problems.add(f"{COMMANDS}: a line without a command or its file")
                continue
            out = self._bytes(file, MAX_ANSWER)
            errors = f"{file.removesuffix('.out')}.err"
            err = self._bytes(errors, MAX_ANSWER) if errors in self._sums else b""
            if out is not None and err is not None:
                answers[command] = Answer(out, err, whole(line.get("exit_status")), text(line.get("problem")))
        return answers

    def _identities(self) -> dict[tuple[str, str], Stated]:
        """Package and copy → the certificates that its APK bore."""
        found: dict[tuple[str, str], Stated] = {}
        for line in self._objects(IDENTITIES):
            name, copy = text(line.get("package_name")), text(line.get("copy"))
            signers, history = (
                self._certificates(line.get("signers")),
                self._certificates(line.get("certificate_history")),
            )
            if name is None or copy is None or signers is None or history is None:
                self._problems.add(f"{IDENTITIES}: not an identity: {name or 'without a package name'}")
            elif signers:
                found[name, copy] = Stated(signers, history, ORIGIN)
        return found

    def _certificates(self, digests: object) -> tuple[Certificate, ...] | None:
        """Null where one of them is no digest: half a list would be taken for all of it."""
        known = [hex_digest(one, _SHA256) for one in digests] if isinstance(digests, list) else [None]
        return tuple(self._certificate(one) for one in known if one) if None not in known else None

    def _certificate(self, sha256: str) -> Certificate:
        der = self._bytes(f"{sha256}.der", MAX_DER)
        if der is not None and hashlib.sha256(der).hexdigest() == sha256:
            return Certificate(sha256=sha256, der=der)
        return Certificate(sha256=sha256)

    def _bytes(self, name: str, most: int) -> bytes | None:
        """A file that is still what it was; null for any other, which is told."""
        document = self._folder.document(name)
        if document is None:
            self._problems.add(f"{name} is missing")
            return None
        with document.binary() as stream:
            data = stream.read(most + 1)
        if len(data) <= most and hashlib.sha256(data).hexdigest() == self._sums.get(name):
            return data
        self._problems.add(f"{name} is not what {SUMS} says: it was changed, and is not believed")
        return None

    def _objects(self, name: str) -> Iterator[dict[str, object]]:
        for number, line in enumerate(self._lines(name), 1):
            try:
                value = msgspec.json.decode(line.encode("utf-8", "replace"))
            except (msgspec.DecodeError, RecursionError):
                value = None
            if isinstance(value, dict):
                yield value
            else:
                self._problems.add(f"{name}: line {number} is no object")

    def _lines(self, name: str) -> Iterator[str]:
        document = self._folder.document(name)
        if document is not None:
            yield from (line.rstrip("\n") for _, line in documents.numbered_lines(document) if line.strip())


READER = BundleReader(
    name="evidence",
    title="what --save-evidence kept of phones",
    recognises=_recognises,
    read=_read,
    limit="Certificates are as the earlier scan read them: nothing is verified again",
    claims=lambda bundle: claimed_by(bundle, _MEMBERS),
)
