"""What one trick is, and the APK that all of them start from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.support import axml
from tests.support.apk_builder import sign
from tests.support.signer import key

PACKAGE, VERSION = "com.tencent.mm", 7
MALLORY = key("app-scanner throw-away impostor")
NAME = "AndroidManifest.xml"


@dataclass(frozen=True)
class Trick:
    """A way to build an APK that honest tools do not take. Every one wears the name of a listed app.

    ``android`` is what Android does, by the sources that `scanner.apk.oddities` and `scanner.apk.binaryxml` cite.
    """

    name: str
    what: str
    android: str
    build: Callable[[], bytes]
    note: str
    """How what we say of it begins: in ``tamper`` or ``issues`` of its row, or anywhere in the reason of an unread one."""
    installs: bool
    verdict: str = "impostor"
    aapt2: str = ""
    """Why Debian's aapt2 does not say the same, where it does not."""
    apksigner: str = ""
    """The same of Debian's apksigner."""
    thorough: bool = False
    """Whether only ``--verify`` and ``inspect`` look for it in an app of many members."""


def manifest(**more: object) -> axml.Element:
    """The manifest that tricks are played on."""
    defaults: dict[str, object] = {"version_code": VERSION, "min_sdk": 24, "target_sdk": 29}
    return axml.manifest(PACKAGE, **(defaults | more))  # type: ignore[arg-type]


def signed(apk: bytes, eocd: int | None = None) -> bytes:
    """The APK, signed with schemes v2 and v3 by somebody who is nobody."""
    return sign(apk, v2=[MALLORY], v3=[MALLORY], eocd=eocd)
