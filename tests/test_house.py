"""The house: which module may import which, and who owns each foreign package. Drawn from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "scanner"

EVERYONE = {"model", "errors"}
ARROWS = {
    "cli": {
        "scanning", "watch", "inspection", "tooling", "report", "curation", "comparing", "policies", "formats",
        "database", "engines", "resuming", "sources", "phones", "cache", "destination", "interruption", "strictyaml",
    },
    "watch": {"scanning", "sources", "interruption"},
    "tooling": {"sources", "apk"},
    "comparing": {"report", "sources", "policies", "tables"},
    "report": {"sources", "database", "policies"},
    "scanning": {
        "sources", "engines", "reading", "remembering", "resuming", "tallying", "phones", "interruption", "inventories",
        "database", "policies", "embedding",
    },
    "resuming": {"tables"},
    "tallying": set(),
    "inventories": {"sources", "joining", "phones"},
    "joining": {"certificate", "tables"},
    "phones": {
        "sources", "rows", "cache", "containment", "interruption", "database", "matcher", "certificate", "embedding",
    },
    "reading": {"sources", "bytesource", "apk", "rows", "containment"},
    "remembering": {"rows", "cache", "bytesource", "database"},
    "rows": {"matcher", "database", "certificate", "apk", "bytesource", "embedding"},
    "embedding": {"matcher", "database", "apk"},
    "inspection": {"sources", "bytesource", "apk", "rows", "database", "certificate", "embedding"},
    "curation": {"sources", "bytesource", "apk", "database", "strictyaml", "certificate"},
    "matcher": {"database"},
    "policies": {"database", "strictyaml"},
    "database": {"certificate", "strictyaml"},
    "formats": {"policies", "database"},
    "sources": {"bytesource", "postponing"},
    "apk": {"bytesource", "certificate", "postponing"},
    "engines": {"interruption", "containment"},
    "bytesource": set(),
    "certificate": set(),
    "strictyaml": set(),
    "cache": set(),
    "containment": set(),
    "destination": set(),
    "interruption": set(),
    "postponing": set(),
    "tables": set(),
    "errors": set(),
    "model": set(),
    "__init__": {"apk", "database", "matcher", "scanning"},
    "__main__": {"cli"},
}  # fmt: skip
"""Room → rooms it may import, besides `EVERYONE`, itself and the package's version."""
OWNERS = {
    "fsspec": {"bytesource", "destination"},
    "gcsfs": {"bytesource"},
    "google": {"bytesource"},
    "adlfs": {"bytesource"},
    "azure": {"bytesource"},
    "s3fs": {"bytesource"},
    "botocore": {"bytesource"},
    "aiohttp": {"bytesource"},
    "tenacity": {"bytesource"},
    "adbutils": {"sources"},
    "dask": {"engines"},
    "distributed": {"engines"},
    "platformdirs": {"cache", "database"},
    "minisign": {"curation"},
    "sqlite3": {"cache", "tables"},
    "androguard": {"apk", "inspection"},
    "loguru": {"apk", "inspection"},
    "click": {"cli"},
    "rich": {"cli", "formats"},
    "jinja2": {"formats"},
    "pyarrow": {"formats"},
    "markupsafe": {"formats"},
    "cryptography": {"certificate", "apk"},
    "asn1crypto": {"certificate", "apk"},
    "yaml": {"strictyaml"},
    "openpyxl": {"sources"},
    "zstandard": {"sources"},
    "tarfile": {"sources"},
    "zipfile": {"sources"},  # for the name of its error alone
    "struct": {"bytesource", "apk", "inspection", "sources"},
}
"""Foreign package → the only rooms that may import it."""

MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imports_of(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            names |= {node.module} if node.module != "scanner" else {f"scanner.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_along_the_arrows(path: Path) -> None:
    room = room_of(path)
    for name in imports_of(path):
        top, _, rest = name.partition(".")
        if top == "scanner":
            target = rest.split(".")[0]
            if target and not target.startswith("__version__"):
                assert target in {room, *EVERYONE, *ARROWS[room]}, f"{room} must not import {target}"
        elif top in OWNERS:
            assert room in OWNERS[top], f"{top} belongs to {OWNERS[top]}"


def test_the_arrows_have_no_cycle() -> None:
    done: set[str] = set()

    def walk(room: str, above: tuple[str, ...]) -> None:
        assert room not in above, " → ".join((*above, room))
        if room not in done:
            for target in ARROWS[room]:
                walk(target, (*above, room))
            done.add(room)

    for room in ARROWS:
        walk(room, ())


def test_every_module_has_a_room() -> None:
    assert {room_of(path) for path in MODULES} == set(ARROWS)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "a module opens with what lives in it"
    assert text.count("\n") <= 300
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, f"{node.name} is too long"


def test_bare_exception_is_caught_only_at_the_worker_boundary() -> None:
    caught = []
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ExceptHandler):
                names = {sub.id for sub in ast.walk(node.type) if isinstance(sub, ast.Name)} if node.type else {"bare"}
                if names & {"Exception", "BaseException", "bare"}:
                    caught.append(room_of(path))
    assert caught == ["containment"]
