"""The list of phones, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TextIO

import msgspec
from rich.console import Console
from rich.text import Text

from scanner.formats.cleaning import clean
from scanner.formats.console import print_indented
from scanner.model import PhoneStatus

PIPED_WIDTH = 120


def write_text(phones: Iterable[PhoneStatus], out: TextIO) -> None:
    """Two lines for each phone: which it is, and the next step."""
    console = Console(file=out, width=None if out.isatty() else PIPED_WIDTH, highlight=False, markup=False, emoji=False)
    for phone in phones:
        head = Text(f"{phone.state:<15}", style="bold green" if phone.ready else "bold yellow")
        head.append(f"adb:{clean(phone.address.serial)}  {clean(phone.model or '')}".rstrip(), style="default not bold")
        console.print(head)
        said = f"{clean(phone.detail)} " if phone.detail else ""
        print_indented(console, f"{said}{phone.advice}")


def write_json(phones: Iterable[PhoneStatus], out: TextIO) -> None:
    """An array of the phones, each as `scanner.model.PhoneStatus` describes it."""
    out.write(msgspec.json.format(msgspec.json.encode(list(phones)), indent=2).decode() + "\n")
