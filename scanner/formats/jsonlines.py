"""``jsonl``: one JSON object a line, rows first, the summary last. The contract is `scanner.model`."""

from __future__ import annotations

import io
from typing import TextIO

import msgspec

from scanner.model import Value


class JsonLinesFormat:
    """See `Format`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode
        buffer = getattr(out, "buffer", None)
        self._bytes = buffer if isinstance(buffer, io.BufferedWriter) and not out.isatty() else None
        """Where bytes go that need not be text in between; a terminal must see each line at once."""
        out.flush()

    def row(self, row: Value) -> None:
        """See `Format.row`."""
        if self._bytes is not None:
            self._bytes.write(self._encode(row) + b"\n")
        else:
            self._out.write(self._encode(row).decode() + "\n")

    def end(self, summary: Value) -> None:
        """See `Format.end`."""
        self._out.write(self._encode(summary).decode() + "\n")
