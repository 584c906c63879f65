"""``app-scanner inspect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scanner.cli.limiting import limit_option
from scanner.cli.options import sdk_option, signature_options

if TYPE_CHECKING:
    from scanner.model import Limits

EXAMPLES = """
\b
Examples:
  app-scanner inspect WeChat.apk
  app-scanner inspect 'mirror.zip!/apps/WeChat.apk' -o json

\b
Exit codes: 0 no listed app · 1 a listed app · 2 wrong usage · 5 it could not be read
"""


@click.command(epilog=EXAMPLES)
@click.argument("apk")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@signature_options
@sdk_option
@limit_option
def inspect(
    apk: str, output: str, signatures: tuple[str, ...], only_signatures: bool, sdk: int | None, limits: Limits
) -> int:
    """Show everything about one APK.

    Identity, every scheme's signers with their certificates and history, label, permissions, components,
    embedded payment SDKs, and which signatures match and why. APK may lie in an archive: archive.zip!/inner.apk
    """
    from scanner.cli.inspecting import run_inspect

    return run_inspect(
        apk, output=output, signatures=signatures, only_signatures=only_signatures, sdk=sdk, limits=limits
    )
