"""From the words of ``verify`` to its objects, and one call for each APK."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import click

from scanner.engines.watchdog import Lost, done_in_time
from scanner.errors import ScannerError
from scanner.formats.cleaning import clean
from scanner.formats.verification import write_json, write_text
from scanner.model import Limits, Verification
from scanner.policies.policy import CLEAN, FAILED, FOUND
from scanner.sources import resolve
from scanner.tooling import verify_location


def run_verify(
    apks: tuple[str, ...],
    *,
    min_sdk: int | None,
    max_sdk: int | None,
    idsig: str | None,
    jobs: int | None,
    print_certs: bool,
    verbose: bool,
    output: str,
    limits: Limits,
) -> int:
    """Verify, write, and return the worst of the exit codes; an APK that cannot be read does not end the others."""
    if min_sdk is not None and max_sdk is not None and min_sdk > max_sdk:
        raise click.UsageError(f"--min-sdk {min_sdk} is above --max-sdk {max_sdk}")
    if idsig is not None and len(apks) > 1:
        raise click.UsageError("--v4-signature-file goes with a single APK")
    codes = [CLEAN]
    work = partial(_answer, min_sdk=min_sdk, max_sdk=max_sdk, idsig=idsig, limits=limits)
    for apk, verification in zip(
        apks, _answers(work, apks, jobs or os.cpu_count() or 1, limits.item_seconds), strict=True
    ):
        if isinstance(verification, str):
            click.echo(f"app-scanner: {clean(apk)}: {clean(verification)}", err=True)
            codes.append(FAILED)
            continue
        if output == "json":
            write_json(apk, verification, sys.stdout)
        else:
            write_text(apk, verification, sys.stdout, certificates=print_certs, verbose=verbose)
        codes.append(CLEAN if verification.verified else FOUND)
    return max(codes)


def _answers(
    work: Callable[[str], Verification | str], apks: Sequence[str], jobs: int, item_seconds: float
) -> Iterable[Verification | str]:
    """What is said of each; a single APK does not pay for importing what starts processes."""
    if len(apks) == 1:
        said = done_in_time(partial(work, apks[0]), item_seconds)
        return [said.reason if isinstance(said, Lost) else said]
    from scanner.engines.spread import spread

    return spread(work, apks, jobs, lost=str, item_seconds=item_seconds)


def _answer(
    apk: str, *, min_sdk: int | None, max_sdk: int | None, idsig: str | None, limits: Limits
) -> Verification | str:
    """What is said of one APK, or why nothing can be."""
    try:
        beside = resolve(idsig, limits) if idsig is not None else None
        return verify_location(resolve(apk, limits), min_sdk, max_sdk, beside, limits)
    except ScannerError as error:
        return str(error)
