"""``python -m scanner`` and the ``app-scanner`` command."""

from __future__ import annotations

import sys

INTERRUPTED = 130
"""The exit code of `scanner.cli`, which cannot be asked for it while it is being imported."""


def main() -> None:
    """Run the command line; ends the process with the exit code."""
    try:
        from scanner.cli import run
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    run()


if __name__ == "__main__":
    main()
