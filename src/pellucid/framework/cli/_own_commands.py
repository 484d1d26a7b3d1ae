"""The commands that a project brings in its ``cli.py``."""

from __future__ import annotations

import importlib
from typing import Any

import click

from pellucid.exceptions import ProjectError


def load_project_commands(package_name: str) -> click.Group | None:
    """Import a project's ``cli.py`` and return its group ``cli``; None if it only has a ``run``.

    Raises:
        ProjectError: it cannot be imported, or has neither.
    """
    module = import_project_cli(package_name)
    group = getattr(module, "cli", None)
    if isinstance(group, click.Group):
        return group
    run = getattr(module, "run", None)
    if isinstance(run, click.Command):
        return click.Group(commands={"run": run})
    raise ProjectError(f"{module.__file__} should define 'cli', a click group, or 'run', a click command.")


def import_project_cli(package_name: str) -> Any:
    """Import a project's ``cli`` module.

    Raises:
        ProjectError: it cannot be imported.
    """
    try:
        return importlib.import_module(f"{package_name}.cli")
    except (Exception, SystemExit) as error:
        problem = f"{type(error).__name__}: {error}"
        raise ProjectError(f"The project's own commands, {package_name}.cli, cannot be imported: {problem}") from error
