"""Phones as adb sees them, and how far the reading of one has come."""

from __future__ import annotations

from scanner.model.identity import PhoneAddress
from scanner.model.vocabulary import Value


class PhoneStatus(Value, frozen=True):
    """One phone that an adb server lists."""

    address: PhoneAddress
    state: str
    """As adb names it: ``device`` is a phone that can be read."""
    model: str | None
    detail: str | None
    """What adb says besides, such as why there is no permission."""
    advice: str
    """The next step for a person, or that there is nothing to do."""

    @property
    def ready(self) -> bool:
        """Whether it can be read."""
        return self.state == "device"


class PhoneStep(Value, frozen=True):
    """How far the reading of one phone has come."""

    source: str
    stage: str
    done: int = 0
    total: int | None = None
