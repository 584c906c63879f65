"""Completion in real shells: what they offer after a Tab, and what ``completion install`` leaves behind."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from scanner.cli.completing import PROGRAM, VARIABLE
from scanner.cli.options import SHELLS
from tests.conftest import Ran
from tests.support.tools import require_tool, write_launcher

Run = Callable[..., Ran]
ASK_BASH = """
shopt -u hostcomplete
. "$HOME/.bashrc"
COMP_WORDS=({words}) COMP_CWORD={last} COMPREPLY=()
compopt() {{ printf "compopt %s %s\n" "$@"; }}
complete -p app-scanner
_app_scanner_completion app-scanner
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
ASK_ZSH = """
. "$HOME/.zshrc"
compadd() { shift $(( ${@[(i)-a]} )); print -l -- ${(P)1} }
_describe() { print -l -- ${(P)3} }
_path_files() { print "files $*" }
words=(WORDS) CURRENT=LAST
print ${_comps[app-scanner]}
_app_scanner_completion
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    write_launcher(tmp_path / "bin" / PROGRAM)
    return tmp_path


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """Where a user lives, whose shell finds the program."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "ZDOTDIR", "SHELL"))}
    return kept | {"HOME": str(home), "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.fixture
def ask(app_scanner: Run, environment: dict[str, str], home: Path) -> Callable[..., list[str]]:
    """What a shell, in which completion was installed, offers for the last of some words."""

    def run(shell: str, *words: str) -> list[str]:
        program = require_tool(shell)
        assert app_scanner("completion", "install", shell, env=environment).code == 0
        return asked(program, shell, [PROGRAM, *words], environment, home)

    return run


def asked(program: str, shell: str, words: list[str], environment: dict[str, str], home: Path) -> list[str]:
    quoted = " ".join(f"'{word}'" for word in words)
    if shell == "fish":
        command = [program, "-c", f"complete -C '{' '.join(words)}'"]
    elif shell == "zsh":
        script = ASK_ZSH.replace("WORDS", quoted).replace("LAST", str(len(words)))
        command = [program, "-f", "-c", script]
    else:
        command = [program, "--norc", "-c", ASK_BASH.format(words=quoted, last=len(words) - 1)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=home, timeout=300)
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_the_commands(shell: str, ask: Callable[..., list[str]]) -> None:
    offered = "\n".join(ask(shell, "sc"))
    assert "scan" in offered
    assert "verify" not in offered


@pytest.mark.parametrize("shell", SHELLS)
def test_a_shell_offers_options_and_their_values(shell: str, ask: Callable[..., list[str]]) -> None:
    assert any(line.startswith("--only-findings") for line in ask(shell, "scan", "--only-f"))
    assert {"hints"} <= {line.split("\t")[0] for line in ask(shell, "scan", "--evidence", "h")}
    assert {"json", "jsonl"} <= {line.split("\t")[0] for line in ask(shell, "scan", "-o", "js")}


@pytest.mark.parametrize(
    "words",
    [("scan", "x"), ("verify", "x"), ("inspect", "x"), ("scan", "--signatures", "x"), ("signatures", "diff", "x")],
)
def test_a_shell_still_offers_files_where_they_belong(words: tuple[str, ...], ask: Callable[..., list[str]]) -> None:
    assert "compopt -o default" in ask("bash", *words)
    assert "files -f" in ask("zsh", *words)


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_the_tab_key_completes(shell: str, app_scanner: Run, environment: dict[str, str], home: Path) -> None:
    """A shell at a terminal of its own, with the profile that was set up, and keys pressed."""
    program = require_tool(shell)
    app_scanner("completion", "install", shell, env=environment)
    terminal, its_own = pty.openpty()
    session = subprocess.Popen(
        [program, "-i"],
        stdin=its_own,
        stdout=its_own,
        stderr=its_own,
        env=environment | {"PS1": "> ", "TERM": "dumb"},
        cwd=home,
        start_new_session=True,
    )
    try:
        seen = b""
        os.write(terminal, b"app-scanner --log-le\t debug sca\t --only-fin\t")
        deadline = time.monotonic() + 300
        while b"--only-findings" not in seen and time.monotonic() < deadline:
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 4096)
        assert b"--only-findings" in seen, seen
    finally:
        session.kill()
        session.wait()
        os.close(terminal)
        os.close(its_own)


def test_fish_offers_the_files_themselves(ask: Callable[..., list[str]], home: Path) -> None:
    (home / "x.apk").touch()
    assert any(line.startswith("x.apk") for line in ask("fish", "scan", "x"))


@pytest.mark.parametrize("shell", SHELLS)
def test_a_configuration_with_a_mistake_does_not_break_completion(
    shell: str, ask: Callable[..., list[str]], home: Path
) -> None:
    (home / ".config" / PROGRAM).mkdir(parents=True)
    (home / ".config" / PROGRAM / "config.yaml").write_text("not: [closed")
    assert "scan" in "\n".join(ask(shell, "sc"))


def tree(home: Path) -> dict[str, str]:
    return {str(path.relative_to(home)): path.read_text() for path in sorted(home.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("shell", SHELLS)
def test_installing_twice_changes_nothing_more(
    shell: str, app_scanner: Run, environment: dict[str, str], home: Path
) -> None:
    before = tree(home)
    first = app_scanner("completion", "install", shell, env=environment)
    after = tree(home)
    second = app_scanner("completion", "install", shell, env=environment)
    assert tree(home) == after != before
    assert "unchanged" not in first.out
    assert "written" not in second.out


@pytest.mark.parametrize("shell", SHELLS)
def test_what_was_said_to_undo_it_undoes_it(
    shell: str, app_scanner: Run, environment: dict[str, str], home: Path
) -> None:
    profile = home / f".{shell}rc"
    profile.write_text("export KEPT=1")
    said = app_scanner("completion", "install", shell, env=environment).out.splitlines()
    undo = said[said.index("To undo:") + 1 : -1]
    subprocess.run(["sh", "-c", undo[0]], check=True)
    if shell != "fish":
        assert undo[1] == f"  and delete this line from {profile}:"
        assert [line for line in profile.read_text().splitlines() if line != undo[2].strip()] == ["export KEPT=1"]
    assert not [path for path in tree(home) if "app-scanner" in path and not path.startswith("bin")]


def test_a_profile_that_is_a_link_stays_one_and_keeps_what_it_holds(
    app_scanner: Run, environment: dict[str, str], home: Path
) -> None:
    (home / "dotfiles").write_bytes(b"# caf\xe9 in Latin-1")
    (home / ".bashrc").symlink_to("dotfiles")
    assert app_scanner("completion", "install", "bash", env=environment).code == 0
    assert (home / ".bashrc").is_symlink()
    assert (home / "dotfiles").read_bytes().startswith(b"# caf\xe9 in Latin-1\n[ ! -r ")


def test_a_home_with_a_blank_is_quoted(app_scanner: Run, environment: dict[str, str], home: Path) -> None:
    there = environment | {"HOME": str(home / "my home")}
    (home / "my home").mkdir()
    app_scanner("completion", "install", "bash", env=there)
    command = [require_tool("bash"), "-c", '. "$HOME/.bashrc"; complete -p app-scanner']
    done = subprocess.run(command, capture_output=True, text=True, env=there)
    assert (done.stderr, "_app_scanner_completion" in done.stdout) == ("", True)


def test_the_shell_is_the_users_own_where_none_is_named(app_scanner: Run, environment: dict[str, str]) -> None:
    shown = app_scanner("completion", "show", env=environment | {"SHELL": "/usr/bin/zsh"})
    assert shown.out == app_scanner("completion", "show", "zsh", env=environment).out
    assert shown.out.startswith("#compdef app-scanner")


@pytest.mark.parametrize("shell", [{"SHELL": "/bin/tcsh"}, {}])
def test_a_shell_that_is_not_known_is_wrong_usage(
    app_scanner: Run, environment: dict[str, str], shell: dict[str, str]
) -> None:
    ran = app_scanner("completion", "install", env=environment | shell)
    assert (ran.code, "name one of bash, zsh, fish" in ran.err) == (2, True)


def test_a_home_that_cannot_be_written_is_one_line(app_scanner: Run, environment: dict[str, str], home: Path) -> None:
    (home / ".local").write_text("a file where a folder should be")
    ran = app_scanner("completion", "install", "bash", env=environment)
    assert (ran.code, ran.err) == (5, f"app-scanner: {home}/.local/share/app-scanner: Not a directory\n")


def test_the_script_listens_where_click_does(app_scanner: Run, environment: dict[str, str]) -> None:
    """Click makes the variable's name from the program's; the script must bear the same."""
    ran = app_scanner(env=environment | {VARIABLE: "bash_source"})
    assert ran.out == app_scanner("completion", "show", "bash", env=environment).out
