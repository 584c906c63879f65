"""``app-scanner devices``."""

from __future__ import annotations

import click

from scanner.cli.phoneoptions import server_option

EXAMPLES = """
\b
Examples:
  app-scanner devices
  app-scanner devices --connect 192.168.1.7:37123

\b
Wireless (Android 11 and newer): on the phone, Developer options, Wireless debugging on. Once, to pair: choose
“Pair device with pairing code” there, then run  adb pair HOST:PORT CODE  with what it shows. Then connect to the
HOST:PORT of the Wireless debugging screen itself, which is another port. Older phones: with a cable,
adb tcpip 5555, then --connect HOST:5555. Phone and computer must be on one network.

\b
Exit codes: 0 every phone can be scanned · 3 one cannot · 4 no phone · 5 no adb server
"""


@click.command(epilog=EXAMPLES)
@click.option("--connect", "targets", multiple=True, metavar="HOST:PORT", help="First connect to this phone.")
@click.option("-o", "--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@server_option
def devices(targets: tuple[str, ...], output: str, adb_server: str | None) -> int:
    """Show the phones that adb sees, and what each still needs.

    Of each that cannot be scanned it is said what to do. The adb server that runs is used as it is, never killed or
    restarted; one is started only where none runs.
    """
    from scanner.cli.listing import run_devices

    return run_devices(targets, output=output, adb_server=adb_server)
