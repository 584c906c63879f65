"""``--engine``, ``--jobs`` and ``--io-concurrency``: from words to what reads."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import click

from scanner.engines import ENGINES, IO_CONCURRENCY, Engine, engine_for, is_address, lacks_cluster

WORKERS_DECIDE = "its workers decide how much is read at once: leave --jobs out"


def engine_choice(name: str | None, jobs: int | None, io_concurrency: int | None, item_seconds: float) -> Engine:
    """The engine that is meant.

    Raises:
        click.UsageError: there is none of that name, or --jobs contradicts it.
        EngineError: the cluster cannot be had.
    """
    if name is not None:
        _check(name, jobs)
    return engine_for(jobs or os.cpu_count() or 1, io_concurrency or IO_CONCURRENCY, item_seconds, name)


def _check(name: str, jobs: int | None) -> None:
    if name not in ENGINES and not is_address(name):
        raise click.UsageError(
            f"--engine {name}: no such engine; there are {', '.join(ENGINES)}, and a Dask scheduler's address such as"
            " tcp://scheduler:8786"
        )
    if is_address(name) and not _has_port(name):
        raise click.UsageError(f"--engine {name}: want host and port, such as tcp://scheduler:8786")
    if (name == "dask" or is_address(name)) and lacks_cluster():
        raise click.UsageError(f"--engine {name}: for Dask, pip install 'app-inventory-scanner[cluster]'")
    if is_address(name) and jobs is not None:
        raise click.UsageError(f"--engine {name}: {WORKERS_DECIDE}")
    if name == "serial" and jobs not in {None, 1}:
        raise click.UsageError("--engine serial reads one after the other: leave --jobs out")


def _has_port(address: str) -> bool:
    """Whether an address names a host and a port; without either Dask waits for an answer that cannot come."""
    try:
        parts = urlsplit(address)
        return bool(parts.hostname and parts.port)
    except ValueError:
        return False
