"""``app-scanner scan``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from scanner.cli.limiting import limit_option
from scanner.cli.options import sdk_option, search_options, signature_options
from scanner.cli.phoneoptions import phone_options
from scanner.cli.policyoptions import PolicyWords, policy_options

if TYPE_CHECKING:
    from scanner.model import Limits

EXAMPLES = """
\b
Examples:
  app-scanner scan                                   # every phone that is connected
  app-scanner scan adb:R58M123ABC adb:192.168.1.7:5555 -o jsonl=rows.jsonl
  app-scanner scan WeChat.apk
  app-scanner scan downloads/ store-mirror.zip -o table -o jsonl=rows.jsonl
  app-scanner scan s3://apk-archive/2026/ https://mirror.example/apks/ -o jsonl=rows.jsonl
  app-scanner scan s3://apks/ -o jsonl=rows.jsonl --resume   # goes on where an earlier run ended
  find /srv -name '*.apk' -print0 | app-scanner scan --files-from -
  app-scanner scan apks/ --payments -o csv=who-can-pay.csv
  app-scanner scan apks/ --signatures our-list.yaml -o csv=report.csv
  app-scanner scan devices.json bugreport.zip R58M123ABC.txt -o jsonl=rows.jsonl
  fetch-inventory | app-scanner scan - --columns 'package=App ID,device=Serial'
  app-scanner scan --policy policy.yaml --strict
  app-scanner scan s3://apks/ --engine tcp://scheduler:8786 -o jsonl=rows.jsonl

\b
Exit codes:
  0 everything read, nothing fails      3 nothing fails, but something could not be read
  1 a listed app was found that fails   4 nothing to scan
  2 wrong usage                         5 the scan failed       130 interrupted
"""


@click.command(epilog=EXAMPLES, short_help="Look for the listed apps on phones, in APKs and inventories.")
@click.argument("specs", nargs=-1, metavar="[SPEC]...")
@click.option(
    "--files-from",
    metavar="FILE",
    help="Read more SPECs from FILE ('-': stdin), one a line or NUL-separated.",
)
@click.option(
    "-o",
    "--output",
    "outputs",
    multiple=True,
    metavar="FORMAT[=FILE]",
    help="How to write the report: table, html, json, jsonl, csv, parquet, sarif, junit or stix, to FILE or stdout;"
    " parquet also in parts, to FOLDER/ or s3://BUCKET/PREFIX. May be repeated.  [default: table]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Continue the report in -o jsonl=FILE: what it holds of unchanged files is not read again.",
)
@policy_options
@signature_options
@sdk_option
@click.option("--verify", "verify_all", is_flag=True, help="Verify every app, not only those that would be reported.")
@search_options
@click.option(
    "-j",
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Processes to read with.  [default: the cores]",
)
@click.option(
    "--engine",
    metavar="ENGINE",
    help="Where to read: pool (processes here), serial (this process), dask (a cluster on this machine) or the address"
    " of your Dask scheduler, such as tcp://scheduler:8786.  [default: pool; with -j 1 serial]",
)
@click.option(
    "--io-concurrency",
    type=click.IntRange(min=1, max=1024),
    metavar="N",
    help="Requests to object stores and web servers under way at once.  [default: 32]",
)
@click.option(
    "--as",
    "form",
    metavar="FORMAT",
    help="Take inventories for this format, whatever they look like (a wrong name lists all).",
)
@click.option(
    "--columns",
    metavar="FIELD=COLUMN,...",
    help="Which columns of a table mean what, such as package=App ID,sha256=Cert,device=Serial.",
)
@limit_option
@phone_options
@click.option("-q", "--quiet", is_flag=True, help="No progress and no notes on stderr; failures all the same.")
def scan(
    specs: tuple[str, ...],
    files_from: str | None,
    outputs: tuple[str, ...],
    resume: bool,
    policy: PolicyWords,
    signatures: tuple[str, ...],
    only_signatures: bool,
    sdk: int | None,
    verify_all: bool,
    payments: bool,
    look_alikes: bool,
    jobs: int | None,
    engine: str | None,
    io_concurrency: int | None,
    quiet: bool,
    only_findings: bool,
    form: str | None,
    columns: str | None,
    limits: Limits,
    **phones: Any,  # noqa: ANN401 - the words of --help, as click collects them
) -> int:
    """Look for the listed apps on phones, in APK files, folders and archives, and in inventories.

    SPEC is a phone (adb:SERIAL, adb:HOST:PORT), a file (an APK, .apks, .xapk, .apkm, .zip, .tar, .tar.gz, .tar.xz,
    .tar.zst, .tar.bz2), a folder, an address (s3://, gs://, az://, https://) of a file or of all below it, or an
    inventory; with none, every phone that is connected. Phones are asked for all users and all packages; of each APK
    only the few blocks that say who signed it are read, and nothing is left behind.
    Archives are read where they lie, nested ones too; nothing is unpacked to disk.

    An inventory is an export of a device management, a bug report, the saved output of pm, dumpsys or a forensic tool,
    a table, rows of an earlier scan, or any of these on stdin (-). Its format is told by its content. Several are
    joined: each app of each device is one row, on the strongest evidence.
    """
    from scanner.cli.running import run_scan
    from scanner.model import Search

    return run_scan(
        specs, files_from=files_from, outputs=outputs, resume=resume, signatures=signatures,
        only_signatures=only_signatures, sdk=sdk, verify_all=verify_all, jobs=jobs, engine=engine,
        io_concurrency=io_concurrency, quiet=quiet, only_findings=only_findings, form=form,
        columns=columns, policy=policy, phones=phones, search=Search(payments, look_alikes), limits=limits,
    )  # fmt: skip
