"""What formats for people share: a console, indented lines, what was not seen, and where something was.

Colour only on a terminal, never with ``NO_COLOR``; each text of an app or phone is cleaned, none is read as markup.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.text import Text

from scanner.formats.cleaning import clean
from scanner.model import CoverageHole, Device

INDENT = 2
PIPED_WIDTH = 120
MAX_HOLES = 20
"""Holes that are named one by one; all of them are in ``jsonl``."""


def console_on(out: TextIO) -> Console:
    """A console as wide as the terminal or ``COLUMNS`` says, or else `PIPED_WIDTH`."""
    width = None if out.isatty() or os.environ.get("COLUMNS") else PIPED_WIDTH
    return Console(file=out, width=width, highlight=False, markup=False, emoji=False, soft_wrap=False)


def print_indented(console: Console, text: str, style: str = "") -> None:
    """Print a text, each of its lines indented; one that is too long goes on below."""
    for piece in Text(text).wrap(console, console.width - INDENT, overflow="fold"):
        piece.rstrip()
        console.print(Text(" " * INDENT) + piece, style=style)


def print_holes(console: Console, title: str, holes: Sequence[CoverageHole], style: str = "") -> None:
    """What was not seen, with a blank line behind it; nothing where there is none."""
    if not holes:
        return
    console.print(Text(title, style="bold"))
    for hole in holes[:MAX_HOLES]:
        print_indented(console, clean(f"{hole.hole}: {hole.reason}"), style)
    if len(holes) > MAX_HOLES:
        print_indented(console, f"and {len(holes) - MAX_HOLES} more: see -o jsonl", style)
    console.print()


def whereabouts(device: Device | None, source: str) -> str:
    """The phone as people know it, or the source of files."""
    if device is None:
        return clean(source)
    said = (device.owner, device.model, device.android and f"Android {device.android}", device.serial)
    return clean(", ".join(part for part in said if part))
