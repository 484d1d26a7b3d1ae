"""The project that a command is for, and its settings of observability."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NotAProjectError, PellucidError
from pellucid.observability.options import load_options
from pellucid.utils import find_project

if TYPE_CHECKING:
    import click

    from pellucid.observability.options import LoadedOptions


def project_and_options(ctx: click.Context, env: str | None = None) -> tuple[Path, LoadedOptions]:
    """Return the folder of the project, and its settings of observability.

    Args:
        ctx: of the command.
        env: the environment of the configuration; the project's default one if None.

    Raises:
        NotAProjectError: there is none here.
    """
    folder = project_folder(ctx)
    source, arguments = _where_configuration_is(folder)
    return folder, load_options(folder, source, env, package_of(ctx), os.environ, loader_args=arguments)


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
    """Return the name of the project's package, or nothing where it is not known."""
    return str(getattr(ctx.obj, "package_name", None) or "")


def _where_configuration_is(folder: Path) -> tuple[str, dict[str, Any]]:
    from pellucid.framework.project import settings
    from pellucid.framework.startup import bootstrap_project

    try:
        bootstrap_project(folder)
        return str(settings.CONF_SOURCE), dict(settings.CONFIG_LOADER_ARGS)
    except PellucidError:  # the settings of the project are broken; a run says so
        return "conf", {}
