"""The project that a command works for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pellucid.exceptions import NotAProjectError
from pellucid.utils import find_project

if TYPE_CHECKING:
    from collections.abc import Callable

    import click

    from pellucid.framework.startup import ProjectMetadata

_LOADER = "pellucid.load_project"
OWNS_PROCESS = "pellucid.owns_process"
"""Whether the process is there for one command: a key of a context's ``meta``."""


def offer_project(ctx: click.Context, load: Callable[[], ProjectMetadata]) -> None:
    """Tell the commands below a context how to get the project, should they need it."""
    ctx.meta[_LOADER] = load


def require_project(ctx: click.Context) -> ProjectMetadata:
    """Return the project, ready to be used.

    Raises:
        NotAProjectError: there is none here.
    """
    if is_metadata(ctx.obj):
        metadata: ProjectMetadata = ctx.obj
        return metadata
    load: Callable[[], ProjectMetadata] = ctx.meta.get(_LOADER, _project_here)
    return load()


def configured_project_path(ctx: click.Context) -> Path | None:
    """Return the folder of the project, or None where a package was configured that has no project around it."""
    if _LOADER not in ctx.meta and not is_metadata(ctx.obj):
        from pellucid.framework import project

        if project.PACKAGE_NAME is not None:
            return find_project(Path.cwd())
    return Path(require_project(ctx).project_path)


def is_metadata(obj: Any) -> bool:
    """Tell whether an object is the metadata of a project, without importing what defines it."""
    return hasattr(obj, "project_path") and hasattr(obj, "package_name")


def not_a_project(folder: Path) -> NotAProjectError:
    """Make the error for a folder that is not in a project."""
    return NotAProjectError(
        f"There is no project in {folder} or above it: no pyproject.toml with a section [tool.pellucid]. "
        "Change to the folder of a project, or make one with 'pellucid new'."
    )


def _project_here() -> ProjectMetadata:
    from pellucid.framework.startup import bootstrap_project

    path = find_project(Path.cwd())
    if path is None:
        raise not_a_project(Path.cwd())
    return bootstrap_project(path)
