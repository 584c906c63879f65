"""``json``: the rows of ``jsonl`` in one document, streamed: ``{"rows": […], "summary": {…}}``."""

from __future__ import annotations

from typing import TextIO

import msgspec

from scanner.model import Value


class JsonFormat:
    """See `Format`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode
        self._before = '{"rows": [\n'

    def row(self, row: Value) -> None:
        """See `Format.row`."""
        self._out.write(self._before + self._encode(row).decode())
        self._before = ",\n"

    def end(self, summary: Value) -> None:
        """See `Format.end`."""
        if self._before != ",\n":
            self._out.write(self._before)
        self._out.write('\n], "summary": ' + self._encode(summary).decode() + "}\n")
