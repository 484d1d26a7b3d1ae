"""The project that a command is for, and its settings of observability."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pellucid.exceptions import NotAProjectError, PellucidError
from pellucid.observability.options import load_options
from pellucid.utils import find_project

if TYPE_CHECKING:
    import click

    from pellucid.observability.options import LoadedOptions

_VARIABLES = ("PELLUCID_ENV", "KEDRO_ENV")
_KEY = "observability"


def project_and_options(ctx: click.Context, env: str | None = None) -> tuple[Path, LoadedOptions]:
    """Return the folder of the project, and its settings of observability.

    Args:
        ctx: of the command.
        env: the environment of the configuration, as it was given; see `environment`.

    Raises:
        NotAProjectError: there is no project here.
        MissingConfigException: there is no such environment.
    """
    folder = project_folder(ctx)
    found, chosen = _configuration_of(folder), environment(env)
    if chosen is not None:
        _refuse_unknown(chosen, folder, found)
    return folder, load_options(folder, found.source, chosen, package_of(ctx), os.environ, loader_args=found.arguments)


def environment(env: str | None) -> str | None:
    """Return the environment that a run would use: the given one, else that of the variables; None is the default.

    The same as in `pellucid.framework.session`, which takes long to import.
    """
    return env or next((value for name in _VARIABLES if (value := os.environ.get(name))), None)


def tell_problems(loaded: LoadedOptions, *groups: str) -> None:
    """Write to stderr which settings of some groups cannot be used, as others count instead."""
    import click

    for problem in loaded.problems:
        if not problem.key or problem.key.partition(".")[0] in groups:
            click.echo(f"Warning: {problem}", err=True)


def project_folder(ctx: click.Context) -> Path:
    """Return the folder of the project, without importing anything of it.

    Raises:
        NotAProjectError: there is none here.
    """
    given = getattr(ctx.obj, "project_path", None)
    folder = Path(given) if given is not None else find_project(Path.cwd())
    if folder is None:
        raise NotAProjectError(
            f"There is no project in {Path.cwd()} or above it: no pyproject.toml with a section [tool.pellucid]. "
            "Change to the folder of a project."
        )
    return folder


def package_of(ctx: click.Context) -> str:
    """Return the name of the package of the project whose options were loaded, or nothing where it is not known."""
    from pellucid.framework import project

    return str(getattr(ctx.obj, "package_name", None) or project.PACKAGE_NAME or "")


def _refuse_unknown(env: str, folder: Path, found: _Configuration) -> None:
    """Raise an error with the nearest names if there is no such environment; what else is wrong a run tells."""
    from pellucid.config import BadConfigException, OmegaConfigLoader

    if not issubclass(found.loader, OmegaConfigLoader):
        return  # only that loader itself knows what an environment is
    known = {name: found.arguments[name] for name in ("base_env", "allow_http") if name in found.arguments}
    place = found.source if "://" in found.source else str(folder / found.source)
    with suppress(BadConfigException):
        OmegaConfigLoader(place, env, **{"base_env": "base", **known}).load_and_merge_dir_config(env, (), _KEY, set())


class _Configuration(NamedTuple):
    """What the settings of the project say of its configuration."""

    source: str
    arguments: dict[str, Any]
    loader: type


def _configuration_of(folder: Path) -> _Configuration:
    from pellucid.config import OmegaConfigLoader
    from pellucid.framework.project import settings
    from pellucid.framework.startup import bootstrap_project

    try:
        bootstrap_project(folder)
        return _Configuration(
            str(settings.CONF_SOURCE), dict(settings.CONFIG_LOADER_ARGS), settings.CONFIG_LOADER_CLASS
        )
    except PellucidError:  # the settings of the project are broken; a run says so
        return _Configuration("conf", {}, OmegaConfigLoader)
