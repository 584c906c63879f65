"""``app-scanner completion``."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

from scanner.cli.options import SHELLS

Command = TypeVar("Command", bound=Callable[..., object])


def _shell_argument(command: Command) -> Command:
    return click.argument("shell", type=click.Choice(SHELLS), required=False, metavar="[bash|zsh|fish]")(command)


@click.group()
def completion() -> None:
    """Complete commands, options and values with the Tab key."""


@completion.command()
@_shell_argument
def show(shell: str | None) -> int:
    """Print the script for a shell.

    With none named, for the one in SHELL. The script asks app-scanner itself what may follow, so it stays true when
    app-scanner changes.
    """
    from scanner.cli.completing import run_show

    return run_show(shell)


INSTALL = """
\b
What is written:
  bash  ~/.local/share/app-scanner/completion.bash, and a line in ~/.bashrc that reads it
  zsh   ~/.local/share/app-scanner/completion.zsh, and a line in ~/.zshrc that reads it
  fish  ~/.config/fish/completions/app-scanner.fish

\b
XDG_DATA_HOME, XDG_CONFIG_HOME and ZDOTDIR are honoured. A second time nothing is changed.
"""


@completion.command(epilog=INSTALL)
@_shell_argument
def install(shell: str | None) -> int:
    """Set up completion for this user.

    What was changed is said, and how to undo it.
    """
    from scanner.cli.completing import run_install

    return run_install(shell)
