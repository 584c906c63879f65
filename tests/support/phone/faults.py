"""Faults and counters of a phone, as its daemon keeps them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass
class Fault:
    """Commands that match ``pattern`` hang, or answer this."""

    pattern: str
    hangs: bool
    stdout: str = ""
    stderr: str = ""
    code: int = 1

    def matches(self, text: str) -> bool:
        """Whether the pattern (of a shell: ``*``, ``?``, ``[…]``) is found anywhere in the text."""
        return fnmatchcase(text, f"*{self.pattern}*")


@dataclass
class Counters:
    """What went over the wire since the last `reset`."""

    bytes_to_host: int = 0
    bytes_from_host: int = 0
    packets_to_host: int = 0
    packets_from_host: int = 0
    round_trips: int = 0
    """Streams opened and payloads sent by the host: what latency is paid for."""
    commands: list[str] = field(default_factory=list)
    """Services opened, as the host named them."""

    def as_dict(self) -> dict[str, Any]:
        """For the wire between daemon and test."""
        return asdict(self)


@dataclass
class Behaviour:
    """What is switched on."""

    latency: float = 0.0
    unauthorized: bool = False
    cut_after: int | None = None
    faults: list[Fault] = field(default_factory=list)

    def fault_of(self, text: str) -> Fault | None:
        """The first fault that this command meets."""
        return next((one for one in self.faults if one.matches(text)), None)
