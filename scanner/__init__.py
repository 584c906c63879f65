"""app-scanner: which of the listed apps are here, is it really them, and how do we know?

What may be imported from Python, and will be kept::

    from scanner import scan, verify, identify, match, load_database

    for row in scan(["adb:R58M123ABC", "apks/"]).rows():  # AppRow or UnreadRow, as in jsonl
        print(row)

`scan` runs over phones, files, folders and archives; `identify` reads one APK from any byte source and `verify` checks
its signatures; `match` compares an observation with a database. The values they return are in `scanner.model`,
the errors they raise in `scanner.errors`, and byte sources in `scanner.bytesource`. Everything else may change.
docs/api.md has examples of each, which are tested.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from scanner.apk import identify
    from scanner.apk.verify import verify
    from scanner.database import load_database
    from scanner.matcher import Observation, match
    from scanner.scanning import scan

__all__ = ["Observation", "__version__", "identify", "load_database", "match", "scan", "verify"]

_WHERE = {
    "Observation": ("scanner.matcher", "Observation"),
    "identify": ("scanner.apk", "identify"),
    "load_database": ("scanner.database", "load_database"),
    "match": ("scanner.matcher", "match"),
    "verify": ("scanner.apk.verify", "verify"),
    "scan": ("scanner.scanning", "scan"),
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - a module's attribute may be anything
    """Load a public name when it is first asked for: ``--help`` must not pay for androguard."""
    import importlib

    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _WHERE[name]
    return getattr(importlib.import_module(module), attribute)
