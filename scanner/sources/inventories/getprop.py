"""What ``getprop`` prints: ``[key]: [value]`` on a line, where a value may hold line feeds, and even blank lines.

Nothing is escaped. A value ends at the first line that ends with ``]``; one that never does, or runs into the next
key, is not stated. Of a key that stands twice the first counts.

Source: AOSP ``toolbox/getprop``; a blank line inside a value in MVT's ``tests/artifacts/android_data/getprop.txt``.
"""

from __future__ import annotations

import re

from scanner.sources.inventories.lines import lines_of

MAX_VALUE_LINES = 1000
"""Lines of one value; a longer one is not stated."""
_START = re.compile(r"\[([^\[\]\s]{1,512})\]: \[")


def parse_properties(text: str) -> dict[str, str]:
    """The system properties; noise between them is passed over."""
    properties: dict[str, str] = {}
    key: str | None = None
    value: list[str] = []
    for line in lines_of(text):
        start = _START.match(line)
        if start is not None:
            key, value, line = start[1], [], line[start.end() :]  # noqa: PLW2901 - the rest of the same line
        if key is None:
            continue
        if line.endswith("]"):
            properties.setdefault(key, "\n".join((*value, line[:-1])))
            key = None
        elif len(value) < MAX_VALUE_LINES:
            value.append(line)
        else:
            key = None
    return properties
