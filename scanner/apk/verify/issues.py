"""A collector of issues: what is wrong is data, with the scheme and signer it concerns."""

from __future__ import annotations

from scanner.model import Issue

MAX_ISSUES = 500
"""Issues kept; a hostile APK can have one for each of its entries. Errors beyond are still counted."""


class Issues:
    """Gathers issues of one verification in the order they are met."""

    def __init__(self) -> None:
        self.errors = 0
        """How many errors there were so far."""
        self._kept: list[Issue] = []
        self._dropped = 0

    def error(self, code: str, *params: object, scheme: str | None = None, signer: str | None = None) -> None:
        """Something that keeps the APK from verifying."""
        self.errors += 1
        self._keep(Issue("error", code, tuple(map(str, params)), scheme, signer))

    def warning(self, code: str, *params: object, scheme: str | None = None, signer: str | None = None) -> None:
        """Something worth saying that does not."""
        self._keep(Issue("warning", code, tuple(map(str, params)), scheme, signer))

    def all(self) -> tuple[Issue, ...]:
        """Everything gathered, and how much was left out."""
        if not self._dropped:
            return tuple(self._kept)
        return (*self._kept, Issue("warning", "ISSUES_LEFT_OUT", (str(self._dropped),), None, None))

    def _keep(self, issue: Issue) -> None:
        if len(self._kept) < MAX_ISSUES:
            self._kept.append(issue)
        else:
            self._dropped += 1
