"""What is said of signature files: complaints about them, and what changed between two sets."""

from __future__ import annotations

from typing import Literal

from scanner.model.vocabulary import Value


class Complaint(Value, frozen=True):
    """One thing that is wrong with a signature file (``error``), or worth a look (``warning``)."""

    level: Literal["error", "warning"]
    file: str
    where: str
    """The app, and the field in it; empty for the file as a whole."""
    code: str
    """A word for scripts, such as ``public-key``."""
    text: str


class Change(Value, frozen=True):
    """One difference between two sets of signatures."""

    kind: Literal["added", "removed", "changed"]
    what: Literal["list", "app", "package", "signer"]
    app: str
    """The id of the app or of the list."""
    name: str
    """The package name or the id of the signer; for an app or a list, its name."""
    detail: str = ""
    """For what changed: ``key: before → after``."""
