"""The project of this process: its settings and pipelines, and how they are found."""

from __future__ import annotations

from pellucid.framework.project._discovery import find_pipelines
from pellucid.framework.project._logging import _ProjectLogging
from pellucid.framework.project._pipelines import _ProjectPipelines
from pellucid.framework.project._settings import _ProjectSettings
from pellucid.framework.project._state import __getattr__
from pellucid.framework.project.configuration import (
    LOGGING,
    configure_logging,
    configure_project,
    pipelines,
    settings,
    validate_settings,
)

__all__ = [
    "LOGGING",
    "PACKAGE_NAME",
    "_ProjectLogging",
    "_ProjectPipelines",
    "_ProjectSettings",
    "__getattr__",
    "configure_logging",
    "configure_project",
    "find_pipelines",
    "pipelines",
    "settings",
    "validate_settings",
]
