"""From the words of ``completion`` to click's script for a shell, and where that script goes."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from pathlib import Path

import click
from click.shell_completion import get_completion_class

from scanner.cli.options import SHELLS
from scanner.errors import OutputError

PROGRAM = "app-scanner"
VARIABLE = "_APP_SCANNER_COMPLETE"
"""What click listens to; it makes the name from the program's."""
ZSH_READY = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }"
"""The script needs zsh's completion system, which a bare ``.zshrc`` does not start."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a shell finds its script; ``profile`` is the file that must read it, where the shell does not by itself."""

    script: Path
    profile: Path | None = None
    line: str = ""


def run_show(shell: str | None) -> int:
    """Print the script."""
    click.echo(script(chosen(shell)), nl=False)
    return 0


def run_install(shell: str | None) -> int:
    """Write the script where the shell finds it, and say what was done."""
    shell = chosen(shell)
    place = place_of(shell)
    try:
        done = [_write(place.script, script(shell))]
        if place.profile is not None:
            done.append(_add(place.profile, place.line))
    except OSError as error:
        raise OutputError(f"{error.filename}: {error.strerror}") from error
    undo = f"rm {shlex.quote(str(place.script))}"
    if place.profile is not None:
        undo += f"\n  and delete this line from {place.profile}:\n  {place.line}"
    click.echo("\n".join([*done, "To undo:", f"  {undo}", f"Now open a new {shell}."]))
    return 0


def chosen(shell: str | None) -> str:
    """The shell that was named, else the user's own. Raises `click.UsageError` where that is none we know."""
    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        said = f"SHELL is {name}" if name else "SHELL is not set"
        raise click.UsageError(f"{said}: name one of {', '.join(SHELLS)}")
    return name


def script(shell: str) -> str:
    """Click's script for a shell."""
    from scanner.cli import cli

    kind = get_completion_class(shell)
    if kind is None:  # pragma: no cover - click has had all of them since 8.0
        raise click.UsageError(f"this click completes nothing in {shell}")
    return kind(cli, {}, PROGRAM, VARIABLE).source()


def place_of(shell: str) -> Place:
    """Where the script of a shell goes."""
    home = Path.home()
    if shell == "fish":
        return Place(_folder("XDG_CONFIG_HOME", home / ".config") / "fish" / "completions" / f"{PROGRAM}.fish")
    file = _folder("XDG_DATA_HOME", home / ".local" / "share") / PROGRAM / f"completion.{shell}"
    quoted = shlex.quote(str(file))
    read = f"[ ! -r {quoted} ] || . {quoted}"
    if shell == "zsh":
        return Place(file, _folder("ZDOTDIR", home) / ".zshrc", f"{ZSH_READY}; {read}  # {PROGRAM} completion")
    return Place(file, home / ".bashrc", f"{read}  # {PROGRAM} completion")


def _folder(variable: str, otherwise: Path) -> Path:
    named = os.environ.get(variable, "")
    return Path(named) if Path(named).is_absolute() else otherwise


def _write(file: Path, text: str) -> str:
    if file.exists() and file.read_text(encoding="utf-8") == text:
        return f"unchanged: {file}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return f"written: {file}"


def _add(profile: Path, line: str) -> str:
    """Append a line to a file that is the user's own: nothing of it is rewritten, and a link stays one."""
    held = profile.read_bytes() if profile.exists() else b""
    if line.encode() in held.splitlines():
        return f"unchanged: {profile}"
    with profile.open("ab") as stream:
        stream.write((b"\n" if held and not held.endswith(b"\n") else b"") + line.encode() + b"\n")
    return f"a line added to: {profile}"
