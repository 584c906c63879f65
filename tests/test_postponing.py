"""A module that a library imports and nobody uses is not loaded; one that is used works."""

from __future__ import annotations

import subprocess
import sys

from scanner.postponing import postponed
from tests.conftest import ROOT

SCRIPT = """
import sys
from scanner.postponing import postponed
with postponed("colorsys"):
    import colorsys
assert "colorsys" not in sys.modules, "as if nobody had imported it"
assert colorsys.rgb_to_hsv(0, 0, 0) == (0, 0, 0), "loaded at its first use"
import colorsys as again
assert again.rgb_to_hsv is colorsys.rgb_to_hsv
assert not hasattr(colorsys, "nothing")
"""
DOTTED = """
import sys
from scanner.postponing import postponed
with postponed("colorsys", "wsgiref.util"):
    import colorsys, wsgiref, wsgiref.util
    alone = wsgiref
assert not {"colorsys", "wsgiref.util"} & set(sys.modules)
assert alone.util.guess_scheme({}) == "http", "found in its package, too, and loaded at its first use"
assert alone.util is sys.modules["wsgiref.util"]
"""


def python(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_it_is_loaded_when_it_is_used() -> None:
    python(SCRIPT)


def test_several_are_put_off_and_one_within_a_package() -> None:
    python(DOTTED)


def test_one_that_is_loaded_stays() -> None:
    with postponed("sys"):
        import sys as again
    assert again is sys
    assert sys.modules["sys"] is sys


def test_phones_and_manifests_do_without_what_they_do_not_use() -> None:
    python("""
import sys
from scanner.apk.lenientxml import _androguard
from scanner.sources.adb.library import adb_library
_androguard()
assert adb_library().AdbError
assert not {"requests", "urllib3", "androguard.core.resources.public", "urllib.request"} & set(sys.modules)
from androguard.core.axml import public
assert len(public.SYSTEM_RESOURCES["attributes"]["inverse"]) > 1000, "androguard itself has what it needs"
""")
