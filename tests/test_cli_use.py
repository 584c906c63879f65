"""Options from the environment and from the configuration file, and log lines, as a user meets them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from scanner.cli import cli
from scanner.cli.logs import without_secrets
from scanner.cli.root import settings, variables
from tests.conftest import ROOT, Ran
from tests.support.apk_builder import build_apk
from tests.support.phone import FakeAdbServer
from tests.support.signer import key

Run = Callable[..., Ran]
LISTED = "com.tencent.mm"


@pytest.fixture
def apk(tmp_path: Path) -> Path:
    path = tmp_path / "apks" / "x.apk"
    path.parent.mkdir()
    path.write_bytes(build_apk(LISTED, v2=[key("a")]))
    return path


@pytest.fixture
def configured(app_scanner: Run, tmp_path: Path) -> Run:
    """The program, for a user whose configuration file holds a text; and with variables."""

    def run(*words: object, text: str | None = None, **variables: str) -> Ran:
        if text is not None:
            file = tmp_path / "home" / "app-scanner" / "config.yaml"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("APP_SCANNER_")}
        ours |= {"XDG_CONFIG_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
        return app_scanner(*words, env=ours | variables, cwd=tmp_path)

    return run


def commands(command: click.Command, above: str = "APP_SCANNER") -> list[tuple[str, click.Command]]:
    found = [(above, command)]
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            found += commands(below, f"{above}_{name.upper().replace('-', '_')}")
    return found


@pytest.mark.parametrize(
    ("prefix", "command"), commands(cli), ids=lambda value: value if isinstance(value, str) else ""
)
def test_every_option_has_a_variable_named_as_the_option_is(prefix: str, command: click.Command) -> None:
    for option in command.params:
        if isinstance(option, click.Option) and option.name != "version":
            long = next(name for name in option.opts if name.startswith("--"))
            assert option.envvar == f"{prefix}_{long[2:].upper().replace('-', '_')}"


def test_no_two_options_share_a_variable_and_version_has_none() -> None:
    names = list(variables(cli))
    assert len(names) == len(set(names))
    assert "APP_SCANNER_VERSION" not in names  # which a pipeline may well have for its own use


def test_a_variable_is_as_good_as_its_option(configured: Run, apk: Path) -> None:
    ran = configured("scan", apk, APP_SCANNER_SCAN_OUTPUT="jsonl")
    assert (ran.code, ran.rows[0]["package_name"]) == (1, LISTED)


def test_the_command_line_wins_over_a_variable(configured: Run, apk: Path) -> None:
    ran = configured("scan", apk, "-o", "csv", APP_SCANNER_SCAN_OUTPUT="jsonl")
    assert ran.out.startswith("verdict,")


def test_a_flag_is_set_and_unset_by_a_variable(configured: Run, apk: Path) -> None:
    apk.write_bytes(build_apk("com.example.other", v2=[key("a")]))
    assert configured("scan", apk, "-o", "jsonl", APP_SCANNER_SCAN_ONLY_FINDINGS="1").apps == []
    assert len(configured("scan", apk, "-o", "jsonl", APP_SCANNER_SCAN_ONLY_FINDINGS="0").apps) == 1


def test_several_files_in_a_variable_stand_as_in_path_so_that_a_name_may_hold_a_blank(
    configured: Run, apk: Path, tmp_path: Path
) -> None:
    wanted = os.pathsep.join(["table", "jsonl=the rows.jsonl", "csv=the table.csv"])
    assert configured("scan", apk, APP_SCANNER_SCAN_OUTPUT=wanted).out.startswith("impostor")
    assert LISTED in (tmp_path / "the rows.jsonl").read_text()
    assert LISTED in (tmp_path / "the table.csv").read_text()


def test_several_values_that_are_no_files_stand_with_blanks_between(configured: Run) -> None:
    with FakeAdbServer("") as server:  # where there is none, one would be started, and stay
        variables = {
            "APP_SCANNER_DEVICES_CONNECT": "127.0.0.1:1 127.0.0.1:2",
            "APP_SCANNER_DEVICES_ADB_SERVER": f"127.0.0.1:{server.port}",
        }
        said = configured("devices", **variables).err
    assert "127.0.0.1:1:" in said
    assert "127.0.0.1:2:" in said


def test_a_bad_value_is_refused_with_its_variable(configured: Run, apk: Path) -> None:
    ran = configured("scan", apk, APP_SCANNER_SCAN_JOBS="many")
    assert ran.code == 2
    assert "'many'" in ran.err
    assert ran.err.endswith("The value comes from the environment variable APP_SCANNER_SCAN_JOBS.\n")


def test_a_variable_with_a_slip_in_its_name_is_pointed_out_and_a_strange_one_is_left_alone(
    configured: Run, apk: Path
) -> None:
    ran = configured("scan", apk, APP_SCANNER_SCAN_SIGNATURE="x.yaml", APP_SCANNER_VERSION="1.2")
    note = "app-scanner: nobody reads the environment variable APP_SCANNER_SCAN_SIGNATURE; "
    assert ran.err == note + "is APP_SCANNER_SCAN_SIGNATURES meant?\n"


def test_the_configuration_file_of_the_user_gives_defaults(configured: Run, apk: Path) -> None:
    ran = configured("scan", apk, text="scan:\n  output: jsonl\n  jobs: 1\n  verify: true\n")
    assert (ran.code, ran.rows[0]["package_name"], ran.rows[0]["file_sha256"] is None) == (1, LISTED, False)


def test_a_list_in_the_file_is_an_option_given_more_than_once(configured: Run, apk: Path, tmp_path: Path) -> None:
    configured("scan", apk, text="scan:\n  output: [table, 'jsonl=the rows.jsonl']\n")
    assert LISTED in (tmp_path / "the rows.jsonl").read_text()


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(configured: Run, apk: Path) -> None:
    text = "scan: {output: json}\n"
    assert json.loads(configured("scan", apk, text=text).out)
    assert configured("scan", apk, APP_SCANNER_SCAN_OUTPUT="csv").out.startswith("verdict,")
    assert configured("scan", apk, "-o", "jsonl", APP_SCANNER_SCAN_OUTPUT="csv").rows


@pytest.mark.parametrize("off", [{"words": ["--no-config"]}, {"APP_SCANNER_NO_CONFIG": "1"}])
def test_without_configuration_the_file_is_not_even_read(configured: Run, apk: Path, off: dict[str, Any]) -> None:
    words = off.pop("words", [])
    assert configured(*words, "scan", apk, text="not: [closed", **off).code == 1


@pytest.mark.parametrize("way", ["option", "variable"])
def test_another_file_is_read_in_place_of_the_users(configured: Run, apk: Path, tmp_path: Path, way: str) -> None:
    (tmp_path / "own.yaml").write_text("scan: {output: csv}\n")
    words, variables = (["--config", "own.yaml"], {}) if way == "option" else ([], {"APP_SCANNER_CONFIG": "own.yaml"})
    assert configured(*words, "scan", apk, text="scan: {output: json}\n", **variables).out.startswith("verdict,")


def test_a_file_that_was_named_must_be_there(configured: Run, apk: Path) -> None:
    ran = configured("--config", "none.yaml", "scan", apk)
    assert (ran.code, "none.yaml: No such file or directory" in ran.err) == (2, True)


def test_a_file_and_none_exclude_each_other_unless_one_is_nearer(configured: Run, apk: Path, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("scan: {output: csv}\n")
    for words in (["--config", "own.yaml", "--no-config"], ["--no-config", "--config", "own.yaml"]):
        assert "exclude each other" in configured(*words, "scan", apk).err
    assert configured("--config", "own.yaml", "scan", apk, APP_SCANNER_NO_CONFIG="1").out.startswith("verdict,")
    assert configured("--no-config", "scan", apk, APP_SCANNER_CONFIG="own.yaml").out.startswith("impostor")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("scna: {}\n", "scna: no such command or option; nearest is scan"),
        ("scan: {signatrues: x}\n", "scan.signatrues: no such option; nearest is signatures"),
        ("verify: {print_certs: true}\n", "verify.print_certs: no such option; nearest is print-certs"),
        ("config: x\n", "config: no such command or option; nearest is "),
        ("scan: 3\n", "scan: must be a mapping of options"),
        ("- scan\n", "the file: must be a mapping of options"),
        ("scan: {verify: 2}\n", "scan.verify: must be true or false"),
        ("scan: {jobs: true}\n", "scan.jobs: must not be true or false"),
        ("scan: {jobs: [1, 2]}\n", "scan.jobs: must be a single value"),
        ("scan: {jobs: }\n", "scan.jobs: must be text, a number, true or false"),
        ("scan: {jobs: 1, jobs: 2}\n", "line 1: the key 'jobs' stands twice"),
        ("scan: {jobs: !!python/name:os.system 1}\n", "line 1: tags are not allowed"),
        ("a: " + "x" * (1 << 20), "larger than 1048576 bytes, no configuration"),
    ],
)
def test_a_file_with_a_mistake_is_refused_whatever_command_runs(
    configured: Run, apk: Path, tmp_path: Path, text: str, said: str
) -> None:
    ran = configured("inspect", apk, text=text)
    assert ran.code == 2
    assert f"{tmp_path}/home/app-scanner/config.yaml: {said}" in ran.err


def test_a_bad_value_in_the_file_is_refused_with_the_file(configured: Run, apk: Path, tmp_path: Path) -> None:
    ran = configured("scan", apk, text="scan: {evidence: everything}\n")
    assert ran.code == 2
    assert ran.err.endswith(f"The value comes from {tmp_path}/home/app-scanner/config.yaml.\n")


def test_every_option_may_stand_in_the_file(configured: Run, tmp_path: Path) -> None:
    text = ["log-format: json\nlog-level: info\n"]
    for _, command in commands(cli)[1:]:
        known = settings(command)
        if known and command in cli.commands.values():
            text += [f"{command.name}:\n"] + [f"  {name}: {sample(option)}\n" for name, option in known.items()]
    ran = configured("watch", "--help", text="".join(text))
    assert (ran.code, ran.err.count('"level": "info"')) == (0, 2)


def sample(option: click.Option) -> str:
    return "true" if option.is_flag else "1"


def test_a_scanned_folder_cannot_bring_a_configuration(configured: Run, apk: Path, tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "app-scanner", apk.parent):
        folder.mkdir(exist_ok=True)
        (folder / "config.yaml").write_text("scan: {only-signatures: true}\n")
    assert configured("scan", apk, XDG_CONFIG_HOME="").code == 1
    assert configured("scan", apk, XDG_CONFIG_HOME="app-scanner").code == 1


def test_the_help_of_the_program_tells_the_rule_and_loads_no_configuration(configured: Run) -> None:
    ran = configured("--help", text="not: [closed")
    assert ran.code == 0
    assert "APP_SCANNER_SCAN_ONLY_FINDINGS=1" in ran.out


def test_no_log_lines_unless_they_are_asked_for(configured: Run, apk: Path) -> None:
    assert configured("scan", apk).err == ""


def test_log_lines_are_text_on_stderr(configured: Run, apk: Path) -> None:
    ran = configured("--log-level", "info", "scan", apk, "-o", "jsonl")
    assert ran.rows
    first, configuration, *_, reading = ran.err.splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z info scanner: app-scanner \S+, Python \S+ on \w+", first)
    assert configuration.endswith("configuration: none")
    assert reading.endswith(f"info scanner.scanning: {apk}: reading")


def test_log_lines_are_json_for_a_collector(configured: Run, apk: Path) -> None:
    ran = configured("scan", apk, text="log-format: json\n", APP_SCANNER_LOG_LEVEL="debug")
    lines = [json.loads(line) for line in ran.err.splitlines()]
    assert {tuple(line) for line in lines} == {("time", "level", "logger", "message")}
    assert "config.yaml" in lines[1]["message"]


def test_a_name_cannot_forge_a_log_line(configured: Run, tmp_path: Path) -> None:
    name = "a\n2026-11-24T00:00:00.000Z info scanner: all is well\x1b[2J.apk"
    (tmp_path / name).write_bytes(build_apk(LISTED))
    err = configured("--log-level", "info", "scan", name).err
    assert "\x1b" not in err
    assert all("all is well" not in line or "\\x0a" in line for line in err.splitlines())


@pytest.mark.parametrize(
    "words",
    [("inspect",), ("diff",), ("devices",), ("scan", "--as"), ("scan", "--signatures"), ("signatures",)],
)
def test_a_name_that_is_repeated_as_wrong_controls_no_terminal(words: tuple[str, ...], app_scanner: Run) -> None:
    """What a shell made of ``*.apk`` may hold anything that somebody called a file."""
    name = "a\x1b]0;title\x07\x1b[2J\napp-scanner: all is well.apk"
    ran = app_scanner(*words, name, name, name)
    assert ran.code in {2, 5}
    assert "\x1b" not in ran.err
    assert "\napp-scanner: all is well" not in ran.err
    assert "\\x1b[2J" in ran.err


@pytest.mark.parametrize(
    "line",
    [
        "https://user:hunter2@host/x.apk: reading",
        "s3://hunter2@bucket/x.apk",
        "https://host/x.apk?X-Amz-Credential=hunter2&X-Amz-Signature=hunter2&b=1",
        "https://account.blob/x?sv=2024&sig=hunter2",
        "GET /: Authorization: Bearer hunter2",
        "{'aws_secret_access_key': 'hunter2', 'token': \"hunter2\"}",
        "adb pair: pairing code: hunter2",
        "password=hunter2",
    ],
)
def test_secrets_are_blotted_out_of_log_lines(line: str) -> None:
    said = without_secrets(line)
    assert "hunter2" not in said
    assert "***" in said


@pytest.mark.parametrize("line", ["signatures: 8 apps, digest 40d5", "/srv/apks/x.apk: reading", "adb:R58@3: ready"])
def test_what_is_no_secret_is_left(line: str) -> None:
    assert without_secrets(line) == line


def test_a_secret_on_the_command_line_stays_out_of_the_log(configured: Run) -> None:
    address = "https://user:hunter2@127.0.0.1:1/x.apk?X-Amz-Signature=hunter2"
    ran = configured("--log-level", "debug", "scan", "-q", address, "-o", "jsonl=rows.jsonl")
    logged = [line for line in ran.err.splitlines() if " scanner" in line]
    assert any("127.0.0.1:1" in line for line in logged)
    assert "hunter2" not in "\n".join(logged)


def test_the_guide_tells_the_truth(configured: Run) -> None:
    guide = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert set(re.findall(r"APP_SCANNER_\w+", guide)) <= set(variables(cli))
    (example,) = re.findall(r"```yaml\n(.*?)```", guide, re.DOTALL)
    ran = configured("scan", "--help", text=example)
    assert (ran.code, "[default: hints]" in ran.out, "configuration: " in ran.err) == (0, True, True)


# Help and messages, as a new user meets them


@pytest.mark.parametrize("group", [(), ("signatures",), ("policy",), ("completion",)], ids=str)
def test_the_list_of_commands_breaks_off_nowhere(group: tuple[str, ...], app_scanner: Run) -> None:
    listed = app_scanner(*group, "--help").out.partition("\nCommands:\n")[2].partition("\n\n")[0].splitlines()
    assert len(listed) > 1
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_a_folder_in_place_of_a_file_is_told_apart_from_what_is_no_file(app_scanner: Run, tmp_path: Path) -> None:
    for command in ("verify", "inspect"):
        ran = app_scanner(command, tmp_path)
        assert (ran.code, ran.err) == (5, f"app-scanner: {tmp_path}: a folder: name a file in it\n")


def test_a_day_that_is_none_is_answered_with_one(app_scanner: Run) -> None:
    ran = app_scanner("history", "x.jsonl", "--since", "yesterday")
    assert ran.code == 2
    assert ran.err.endswith("Invalid value for '--since': want a day such as 2026-10-01, not 'yesterday'\n")


def test_a_saved_scan_that_is_missing_is_named_once(app_scanner: Run, tmp_path: Path) -> None:
    ran = app_scanner("history", tmp_path / "nope", "-o", "json")
    assert ran.code == 5
    missing = {"hole": str(tmp_path / "nope"), "reason": "No such file or directory"}
    assert json.loads(ran.out)["summary"]["coverage"] == [missing]
