"""What is kept of many rows is small, whatever a hostile export holds."""

from __future__ import annotations

from scanner.model import AppRow, Assurance, SignerRow
from scanner.sources.inventories.remembered import LONG, remembered
from scanner.sources.inventories.savedrows import MAX_SUBJECT, installed
from tests.support.reports import app


def test_short_texts_are_answered_from_memory_and_long_ones_anew() -> None:
    asked: list[tuple[str | None, ...]] = []

    @remembered
    def joined(*texts: str | None) -> str:
        asked.append(texts)
        return "".join(filter(None, texts))

    for texts in (("a", None), ("a" * LONG, "b"), ("a", "b" * (LONG + 1))):
        assert joined(*texts) == joined(*texts) == "".join(filter(None, texts))
    assert [len("".join(filter(None, texts))) for texts in asked] == [1, LONG + 1, LONG + 2, LONG + 2]


def row_of(subject: str) -> AppRow:
    signer = SignerRow("ab" * 32, None, None, subject, None)
    return app("com.example", signers=(signer,), assurance=Assurance.REPORTED)


def test_a_subject_of_absurd_length_is_cut_and_its_row_not_kept() -> None:
    short, long = row_of("CN=a"), row_of("CN=" + "a" * MAX_SUBJECT)
    assert installed(short, "x").stated is installed(short, "x").stated
    stated = installed(long, "x").stated
    assert stated is not None
    assert stated is not installed(long, "x").stated
    assert [len(one.subject or "") for one in stated.signers] == [MAX_SUBJECT]
