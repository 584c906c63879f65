"""All of the peer suite that is here, against the reference verifier's own answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from scanner.apk.verify import verify
from scanner.bytesource import LocalFile
from scanner.errors import ScannerError

SUITE = Path(__file__).resolve().parents[3].parent / "shared" / "peer-suite" / "apksig"
EXPECTED = [json.loads(line) for line in (SUITE / "expected.jsonl").read_text().splitlines()] if SUITE.is_dir() else []
pytestmark = pytest.mark.skipif(not EXPECTED, reason="the peer suite does not lie beside this checkout")
SCHEMES = {"v1": "v1", "v2": "v2", "v3": "v3", "v3.1": "v31"}


def test_the_suite_is_whole() -> None:
    assert len(EXPECTED) == 194


@pytest.mark.parametrize("line", EXPECTED, ids=lambda line: line["name"])
def test_the_answer_is_the_references(line: dict[str, Any]) -> None:
    with LocalFile(str(SUITE / "apk" / line["name"])) as source:
        if "format_error" in line:
            with pytest.raises(ScannerError):
                verify(source)
            return
        answer = verify(source)
    assert answer.verified == line["verified"], answer.issues
    held = {scheme.name: scheme.verified for scheme in answer.schemes}
    assert {flag: held[name] for name, flag in SCHEMES.items()} == {flag: line[flag] for flag in SCHEMES.values()}
    assert answer.verified == (not answer.errors)
    if line["signer_sha256"] is not None:
        assert [signer.certificate.sha256 for signer in answer.signers] == line["signer_sha256"]
