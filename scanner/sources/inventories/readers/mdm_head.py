"""What the beginning of a JSON export tells, wherever it is cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import lru_cache

from scanner.sources.inventories.readers.mdm_fields import replaced

MAX_DEPTH = 256
"""Brackets left open at once."""
MAX_KEY = 200
"""Characters of a key, or of a text, that detection looks at."""
GLIMPSE_DEPTH = 4
"""Objects within objects that detection looks into."""
BLANK = "\ufeff \t\r\n"
_TOKEN = re.compile(
    r"""[ \t\r\n]*+(?:([{}\[\],:])"""
    r"""|("(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+")"""
    r"""|(?:true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[Ee][+-]?[0-9]++)?))"""
)
_KEY, _TEXT, _OTHER = "k", "t", "o"
_ANY = f"{_TEXT}{_OTHER}[{{"
_WANTED = {"{": f"{_KEY}}}", "[": f"{_ANY}]", _KEY: ":", ":": _ANY}
"""What may follow a token, wherever it stands."""
_WANTED_NEXT = {"{": ",}", "[": ",]", "": _ANY}
"""What may follow a value in the bracket that is open, or in none."""


@lru_cache(maxsize=2)
def glimpse(head: str) -> dict[str, str]:
    """Keys seen in a head, as dotted paths without arrays, and the first text under each.

    The head may be cut anywhere; where it is no JSON, or nested deeper than `MAX_DEPTH`, what came before is told.
    """
    seen: dict[str, str] = {}
    paths: list[str] = []
    path = ""
    for kind, said in _tokens(head.lstrip(BLANK)):
        if kind == _KEY:
            path = ".".join((*paths[-1:], said[:MAX_KEY])).lstrip(".")
            if len(paths) <= 2 * GLIMPSE_DEPTH:
                seen.setdefault(path, "")
        elif kind in "{[":
            paths.append(path)
            if len(paths) > MAX_DEPTH:
                return seen
        elif kind in "}]":
            path = paths.pop()
        elif kind == _TEXT and not seen.get(path, "-"):
            seen[path] = said[:MAX_KEY]
    return seen


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    """Every token of an object or array and of those that follow it, until the text is cut or no JSON."""
    inside, wanted, at = "", "{[", 0
    while (token := _TOKEN.match(text, at)) is not None:
        mark, quoted = token.groups()
        kind = mark or (_OTHER if quoted is None else _KEY if _KEY in wanted else _TEXT)
        if kind not in wanted:
            return
        yield kind, _unquoted(quoted) if quoted else ""
        if kind in "{[":
            inside += kind
        elif kind in "}]":
            inside = inside[:-1]
        wanted = _wanted(kind, inside[-1:])
        at = token.end()


def _wanted(kind: str, bracket: str) -> str:
    if kind == ",":
        return _KEY if bracket == "{" else _ANY
    return _WANTED.get(kind) or _WANTED_NEXT[bracket]


def _unquoted(quoted: str) -> str:
    return replaced(str(json.loads(quoted)) if "\\" in quoted else quoted[1:-1])
