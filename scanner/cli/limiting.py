"""``--limit NAME=VALUE``: how much of a hostile file is read before it is given up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import click
from click.shell_completion import CompletionItem

if TYPE_CHECKING:
    from scanner.model import Limits

Command = TypeVar("Command", bound=Callable[..., object])
HELP = "help"


class LimitWord(click.types.StringParamType):
    """``NAME=VALUE``, or the word that asks for all names."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The names."""
        from scanner.model import limit_infos

        del ctx, param
        return [CompletionItem(f"{info.name}=") for info in limit_infos() if info.name.startswith(incomplete)]


def limit_option(command: Command) -> Command:
    """``--limit NAME=VALUE``; the command gets `Limits`."""
    return click.option(
        "--limit",
        "limits",
        type=LimitWord(),
        multiple=True,
        metavar="NAME=VALUE",
        callback=_chosen,
        help="A limit for hostile input, such as nesting=1 or inflated-size=2G ('help' lists all). May be repeated.",
    )(command)


def _chosen(ctx: click.Context, param: click.Parameter, words: tuple[str, ...]) -> Limits:
    """The limits that were asked for. Raises `click.BadParameter`, and ends where help was asked for."""
    from scanner.model import limits_of

    if HELP in words:
        click.echo(listing())
        ctx.exit(0)
    chosen: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise click.BadParameter(f"{word}: want NAME=VALUE; '{HELP}' lists all", ctx, param)
        chosen[name] = value
    try:
        return limits_of(chosen)
    except ValueError as error:
        raise click.BadParameter(f"{error} ('{HELP}' lists what each means)", ctx, param) from None


def listing() -> str:
    """Every limit with its default and its meaning, a line each."""
    from scanner.model import limit_infos

    rows = [(f"{info.name}={shown(info.default, info.unit)}", info.meaning) for info in limit_infos()]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {meaning}" for name, meaning in rows)


def shown(value: float, unit: str) -> str:
    """A limit as it may be typed: bytes with a suffix where that is exact."""
    from scanner.model import SUFFIXES

    if unit == "bytes":
        for suffix, size in reversed(SUFFIXES.items()):
            if value >= size and value % size == 0:
                return f"{int(value) // size}{suffix}"
    return f"{value:g}" if unit == "s" else str(value)
