"""The command line: a module for each command. Words → objects → one call → exit code. No decisions.

Nothing heavy is imported before a command runs: ``--help`` costs what click costs.
"""

from __future__ import annotations

import atexit
import io
import os
import signal
import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING

import click

from scanner import __version__
from scanner.cli.completion import completion
from scanner.cli.configuration import READ, config_options, origin
from scanner.cli.devices import devices
from scanner.cli.diff import diff
from scanner.cli.history import history
from scanner.cli.inspect import inspect
from scanner.cli.policy import policy
from scanner.cli.report import report
from scanner.cli.root import Root, misspelt
from scanner.cli.scan import scan
from scanner.cli.signatures import signatures
from scanner.cli.verify import verify
from scanner.cli.watch import watch
from scanner.errors import ScannerError

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

PROGRAM = "app-scanner"
FAILED, INTERRUPTED = 5, 130
"""Exit codes of what ends a run before `scanner.policies.policy` could decide; a test keeps them equal to it."""
RULES = """
Each option may also be set in the environment and in a configuration file, named by its long name: for scan
--only-findings that is APP_SCANNER_SCAN_ONLY_FINDINGS=1, and the key only-findings under scan in
~/.config/app-scanner/config.yaml (or where the platform keeps such files). The command line wins over the environment,
the environment over the file. Several values in one variable stand as in PATH where they are files and formats, else
with blanks between. See docs/configuration.md.
"""


@click.group(cls=Root, epilog=RULES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@config_options
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    help="Write log lines of this level and above to stderr.  [default: none]",
)
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.version_option(__version__, prog_name=PROGRAM)
def cli(log_level: str | None, log_format: str, **_: object) -> None:
    """Which of the listed apps are on these phones and in these APKs, is it really them, and how do we know?

    Listed are Alipay, CamScanner, QQ Wallet, SHAREit, Tencent QQ, VMate, WeChat Pay and WPS Office, by
    package name and signing certificate.
    """
    if log_level is not None:
        from scanner.cli.logs import start_logging

        start_logging(log_level, as_json=log_format == "json", read=click.get_current_context().meta.get(READ))
    for name, meant in misspelt(cli, os.environ):
        click.echo(f"{PROGRAM}: nobody reads the environment variable {name}; is {meant} meant?", err=True)


cli.add_command(completion)
cli.add_command(scan)
cli.add_command(devices)
cli.add_command(watch)
cli.add_command(inspect)
cli.add_command(verify)
cli.add_command(report)
cli.add_command(policy)
cli.add_command(signatures)
cli.add_command(diff)
cli.add_command(history)


def run() -> None:
    """Run the command line and end the process with its exit code; every error is one line."""
    sys.excepthook, sys.unraisablehook = _crash, _lost
    try:
        _open_what_is_closed()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")  # a terminal's narrow encoding must not end a report
        code = _run()
    except KeyboardInterrupt:  # before it began, or while the end was on its way
        code = INTERRUPTED
    _end_at_ctrl_c(code)
    # Had Ctrl-C come while a module that was just imported ran text as code, as `dataclasses` does, `python -m` would
    # remember that and end itself by the signal, whatever code is given. Text that runs to its end makes it forget.
    exec("")  # noqa: S102
    sys.exit(code)


def _open_what_is_closed() -> None:
    """Take the numbers of streams that whoever started us has closed: else the next file that is opened gets them.

    What is written to such a stdout fails, as it does where a disk is full; what is told on such a stderr is lost.
    """
    if sys.stdin is None:
        os.open(os.devnull, os.O_RDONLY)
    if sys.stdout is None:
        sys.stdout = open(os.open(os.devnull, os.O_RDONLY), "w")  # noqa: SIM115, PTH123 - for as long as we run
    if sys.stderr is None:
        sys.stderr = open(os.open(os.devnull, os.O_WRONLY), "w")  # noqa: SIM115, PTH123 - the same


def _run() -> int:
    try:
        code = int(cli.main(prog_name=PROGRAM, standalone_mode=False) or 0)
        sys.stdout.flush()
    except click.ClickException as error:
        _show(error)
        if said := origin(error):
            click.echo(said, err=True)
        code = error.exit_code
    except ScannerError as error:
        click.echo(f"{PROGRAM}: {_cleaned(str(error))}", err=True)
        code = FAILED
    except OSError as error:  # whoever read the report has gone, or its disk is full
        if not isinstance(error, BrokenPipeError):
            click.echo(f"{PROGRAM}: {_cleaned(str(error.filename or 'stdout'))}: {error.strerror}", err=True)
        code = FAILED
    except (KeyboardInterrupt, click.Abort):
        code = INTERRUPTED
    _give_up_what_cannot_be_written()
    return code


def _show(error: click.ClickException) -> None:
    """Show what click found wrong. A word that it repeats may be the name of somebody's file."""
    if not isinstance(error, click.exceptions.NoArgsIsHelpError):  # whose text is the help
        vars(error)["message"] = _cleaned(error.message)  # final, says click; no other way leads through `show`
    error.show()


def _cleaned(text: str) -> str:
    from scanner.formats.cleaning import clean

    return clean(text)


def _give_up_what_cannot_be_written() -> None:
    """Point a stdout that fails elsewhere: Python would complain once more, and end with a code of its own."""
    try:
        sys.stdout.flush()
    except OSError:
        with suppress(OSError):  # there may be no number left for another file
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _end_at_ctrl_c(code: int) -> None:
    """All is written: from now on Ctrl-C ends the process with the code that it has, and never by the signal.

    Threads may yet have to end; after them Python tears itself down, where it can call nobody any more.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        return
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGINT, lambda *_: os._exit(code))


def _lost(what: UnraisableHookArgs) -> None:
    """What was raised where nothing can be raised, as while an object is thrown away.

    Of Ctrl-C and of time that is up nobody need hear: `scanner.interruption` remembers the one, the other comes again.
    """
    if issubclass(what.exc_type, Exception):
        sys.__unraisablehook__(what)


def _crash(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
    """A bug in this program: shown whole, and never with Python's exit code 1, which means "found" here."""
    if issubclass(kind, KeyboardInterrupt):
        os._exit(INTERRUPTED)
    sys.__excepthook__(kind, value, trace)
    sys.stderr.flush()
    os._exit(FAILED)
