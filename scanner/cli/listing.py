"""From the words of ``devices`` to its objects, and one call."""

from __future__ import annotations

import sys

import click

from scanner.errors import ScannerError
from scanner.formats.cleaning import clean
from scanner.formats.devices import write_json, write_text
from scanner.policies.policy import devices_code
from scanner.sources.adb import NOTHING_CONNECTED, AdbServer
from scanner.tooling import phones_of


def run_devices(targets: tuple[str, ...], *, output: str, adb_server: str | None) -> int:
    """Connect, list, and return the exit code."""
    server = AdbServer(adb_server)
    failed = 0
    for target in targets:
        try:
            server.ensure()
            server.connect(target)
        except ScannerError as error:
            failed += 1
            click.echo(f"app-scanner: {clean(target)}: {clean(str(error))}", err=True)
    phones, notes = phones_of(server)
    (write_json if output == "json" else write_text)(phones, sys.stdout)
    for note in notes if phones else (NOTHING_CONNECTED, *notes):
        click.echo(f"app-scanner: {clean(note)}", err=True)
    return devices_code(len(phones), sum(not phone.ready for phone in phones) + failed)
