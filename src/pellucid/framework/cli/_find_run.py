"""The ``run`` command of a project."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import click

from ._own_commands import import_project_cli
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
    own = _own_run(package_name)
    if own is not None:
        return own
    ctx = click.Context(click.Command("run"))
    for group in plugin_groups("project"):
        run = group.get_command(ctx, "run")
        if run is not None:
            return run
    from .project import run as builtin

    return builtin


def _own_run(package_name: str) -> click.Command | None:
    if importlib.util.find_spec(f"{package_name}.cli") is None:
        return None
    module = import_project_cli(package_name)
    run = getattr(module, "run", None)
    if isinstance(run, click.Command):
        return run
    group = getattr(module, "cli", None)
    if isinstance(group, click.Group):
        return group.get_command(click.Context(group), "run")
    return None
