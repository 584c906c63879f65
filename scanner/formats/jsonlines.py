"""``jsonl``: one JSON object a line, rows first, the summary last. The contract is `scanner.model`."""

from __future__ import annotations

from typing import TextIO

import msgspec

from scanner.model import AppRow, SummaryRow, UnreadRow


class JsonLinesFormat:
    """See `Format`."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._encode = msgspec.json.Encoder().encode

    def row(self, row: AppRow | UnreadRow) -> None:
        """See `Format.row`."""
        self._out.write(self._encode(row).decode() + "\n")

    def end(self, summary: SummaryRow) -> None:
        """See `Format.end`."""
        self._out.write(self._encode(summary).decode() + "\n")
