"""Commands that make and delete pipelines of a project."""

from __future__ import annotations

from pathlib import Path

import click

from ._commands import PellucidCommand, PellucidGroup
from ._errors import os_errors_told
from ._options import env_option
from ._pipeline_files import PipelineArtifacts, create_pipeline_files, delete_pipeline_files, existing_artifacts
from ._project import require_project

__all__ = ["PipelineArtifacts", "pipeline"]


@click.group(cls=PellucidGroup)
def pipeline() -> None:
    """Make and delete pipelines of the project."""


@pipeline.command("create", cls=PellucidCommand)
@click.argument("name")
@click.option("--skip-config", is_flag=True, help="Make no file for the pipeline's parameters.")
@click.option(
    "--template",
    "-t",
    type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="A folder with the pipeline's files; '{{ pipeline_name }}' in them is replaced.",
)
@env_option(help="The environment whose folder gets the file of parameters; 'base' if not set.")
@click.pass_context
def create_pipeline(ctx: click.Context, name: str, skip_config: bool, template: Path | None, env: str | None) -> None:
    """Make a pipeline NAME with a module for its nodes, a test and a file for its parameters."""
    metadata = require_project(ctx)
    with os_errors_told(f"The pipeline '{name}' cannot be made"):
        create_pipeline_files(metadata, name, template, None if skip_config else env or "base", click.echo)
    click.echo(f"\nThe pipeline '{name}' is made. Add nodes to its pipeline.py; find_pipelines() registers it.")


@pipeline.command("delete", cls=PellucidCommand)
@click.argument("name")
@env_option(help="The environment whose file of parameters is deleted; 'base' if not set.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@click.pass_context
def delete_pipeline(ctx: click.Context, name: str, env: str | None, yes: bool) -> None:
    """Delete the pipeline NAME: its modules, its tests and its file of parameters."""
    metadata = require_project(ctx)
    found = existing_artifacts(metadata, name, env or "base")
    if not yes:
        click.echo("These are about to be deleted:\n" + "".join(f"  {path}\n" for path in found))
        click.confirm("Delete them?", abort=True)
    with os_errors_told(f"The pipeline '{name}' cannot be deleted"):
        delete_pipeline_files(found, click.echo)
    registry = metadata.source_dir / metadata.package_name / "pipeline_registry.py"
    click.echo(f"\nThe pipeline '{name}' is deleted. If {registry} names it, take it out there.")
