"""The project that this process works for: the only state that is the process's and not an object's."""

from __future__ import annotations

import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import logging
    from pathlib import Path

    from pellucid.exceptions import PipelineError
    from pellucid.pipeline import Pipeline


class Project:
    """A project and what was read of it so far; configuring the process anew replaces the whole object.

    Args:
        package_name: the project's Python package; None before anything was configured.
        project_path: its root, where that is known.
        source_dir: the folder of the package, where that is known.
    """

    def __init__(
        self, package_name: str | None = None, project_path: Path | None = None, source_dir: Path | None = None
    ) -> None:
        self.package_name = package_name
        self.project_path = project_path
        self.source_dir = source_dir
        self.lock = threading.RLock()
        self.settings: dict[str, Any] | None = None
        self.overrides: dict[str, Any] = {}
        self.pipelines_module = f"{package_name}.pipeline_registry" if package_name else None
        self.pipelines: dict[str, Pipeline] | None = None
        self.requested: tuple[str, ...] = ()
        self.requested_pipelines: dict[str, Pipeline] = {}
        self.conflict: PipelineError | None = None
        self.is_loading_pipelines = False


class Process:
    """What this process is configured for."""

    def __init__(self) -> None:
        self.project = Project()
        self.logging_config: dict[str, Any] = {}
        self.root_handlers: tuple[logging.Handler, ...] = ()


process = Process()

wanted_pipelines: ContextVar[tuple[str, ...]] = ContextVar("wanted_pipelines", default=())
"""The pipelines that ``find_pipelines`` may restrict itself to, while the registry is loaded for these alone."""


def __getattr__(name: str) -> Any:
    """Give ``PACKAGE_NAME`` as an attribute of the module, so that it is always the current one."""
    if name == "PACKAGE_NAME":
        return process.project.package_name
    raise AttributeError(f"module 'pellucid.framework.project' has no attribute {name!r}")
