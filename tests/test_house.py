"""The house: which module may import which, and who owns each foreign package. Drawn from the imports themselves."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "scanner"

ROOMS = {"cli", "resuming", "bytesource", "apk", "sources", "engines", "formats", "model", "curation", "comparing"}
EVERYONE = {"model", "errors"}
ARROWS = {
    "tooling": {"sources", "apk"},
    "cli": {
        "scanning",
        "watch",
        "inspection",
        "tooling",
        "report",
        "curation",
        "comparing",
        "policy",
        "allowing",
        "policyfile",
        "policylint",
        "formats",
        "database",
        "engines",
        "resuming",
        "stamping",
        "sources",
        "phones",
        "cache",
        "destination",
        "evidence",
        "interruption",
        "strictyaml",
    },
    "watch": {"scanning", "sources", "interruption"},
    "comparing": {"report", "sources", "policy", "tables"},
    "report": {"sources", "database", "policy"},
    "scanning": {
        "sources",
        "engines",
        "reading",
        "remembering",
        "resuming",
        "stamping",
        "tallying",
        "fleet",
        "phones",
        "interruption",
        "inventories",
        "phonerows",
        "database",
        "policy",
        "allowing",
        "embedding",
    },
    "resuming": {"stamping", "tables"},
    "stamping": set(),
    "tallying": set(),
    "inventories": {"sources", "joining", "phonerows"},
    "joining": {"certificate", "tables"},
    "fleet": {"phones", "containment", "interruption", "database"},
    "phones": {"sources", "rows", "phonerows", "cache", "evidence", "containment", "database"},
    "phonerows": {"matcher", "database", "certificate", "rows", "removal", "embedding"},
    "evidence": {"sources"},
    "reading": {"sources", "bytesource", "apk", "rows", "containment"},
    "rows": {"matcher", "database", "certificate", "apk", "bytesource", "embedding"},
    "embedding": {"matcher", "database", "signaturefile", "apk"},
    "inspection": {"sources", "bytesource", "apk", "rows", "database", "certificate", "embedding"},
    "curation": {
        "sources",
        "bytesource",
        "apk",
        "database",
        "bundle",
        "signaturefile",
        "signaturelist",
        "strictyaml",
        "certificate",
    },
    "matcher": {"database", "signaturefile"},
    "database": {"signaturefile", "signaturelist", "bundle"},
    "bundle": set(),
    "signaturelist": {"signaturefile"},
    "signaturefile": {"certificate", "strictyaml"},
    "sources": {"bytesource", "postponing"},
    "apk": {"bytesource", "certificate", "postponing"},
    "formats": {"policy", "signaturefile"},
    "engines": {"interruption", "containment"},
    "bytesource": set(),
    "certificate": set(),
    "strictyaml": set(),
    "policy": set(),
    "allowing": {"policy"},
    "policyfile": {"allowing", "policy", "strictyaml"},
    "policylint": {"allowing", "policyfile", "database"},
    "policyschema": {"policyfile"},
    "remembering": {"rows", "cache", "bytesource", "database"},
    "cache": set(),
    "containment": set(),
    "destination": set(),
    "interruption": set(),
    "postponing": set(),
    "removal": set(),
    "tables": set(),
    "errors": set(),
    "model": set(),
    "__init__": {"apk", "database", "matcher", "scanning"},
    "__main__": {"cli"},
}
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
    "platformdirs": {"cache", "bundle"},
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
