"""Commands that show the registered pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ._commands import PellucidCommand, PellucidGroup
from ._project import require_project
from ._yaml import echo_yaml

if TYPE_CHECKING:
    from pellucid.pipeline import Pipeline

__all__ = ["registry"]


@click.group(cls=PellucidGroup)
def registry() -> None:
    """Show the registered pipelines."""


@registry.command("list", cls=PellucidCommand)
@click.pass_context
def list_registered_pipelines(ctx: click.Context) -> None:
    """List the names of all registered pipelines."""
    require_project(ctx)
    from pellucid.framework.project import pipelines

    echo_yaml(sorted(pipelines))


@registry.command("describe", cls=PellucidCommand)
@click.argument("name", required=False, default="__default__")
@click.pass_context
def describe_registered_pipeline(ctx: click.Context, name: str) -> None:
    """List the nodes of a pipeline and their functions; of '__default__' if no NAME is given."""
    require_project(ctx)
    (pipeline,) = requested_pipelines([name]).values()
    echo_yaml({"Nodes": [f"{node.name} ({_function_name(node)})" for node in pipeline.nodes]})


def requested_pipelines(names: list[str]) -> dict[str, Pipeline]:
    """Return registered pipelines by name; all of them if no name is given.

    Raises:
        UnknownNameError: one is not registered.
    """
    from pellucid._util.suggest import nearest
    from pellucid.exceptions import UnknownNameError
    from pellucid.framework.project import pipelines

    unknown = [name for name in names if name not in pipelines]
    if unknown:
        raise UnknownNameError("pipeline", unknown, nearest(unknown[0], pipelines), "the registry", pipelines)
    return {name: pipelines[name] for name in names or sorted(pipelines)}


def _function_name(node: object) -> str:
    name: str = getattr(node, "_func_name", "")
    return name
