"""The catalogue of hostile APKs: a name, a builder, what Android does, and what we must say."""

from __future__ import annotations

from tests.support.tricks.manifests import MANIFEST_TRICKS
from tests.support.tricks.signing import SIGNING_TRICKS
from tests.support.tricks.table import MALLORY, PACKAGE, VERSION, Trick
from tests.support.tricks.zips import ZIP_TRICKS

TRICKS: tuple[Trick, ...] = (*ZIP_TRICKS, *MANIFEST_TRICKS, *SIGNING_TRICKS)

__all__ = ["MALLORY", "PACKAGE", "TRICKS", "VERSION", "Trick"]
