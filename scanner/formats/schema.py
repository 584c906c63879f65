"""The JSON Schema of a row, generated from the model. ``python -m scanner.formats.schema`` prints it."""

from __future__ import annotations

from typing import Any

import msgspec

from scanner.model import SCHEMA_VERSION, AppRow, SummaryRow, UnreadRow


def row_schema() -> dict[str, Any]:
    """JSON Schema 2020-12 of one line of ``jsonl``."""
    schema: dict[str, Any] = msgspec.json.schema(AppRow | UnreadRow | SummaryRow)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"app-scanner row, schema {SCHEMA_VERSION}",
        **schema,
    }


if __name__ == "__main__":
    import json
    import sys

    sys.stdout.write(json.dumps(row_schema(), indent=2, ensure_ascii=False) + "\n")
