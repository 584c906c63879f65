"""The verifier against Debian's ``apksigner verify``: real samples, APKs that apksigner signs here, tampered ones."""

from __future__ import annotations

import io
import os
import re
import struct
import subprocess
import zipfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

from scanner.apk.verify import verify
from scanner.bytesource import LocalFile
from scanner.errors import ApkError
from scanner.model import Verification
from tests.conftest import ROOT
from tests.support.apk_builder import build_apk, directory_offset
from tests.support.keyfiles import write_key
from tests.support.tools import require_tool

pytestmark = pytest.mark.tools

REAL = sorted((ROOT / "samples" / "apks").glob("*.apk"))
MEMBERS = {"classes.dex": bytes(range(256)) * 900, "assets/empty": b"", "res/raw/long-" + "n" * 60: b"line\n" * 2000}
REFUSALS = ("DOES NOT VERIFY", "ApkFormatException", "ZipFormatException", "MinSdkVersionException")
"""What apksigner prints of an APK that it refuses; anything else is a failure of the test."""


class Answer(NamedTuple):
    """What both sides say. Of an APK that does not verify apksigner names neither schemes nor signers."""

    verified: bool
    schemes: tuple[bool, ...] = ()
    """v1, v2, v3."""
    signers: frozenset[str] = frozenset()
    said: str = ""
    """Not compared: the reason, for whoever reads a failure."""


JVM = ("-JXX:TieredStopAtLevel=1", "-JXX:+UseSerialGC")
JVMS = 2
"""How many run at once: a machine may show more cores than it has memory for."""
"""For a JVM that does little and ends."""


def apksigner(*words: object) -> subprocess.CompletedProcess[str]:
    command = [require_tool("apksigner"), *JVM, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def their_answer(apk: Path, options: tuple[object, ...] = ()) -> Answer:
    done = apksigner("verify", "--verbose", "--print-certs", *options, apk)
    said = done.stdout + done.stderr
    if done.returncode:
        assert any(refusal in said for refusal in REFUSALS), said
        return Answer(verified=False, said=said)
    flags = dict(re.findall(r"^Verified using (v\d) scheme .*: (true|false)$", done.stdout, re.MULTILINE))
    signers = re.findall(r"^Signer #\d+ certificate SHA-256 digest: (\w+)$", done.stdout, re.MULTILINE)
    return Answer(True, tuple(flags[name] == "true" for name in ("v1", "v2", "v3")), frozenset(signers), said)


def ours(apk: Path, options: tuple[object, ...] = ()) -> Verification:
    ranges = dict(zip(options[::2], options[1::2], strict=True))
    names = {"--min-sdk-version": "min_sdk", "--max-sdk-version": "max_sdk"}
    with LocalFile(str(apk)) as source:
        return verify(source, **{names[name]: value for name, value in ranges.items()})


def our_answer(apk: Path, options: tuple[object, ...] = ()) -> Answer:
    try:
        found = ours(apk, options)
    except ApkError as error:
        return Answer(verified=False, said=f"{type(error).__name__}: {error}")
    said = "; ".join(map(str, found.issues))
    if not found.verified:
        return Answer(verified=False, said=said)
    flags = {scheme.name: scheme.verified for scheme in found.schemes}
    signers = frozenset(signer.certificate.sha256 for signer in found.signers)
    return Answer(True, tuple(flags[name] for name in ("v1", "v2", "v3")), signers, said)


def assert_same(mine: Answer, theirs: Answer) -> None:
    assert mine[:3] == theirs[:3], f"\nours: {mine.said}\napksigner: {theirs.said}"


# Keys, as files


PRIVATE = {
    "rsa": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-b": lambda: rsa.generate_private_key(65537, 2048),
    "rsa-4096": lambda: rsa.generate_private_key(65537, 4096),
    "ec": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ec-384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "ec-521": lambda: ec.generate_private_key(ec.SECP521R1()),
    "dsa": lambda: dsa.generate_private_key(2048),
    "dsa-1024": lambda: dsa.generate_private_key(1024),
}


class Keys:
    """Private keys and certificates as files, made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.digests: dict[str, str] = {}
        with ThreadPoolExecutor(JVMS) as threads:
            list(threads.map(self._make, PRIVATE))

    def _make(self, name: str) -> None:
        self.digests[name] = write_key(self.folder, name, PRIVATE[name]())

    def words(self, name: str) -> list[object]:
        return ["--key", self.folder / f"{name}.pk8", "--cert", self.folder / f"{name}.cer"]


# What is signed, changed and asked


@dataclass(frozen=True)
class Case:
    """One APK that apksigner signs, and what both sides are asked about it."""

    keys: tuple[str, ...]
    schemes: str
    min_sdk: int = 24
    target_sdk: int = 29
    sign: tuple[object, ...] = ()
    rotated: bool = False
    """The keys are a lineage, oldest first."""
    stamp: str | None = None
    ask: tuple[tuple[object, ...], ...] = ((),)
    """Options of ``apksigner verify``, a question each."""
    tamper: Callable[[bytes], bytes] | None = None

    def __str__(self) -> str:
        name = f"{'>'.join(self.keys) if self.rotated else ','.join(self.keys)}-{self.schemes}-min{self.min_sdk}"
        name += "" if self.target_sdk == 29 else f"-target{self.target_sdk}"
        name += "".join(f"{word}" for word in self.sign) + (f"-stamp-{self.stamp}" if self.stamp else "")
        return name + (f"-{self.tamper.__name__}" if self.tamper else "")


class Judged(NamedTuple):
    """An APK, and what apksigner says of it: an answer for each question."""

    apk: Path
    answers: list[Answer]


@dataclass
class Workshop:
    """Signs and asks; apksigner is slow to start, so all that a run needs is done by threads at once."""

    folder: Path
    keys: Keys
    judged: dict[Case | Path, Future[Judged]] = field(default_factory=dict)

    def start(self, cases: Iterable[Case | Path], threads: ThreadPoolExecutor) -> None:
        """Cases that differ only in tampering and questions share what is signed."""
        alike: dict[Case | Path, list[Case | Path]] = {}
        for case in cases:
            recipe = replace(case, tamper=None, ask=((),)) if isinstance(case, Case) else case
            alike.setdefault(recipe, []).append(case)
        numbered = list(enumerate(alike))
        signing = {one: threads.submit(self._sign, one, number) for number, one in numbered if isinstance(one, Case)}
        for recipe, group in alike.items():  # queued behind every signature, so that no thread waits for one
            for case in group:
                name = self.folder / f"judged-{len(self.judged)}.apk"
                self.judged[case] = threads.submit(self._judge, case, signing.get(recipe), name)

    def _judge(self, case: Case | Path, signing: Future[Path] | None, name: Path) -> Judged:
        if signing:
            apk = signing.result().read_bytes()
            name.write_bytes(case.tamper(apk) if case.tamper else apk)
        apk = name if signing else case
        return Judged(apk, [their_answer(apk, options) for options in questions(case)])

    def _sign(self, case: Case, number: int) -> Path:
        unsigned, apk = self.folder / f"{number}-unsigned.apk", self.folder / f"{number}.apk"
        versions = {"min_sdk": case.min_sdk, "target_sdk": case.target_sdk}
        unsigned.write_bytes(build_apk(members=MEMBERS, stored=number % 2 == 0, **versions))
        words: list[object] = ["sign", "--in", unsigned, "--out", apk, "--v4-signing-enabled", "false"]
        for scheme in ("v1", "v2", "v3"):
            words += [f"--{scheme}-signing-enabled", str(scheme in case.schemes.split("+")).lower()]
        words += case.sign
        for place, name in enumerate(case.keys):
            words += ["--next-signer"] * (place > 0) + self.keys.words(name)
        if case.rotated:
            words += ["--lineage", self._lineage(case, number)]
        if case.stamp:
            words += ["--stamp-signer", *self.keys.words(case.stamp)]
        done = apksigner(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return apk

    def _lineage(self, case: Case, number: int) -> Path:
        """A rotation for each pair of neighbours."""
        lineage = None
        for place, (old, new) in enumerate(zip(case.keys, case.keys[1:], strict=False)):
            longer = self.folder / f"{number}-lineage-{place}"
            words = ["--in", lineage] if lineage else []
            words += ["--out", longer, "--old-signer", *self.keys.words(old), "--new-signer", *self.keys.words(new)]
            done = apksigner("rotate", *words)
            assert done.returncode == 0, done.stdout + done.stderr
            lineage = longer
        assert lineage
        return lineage


def questions(case: Case | Path) -> tuple[tuple[object, ...], ...]:
    return ((),) if isinstance(case, Path) else case.ask


def low(sdk: int) -> tuple[object, ...]:
    return ("--min-sdk-version", sdk)


def high(sdk: int) -> tuple[object, ...]:
    return ("--max-sdk-version", sdk)


RANGES = (low(24), low(28), high(23), high(27), (*low(24), *high(27)))
KEYS = ("rsa", "ec", "dsa")
SCHEMES = ("v1", "v2", "v3", "v1+v2", "v2+v3", "v1+v2+v3")
MATRIX = [Case((key,), schemes, sdk) for key in KEYS for schemes in SCHEMES for sdk in (21, 24, 28)]
RANGED = [Case((key,), schemes, 21, ask=RANGES) for key, schemes in zip(KEYS * 2, SCHEMES, strict=True)]
OTHERS = [
    # other sizes of key take other digests
    *(Case((key,), "v1+v2+v3", 21) for key in ("rsa-4096", "ec-384", "ec-521", "dsa-1024")),
    Case(("rsa",), "v1", 9, 20),  # SHA-1 throughout
    Case(("dsa-1024",), "v1", 9, 20),
    Case(("dsa-1024",), "v1+v2", 9, 20, ask=((), low(21), high(17))),
    Case(("ec",), "v1+v2", 18, 20),
    Case(("rsa",), "v1", 21, 30),  # target SDK 30 wants v2
    Case(("rsa",), "v1", 21, 30, ask=(high(29), high(30))),
    Case(("rsa",), "v1+v2", 21, 34),
    Case(("rsa",), "v2+v3", 24, sign=("--verity-enabled", "true")),
    Case(("ec",), "v1+v2", 21, sign=("--verity-enabled", "true")),
]
TWO = [
    Case(("rsa", "ec"), "v1+v2", 21, ask=((), low(24), high(23))),
    Case(("rsa", "dsa"), "v1+v2", 24),
    Case(("ec", "rsa-b", "dsa"), "v2", 24),
    Case(("rsa", "rsa-b"), "v1", 21),
    Case(("rsa", "rsa"), "v2", 24),
]
ROTATED = [
    Case(("rsa", "ec"), "v1+v2+v3", 21, rotated=True, ask=((), low(24), low(28), high(27), high(23))),
    Case(("ec", "rsa"), "v2+v3", 24, rotated=True, ask=((), low(28), high(27))),
    Case(("dsa", "rsa-4096"), "v3", 28, rotated=True),
    Case(("rsa", "dsa", "rsa-b"), "v1+v2+v3", 24, rotated=True, ask=((), low(28), high(27))),
    Case(("rsa", "ec"), "v3", 24, rotated=True, ask=((), low(28))),
]
STAMPED = [Case(("rsa",), "v1+v2+v3", 24, stamp="rsa-b"), Case(("ec",), "v2+v3", 24, stamp="rsa")]


# Tampering


def entry_flipped(apk: bytes) -> bytes:
    """A bit in the content of the first member."""
    name, extra = struct.unpack_from("<HH", apk, 26)
    return changed(apk, 30 + name + extra + 40)


def directory_flipped(apk: bytes) -> bytes:
    """A bit of the first member's external attributes, which no reader of the zip minds."""
    return changed(apk, directory_offset(apk) + 38)


def name_flipped(apk: bytes) -> bytes:
    """A bit of the last member's name, in the directory alone."""
    return changed(apk, apk.rindex(b"PK\x01\x02") + 46)


def byte_appended(apk: bytes) -> bytes:
    return apk + b"\0"


def comment_appended(apk: bytes) -> bytes:
    """A comment that the end record announces."""
    return apk[:-2] + b"\x01\x00" + b"!"


def truncated(apk: bytes) -> bytes:
    return apk[:-1]


def meta_inf_renamed(apk: bytes) -> bytes:
    return apk.replace(b"META-INF/", b"META-INX/")


def meta_inf_removed(apk: bytes) -> bytes:
    return rezipped(apk, r"META-INF/")


def manifest_mf_removed(apk: bytes) -> bytes:
    return rezipped(apk, r"META-INF/MANIFEST\.MF$")


def signature_file_removed(apk: bytes) -> bytes:
    return rezipped(apk, r"META-INF/.*\.SF$")


def signature_removed(apk: bytes) -> bytes:
    return rezipped(apk, r"META-INF/.*\.(RSA|DSA|EC)$")


def block_stripped(apk: bytes) -> bytes:
    """The zip written anew, without its signing block."""
    return rezipped(apk, r"$.")


def member_added(apk: bytes) -> bytes:
    return rezipped(apk, r"$.", {"assets/added": b"not signed"})


def block_flipped(apk: bytes) -> bytes:
    """A bit of the signing block, in the middle of its first pair."""
    end = directory_offset(apk)
    size = struct.unpack_from("<Q", apk, end - 24)[0] if apk[end - 16 : end] == b"APK Sig Block 42" else 0
    return changed(apk, end - size + 120) if size else apk


def magic_flipped(apk: bytes) -> bytes:
    return changed(apk, directory_offset(apk) - 1)


def changed(apk: bytes, at: int) -> bytes:
    return apk[:at] + bytes([apk[at] ^ 1]) + apk[at + 1 :]


def rezipped(apk: bytes, without: str, more: dict[str, bytes] | None = None) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(apk)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            if not re.match(without, info.filename):
                new.writestr(info, old.read(info))
        for name, data in (more or {}).items():
            new.writestr(name, data)
    return out.getvalue()


EVERY_TAMPER = (entry_flipped, directory_flipped, name_flipped, byte_appended, comment_appended, truncated)
META_INF_TAMPERS = (meta_inf_renamed, meta_inf_removed, manifest_mf_removed, signature_file_removed, signature_removed)
BLOCK_TAMPERS = (block_stripped, block_flipped, magic_flipped, member_added)
TAMPERED = [
    *(Case((key,), schemes, sdk, tamper=tamper) for tamper in EVERY_TAMPER for key, schemes, sdk in (
        ("rsa", "v1", 21), ("ec", "v2", 24), ("dsa", "v3", 28), ("rsa", "v1+v2+v3", 21),
    )),
    *(Case(("rsa",), schemes, 21, tamper=tamper) for tamper in META_INF_TAMPERS for schemes in ("v1", "v1+v2+v3")),
    *(Case((key,), schemes, 21, tamper=tamper, ask=((), high(23))) for tamper in BLOCK_TAMPERS for key, schemes in (
        ("rsa", "v1+v2"), ("ec", "v1+v2+v3"),
    )),
    Case(("rsa",), "v1", 21, tamper=member_added),
    Case(("rsa", "ec"), "v1+v2+v3", 21, rotated=True, tamper=block_flipped, ask=((), low(28), high(27))),
]  # fmt: skip
UNDETECTED = {(directory_flipped, "v1"), (comment_appended, "v1")}
"""What JAR signatures do not cover."""


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, request) -> Iterator[Workshop]:
    """Every case of this run is under way before the first is looked at."""
    require_tool("apksigner")
    shop = Workshop(tmp_path_factory.mktemp("signed"), Keys(tmp_path_factory.mktemp("keys")))
    here = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    wanted = [item.callspec.params["case"] for item in here if "case" in item.callspec.params]
    with ThreadPoolExecutor(JVMS) as threads:
        shop.start(dict.fromkeys(wanted), threads)
        yield shop
        threads.shutdown(cancel_futures=True)


def agree(shop: Workshop, case: Case | Path) -> list[Answer]:
    apk, answers = shop.judged[case].result()
    found = []
    for options, theirs in zip(questions(case), answers, strict=True):
        mine = our_answer(apk, options)
        assert_same(mine, theirs)
        found.append(mine)
    return found


# Tests


@pytest.mark.samples
@pytest.mark.parametrize("case", REAL, ids=lambda path: path.name)
def test_a_real_sample_is_judged_as_apksigner_judges_it(workshop, case):
    assert agree(workshop, case)[0].verified


@pytest.mark.samples
def test_there_are_real_samples():
    if not REAL:
        message = "no real samples are there: make samples fetches them"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)


@pytest.mark.parametrize("case", MATRIX, ids=str)
def test_every_key_scheme_and_minimum_sdk(workshop, case):
    (answer,) = agree(workshop, case)
    needed = {"v1": 1, "v2": 24, "v3": 24}[case.schemes[:2]]
    assert answer.verified == (case.min_sdk >= needed)
    if answer.verified:
        assert answer.signers == {workshop.keys.digests[case.keys[0]]}


@pytest.mark.parametrize("case", RANGED, ids=str)
def test_every_range_of_releases(workshop, case):
    agree(workshop, case)


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_other_keys_digests_and_targets(workshop, case):
    agree(workshop, case)


@pytest.mark.parametrize("case", TWO, ids=str)
def test_several_signers(workshop, case):
    for answer in agree(workshop, case):
        assert not answer.verified or answer.signers == {workshop.keys.digests[name] for name in case.keys}


@pytest.mark.parametrize("case", ROTATED, ids=str)
def test_rotated_keys(workshop, case):
    agree(workshop, case)
    found = ours(workshop.judged[case].result().apk, low(28))
    assert found.verified
    (signer,) = found.signers
    assert [past.certificate.sha256 for past in signer.history] == [workshop.keys.digests[k] for k in case.keys[:-1]]


@pytest.mark.parametrize("case", STAMPED, ids=str)
def test_a_source_stamp_is_reported(workshop, case):
    (answer,) = agree(workshop, case)
    assert answer.verified
    apk, (theirs,) = workshop.judged[case].result()
    stamp = ours(apk).stamp
    assert stamp.certificate_sha256 == workshop.keys.digests[case.stamp]
    assert stamp.present
    assert "Verified for SourceStamp: true" in theirs.said


@pytest.mark.parametrize("case", TAMPERED, ids=str)
def test_tampering_is_noticed_as_apksigner_notices_it(workshop, case):
    first, *_ = agree(workshop, case)
    assert first.verified == ((case.tamper, case.schemes) in UNDETECTED)
