"""``python -m scanner`` and the ``app-scanner`` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line; ends the process with the exit code."""
    from scanner.cli import run

    run()


if __name__ == "__main__":
    main()
