"""What one scan counts, row by row, and the holes that it names: memory stays flat however many rows there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from scanner.model import AppRow, CoverageHole, Verdict, counted

UNCERTIFIED = (
    "not signed, or the signature block is broken",
    "not looked for (see --evidence), its APK could not be read, or only its data is left; see the issues of each row",
    "what lists them states none",
)
"""Why a certificate is missing: of files, of apps on phones, of apps in inventories."""
MAX_HOLES = 1000
"""Holes that the summary names one by one; every one of them is a row besides."""


class Tally:
    """The counts of one scan."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._holes: list[CoverageHole] = []
        self._unnamed = 0
        self._uncertified = [0, 0, 0]

    def app(self, row: AppRow, *, phone: bool) -> None:
        """Count an app."""
        counts = self.counts
        counts["apps"] += 1
        counts[row.verdict] += 1
        if row.package_name is None and row.verdict != Verdict.DISPLAY_NAME:
            counts["nameless"] += 1
        for signer in row.signers:
            if signer.sha256 or signer.sha1:
                return
        self._uncertified[0 if row.device is None else 1 if phone else 2] += 1

    def hole(self, what: str, reason: str) -> None:
        """Name something that was not seen."""
        if len(self._holes) < MAX_HOLES:
            self._holes.append(CoverageHole(what, reason))
        else:
            self._unnamed += 1

    def holes(self) -> Iterator[CoverageHole]:
        """What was not seen, one by one, and how many apps bear no certificate."""
        yield from self._holes
        if self._unnamed:
            yield CoverageHole(f"{self._unnamed} more", f"only the first {MAX_HOLES} are named here; see the rows")
        for number, why in zip(self._uncertified, UNCERTIFIED, strict=True):
            if number:
                yield CoverageHole(f"{counted(number, 'app')} without a certificate", why)

    def remarks(self) -> Iterator[CoverageHole]:
        """What is true of many rows at once."""
        if nameless := self.counts["nameless"]:
            what = f"{counted(nameless, 'app')} without a package name"
            yield CoverageHole(what, "only the name that people see is known")
        if withheld := self.counts["withheld"]:
            why = "read, none of them listed, and left out of the report (--redact)"
            yield CoverageHole(f"{counted(withheld, 'app')} of personal profiles", why)
        if other := self.counts["other_files"]:
            yield CoverageHole(counted(other, "other file"), "neither an APK nor an archive of APKs: not read")
