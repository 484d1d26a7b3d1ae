"""Commands that show the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ._commands import PellucidCommand, PellucidGroup
from ._options import env_option, split_string
from ._project import configured_project_path
from ._repeatable import repeatable
from ._yaml import echo_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["catalog"]

_PIPELINE_HELP = "Registered pipelines, separated by commas; all of them if not set."


@click.group(cls=PellucidGroup)
def catalog() -> None:
    """Show the catalog."""


_pipeline_option = repeatable("--pipeline", "-p", "pipelines", text=_PIPELINE_HELP, callback=split_string)


@catalog.command("describe-datasets", cls=PellucidCommand)
@env_option
@_pipeline_option
@click.pass_context
def describe_datasets(ctx: click.Context, env: str | None, pipelines: list[str]) -> None:
    """Show the datasets of pipelines, grouped by type.

    'datasets' are those that the catalog names, 'factories' those that match a pattern of it, and 'defaults' those
    that are made in memory while a pipeline runs.
    """
    _echo_datasets(ctx, env, pipelines)


@catalog.command("list-datasets", cls=PellucidCommand)
@env_option
@_pipeline_option
@click.pass_context
def list_datasets(ctx: click.Context, env: str | None, pipelines: list[str]) -> None:
    """Show the datasets of pipelines, grouped by type; the same as 'describe-datasets'."""
    _echo_datasets(ctx, env, pipelines)


@catalog.command("list-patterns", cls=PellucidCommand)
@env_option
@click.pass_context
def list_patterns(ctx: click.Context, env: str | None) -> None:
    """List the patterns of dataset names, in the order in which they are tried."""
    echo_yaml(_with_catalog(ctx, env, lambda catalog: catalog.list_patterns()))


@catalog.command("resolve-patterns", cls=PellucidCommand)
@env_option
@_pipeline_option
@click.pass_context
def resolve_patterns(ctx: click.Context, env: str | None, pipelines: list[str]) -> None:
    """Show the configuration of every dataset of pipelines, patterns being filled in."""
    chosen = _chosen(ctx, pipelines)
    echo_yaml(_with_catalog(ctx, env, lambda catalog: catalog.resolve_patterns(list(chosen.values()))))


def _echo_datasets(ctx: click.Context, env: str | None, names: list[str]) -> None:
    chosen = _chosen(ctx, names)
    echo_yaml(_with_catalog(ctx, env, lambda catalog: catalog.describe_datasets(list(chosen))))


def _chosen(ctx: click.Context, names: list[str]) -> dict[str, Any]:
    from .registry import requested_pipelines

    configured_project_path(ctx)
    return requested_pipelines(names)


def _with_catalog(ctx: click.Context, env: str | None, ask: Callable[[Any], Any]) -> Any:
    """Ask the catalog that a session would use, extended by the commands for it."""
    project_path = configured_project_path(ctx)

    from pellucid.framework.context import CatalogCommandsMixin, compose_classes
    from pellucid.framework.project import settings

    with settings.SESSION_CLASS.create(project_path=project_path, env=env, save_on_close=False) as session:
        context = session.load_context()
        made = context.catalog
        if not isinstance(made, CatalogCommandsMixin):
            made.__class__ = compose_classes(type(made), CatalogCommandsMixin)
        return ask(made)
