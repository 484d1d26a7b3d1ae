"""Configures this process, or a worker process, for a project."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING, Any

from pellucid._util.values import values
from pellucid.exceptions import SettingsError
from pellucid.framework.project import _state
from pellucid.framework.project._logging import _ProjectLogging
from pellucid.framework.project._pipelines import _ProjectPipelines
from pellucid.framework.project._settings import _ProjectSettings, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

__all__ = [
    "LOGGING",
    "ProjectSetup",
    "bootstrapped_path",
    "configure_for",
    "configure_logging",
    "configure_project",
    "configured_for_now",
    "current_package",
    "current_setup",
    "make_importable",
    "pipelines",
    "settings",
    "validate_settings",
]

settings = _ProjectSettings()
"""The settings of the current project."""

pipelines = _ProjectPipelines()
"""The pipelines of the current project."""

LOGGING = _ProjectLogging()
"""The logging configuration that is in force."""


def configure_project(package_name: str, preserve_logging: bool = False) -> None:
    """Make a package the project of this process: its settings, its pipelines and its logging.

    What was read of a project before is forgotten; nothing of the new one is read yet.

    Args:
        package_name: the project's Python package; has to be importable when something of it is asked for.
        preserve_logging: leave logging as it is.

    Raises:
        ConfigError: the user's logging configuration cannot be used.
    """
    before = _state.process.project
    known = before if before.package_name == package_name else _state.Project()
    configure_for(package_name, known.project_path, known.source_dir, preserve_logging)


def configure_for(
    package_name: str, project_path: Path | None, source_dir: Path | None, preserve_logging: bool = False
) -> None:
    """Make a project that of this process, as ``configure_project`` does.

    Args:
        package_name: the project's Python package.
        project_path: its root, where that is known.
        source_dir: the folder of the package, where that is known; it is made importable.
        preserve_logging: leave logging as it is.
    """
    if source_dir is not None:
        make_importable(package_name, source_dir)
    _state.process.project = _state.Project(package_name, project_path, source_dir)
    LOGGING.set_project_logging(package_name, preserve_logging)


@contextmanager
def configured_for_now(package_name: str, project_path: Path, source_dir: Path) -> Iterator[None]:
    """Make a project that of this process while a block lasts, and leave the process as it was found.

    Logging stays as it is, and what was imported of the project is forgotten.

    Args:
        package_name: the project's Python package.
        project_path: its root.
        source_dir: the folder of the package.
    """
    before, path, variable = _state.process.project, sys.path[:], os.environ.get("PYTHONPATH")
    try:
        configure_for(package_name, project_path, source_dir, preserve_logging=True)
        yield
    finally:
        _state.process.project = before
        sys.path[:] = path
        if variable is None:
            os.environ.pop("PYTHONPATH", None)
        else:
            os.environ["PYTHONPATH"] = variable
        for name in [each for each in sys.modules if each == package_name or each.startswith(f"{package_name}.")]:
            del sys.modules[name]


def configure_logging(logging_config: dict[str, Any]) -> None:
    """Put a logging configuration in force, in the form of ``logging.config``.

    Raises:
        BadConfigException: it cannot be used.
    """
    LOGGING.configure(logging_config)


def validate_settings() -> None:
    """Read and check the settings of the current project.

    Raises:
        SettingsError: no project was configured, the settings cannot be imported, or one cannot have its value.
        ProjectError: the project's package cannot be imported.
    """
    if _state.process.project.package_name is None:
        raise SettingsError("There is no project yet; call bootstrap_project or configure_project first.")
    read_settings()


def make_importable(package_name: str, source_dir: Path) -> None:
    """Put a folder first on ``sys.path``, and forget a package of the same name that came from elsewhere."""
    source = str(source_dir)
    if not sys.path or sys.path[0] != source:
        sys.path[:] = [source, *(each for each in sys.path if each != source)]
    entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    if source not in entries:
        os.environ["PYTHONPATH"] = os.pathsep.join([source, *filter(None, entries)])
    _look_anew(source)
    package = sys.modules.get(package_name)
    if package is None or not (source_dir / package_name).is_dir():
        return
    places = [os.path.realpath(each) for each in getattr(package, "__path__", ())]
    if os.path.realpath(source_dir / package_name) not in places:
        for name in [each for each in sys.modules if each == package_name or each.startswith(f"{package_name}.")]:
            del sys.modules[name]


def _look_anew(folder: str) -> None:
    """Let Python find what was just written to a folder, or into one in it.

    ``importlib.invalidate_caches`` forgets what it knows of all folders, and imports much for it since Python 3.12.
    """
    for known in list(sys.path_importer_cache):
        if f"{known}{os.sep}".startswith(f"{folder}{os.sep}"):
            sys.path_importer_cache.pop(known, None)


@values(frozen=True)
class ProjectSetup:
    """Configures a worker process as the process that made this was configured."""

    package_name: str
    project_path: Path | None
    source_dir: Path | None
    logging_config: dict[str, Any] = field(default_factory=dict)

    def prepare(self) -> None:
        """Make the project importable, and configure it and logging."""
        configure_for(self.package_name, self.project_path, self.source_dir, bool(self.logging_config))
        if self.logging_config:
            LOGGING.configure(self.logging_config)

    def declared_hooks(self) -> Sequence[Any]:
        """Return the hooks of the project's settings."""
        return tuple(settings.HOOKS)


def current_setup() -> ProjectSetup | None:
    """Return what configures another process like this one, or None where there is no project."""
    process = _state.process
    project = process.project
    if project.package_name is None:
        return None
    return ProjectSetup(project.package_name, project.project_path, project.source_dir, dict(process.logging_config))


def bootstrapped_path() -> Path | None:
    """Return the root of the current project, where it is known."""
    return _state.process.project.project_path


def current_package() -> str | None:
    """Return the package of this process's project."""
    return _state.process.project.package_name
