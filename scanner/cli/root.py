"""The group of all commands: what every option is called in the environment and in the configuration file.

A command declares its options and no more. As it joins the group, each option gets its variable from its long name
(not from the name of the Python parameter, which is what click's ``auto_envvar_prefix`` would take), and each word that
its metavar calls a file becomes one: shells complete it, and a list of them is split as ``PATH`` is, so that a name
may hold a blank.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any

import click
from click.shell_completion import CompletionItem

PREFIX = "APP_SCANNER"
CONFIG, NO_CONFIG = "config", "no-config"
FILES = {"FILE", "PATH", "SPEC", "APK", "SAVED", "DIR", "OLD", "NEW", "PUBKEY"}
"""Words of a metavar that stand for something in the file system."""
ALIKE = 0.9
"""How near a variable's name must be to one of ours to be taken for a slip of the pen (`difflib` ratio)."""


class FileWord(click.types.StringParamType):
    """A word that names a file or folder, or holds such a name. Whoever opens it says what is wrong with it."""

    envvar_list_splitter = os.pathsep

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Leave it to the shell."""
        del ctx, param
        return [CompletionItem(incomplete, type="file")]


class FormatWord(FileWord):
    """``FORMAT[=FILE]``."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The formats; behind ``=`` a file, which is the shell's."""
        from scanner.formats import FORMATS

        if "=" in incomplete:
            return super().shell_complete(ctx, param, incomplete)
        return [CompletionItem(name) for name in FORMATS if name.startswith(incomplete)]


class Root(click.Group):
    """`click.Group`, whose commands are furnished as they are added."""

    def __init__(self, *words: Any, **options: Any) -> None:  # noqa: ANN401 - as click's own
        super().__init__(*words, **options)
        _furnish(self, PREFIX)

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """See `click.Group.add_command`; a group is added when its own commands are complete."""
        super().add_command(cmd, name)
        _furnish(cmd, f"{PREFIX}_{_shouted(name or cmd.name or '')}")


def long_name(option: click.Parameter) -> str:
    """What an option is called on the command line, without its dashes."""
    return next((name[2:] for name in option.opts if name.startswith("--")), option.name or "")


def settings(command: click.Command) -> dict[str, click.Option]:
    """The options that the environment and the configuration file may set, by long name."""
    options = [param for param in command.params if isinstance(param, click.Option) and param.expose_value]
    return {long_name(option): option for option in options}


def variables(command: click.Command) -> Iterator[str]:
    """Every variable that a command and those below it listen to."""
    yield from (str(option.envvar) for option in command.params if option.envvar)
    if isinstance(command, click.Group):
        for below in command.commands.values():
            yield from variables(below)


def misspelt(command: click.Command, environment: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Variables that nobody listens to, each with the one that was probably meant."""
    known = list(variables(command))
    for name in sorted(environment):
        if name.startswith(f"{PREFIX}_") and name not in known:
            import difflib

            for near in difflib.get_close_matches(name, known, 1, ALIKE):
                yield name, near


def _furnish(command: click.Command, prefix: str) -> None:
    for param in command.params:
        if isinstance(param.type, click.types.StringParamType):
            param.type = _type_of(param, param.type)
    for name, option in settings(command).items():
        option.envvar = f"{prefix}_{_shouted(name)}"
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            _furnish(below, f"{prefix}_{_shouted(name)}")


def _type_of(param: click.Parameter, text: click.types.StringParamType) -> click.types.StringParamType:
    if param.metavar == "FORMAT[=FILE]":
        return FormatWord()
    said = param.metavar or (param.name or "").upper()
    return FileWord() if FILES & set(re.findall("[A-Z]+", said)) else text


def _shouted(name: str) -> str:
    return name.replace("-", "_").upper()
