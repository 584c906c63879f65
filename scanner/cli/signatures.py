"""``app-scanner signatures``: the commands that keep the signatures."""

from __future__ import annotations

import click

from scanner.cli.options import signature_options
from scanner.cli.phoneoptions import server_option

FOREIGN = ("stalkerware", "stix", "verified-apps", "appverifier", "csv")
"""`scanner.curation.exchange.FORMATS`, whose import would cost `--help` too much; a test keeps them equal."""
JSON = click.Choice(["text", "json"])


@click.group()
def signatures() -> None:
    """Show, check and exchange the signatures that scans go by."""


@signatures.command("list")
@click.option("-o", "--output", type=JSON, default="text", show_default=True)
@signature_options
def list_(output: str, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """List the apps that scans look for."""
    from scanner.cli.curating import run_list

    return run_list(output, signatures, only_signatures=only_signatures)


@signatures.command()
@click.argument("app", metavar="ID")
@click.option("-o", "--output", type=JSON, default="text", show_default=True)
@signature_options
def show(app: str, output: str, signatures: tuple[str, ...], only_signatures: bool) -> int:
    """Show everything about one app.

    Packages, signers, lists, and what each value rests on.
    """
    from scanner.cli.curating import run_show

    return run_show(app, output, signatures, only_signatures=only_signatures)


LINT = """
\b
Exit codes: 0 no errors · 1 errors · 2 wrong usage, or no such file
"""


@signatures.command(epilog=LINT)
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option("--strict", is_flag=True, help="Let warnings fail too.")
@click.option("-o", "--output", type=JSON, default="text", show_default=True)
def lint(files: tuple[str, ...], strict: bool, output: str) -> int:
    """Check signature files, or folders of them.

    With none, those that came with this program. Refused are pins of keys that anybody has (AOSP's public test
    keys, debug keystores), digests that are not the certificate's, one certificate or package under two owners,
    values without a citation, wrong lengths and dates.
    """
    from scanner.cli.curating import run_lint

    return run_lint(files, strict=strict, output=output)


LEARN = """
\b
Examples:
  app-scanner signatures learn OurApp.apk --id our-app --name "Our app" -o our-app.yaml
  app-scanner signatures learn CamScanner.apk -o camscanner.yaml      # a copy you trust completes what is known
  app-scanner signatures learn adb:R58M123ABC --package com.example.app --list texas-prohibited-technologies
  app-scanner scan apks/ --signatures our-app.yaml

\b
Exit codes: 0 written · 1 refused · 2 wrong usage · 5 it could not be read
"""


@signatures.command(epilog=LEARN)
@click.argument("spec", metavar="APK|adb:SERIAL")
@click.option("--package", metavar="NAME", help="Which app of the phone.")
@click.option("--id", "id_", metavar="ID", help="Id of the signature.  [default: from the name]")
@click.option("--name", metavar="NAME", help="What people call the app.  [default: the package name]")
@click.option("--publisher", metavar="NAME", help="Who publishes it.  [default: not stated]")
@click.option("--list", "lists", multiple=True, metavar="ID", help="A list that names it. May be repeated.")
@click.option("-o", "--output", metavar="FILE", help="Where to write.  [default: stdout]")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0.1),
    default=60.0,
    show_default=True,
    metavar="SECONDS",
    help="How long one command on a phone may take.",
)
@server_option
def learn(
    spec: str,
    package: str | None,
    id_: str | None,
    name: str | None,
    publisher: str | None,
    lists: tuple[str, ...],
    output: str | None,
    timeout: float,
    adb_server: str | None,
) -> int:
    """Write a signature that pins an app to who signed this APK.

    The APK must verify; what is only claimed, and keys that anybody has, are refused. The pin cites where it came from:
    path, SHA-256, schemes, date. APK may lie in an archive: archive.zip!/inner.apk

    A package that is listed already completes its app: the file has all that is known of that app and the new pin, and
    takes its place in a scan. Refused is an APK by another signer than an app has whose signers are all known. With
    --id, --name or --publisher the file has an app of its own, or completes the one whose id it is.
    """
    from scanner.cli.curating import run_learn
    from scanner.curation.learning import Wanted

    wanted = Wanted(id_, name, publisher, lists)
    return run_learn(spec, package, wanted, output, adb_server=adb_server, timeout=timeout)


EXCHANGE = """
\b
Formats:
  stalkerware    ioc.yaml of AssoEchap/stalkerware-indicators (SHA-1)
  stix           STIX 2.1 as MVT reads it (app:id, app:cert.*)
  verified-apps  data.yml of privacyguides/verified-apps (SHA-256)
  appverifier    the text that AppVerifier shares (SHA-256)
  csv            a list: package,name,sha256,sha1,md5,…
"""


@signatures.command("import", epilog=EXCHANGE)
@click.argument("format_", metavar="FORMAT", type=click.Choice(FOREIGN))
@click.argument("file")
@click.option("-o", "--output", metavar="FILE", help="Where to write.  [default: stdout]")
def import_(format_: str, file: str, output: str | None) -> int:
    """Write a signature file from another tool's file.

    Every value cites the file and is single-source; another signer than those named accuses nobody. Pins of keys that
    anybody has are left out, and said.
    """
    from scanner.cli.curating import run_import

    return run_import(format_, file, output)


@signatures.command(epilog=EXCHANGE + "  yaml           a signature file of our own, in one piece\n")
@click.argument("format_", metavar="FORMAT", type=click.Choice((*FOREIGN, "yaml")))
@click.argument("ids", nargs=-1, metavar="[ID]...")
@click.option("-o", "--output", metavar="FILE", help="Where to write.  [default: stdout]")
@signature_options
def export(
    format_: str, ids: tuple[str, ...], output: str | None, signatures: tuple[str, ...], only_signatures: bool
) -> int:
    """Write the signatures, or some, as another tool reads them.

    What a format cannot say is left out, and said on stderr; so are unconfirmed names, which no format can mark.
    """
    from scanner.cli.curating import run_export

    return run_export(format_, ids, output, signatures, only_signatures=only_signatures)


DIFF = """
\b
Exit codes: 0 the same · 1 something changed · 2 wrong usage · 5 a file cannot be used
"""


@signatures.command("diff", epilog=DIFF)
@click.argument("old")
@click.argument("new")
@click.option("-o", "--output", type=JSON, default="text", show_default=True)
def diff(old: str, new: str, output: str) -> int:
    """Show what changed from OLD to NEW: apps, packages, signers.

    Each is a signature file, a list (CSV) or a folder.
    """
    from scanner.cli.curating import run_diff

    return run_diff(old, new, output)


UPDATE = """
\b
Examples:
  app-scanner signatures update https://intranet.example/bundle.yaml --key RWQf6LRCGA9i53mlYecO…
  app-scanner signatures update /mnt/usb/bundle.yaml --key our-key.pub

\b
To make a bundle:
  app-scanner signatures export yaml --signatures our-list.csv -o bundle.yaml
  minisign -Sm bundle.yaml

\b
Exit codes: 0 installed, or there already · 1 refused · 2 wrong usage · 5 it could not be read or installed
"""


@signatures.command(epilog=UPDATE)
@click.argument("source", metavar="FILE|URL")
@click.option("--key", required=True, metavar="PUBKEY", help="The minisign public key to trust, or its file.")
def update(source: str, key: str) -> int:
    """Install newer signatures for this user.

    Scans use them from then on instead of those that came along. The bundle is a signature file with its minisign
    signature beside it (.minisig). Refused are one without a signature by the key, one older than what is installed
    or came with this program, and addresses that are not https.
    """
    from scanner.cli.curating import run_update

    return run_update(source, key)
