"""Lines that stand a little to the right, wrapped to the width, without blanks at their ends."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

INDENT = 2


def print_indented(console: Console, text: str, style: str = "") -> None:
    """Print a text, each of its lines indented; one that is too long goes on below."""
    for piece in Text(text).wrap(console, console.width - INDENT, overflow="fold"):
        piece.rstrip()
        console.print(Text(" " * INDENT) + piece, style=style)
