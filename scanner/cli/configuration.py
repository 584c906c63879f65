"""The configuration file: defaults for options, in the user's own place. Never looked for among what is scanned.

A YAML file with a mapping for each command, its keys named as the options are::

    log-level: info
    scan:
      signatures: [/srv/our-list.yaml]
      evidence: hints
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from scanner.cli.root import CONFIG, NO_CONFIG, settings

Command = TypeVar("Command", bound=Callable[..., object])
FILE = "config.yaml"
MAX_BYTES = 1024 * 1024
READ = f"{__name__}.file"
"""Key of `click.Context.meta`: the configuration file that was read."""
_OFF = f"{__name__}.off"


def config_options(command: Command) -> Command:
    """``--config FILE`` and ``--no-config``.

    The first is declared before every option that a file may set and is not eager, so it is read after ``--no-config``
    and before click asks anybody for a default.
    """
    no_config = click.option(
        "--no-config", is_flag=True, is_eager=True, callback=_turn_off, help="Read no configuration file."
    )
    config = click.option(
        "--config",
        metavar="FILE",
        callback=_load,
        help=f"Defaults for options.  [default: {FILE} in the user's configuration folder, if it is there]",
    )
    return config(no_config(command))


def default_file() -> Path | None:
    """Where this user's configuration lies, whether or not it is there; None where that is no absolute place.

    (`XDG_CONFIG_HOME` set to nothing would make the place relative: a scanned folder could then bring its own.)
    """
    file = Path(click.get_app_dir("app-scanner")) / FILE
    return file if file.is_absolute() else None


def origin(error: click.ClickException) -> str | None:
    """Where a refused value comes from, unless it stands on the command line."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return None
    source = error.ctx.get_parameter_source(error.param.name or "")
    if source is ParameterSource.ENVIRONMENT:
        return f"The value comes from the environment variable {error.param.envvar}."
    if source is ParameterSource.DEFAULT_MAP:
        return f"The value comes from {error.ctx.meta.get(READ)}."
    return None


def _turn_off(ctx: click.Context, param: click.Parameter, value: bool) -> bool:
    if value:
        ctx.meta[_OFF] = ctx.get_parameter_source(param.name or "")
    return value


def _load(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    typed, off = ctx.get_parameter_source(param.name or "") is ParameterSource.COMMANDLINE, ctx.meta.get(_OFF)
    if typed and off is ParameterSource.COMMANDLINE:
        raise click.UsageError(f"--{CONFIG} and --{NO_CONFIG} exclude each other", ctx)
    if ctx.resilient_parsing or (off is not None and not typed):
        return value
    file = Path(value) if value else default_file()
    if file is None or (value is None and not file.exists()):
        return value
    ctx.meta[READ] = str(file)
    ctx.default_map = _defaults(ctx, ctx.command, _read(ctx, file), ())
    return value


def _read(ctx: click.Context, file: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    from scanner.strictyaml import bounded_bytes, load_yaml

    try:
        return load_yaml(bounded_bytes(file, MAX_BYTES, "configuration"))
    except ValueError as error:
        raise click.UsageError(f"{file}: {error}", ctx) from error


def _defaults(ctx: click.Context, command: click.Command, given: Any, above: tuple[str, ...]) -> dict[str, Any]:  # noqa: ANN401
    """A command's ``default_map`` as click takes it: Python names of options, and such a mapping for each command."""
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise _refused(ctx, above, "must be a mapping of options")
    options = {name: option for name, option in settings(command).items() if name not in {CONFIG, NO_CONFIG}}
    commands = command.commands if isinstance(command, click.Group) else {}
    defaults: dict[str, Any] = {}
    for key, value in given.items():
        path = (*above, key)
        if key in commands:
            defaults[key] = _defaults(ctx, commands[key], value, path)
        elif key in options:
            defaults[options[key].name or key] = _value(ctx, options[key], value, path)
        else:
            raise _refused(ctx, path, _unknown(key, [*commands, *options], grouped=bool(commands)))
    return defaults


def _value(ctx: click.Context, option: click.Option, value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401
    """One value as click takes it: words are checked by click itself, later, as those of the command line are."""
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str | int) for item in values):
        raise _refused(ctx, path, "must be text, a number, true or false" + ", or a list" * option.multiple)
    if option.is_flag is not all(isinstance(item, bool) for item in values) and not isinstance(value, str):
        raise _refused(ctx, path, "must be true or false" if option.is_flag else "must not be true or false")
    if option.multiple:
        return [str(item) for item in values]
    if isinstance(value, list):
        raise _refused(ctx, path, "must be a single value")
    return value if isinstance(value, bool) else str(value)


def _unknown(key: str, known: list[str], *, grouped: bool) -> str:
    import difflib

    near = difflib.get_close_matches(key, known, 1, 0.0)
    return f"no such {'command or option' if grouped else 'option'}" + "".join(f"; nearest is {name}" for name in near)


def _refused(ctx: click.Context, path: tuple[str, ...], why: str) -> click.UsageError:
    return click.UsageError(f"{ctx.meta[READ]}: {'.'.join(path) or 'the file'}: {why}", ctx)
