"""Finds out what project a folder holds, and makes it the project of this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pellucid.exceptions import ProjectError
from pellucid.framework._pyproject import ProjectMetadata, read_project_metadata
from pellucid.framework.project.configuration import configure_for, make_importable

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ProjectMetadata", "bootstrap_project"]


def bootstrap_project(project_path: str | Path) -> ProjectMetadata:
    """Make the project in a folder that of this process: importable, and with its settings, pipelines and logging.

    Args:
        project_path: the folder of its ``pyproject.toml``.

    Returns:
        what that file says.

    Raises:
        NotAProjectError: the folder holds no project.
        ProjectError: its ``pyproject.toml`` cannot be used.
        ConfigError: its logging configuration cannot be used.
    """
    metadata = read_project_metadata(project_path)
    _validate_source_path(metadata.source_dir, metadata.project_path)
    configure_for(metadata.package_name, metadata.project_path, metadata.source_dir)
    return metadata


def _get_project_metadata(project_path: str | Path) -> ProjectMetadata:
    """Read what ``pyproject.toml`` in a folder says of its project; see ``read_project_metadata``."""
    return read_project_metadata(project_path)


def _validate_source_path(source_path: Path, project_path: Path) -> None:
    """Refuse a source folder that is missing, or outside of the project."""
    if not source_path.is_relative_to(project_path):
        raise ProjectError(f"source_dir has to lie in the project {project_path}, not at {source_path}.")
    if not source_path.is_dir():
        raise ProjectError(f"The project's source folder is not there: {source_path}")


def _add_src_to_path(source_dir: Path, project_path: Path) -> None:
    """Put the source folder of a project first on ``sys.path`` and in ``PYTHONPATH``."""
    _validate_source_path(source_dir, project_path)
    make_importable("", source_dir)
