"""Commands that make a new project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pellucid._util.suggest import did_you_mean
from pellucid.exceptions import ConfigSyntaxError

from ._commands import PellucidCommand, PellucidGroup
from ._names import ProjectNames, names_from
from ._starters import BUILTIN, KedroStarterSpec, builtin_starters, find_template, plugin_starters
from ._template import values_of, write_template
from ._yaml import echo_yaml

__all__ = ["KedroStarterSpec", "new", "starter"]

DEFAULT_STARTER = "weather"
EMPTY_STARTER = "blank"
STARTER_ARG_HELP = f"What the project is made from: a name of 'pellucid starter list' or a folder; '{DEFAULT_STARTER}'."
NAME_ARG_HELP = "The name of the project; its folder and its package are named after it."
DIRECTORY_ARG_HELP = "The folder to write the project to; the project's name in the working directory if not set."
CONFIG_ARG_HELP = (
    "A YAML file with project_name and, if they should differ from it, repo_name and python_package; "
    "output_dir is the folder that gets the project's folder."
)

_PARENT = "output_dir"
_CONFIG_KEYS = ("project_name", "repo_name", "python_package", _PARENT)


@click.command(cls=PellucidCommand)
@click.option("--name", "-n", help=NAME_ARG_HELP)
@click.option("--starter", "-s", "starter_name", default=DEFAULT_STARTER, help=STARTER_ARG_HELP)
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help=DIRECTORY_ARG_HELP)
@click.option("--config", "-c", type=click.Path(exists=True, dir_okay=False, path_type=Path), help=CONFIG_ARG_HELP)
def new(name: str | None, starter_name: str, directory: Path | None, config: Path | None) -> None:
    """Make a new project.

    Asks for its name if none is given and there is somebody to ask.
    """
    template = find_template(starter_name)
    given = _read_config(config) if config is not None else {}
    parent = Path(given.pop(_PARENT, "")).expanduser()
    names = _names(name, given)
    target = directory if directory is not None else parent / names.repo_name
    _refuse_taken(target)
    try:
        written = write_template(template, target, values_of(names))
    except OSError as error:
        raise click.UsageError(f"The project cannot be written: {error}") from error
    place = f"The project '{names.project_name}' is in {target.resolve()} ({len(written)} files)."
    if starter_name == EMPTY_STARTER:
        code = f"src/{names.python_package}/pipelines/first/pipeline.py"
        click.echo(f"{place} It has no pipeline yet. To make one, and run it:\n\n  cd {target}")
        click.echo(f"  pellucid pipeline create first    # then add nodes to {code}\n  pellucid run")
    else:
        click.echo(f"{place} To run it:\n\n  cd {target}\n  pellucid run")


@click.group(cls=PellucidGroup)
def starter() -> None:
    """Show what new projects can be made from."""


@starter.command("list", cls=PellucidCommand)
def list_starters() -> None:
    """List the starters, those of plugins included."""
    listed: dict[str, Any] = {BUILTIN: sorted(builtin_starters())}
    for alias, spec in plugin_starters().items():
        listed.setdefault(str(spec.origin), []).append(alias)
    echo_yaml(listed)


def _names(name: str | None, given: dict[str, str]) -> ProjectNames:
    if name is not None:
        given["project_name"] = name
    if "project_name" not in given:
        if not sys.stdin.isatty():
            raise click.UsageError("Give the project a name with --name; there is nobody to ask for it.")
        return _ask()
    try:
        return names_from(given["project_name"], given.get("repo_name"), given.get("python_package"))
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _ask() -> ProjectNames:
    while True:
        name = click.prompt("Name of the project", default="New Pellucid Project")
        try:
            return names_from(name)
        except ValueError as error:
            click.echo(str(error), err=True)


def _read_config(path: Path) -> dict[str, str]:
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (None, None)
        raise ConfigSyntaxError(str(path), error.problem or "this is no YAML", line, column) from None
    if not isinstance(content, dict):
        raise click.UsageError(f"{path} should be a mapping with the key 'project_name'.")
    for key in content:
        # A file made for Kedro has more of them, which decide what pellucid's starters do not ask.
        if key not in (*_CONFIG_KEYS, "tools", "example_pipeline", "kedro_version"):
            raise click.UsageError(
                f"{path} has a key that is not known: '{key}'.{did_you_mean(str(key), _CONFIG_KEYS)}"
            )
    return {key: str(content[key]) for key in _CONFIG_KEYS if content.get(key) is not None}


def _refuse_taken(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise click.UsageError(f"{target} is there already, and is no folder.")
    if target.is_dir() and any(target.iterdir()):
        raise click.UsageError(
            f"The folder {target} is there already, and is not empty. Name another one with --directory."
        )
