"""The manual page, app-scanner(1), from the commands themselves: ``python -m scanner.cli.manual > app-scanner.1``.

One page for all commands. (click-man writes one for each, cuts the line of its NAME, and leaves out examples and exit
codes, which stand in the commands' epilogs.) The macros are those of man(7), which every ``man`` knows.
"""

from __future__ import annotations

import inspect
import os
import re
import textwrap
from collections.abc import Iterator
from datetime import UTC, datetime

import click

from scanner import __version__
from scanner.cli import PROGRAM, cli
from scanner.policies.policy import MEANINGS

AS_IT_STANDS = "\b"
"""Click's mark of a paragraph that must not be filled."""
SPELLED = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti"}
WIDTH = 72
FILES = (
    ("~/.config/app-scanner/config.yaml", "The configuration file (XDG_CONFIG_HOME is honoured)."),
    (
        "~/.cache/app-scanner/",
        "Identities of apps on phones and in object stores that were read before (XDG_CACHE_HOME is honoured).",
    ),
)


def page() -> str:
    """The whole page."""
    return "\n".join(_lines()) + "\n"


def main() -> None:
    """Print the page."""
    click.echo(page(), nl=False)


def _lines() -> Iterator[str]:
    moment = datetime.fromtimestamp(int(os.environ.get("SOURCE_DATE_EPOCH") or datetime.now(UTC).timestamp()), UTC)
    summary, _, about = inspect.cleandoc(cli.help or "").partition("\n\n")
    yield f'.TH {PROGRAM.upper()} 1 {moment:%Y-%m-%d} "{PROGRAM} {__version__}" "User Commands"'
    yield from (".nh", ".ad l", ".SH NAME", f"{PROGRAM} \\- {_joined(summary).rstrip('?.')}")
    yield ".SH SYNOPSIS"
    yield from _synopses()
    yield from (".SH DESCRIPTION", *_paragraphs(summary), ".PP", *_paragraphs(about))
    yield from (".SH OPTIONS", "These stand before the command.", *_options(cli))
    yield ".SH COMMANDS"
    for name, command in _commands(cli, ""):
        yield from _section(name, command)
    yield ".SH EXIT STATUS"
    yield "Of scan; what differs stands with each command."
    for code, meaning in MEANINGS.items():
        yield from _item(f"\\fB{code}\\fR", meaning)
    yield ".SH ENVIRONMENT"
    yield from _paragraphs(cli.epilog or "")
    for file, meaning in FILES:
        yield from ((".SH FILES",) if file == FILES[0][0] else ())
        yield from _item(f"\\fI{_text(file)}\\fR", meaning)


def _commands(group: click.Group, above: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with its words."""
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            yield from _commands(command, f"{above}{name} ")
        elif not command.hidden:
            yield f"{above}{name}", command


def _synopses() -> Iterator[str]:
    yield ".nf"
    for name, command in _commands(cli, ""):
        words = " ".join(command.collect_usage_pieces(click.Context(command)))
        yield f"\\fB{_text(PROGRAM)}\\fR [OPTIONS] \\fB{_text(name)}\\fR {_text(words)}"
    yield ".fi"


def _section(name: str, command: click.Command) -> Iterator[str]:
    yield f'.SS "{PROGRAM} {name}"'
    yield from _paragraphs(command.help or "")
    yield from _options(command)
    if command.epilog:
        yield ".PP"
        yield from _paragraphs(command.epilog)


def _options(command: click.Command) -> Iterator[str]:
    context = click.Context(command)
    for option in command.params:
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None:
            said = f"{record[1]}  [{option.envvar}]" if option.envvar else record[1]
            yield from _item(f"\\fB{_text(record[0])}\\fR", said)


def _item(term: str, said: str) -> Iterator[str]:
    yield from (".TP", term, *_filled(said))


def _paragraphs(text: str) -> Iterator[str]:
    """Paragraphs are filled, unless click's mark stands before one: then its lines are kept."""
    paragraphs = [block for block in re.split(r"\n[^\S\b]*\n", inspect.cleandoc(text).strip("\n")) if block.strip()]
    for number, block in enumerate(paragraphs):
        yield from ((".PP",) if number else ())
        if AS_IT_STANDS in block:
            lines = [line for line in block.splitlines() if line.strip() and AS_IT_STANDS not in line]
            yield from (".nf", *map(_text, lines), ".fi")
        else:
            yield from _filled(block)


def _filled(text: str) -> Iterator[str]:
    lines = textwrap.wrap(_joined(text), WIDTH, break_long_words=False, break_on_hyphens=False)
    return map(_text, lines)


def _joined(text: str) -> str:
    return " ".join(text.split())


def _text(text: str) -> str:
    """Text that no formatter takes for a request: dashes stay dashes, and can be copied into a shell."""
    safe = "".join(
        SPELLED.get(letter) or (letter if letter.isascii() else f"\\[u{ord(letter):04X}]") for letter in text
    )
    return f"\\&{safe}" if safe.startswith(".") else safe


if __name__ == "__main__":
    main()
