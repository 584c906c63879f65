"""``app-scanner verify``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from scanner.cli.limiting import limit_option

if TYPE_CHECKING:
    from scanner.model import Limits

EXAMPLES = """
\b
Examples:
  app-scanner verify WeChat.apk
  app-scanner verify --print-certs -v *.apk
  app-scanner verify --v4-signature-file WeChat.apk.idsig WeChat.apk
  app-scanner verify --min-sdk 24 'mirror.zip!/apps/WeChat.apk' -o json

\b
Exit codes: 0 all verify · 1 one does not · 2 wrong usage · 5 one could not be read
"""


@click.command(epilog=EXAMPLES)
@click.argument("apks", nargs=-1, required=True, metavar="APK...")
@click.option(
    "--min-sdk",
    type=click.IntRange(min=1),
    metavar="N",
    help="Oldest API level to verify for.  [default: the manifest's]",
)
@click.option(
    "--max-sdk",
    type=click.IntRange(min=1),
    metavar="N",
    help="Newest API level to verify for.  [default: every one to come]",
)
@click.option(
    "--v4-signature-file",
    metavar="FILE",
    help="Verify this v4 signature (.idsig) too; only with a single APK.  [default: none]",
)
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes to verify many APKs with.  [default: the cores]",
)
@limit_option
@click.option("--print-certs", is_flag=True, help="Show the signers' certificates.")
@click.option("-v", "--verbose", is_flag=True, help="Show each scheme, and warnings.")
@click.option("-o", "--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def verify(
    apks: tuple[str, ...],
    min_sdk: int | None,
    max_sdk: int | None,
    v4_signature_file: str | None,
    jobs: int | None,
    print_certs: bool,
    verbose: bool,
    output: str,
    limits: Limits,
) -> int:
    """Verify the signatures of APKs, as apksigner does.

    Schemes v1 (JAR), v2, v3, v3.1 and v3.2 are checked for every Android release in the range: signatures,
    certificates, the digest of the whole content, rotation, and protection against stripping.
    APK may lie in an archive: archive.zip!/inner.apk
    """
    from scanner.cli.verifying import run_verify

    return run_verify(
        apks,
        min_sdk=min_sdk,
        max_sdk=max_sdk,
        idsig=v4_signature_file,
        jobs=jobs,
        print_certs=print_certs,
        verbose=verbose,
        output=output,
        limits=limits,
    )
