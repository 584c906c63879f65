"""``cmd transparency get mba_info -v`` as a saved text."""

from __future__ import annotations

from scanner.model import Assurance, Certificate, Stated
from scanner.sources.inventories.readers.transparency_info import READER
from tests.sources.inventories.readers.samples import ONE, THREE, TRANSPARENCY, TWO, apps, entries, gaps


def test_a_preload_is_a_factory_copy_and_a_silent_install_is_not():
    preload, silent = entries(READER, TRANSPARENCY)
    assert (preload.package_name, preload.copy, preload.system, preload.version_code) == (
        "com.preload", "factory", True, 123,
    )  # fmt: skip
    assert preload.stated == Stated(
        (Certificate(sha256=ONE),), (Certificate(sha256=TWO),), "cmd transparency", Assurance.PLATFORM
    )
    assert (silent.package_name, silent.copy, silent.system) == ("com.silent", "active", None)
    assert silent.stated.signers == (Certificate(sha256=THREE),)


def test_without_headers():
    assert READER.recognises(TRANSPARENCY.split("\n", 1)[1])


def test_contradicting_statements_state_nothing():
    found = entries(READER, TRANSPARENCY.replace("Has multiple signers: false", "Has multiple signers: true", 1))
    assert apps(found)[0].stated is None
    assert gaps(found) == [("row", "com.preload: its signers are not stated clearly, or not at all")]


def test_a_release_without_the_question():
    text = "ERROR: Unknown info type 'mba_info'\n"
    assert not READER.recognises(text)
    assert gaps(entries(READER, text)) == [("listing", "names no package")]
