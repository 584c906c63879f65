"""The signatures are found by a wheel, by an editable install and by a plain clone; ``--help`` loads little."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from scanner.database import load_database
from tests.conftest import ROOT
from tests.support.apk_builder import build_apk
from tests.support.signer import key

TREE = ("scanner", "signatures", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone holds of the program."""
    folder = tmp_path_factory.mktemp("clone")
    for name in TREE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture(scope="module")
def wheel(copy: Path) -> Path:
    out = copy / "dist"
    pip(Path(sys.executable), "wheel", "--no-deps", "-w", out, copy)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of a new virtual environment into which the wheel was installed."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    pip(python, "install", wheel)
    return python


def pip(python: Path, *words: object) -> None:
    command = [python, "-m", "pip", "--disable-pip-version-check", "-q", *map(str, words)]
    subprocess.run(command, check=True, capture_output=True, timeout=900)


def digest_used(command: list[object], folder: Path, cwd: Path) -> str:
    (folder / "x.apk").write_bytes(build_apk("com.tencent.mm", v2=[key("a")]))
    words = [*map(str, command), "scan", str(folder / "x.apk"), "-o", "jsonl"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    done = subprocess.run(words, capture_output=True, cwd=cwd, text=True, env=clean)
    assert done.returncode == 1, done.stderr
    digest: str = json.loads(done.stdout.splitlines()[-1])["signatures"]
    return digest


def change_data(copy: Path) -> None:
    path = copy / "signatures" / "vmate.yaml"
    path.write_text(path.read_text() + "# changed\n")


def test_a_plain_clone_reads_its_own_signatures(copy: Path, tmp_path: Path) -> None:
    before = digest_used([sys.executable, "-m", "scanner"], tmp_path, copy)
    assert before == load_database().digest
    change_data(copy)
    assert digest_used([sys.executable, "-m", "scanner"], tmp_path, copy) != before


def test_a_wheel_installed_elsewhere_runs_with_the_signatures_in_it(environment: Path, tmp_path: Path) -> None:
    assert len(digest_used([environment.parent / "app-scanner"], tmp_path, tmp_path)) == 64
    assert len(digest_used([environment, "-m", "scanner"], tmp_path, tmp_path)) == 64


def test_an_editable_install_reads_the_checkout_and_no_stale_copy(
    environment: Path, copy: Path, tmp_path: Path
) -> None:
    pip(environment, "uninstall", "-y", "app-inventory-scanner")
    pip(environment, "install", "--no-deps", "-e", copy)
    before = digest_used([environment.parent / "app-scanner"], tmp_path, tmp_path)
    change_data(copy)
    assert digest_used([environment.parent / "app-scanner"], tmp_path, tmp_path) != before


def test_the_wheel_holds_the_type_marker_every_signature_file_and_the_page(wheel: Path) -> None:
    import zipfile

    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"scanner/_signatures/{path.name}" for path in (ROOT / "signatures").iterdir()}
    page = {f"scanner/formats/html/page.{kind}" for kind in ("html.jinja", "css", "js")}
    assert {"scanner/py.typed"} | shipped | page <= names


def test_help_loads_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys\nfrom scanner.cli import cli\ntry: cli(['scan', '--help'])\nexcept SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert not loaded & {"androguard", "lxml", "cryptography", "asn1crypto", "msgspec", "rich", "yaml", "zstandard"}


def test_the_public_names_are_what_the_package_says() -> None:
    import scanner

    assert {name for name in scanner.__all__ if getattr(scanner, name) is None} == set()
    with pytest.raises(AttributeError, match="nonsense"):
        _ = scanner.nonsense


def test_the_python_example_of_the_package_runs(tmp_path: Path) -> None:
    from scanner import Observation, identify, load_database, match, scan
    from scanner.bytesource import LocalFile

    path = tmp_path / "x.apk"
    path.write_bytes(build_apk("com.tencent.mm", v2=[key("a")]))
    running = scan([str(tmp_path)])
    (row,) = running.rows()
    assert (row.verdict, running.summary().exit_code) == ("impostor", 1)  # type: ignore[union-attr]
    with LocalFile(str(path)) as source:
        identity = identify(source)
    (finding,) = match(Observation(identity.package_name, no_signer="none"), load_database())
    assert finding.verdict == "impostor"


def test_exit_codes_of_the_command_line_are_those_of_the_policy() -> None:
    from scanner import __main__, cli
    from scanner.policies import policy

    assert (cli.FAILED, cli.INTERRUPTED) == (policy.FAILED, policy.INTERRUPTED)
    assert __main__.INTERRUPTED == policy.INTERRUPTED
