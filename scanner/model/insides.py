"""What is looked for inside an APK beyond its identity, and what was found."""

from __future__ import annotations

from typing import Literal

from scanner.model.vocabulary import Value


class Search(Value, frozen=True):
    """What the user wants to be looked for in each app beside its identity."""

    payments: bool = False
    """Whether it can pay through a listed app."""
    look_alikes: bool = False
    """Whether it looks like a listed app, or holds its code."""

    @property
    def nothing(self) -> bool:
        """Whether identities are enough."""
        return not (self.payments or self.look_alikes)


MarkKind = Literal["manifest-activity", "manifest-scheme", "manifest-queries", "dex-class"]


class Mark(Value, frozen=True):
    """One sign that was found. ``kind`` and ``origin`` go into the evidence of a finding as they stand."""

    kind: MarkKind
    value: str
    """What was seen: a class name, a URI scheme, a package name, a type descriptor."""
    marker: str
    """What it was looked for by; for a class, the prefix."""
    origin: str
    """The member it was read from: ``AndroidManifest.xml``, ``classes2.dex``."""


class Insides(Value, frozen=True):
    """What was found inside one APK."""

    marks: tuple[Mark, ...] = ()
    labels: tuple[str, ...] = ()
    """Every text that people may see as the name of the app, in any language; the default one first."""
    label_origin: str = ""
    classes_read: bool = False
    """Whether its classes were looked through to their end."""
    problems: tuple[str, ...] = ()
    """Parts that could not be read, each with its reason."""
