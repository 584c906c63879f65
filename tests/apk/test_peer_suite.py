"""The APKs that Google's apksig tests itself with, judged as the reference judges them.

They lie outside the project; the tests are skipped where they are not.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scanner.apk import identify
from scanner.bytesource import BlockCache, LocalFile
from scanner.errors import ScannerError

SUITE = Path(__file__).resolve().parents[2].parent / "shared" / "peer-suite" / "apksig"
NEWEST = 0x7FFFFFFF
"""The reference's own default range reaches to the newest release imaginable."""


def expectations() -> list[dict[str, object]]:
    listing = SUITE / "expected.jsonl"
    return [json.loads(line) for line in listing.read_text().splitlines()] if listing.is_file() else []


EXPECTED = expectations()
pytestmark = pytest.mark.skipif(not EXPECTED, reason="the peer suite is not here")
READABLE = [one for one in EXPECTED if "format_error" not in one]
each = pytest.mark.parametrize("expected", EXPECTED, ids=[str(one["name"]) for one in EXPECTED])


def test_the_suite_is_whole():
    assert len(EXPECTED) == 194
    assert sum(bool(one.get("verified")) for one in EXPECTED) > 100


@each
def test_the_reference_and_we_agree(expected):
    with LocalFile(str(SUITE / "apk" / expected["name"])) as source:
        if "format_error" in expected:
            with pytest.raises(ScannerError) as caught:
                identify(source, NEWEST)
            assert str(caught.value)
            return
        identity = identify(source, NEWEST)
        assert identity == identify(BlockCache(source, 512, 2), NEWEST)
    assert identity.package_name == expected["package"]
    if expected["verified"] and expected["signer_sha256"] is not None:
        assert {one.certificate.sha256 for one in identity.signing.signers} == set(expected["signer_sha256"])
        assert identity.signing.problem is None


@pytest.mark.parametrize("expected", READABLE, ids=[str(one["name"]) for one in READABLE])
def test_every_scheme_that_the_reference_accepts_is_found(expected):
    with LocalFile(str(SUITE / "apk" / expected["name"])) as source:
        found = {scheme.name: scheme for scheme in identify(source, NEWEST, every_scheme=True).signing.schemes}
    for flag, name in (("v1", "v1"), ("v2", "v2"), ("v3", "v3"), ("v31", "v3.1")):
        if expected[flag]:
            assert found[name].signers, found[name].problem
