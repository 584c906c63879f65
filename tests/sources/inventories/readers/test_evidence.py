"""What ``--save-evidence`` kept of a phone, read again. That it gives the rows of the scan is told in `tests.phone`."""

from __future__ import annotations

import json

import pytest

from scanner.model import Assurance, Certificate, Device, UserState
from scanner.sources.inventories.readers.evidence import ORIGIN, READER
from tests.sources.inventories.readers.samples import DER, apps, digest, entries, evidence, gaps

DENIED = ("user", "Shell does not have permission to access user 150")


def named(files, package="com.shop"):
    return next(app for app in apps(entries(READER, files)) if (app.package_name, app.copy) == (package, "active"))


def test_an_app_is_known_by_all_that_was_saved() -> None:
    app = named(evidence())
    assert app.device == Device("R58N", "SM-A1", "14", None)
    assert app.users[0] == UserState(0, "installed")
    assert (app.version_code, app.installer, app.phone, app.location) == (7, "com.android.vending", None, None)
    assert app.stated is not None
    assert app.stated.signers == (Certificate(sha256=digest(DER), der=DER),)
    assert (app.stated.origin, app.stated.assurance) == (ORIGIN, Assurance.PLATFORM)
    assert [one.origin for one in app.also_stated] == ["pm get-app-links"]


def test_what_was_not_seen_then_is_not_seen_now_and_of_which_phone() -> None:
    found = entries(READER, evidence())
    assert gaps(found) == [DENIED]
    assert next(entry.where for entry in found if getattr(entry, "what", "") == "user") == "R58N: 150 (Secure Folder)"


def test_an_app_whose_apk_was_not_read_has_what_the_phone_stated() -> None:
    app = named(evidence(**{"identities.jsonl": ""}))
    assert app.stated is not None
    assert app.stated.origin == "pm get-app-links"
    assert app.where == "saved/commands.jsonl"


def test_an_answer_that_was_changed_is_a_gap_and_not_believed() -> None:
    """Of the listing one app was taken out."""
    whole = evidence()
    changed = {**whole, "002.out": "".join(whole["002.out"].splitlines(keepends=True)[1:])}
    reasons = [reason for _, reason in gaps(entries(READER, changed))]
    assert any(reason.startswith("002.out is not what SHA256SUMS says") for reason in reasons)
    assert any("not among what was saved" in reason for reason in reasons)


@pytest.mark.parametrize("gone", ["000.out", "001.out", "002.out", "005.out", "SHA256SUMS"])
def test_what_is_missing_is_a_gap(gone: str) -> None:
    files = {name: text for name, text in evidence().items() if name != gone}
    assert len(gaps(entries(READER, files))) > 1


@pytest.mark.parametrize(
    "line", ["[]", "{", '{"package_name": "com.shop", "copy": "active", "signers": ["ab"], "certificate_history": []}']
)
def test_an_identity_that_is_none_is_a_gap_and_states_nothing(line: str) -> None:
    files = evidence(**{"identities.jsonl": line + "\n"})
    assert len(gaps(entries(READER, files))) == 2
    assert named(files).stated is not None
    assert named(files).stated.origin == "pm get-app-links"


def test_a_certificate_that_is_another_one_counts_by_its_digest_alone() -> None:
    other = digest(b"other")
    line = {"package_name": "com.shop", "copy": "active", "signers": [other], "certificate_history": []}
    files = evidence(**{"identities.jsonl": json.dumps(line) + "\n", f"{other}.der": "0"})
    assert named(files).stated.signers == (Certificate(sha256=other),)
    assert any(other in reason for _, reason in gaps(entries(READER, files)))
