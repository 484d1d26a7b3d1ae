"""Options of ``run`` that stand in a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import ConfigSyntaxError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What makes no sense within the file.
_NOT_IN_FILE = frozenset({"config", "help"})
_MAPPINGS = frozenset({"params", "runner_params", "load_versions"})


def with_config_file(ctx: click.Context, path: str | None, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options, completed by those of a file; what the command line says wins.

    Raises:
        click.UsageError: the file has no section ``run``, or a key in it that is no option, or a value of a wrong kind.
        ConfigSyntaxError: it is no YAML.
    """
    if path is None:
        return options
    by_name = _parameters(ctx.command)
    completed = dict(options)
    for key, value in _section(path).items():
        name = str(key).replace("-", "_")
        parameter = by_name.get(name)
        if parameter is None:
            known = sorted({each.replace("_", "-") for each in by_name})
            hint = did_you_mean(str(key).replace("_", "-"), known)
            raise click.UsageError(f"{path}: 'run' has no option '{key}'.{hint}")
        if _is_open(ctx, str(parameter.name), by_name):
            completed[str(parameter.name)] = _value(ctx, parameter, value, f"{path}: '{key}'")
    return completed


def _is_open(ctx: click.Context, name: str, by_name: Mapping[str, click.Parameter]) -> bool:
    # One of --pipeline and --pipelines on the command line stands against both in the file.
    group = ("pipeline", "pipelines") if name in ("pipeline", "pipelines") else (name,)
    given = (ctx.get_parameter_source(each) for each in group if each in by_name)
    return all(source in (None, ParameterSource.DEFAULT) for source in given)


def _parameters(command: click.Command) -> dict[str, click.Parameter]:
    """Return the options by every name that a file may use: that of the option, and that of the argument."""
    names: dict[str, click.Parameter] = {}
    for parameter in command.params:
        if parameter.name in _NOT_IN_FILE or not parameter.expose_value or parameter.name is None:
            continue
        names[parameter.name] = parameter
        names.update({each[2:].replace("-", "_"): parameter for each in parameter.opts if each.startswith("--")})
    return names


def _section(path: str) -> dict[Any, Any]:
    from omegaconf import OmegaConf
    from yaml import MarkedYAMLError, YAMLError

    try:
        loaded: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=True)
    except MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        raise ConfigSyntaxError(path, error.problem or "this is no YAML", line, column) from None
    except (YAMLError, ValueError, OSError) as error:
        raise click.UsageError(f"{path}: {error}") from None
    section = loaded.get("run") if isinstance(loaded, dict) else None
    if not isinstance(section, dict):
        raise click.UsageError(f"{path} should have a section 'run' with options of this command.")
    return section


def _value(ctx: click.Context, parameter: click.Parameter, value: Any, place: str) -> Any:
    """Return a value of the file as the option would have given it."""
    if value is None:
        return parameter.get_default(ctx) if not parameter.multiple else _converted(ctx, parameter, ())
    if parameter.name in _MAPPINGS and isinstance(value, dict):
        return {str(key): str(each) for key, each in value.items()} if parameter.name == "load_versions" else value
    if isinstance(parameter, click.Option) and parameter.is_flag:
        if isinstance(value, bool):
            return value
        raise click.UsageError(f"{place} should be true or false, not {value!r}.")
    if parameter.multiple and isinstance(value, list):
        return _several(ctx, parameter, value, place)
    if isinstance(value, (dict, list)):
        raise click.UsageError(f"{place} should be a text, not {value!r}.")
    return _read(ctx, parameter, (str(value),) if parameter.multiple else str(value), place)


def _several(ctx: click.Context, parameter: click.Parameter, values: list[Any], place: str) -> Any:
    """Return what a list stands for: its items as they are, or those of a mapping as on the command line."""
    for each in values:
        if each is None or isinstance(each, (dict, list)):
            raise click.UsageError(f"{place} should be a list of texts; {each!r} is none.")
    texts = [str(each) for each in values]
    return _read(ctx, parameter, tuple(texts), place) if parameter.name in _MAPPINGS else texts


def _read(ctx: click.Context, parameter: click.Parameter, value: Any, place: str) -> Any:
    try:
        return _converted(ctx, parameter, value)
    except click.BadParameter as error:
        raise click.UsageError(f"{place}: {error.message}") from None


def _converted(ctx: click.Context, parameter: click.Parameter, value: Any) -> Any:
    converted = parameter.type_cast_value(ctx, value)
    return parameter.callback(ctx, parameter, converted) if parameter.callback is not None else converted
