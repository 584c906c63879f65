"""Options that several commands share, declared once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])
SHELLS = ("bash", "zsh", "fish")
"""The shells that completion knows."""


def signature_options(command: Command) -> Command:
    """``--signatures PATH`` and ``--only-signatures``."""
    only = click.option("--only-signatures", is_flag=True, help="Use the files of --signatures alone.")
    add = click.option(
        "--signatures",
        multiple=True,
        metavar="PATH",
        help="A signature file (YAML), list (CSV) or folder to add. May be repeated.",
    )
    return add(only(command))


def sdk_option(command: Command) -> Command:
    """``--sdk N``."""
    return click.option(
        "--sdk",
        type=click.IntRange(min=1),
        metavar="N",
        help="Android release (API level) whose view of the signers counts.  [default: the newest]",
    )(command)


def search_options(command: Command) -> Command:
    """``--payments`` and ``--look-alikes``."""
    payments = click.option(
        "--payments",
        is_flag=True,
        help="Also look for apps that can pay through WeChat Pay, Alipay or QQ Wallet.",
    )
    look_alikes = click.option(
        "--look-alikes",
        is_flag=True,
        help="Also look for apps of another name and signer with the label or the code of a listed app.",
    )
    return payments(look_alikes(command))
