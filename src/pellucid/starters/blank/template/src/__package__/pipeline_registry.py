"""What can be run."""

from __future__ import annotations

from pellucid.framework.project import find_pipelines
from pellucid.pipeline import Pipeline


def register_pipelines() -> dict[str, Pipeline]:
    """Return every pipeline in ``{{ python_package }}.pipelines``, and their sum as ``__default__``."""
    return find_pipelines(raise_errors=True)
