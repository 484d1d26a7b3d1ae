"""The commands that a project brings in its ``cli.py``."""

from __future__ import annotations

import importlib
from typing import Any

import click

from pellucid.exceptions import ProjectError


def load_project_commands(package_name: str) -> click.Group:
    """Import a project's ``cli.py`` and return its group ``cli``, or one with its command ``run`` alone.

    Raises:
        ProjectError: it cannot be imported, or has neither.
    """
    module = _imported(package_name)
    group, run = _defined(module)
    if group is not None:
        return group
    if run is not None:
        return click.Group(commands={"run": run})
    raise ProjectError(f"{module.__file__} should define 'cli', a click group, or 'run', a click command.")


def load_project_run(package_name: str) -> click.Command | None:
    """Import a project's ``cli.py`` and return its command ``run``, else that of its group ``cli``, else None.

    Raises:
        ProjectError: it cannot be imported.
    """
    group, run = _defined(_imported(package_name))
    return group.get_command(click.Context(group), "run") if run is None and group is not None else run


def _defined(module: Any) -> tuple[click.Group | None, click.Command | None]:
    group, run = getattr(module, "cli", None), getattr(module, "run", None)
    return group if isinstance(group, click.Group) else None, run if isinstance(run, click.Command) else None


def _imported(package_name: str) -> Any:
    try:
        return importlib.import_module(f"{package_name}.cli")
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__}: {error}"
        raise ProjectError(f"The project's own commands, {package_name}.cli, cannot be imported: {problem}") from error
