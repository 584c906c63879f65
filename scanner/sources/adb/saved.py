"""A phone that answers from what an earlier scan kept of it (``--save-evidence``): the same questions, without it."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.model import PhoneAddress
from scanner.sources.adb.channel import MAX_OUTPUT, Answer
from scanner.sources.adb.phone import Phone

NOT_SAVED = "what the phone answered is not among what was saved"


class SavedPhone(Phone):
    """Answers by command. Nothing is ever sent anywhere."""

    def __init__(self, name: str, answers: Mapping[str, Answer]) -> None:
        super().__init__(PhoneAddress(name))
        self._answers = answers

    def run(self, command: str) -> Answer:
        """The answer that was saved, with what was wrong with it then."""
        return self._answers.get(command, Answer(b"", problem=NOT_SAVED))

    def ask(self, command: str, limit: int = MAX_OUTPUT) -> tuple[bytes, int]:  # noqa: ARG002 - as a phone is asked
        """Nothing: what is asked in a shell that stays open is not kept."""
        return b"", 1
