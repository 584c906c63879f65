"""Every target, by name."""

from __future__ import annotations

from tests.fuzz import apks, exports, files, phones
from tests.fuzz.target import Target

TARGETS: dict[str, Target] = {
    one.name: one for one in (*apks.TARGETS, *phones.TARGETS, *exports.TARGETS, *files.TARGETS)
}
