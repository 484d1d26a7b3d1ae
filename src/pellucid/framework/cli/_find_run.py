"""The ``run`` command of a project."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import click

from ._own_commands import load_project_run
from ._plugins import plugin_groups

if TYPE_CHECKING:
    from collections.abc import Callable


def find_run_command(package_name: str) -> Callable[..., object]:
    """Return the command by which a project runs: its own, else that of a plugin, else the built-in one.

    Args:
        package_name: of the project, which must be importable.

    Raises:
        ProjectError: the project has commands of its own that cannot be imported.
    """
    if importlib.util.find_spec(f"{package_name}.cli") is not None:
        own = load_project_run(package_name)
        if own is not None:
            return own
    ctx = click.Context(click.Command("run"))
    for group in plugin_groups("project"):
        run = group.get_command(ctx, "run")
        if run is not None:
            return run
    from .project import run as builtin

    return builtin
