"""The GitHub action and the Containerfile. Neither GitHub nor a container runs here: what can be is."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk
from tests.support.signer import key
from tests.support.tools import require_tool, write_launcher
from tests.test_install import TREE

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = ACTION["runs"]["steps"]
SCAN = next(step for step in STEPS if step.get("id") == "scan")
CONTAINER = (ROOT / "Containerfile").read_text(encoding="utf-8")


class Step:
    """The step that scans, run by the shell that GitHub would run it with (docs.github.com: ``bash --noprofile …``)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = write_launcher(folder / "app scanner")

    def pretend(self, code: int) -> Path:
        """Put a program in place of ours that keeps its words, one a line, and ends with a code."""
        said = self.folder / "words"
        self.program.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$@\" >'{said}'\nexit {code}\n")
        return said

    def run(self, **inputs: str) -> Ran:
        given = {name: str(about.get("default", "")) for name, about in ACTION["inputs"].items()} | inputs
        variables = {name: self._value(text, given) for name, text in SCAN["env"].items()}
        (self.folder / "out").write_text("")
        (self.folder / "script.sh").write_text(SCAN["run"])
        done = subprocess.run(
            [require_tool("bash"), "--noprofile", "--norc", "-eo", "pipefail", str(self.folder / "script.sh")],
            env=os.environ | variables | {"GITHUB_OUTPUT": str(self.folder / "out")},
            cwd=self.folder, capture_output=True, text=True,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr)

    def _value(self, text: str, given: dict[str, str]) -> str:
        if text.startswith("${{ runner.temp }}"):
            return str(self.program)
        found = re.fullmatch(r"\$\{\{ inputs\.([\w-]+) \}\}", text)
        assert found
        return given[found[1]]

    @property
    def output(self) -> str:
        return (self.folder / "out").read_text()


@pytest.fixture
def step(tmp_path: Path) -> Step:
    return Step(tmp_path)


def apk(folder: Path, package: str = "com.tencent.mm") -> str:
    (folder / "an app.apk").write_bytes(build_apk(package, v2=[key("a")]))
    return "an app.apk"


def test_the_action_has_the_form_that_github_wants() -> None:
    command = [require_tool("check-jsonschema"), "--builtin-schema", "vendor.github-actions", str(ROOT / "action.yml")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_other_actions_are_pinned_by_hash() -> None:
    for step in STEPS:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step.get("uses", f"run@{'0' * 40}"))


def test_no_input_is_pasted_into_a_script() -> None:
    for step in STEPS:
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("script", [step["run"] for step in STEPS if "run" in step], ids=["install", "scan"])
def test_shellcheck_has_no_complaint(script: str) -> None:
    done = subprocess.run([require_tool("shellcheck"), "-s", "bash", "-"], input=script, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_step_finds_and_fails(step: Step) -> None:
    ran = step.run(paths=apk(step.folder), output="table\njsonl=the rows.jsonl")
    assert (ran.code, step.output) == (1, "exit-code=1\n")
    assert ran.out.startswith("impostor")
    row = json.loads((step.folder / "the rows.jsonl").read_text().splitlines()[0])
    assert row["location"] == "an app.apk"


def test_a_clean_scan_passes(step: Step) -> None:
    assert step.run(paths=apk(step.folder, "com.example.mail")).code == 0
    assert step.output == "exit-code=0\n"


def test_each_line_is_one_word_whatever_is_in_it(step: Step) -> None:
    said = step.pretend(0)
    step.run(
        paths="a b.apk\n\n-strange.apk\n$(touch gone) `touch gone`; *\n",
        output="table\njsonl=my rows.jsonl\n",
        sarif="all of it.sarif",
        options="--signatures\nour list.yaml\n",
    )
    assert said.read_text().splitlines() == [
        "--no-config", "scan", "-o", "table", "-o", "jsonl=my rows.jsonl", "-o", "sarif=all of it.sarif",
        "--signatures", "our list.yaml", "--", "a b.apk", "-strange.apk", "$(touch gone) `touch gone`; *",
    ]  # fmt: skip
    assert not (step.folder / "gone").exists()


@pytest.mark.parametrize(("code", "ends"), [(0, 0), (1, 0), (2, 2), (3, 0), (4, 4), (5, 5)])
def test_without_fail_only_findings_and_what_is_unread_pass(step: Step, code: int, ends: int) -> None:
    step.pretend(code)
    assert step.run(paths="x", fail="true").code == code
    assert step.run(paths="x", fail="false").code == ends
    assert step.output == f"exit-code={code}\n"


def test_no_path_is_not_every_phone(step: Step) -> None:
    said = step.pretend(0)
    assert step.run(paths="\n").code == 2
    assert not said.exists()


def test_the_guide_names_every_input_and_output() -> None:
    guide = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    for name in [*ACTION["inputs"], *ACTION["outputs"]]:
        assert f"`{name}`" in guide


def test_hadolint_has_no_complaint() -> None:
    command = [require_tool("hadolint"), "--no-color", str(ROOT / "Containerfile")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def instructions() -> list[tuple[str, str]]:
    return [(line.split(" ")[0], line.partition(" ")[2]) for line in CONTAINER.splitlines() if line and line[0] != "#"]


def test_the_image_is_built_from_what_a_wheel_is_built_from() -> None:
    """`test_install` builds a wheel from these very files and runs it in a new environment."""
    copied = [words.split() for name, words in instructions() if name == "COPY" and not words.startswith("--from")]
    assert {source for *sources, _ in copied for source in sources} == set(TREE)
    kept = [line[1:] for line in (ROOT / ".containerignore").read_text().splitlines() if line.startswith("!")]
    assert set(kept) == set(TREE)


def test_the_image_runs_the_program_as_nobody_special() -> None:
    last: dict[str, Any] = dict(instructions())
    assert last["USER"] == "10001:10001"
    assert json.loads(last["ENTRYPOINT"]) == ["app-scanner"]
    assert [name for name, _ in instructions()].index("USER") > CONTAINER.count("FROM") - 1
