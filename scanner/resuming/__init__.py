"""``-o jsonl=FILE --resume``: a scan that goes on where an earlier one ended, however that ended.

The rows of FILE are looked up by their stamps (`scanner.resuming.stamping`). A candidate whose stamp is what it was,
and whose last row is there, is not read again; its rows take their place in the order of the new report, which is
written beside FILE and takes its place in the end. Until then FILE stays as it is, so whatever happens nothing of it
is lost.
"""

from __future__ import annotations

from scanner.resuming.locking import NotRegularError, locked
from scanner.resuming.resumption import Resumption

__all__ = ["NotRegularError", "Resumption", "locked"]
