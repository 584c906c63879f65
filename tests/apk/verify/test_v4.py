"""Scheme v4, the signature in a file of its own: what holds, what must never hold, and what apksigner says."""

from __future__ import annotations

import random
import re
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.apk.verify import verify
from scanner.apk.verify.v4 import MAX_FURTHER, MAX_INFO, merkle_tree
from scanner.bytesource import Memory, Slice
from scanner.model import Verification
from tests.support.apk_builder import build_apk, zip_bytes
from tests.support.idsig import BLOCK, Idsig, reference_tree
from tests.support.signer import (
    RSA_PKCS1_SHA256,
    RSA_PSS_SHA256,
    RSA_PSS_SHA512,
    V31,
    Key,
    V3Signer,
    key,
    rsa_key,
)
from tests.support.tools import require_tool

A, B, C = key("a"), key("b"), key("c")


def check(apk: bytes, idsig: bytes, min_sdk: int | None = None, max_sdk: int = 0x7FFFFFFF) -> Verification:
    return verify(Memory(apk), min_sdk, max_sdk, Memory(idsig))


def codes(answer: Verification) -> set[str]:
    return {issue.code for issue in answer.errors}


def v4_of(answer: Verification) -> bool:
    (scheme,) = [one for one in answer.schemes if one.name == "v4"]
    return scheme.verified


APK = build_apk("com.example", v2=[A], v3=[A], min_sdk=24)
IDSIG = Idsig(APK).file()
TREE_AT = len(Idsig(APK, with_tree=False).file())
PLAIN = verify(Memory(APK))


def test_an_honest_signature_holds_and_leaves_the_signers_to_the_blocks() -> None:
    answer = check(APK, IDSIG)
    assert answer.errors == ()
    assert answer.issues == ()
    assert answer.verified
    assert v4_of(answer)
    assert answer.signers == PLAIN.signers
    assert [one.certificate.sha256 for one in answer.schemes[-1].signers] == [A.sha256]


def test_without_a_file_the_scheme_is_not_spoken_of() -> None:
    assert [scheme.name for scheme in PLAIN.schemes] == ["v1", "v2", "v3", "v3.1", "v3.2"]


@pytest.mark.parametrize("algorithm", [RSA_PKCS1_SHA256, RSA_PSS_SHA256, RSA_PSS_SHA512])
@pytest.mark.parametrize("scheme", ["v2", "v3"])
def test_rsa_signatures_hold(algorithm: int, scheme: str) -> None:
    signing = rsa_key("r", algorithm)
    apk = build_apk("com.example", min_sdk=28, **{scheme: [signing]})  # type: ignore[arg-type]
    answer = check(apk, Idsig(apk, signing).file())
    assert answer.errors == ()
    assert v4_of(answer)


@pytest.mark.parametrize("salt", [b"", b"salted", bytes(range(32))])
@pytest.mark.parametrize("size", [1, BLOCK, BLOCK + 1, 128 * BLOCK, 129 * BLOCK, (1 << 20) + 5, 3 << 20, 9_000_001])
def test_the_tree_is_the_plain_one(size: int, salt: bytes) -> None:
    data = random.Random(size).randbytes(size)
    tree = merkle_tree(Memory(data), salt)
    assert (tree.root, b"".join(tree.levels)) == reference_tree(data, salt)


def test_the_tree_may_be_left_out_and_the_salt_counts() -> None:
    assert v4_of(check(APK, Idsig(APK, with_tree=False).file()))
    assert v4_of(check(APK, Idsig(APK, salt=b"pepper").file()))
    assert v4_of(check(APK, Idsig(APK, additional=b"whatever").file()))


def test_a_rotated_signer_signs_v4_too() -> None:
    apk = build_apk("com.example", v2=[A], v3=[V3Signer(B, (A,))], min_sdk=24)
    assert v4_of(check(apk, Idsig(apk, B).file()))
    assert codes(check(apk, Idsig(apk, A).file())) == {"V4_SIG_V2_V3_SIGNERS_MISMATCH"}


def test_an_apk_inside_an_archive_holds() -> None:
    archive = zip_bytes({"x.apk": APK}, stored=True)
    assert v4_of(verify(Slice(Memory(archive), archive.index(APK), len(APK)), idsig=Memory(IDSIG)))


V31_APK = build_apk("com.example", v2=[A], v3=[V3Signer(A, max_sdk=32)], v31=[V3Signer(B, (A,), 33)], min_sdk=24)


def test_targeted_rotation_wants_both_signers() -> None:
    whole = Idsig(V31_APK, further=((V31, B),))
    assert v4_of(check(V31_APK, whole.file()))
    assert codes(check(V31_APK, replace(whole, further=()).file())) == {"V41_SIG_NEEDS_TWO_SIGNERS"}
    assert codes(check(V31_APK, replace(whole, further=((V31, C),)).file())) == {"V4_SIG_V2_V3_SIGNERS_MISMATCH"}
    assert codes(check(V31_APK, replace(whole, further=((7, B),)).file())) == {"V4_SIG_V2_V3_SIGNERS_MISMATCH"}
    assert codes(check(V31_APK, replace(whole, key=B, further=((V31, A),)).file())) == {"V4_SIG_V2_V3_SIGNERS_MISMATCH"}
    assert codes(check(APK, Idsig(APK, further=((V31, B),)).file())) == {"V4_SIG_MULTIPLE_SIGNERS"}
    forged = B.wearing(C.certificate)
    assert codes(check(V31_APK, replace(whole, further=((V31, forged),)).file())) == {"V4_SIG_DID_NOT_VERIFY"}


DISHONEST = {
    "another key": (Idsig(APK, B), "V4_SIG_V2_V3_SIGNERS_MISMATCH"),
    "a pasted certificate": (Idsig(APK, B.wearing(A.certificate)), "V4_SIG_DID_NOT_VERIFY"),
    "a pasted certificate, own key": (
        Idsig(APK, B.wearing(A.certificate), public=B.public),
        "V4_SIG_PUBLIC_KEY_MISMATCH_BETWEEN_CERTIFICATE_AND_SIGNATURES_RECORD",
    ),
    "no certificate": (Idsig(APK, A.wearing(b""), public=A.public), "V4_SIG_MALFORMED_CERTIFICATE"),
    "another digest": (Idsig(APK, digest=bytes(32)), "V4_SIG_V2_V3_DIGESTS_MISMATCH"),
    "no digest": (Idsig(APK, digest=b""), "V4_SIG_V2_V3_DIGESTS_MISMATCH"),
    "another root": (Idsig(APK, root=bytes(32)), "V4_SIG_APK_ROOT_DID_NOT_VERIFY"),
    "no root": (Idsig(APK, root=b""), "V4_SIG_APK_ROOT_DID_NOT_VERIFY"),
    "another tree": (Idsig(APK, tree=bytes(4096)), "V4_SIG_APK_TREE_DID_NOT_VERIFY"),
    "an empty tree": (Idsig(APK, tree=b""), "V4_SIG_APK_TREE_DID_NOT_VERIFY"),
    "a longer tree": (Idsig(APK, tree=reference_tree(APK)[1] * 2), "V4_SIG_APK_TREE_DID_NOT_VERIFY"),
    "another size": (Idsig(APK, size=len(APK) + 1), "V4_SIG_DID_NOT_VERIFY"),
    "another version": (Idsig(APK, version=3), "V4_SIG_VERSION_NOT_CURRENT"),
    "another hash": (Idsig(APK, hash_algorithm=2), "V4_SIG_MALFORMED_HASHING_INFO"),
    "another block size": (Idsig(APK, log2_block=16), "V4_SIG_MALFORMED_HASHING_INFO"),
    "a long salt": (Idsig(APK, salt=bytes(33)), "V4_SIG_MALFORMED_HASHING_INFO"),
    "an unknown algorithm": (Idsig(APK, algorithm=0x9999), "V4_SIG_UNKNOWN_SIG_ALGORITHM"),
    "an algorithm of other keys": (Idsig(APK, algorithm=RSA_PKCS1_SHA256), "V4_SIG_VERIFY_EXCEPTION"),
    "no key": (Idsig(APK, public=b""), "V4_SIG_MALFORMED_PUBLIC_KEY"),
    "a huge info": (Idsig(APK, additional=bytes(MAX_INFO)), "V4_SIG_MALFORMED_SIGNERS"),
    "many signers": (Idsig(APK, further=((V31, B),) * (MAX_FURTHER + 1)), "V4_SIG_MALFORMED_SIGNERS"),
}


@pytest.mark.parametrize("name", DISHONEST)
def test_what_is_not_honest_does_not_hold(name: str) -> None:
    made, code = DISHONEST[name]
    answer = check(APK, made.file())
    assert codes(answer) == {code}
    assert not answer.verified
    assert not v4_of(answer)
    assert answer.signers == ()


def test_v4_vouches_for_v2_or_v3_and_for_nothing_else() -> None:
    jar = build_apk("com.example", v1=[A], target_sdk=28)
    plain = Idsig(jar, digest=bytes(32)).file()
    assert codes(check(jar, plain, 24)) == {"V4_SIG_V2_V3_DIGESTS_MISMATCH"}
    two = build_apk("com.example", v2=[A, B], min_sdk=24)
    assert codes(check(two, Idsig(two).file())) == {"V4_SIG_MULTIPLE_SIGNERS"}


def test_the_signature_of_another_apk_does_not_hold() -> None:
    same_size = build_apk("com.exbmple", v2=[A], v3=[A], min_sdk=24)
    other = build_apk("com.example", v2=[A], v3=[A], min_sdk=24, members={"more": b"x" * 9000}, stored=True)
    for apk in (same_size, other):
        answer = check(apk, IDSIG)
        assert codes(answer) <= {"V4_SIG_APK_ROOT_DID_NOT_VERIFY", "V4_SIG_DID_NOT_VERIFY"}
        assert not answer.verified


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(IDSIG) - 1), st.integers(0, 7))
def test_no_flipped_bit_holds(at: int, bit: int) -> None:
    changed = bytearray(IDSIG)
    changed[at] ^= 1 << bit
    answer = check(APK, bytes(changed))
    assert not answer.verified
    assert not v4_of(answer)
    assert all(code.startswith("V4") for code in codes(answer))


def test_no_truncation_holds_but_that_of_the_whole_tree() -> None:
    lengths = [*range(TREE_AT + 6), len(IDSIG) - 1, len(IDSIG)]
    assert [length for length in lengths if check(APK, IDSIG[:length]).verified] == [TREE_AT, len(IDSIG)]


def test_what_follows_is_said_and_ignored() -> None:
    answer = check(APK, IDSIG + b"more")
    assert answer.verified
    assert [(issue.code, issue.parameters) for issue in answer.issues] == [("V4_SIG_IGNORED_BYTES", ("4",))]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_are_an_issue_and_never_an_exception(data: bytes, current: bool) -> None:
    answer = check(APK, struct.pack("<I", 2) + data if current else data)
    assert answer.errors
    assert not answer.verified


@pytest.mark.parametrize("length", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
@pytest.mark.parametrize("at", [4, 13, 17, 53, 57, TREE_AT])
def test_a_hostile_length_is_an_issue_and_never_an_exception(at: int, length: int) -> None:
    hostile = IDSIG[:at] + struct.pack("<I", length) + IDSIG[at + 4 :]
    if hostile == IDSIG:
        return
    assert not check(APK, hostile).verified


def test_a_changed_apk_does_not_hold_even_where_its_blocks_do() -> None:
    grown = _with_padding(APK, struct.pack("<QI", 4 + 8, 0x42726577) + bytes(8))
    assert verify(Memory(grown)).verified
    assert not check(grown, IDSIG).verified


def _with_padding(apk: bytes, pair: bytes) -> bytes:
    """The APK with one more pair in its signing block, which the blocks do not sign."""
    end = apk.rindex(b"PK\x05\x06")
    directory = struct.unpack_from("<I", apk, end + 16)[0]
    size = struct.unpack_from("<Q", apk, directory - 24)[0]
    start = directory - size - 8
    new = struct.pack("<Q", size + len(pair))
    block = new + apk[start + 8 : directory - 24] + pair + new + apk[directory - 16 : directory]
    tail = apk[end : end + 16] + struct.pack("<I", directory + len(pair)) + apk[end + 20 :]
    return apk[:start] + block + apk[directory:end] + tail


def test_the_command_takes_the_file_with_a_single_apk(tmp_path: Path) -> None:
    from scanner.cli.verify import verify as command

    apk, idsig, other = tmp_path / "a.apk", tmp_path / "a.apk.idsig", tmp_path / "b.idsig"
    apk.write_bytes(APK)
    idsig.write_bytes(IDSIG)
    other.write_bytes(Idsig(APK, B).file())

    def says(*arguments: str | Path) -> tuple[object, str]:
        done = CliRunner().invoke(command, [str(one) for one in arguments], standalone_mode=False)
        return done.return_value if done.exception is None else type(done.exception).__name__, done.output

    assert says("-v", "--v4-signature-file", idsig, apk)[0] == 0
    assert "scheme v4: true" in says("-v", "--v4-signature-file", idsig, apk)[1]
    assert "v4" not in says("-v", apk)[1]
    assert says("--v4-signature-file", other, apk)[0] == 1
    assert says("--v4-signature-file", tmp_path / "none", apk)[0] == 5
    assert says("--v4-signature-file", idsig, apk, apk)[0] == "UsageError"


# What apksigner writes and says


def _options(folder: Path, signing: Key, name: str) -> list[str]:
    pkcs8, certificate = folder / f"{name}.pk8", folder / f"{name}.cer"
    pkcs8.write_bytes(signing.private.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    certificate.write_bytes(signing.certificate)
    return ["--key", str(pkcs8), "--cert", str(certificate)]


def _apksigner(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [require_tool("apksigner"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def _signed(folder: Path, *options: str) -> tuple[bytes, bytes]:
    plain, out = folder / "plain.apk", folder / "signed.apk"
    assets = {f"assets/{number}": random.Random(number).randbytes(300_001) for number in range(9)}
    plain.write_bytes(build_apk("com.example.tool", min_sdk=24, target_sdk=29, members=assets, stored=True))
    done = _apksigner("sign", "--in", plain, "--out", out, "--v4-signing-enabled", "true", *options)
    assert done.returncode == 0, done.stderr
    return out.read_bytes(), (folder / "signed.apk.idsig").read_bytes()


def _theirs(folder: Path, apk: bytes, idsig: bytes) -> bool:
    """Whether apksigner counts the v4 signature as verified; a crash of it is a no."""
    (folder / "asked.apk").write_bytes(apk)
    (folder / "asked.idsig").write_bytes(idsig)
    done = _apksigner("verify", "-v", "--v4-signature-file", folder / "asked.idsig", folder / "asked.apk")
    said = re.search(r"v4 scheme.*: (true|false)", done.stdout)
    return done.returncode == 0 and said is not None and said[1] == "true"


@pytest.mark.tools
@pytest.mark.parametrize("signing", ["EC", "RSA"])
@pytest.mark.parametrize("schemes", [(), ("--v3-signing-enabled", "false"), ("--v2-signing-enabled", "false")])
def test_what_apksigner_signs_holds(tmp_path: Path, signing: str, schemes: tuple[str, ...]) -> None:
    one = A if signing == "EC" else rsa_key("r", RSA_PKCS1_SHA256)
    if "--v2-signing-enabled" in schemes:
        schemes = (*schemes, "--min-sdk-version", "28")
    apk, idsig = _signed(tmp_path, *_options(tmp_path, one, "one"), *schemes)
    answer = check(apk, idsig, 28 if "28" in schemes else None)
    assert (answer.issues, v4_of(answer)) == ((), True)
    assert [signer.certificate.sha256 for signer in answer.signers] == [one.sha256]


@pytest.mark.tools
def test_what_apksigner_signs_with_a_rotated_key_holds(tmp_path: Path) -> None:
    old, new, lineage = _options(tmp_path, A, "old"), _options(tmp_path, B, "new"), tmp_path / "lineage"
    assert _apksigner("rotate", "--out", lineage, "--old-signer", *old, "--new-signer", *new).returncode == 0
    apk, idsig = _signed(tmp_path, *old, "--next-signer", *new, "--lineage", str(lineage))
    answer = check(apk, idsig)
    assert (answer.issues, v4_of(answer)) == ((), True)
    assert [signer.certificate.sha256 for signer in answer.signers] == [B.sha256]


@pytest.mark.tools
@pytest.mark.parametrize(
    "name", ["honest", "left out", "another key", "another digest", "another root", "another tree", "another size"]
)
def test_apksigner_says_the_same_of_what_the_tests_build(tmp_path: Path, name: str) -> None:
    honest = {"honest": Idsig(APK), "left out": Idsig(APK, with_tree=False)}
    idsig = (honest[name] if name in honest else DISHONEST[name][0]).file()
    assert v4_of(check(APK, idsig)) == _theirs(tmp_path, APK, idsig) == (name in honest)
