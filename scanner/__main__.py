"""``python -m scanner`` and the ``app-scanner`` command."""

from __future__ import annotations

import os

INTERRUPTED = 130
"""The exit code of `scanner.cli`, which cannot be asked for it while it is being imported."""


def main() -> None:
    """Run the command line; ends the process with the exit code."""
    try:
        from scanner.cli import run
    except KeyboardInterrupt:
        os._exit(INTERRUPTED)  # nothing is there yet that would have to be ended
    run()


if __name__ == "__main__":
    main()
