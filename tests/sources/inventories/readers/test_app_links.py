"""``pm get-app-links`` as a saved text."""

from __future__ import annotations

from scanner.model import Assurance, Certificate, Stated
from scanner.sources.inventories.readers.app_links import READER
from tests.sources.inventories.readers.samples import DUMPSYS, LINKS, ONE, TWO, apps, colons, entries, gaps


def test_one_signer():
    (app,) = entries(READER, LINKS)
    assert app.package_name == "com.shop"
    assert app.stated == Stated((Certificate(sha256=ONE),), origin="pm get-app-links", assurance=Assurance.PLATFORM)


def test_two_signers_break_a_hash_in_the_middle():
    stated = f"    Signatures: [{colons(ONE)}, {colons(TWO)}]"
    wrapped = stated[:120] + "\n    " + stated[120:]
    (app,) = entries(READER, LINKS.replace(f"    Signatures: [{colons(ONE)}]", wrapped))
    assert [one.sha256 for one in app.stated.signers] == [ONE, TWO]


def test_half_a_hash_states_nothing_and_is_told_of():
    found = entries(READER, LINKS.replace(colons(ONE), colons(ONE)[:50]))
    (app,) = apps(found)
    assert (app.package_name, app.stated) == ("com.shop", None)
    assert gaps(found) == [("row", "com.shop: its signers are not stated clearly")]


def test_the_same_block_under_a_title_is_dumpsys():
    assert not READER.recognises(DUMPSYS)
    assert not READER.recognises("Domain verification status:\n" + LINKS)
