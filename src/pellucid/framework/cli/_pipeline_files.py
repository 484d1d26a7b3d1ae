"""The files of one pipeline of a project."""

from __future__ import annotations

import shutil
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from pellucid._util.suggest import did_you_mean

from ._names import refuse_package_name
from ._template import write_template

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pellucid.framework.startup import ProjectMetadata

_PROJECT_TEMPLATE = Path("templates", "pipeline")


class PipelineArtifacts(NamedTuple):
    """Where the parts of a pipeline are."""

    pipeline_dir: Path
    pipeline_tests: Path
    pipeline_conf: Path


def artifacts_of(metadata: ProjectMetadata, name: str, env: str) -> PipelineArtifacts:
    """Return where the parts of a pipeline are, or would be.

    Raises:
        click.UsageError: the name cannot be that of a pipeline, or there is no such environment.
    """
    _refuse_name(name)
    package = metadata.source_dir.joinpath(*metadata.package_name.split("."))
    return PipelineArtifacts(
        package / "pipelines" / name,
        metadata.project_path / "tests" / "pipelines" / name,
        _environment(metadata, env) / f"parameters_{name}.yml",
    )


def create_pipeline_files(
    metadata: ProjectMetadata, name: str, template: Path | None, env: str | None, tell: Callable[[str], object]
) -> None:
    """Write the files of a new pipeline.

    Args:
        metadata: of the project.
        name: of the pipeline.
        template: a folder with its modules; the project's ``templates/pipeline``, else the built-in one, if None.
        env: the environment whose folder gets the file of parameters; None for no such file.
        tell: called with what is made.

    Raises:
        click.UsageError: the name cannot be used, or there is such a pipeline.
    """
    where = artifacts_of(metadata, name, env or "base")
    if where.pipeline_dir.exists():
        raise click.UsageError(f"There is a pipeline '{name}' already: {where.pipeline_dir}")
    values = {"pipeline_name": name, "python_package": metadata.package_name}
    local = metadata.project_path / _PROJECT_TEMPLATE
    builtin = files("pellucid.starters") / "_pipeline" / "template"
    chosen = template or (local if local.is_dir() else None)
    package_init = where.pipeline_dir.parent / "__init__.py"
    if not package_init.exists():
        package_init.parent.mkdir(parents=True, exist_ok=True)
        package_init.touch()
    source = chosen if chosen is not None else builtin / "package"
    written = write_template(source, where.pipeline_dir, values)
    if not where.pipeline_tests.exists():
        written += write_template(builtin / "tests", where.pipeline_tests, values)
    if env is not None and not where.pipeline_conf.exists():
        where.pipeline_conf.write_text(f"# Parameters of the pipeline '{name}'.\n", encoding="utf-8")
        written.append(where.pipeline_conf)
    for path in written:
        tell(f"Made {path}")


def existing_artifacts(metadata: ProjectMetadata, name: str, env: str) -> list[Path]:
    """Return those parts of a pipeline that are there.

    Raises:
        click.UsageError: there is no such pipeline.
    """
    where = artifacts_of(metadata, name, env)
    found = [path for path in where if path.exists()]
    if not found:
        pipelines = where.pipeline_dir.parent
        known = [each.name for each in pipelines.iterdir() if each.is_dir()] if pipelines.is_dir() else []
        raise click.UsageError(f"There is no pipeline '{name}' in {pipelines}.{did_you_mean(name, known)}")
    return found


def delete_pipeline_files(found: Iterable[Path], tell: Callable[[str], object]) -> None:
    """Delete files and folders, telling each."""
    for path in found:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        tell(f"Deleted {path}")


def _refuse_name(name: str) -> None:
    try:
        refuse_package_name(name)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _environment(metadata: ProjectMetadata, env: str) -> Path:
    from pellucid.framework.project import settings

    source = metadata.project_path / str(settings.CONF_SOURCE)
    folder = source / env
    if not folder.is_dir():
        known = [each.name for each in source.iterdir() if each.is_dir()] if source.is_dir() else []
        raise click.UsageError(f"There is no environment '{env}' in {source}.{did_you_mean(env, known)}")
    return folder
